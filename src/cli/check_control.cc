#include <sys/stat.h>

#include <chrono>
#include <filesystem>

#include "base/error.h"
#include "base/file_kind.h"
#include "cli/access.h"
#include "cli/machine.h"
#include "control/control_client.h"
#include "control/control_socket.h"
#include "log/segment_name.h"
#include "ring/ring_directory.h"

namespace slurper {

namespace {

constexpr std::chrono::seconds kPatience{2};

// slurper runs without its control socket, too: nothing here is an error.
Finding without_control(Phrase finding) {
  return check_only(warning({PhraseId::RunsWithoutControl, {{"finding", std::move(finding)}}}));
}

Finding check_listener(const std::string& path, const std::string& log) {
  const Result<Answered> answered = ask_status(path, kPatience);
  if (answered && absolute_log_path(answered->report.log.path) == absolute_log_path(log))
    return ok(about_file(PhraseId::ControlSocketAnswers, path));
  return check_only(warning(about_file(PhraseId::ControlSocketTaken, path)));
}

}  // namespace

Findings check_control(const Settings& settings) {
  const Result<std::string> ring = ring_directory(settings);
  if (!ring && settings.control.path.empty()) return {};  // what is wrong with the ring comes first
  const std::string path =
      control_path(settings.control.path, ring.value_or(""), !settings.ring.directory.empty());
  const Phrase socket = about_file(PhraseId::TheControlSocket, path);
  if (!has_address(path)) return {check_only(warning(about_file(PhraseId::ControlNameTooLong, path)))};
  // slurper creates the ring's folder, and what is above it.
  const std::string folder = directory_of(path);
  std::error_code error;
  if (settings.control.path.empty() && !std::filesystem::exists(folder, error))
    return {ok(about_file(PhraseId::ControlSocketFree, path))};
  if (auto obstacle = no_room_for(socket, folder)) return {without_control(std::move(obstacle->phrase))};
  struct stat st{};
  if (look_at(path, st) != 0) return {ok(about_file(PhraseId::ControlSocketFree, path))};
  if (!S_ISSOCK(st.st_mode))
    return {without_control(is_no_file(socket, what_stands_at(path, st.st_mode), PhraseId::MoveItAway))};
  const Result<UniqueFd> connected = connect_to_control(path);
  if (!connected && connected.error().kind == ErrorKind::NoInput)
    return {ok(about_file(PhraseId::ControlSocketFree, path))};
  return {check_listener(path, settings.log.path)};
}

}  // namespace slurper
