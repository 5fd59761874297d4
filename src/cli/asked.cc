#include "cli/asked.h"

#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/file_kind.h"
#include "base/text.h"
#include "cli/instances.h"
#include "log/log_index.h"

namespace slurper {

namespace {

constexpr std::chrono::milliseconds kQuick{300};

// All at once: one that hangs holds up the others no longer than itself.
AllAsked ask(const std::vector<std::string>& paths, std::chrono::milliseconds patience = kAskPatience) {
  std::vector<std::optional<Result<Answered>>> answers(paths.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < paths.size(); ++i)
      threads.emplace_back([&, i] { answers[i] = ask_status(paths[i], patience); });
  }
  AllAsked all;
  for (std::size_t i = 0; i < paths.size(); ++i) all.push_back({paths[i], std::move(*answers[i])});
  return all;
}

// Whether it reads the FIFO, or writes the log, at `path`: through whatever links.
bool is_of(const StatusReport& report, const std::string& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) return report.fifo.path == path || report.log.path == path;
  const auto is_same = [&st](const auto& file) {
    return file.device == st.st_dev && file.inode == st.st_ino;
  };
  return is_same(report.fifo) || is_same(report.log);
}

bool is_socket(const std::string& path) {
  struct stat st{};
  return ::stat(path.c_str(), &st) == 0 && S_ISSOCK(st.st_mode);
}

// None was found among those that this user may look at.
std::unexpected<Error> unseen(const ControlSockets& sockets, Phrase what) {
  return fail(ErrorKind::NoPermission, std::move(what),
              {PhraseId::SlurpersUnseen, {{"processes", std::uint64_t{sockets.unseen}}}});
}

// Why no slurper is found by this path. A path that no slurper can have had is a typing error; the socket of
// one that has ended is gone.
std::unexpected<Error> none_for(const std::string& path) {
  const Phrase what = about_file(PhraseId::FindSlurper, path);
  struct stat st{};
  const bool is_there = ::stat(path.c_str(), &st) == 0;
  if ((is_there && S_ISFIFO(st.st_mode)) || is_log(path) || (!is_there && path.ends_with(".control")))
    return fail(ErrorKind::NoInput, what, PhraseId::NoneAnswersFor);
  const std::string found = is_there ? "it is " + what_stands_at(path, st.st_mode) : "there is no such file";
  return fail(ErrorKind::NoInput, what, {PhraseId::NotAnInstance, {{"found", found}}});
}

// The slurper of this FIFO or log. One that does not answer may be the one: then that is the failure, unless
// no slurper can have had this path.
Result<AllAsked> ask_for(const std::string& path, const ControlSockets& sockets) {
  // Most answer at once. Only if none of these is the one, those that hang are waited for.
  std::vector<std::string> paths = sockets.paths;
  std::optional<Error> failure;
  for (const std::chrono::milliseconds patience : {kQuick, std::chrono::milliseconds(kAskPatience)}) {
    std::vector<std::string> silent;
    for (Asked& asked : ask(paths, patience)) {
      if (asked.answered && is_of(asked.answered->report, path)) {
        AllAsked one;
        one.push_back(std::move(asked));
        return one;
      }
      if (asked.answered || asked.answered.error().kind == ErrorKind::NoInput) continue;
      failure = asked.answered.error();
      if (failure->kind == ErrorKind::Busy) silent.push_back(asked.path);
    }
    paths = std::move(silent);
  }
  const std::unexpected<Error> none = none_for(path);
  if (none.error().why.id() == PhraseId::NotAnInstance) return none;
  if (failure) return std::unexpected(*failure);
  if (sockets.unseen > 0) return unseen(sockets, about_file(PhraseId::FindSlurper, path));
  return none;
}

}  // namespace

int exit_status_of(const Error& error) {
  if (error.why.id() == PhraseId::NotAnInstance) return std::to_underlying(ErrorKind::NoInput);
  if (error.kind == ErrorKind::NoInput) return kNotRunning;
  return error.kind == ErrorKind::Busy ? kDegraded : std::to_underlying(error.kind);
}

int exit_status_of(const Result<Answered>& answered) {
  if (!answered) return exit_status_of(answered.error());
  return answered->report.is_healthy() ? kHealthy : kDegraded;
}

Result<AllAsked> ask_instances(const std::string& instance) {
  if (is_socket(instance)) return ask({instance});
  const ControlSockets sockets = find_control_sockets();
  if (!instance.empty()) return ask_for(instance, sockets);
  if (sockets.paths.empty() && sockets.unseen > 0) return unseen(sockets, PhraseId::FindAnySlurper);
  if (sockets.paths.empty())
    return fail(ErrorKind::NoInput, PhraseId::FindAnySlurper,
                {PhraseId::NoControlSocket, {{"folders", listed(sockets.folders)}}});
  return ask(sockets.paths);
}

Result<std::string> find_one_socket(const std::string& instance) {
  if (is_socket(instance)) return instance;
  const Result<AllAsked> all = ask_instances(instance);
  if (!all) return std::unexpected(all.error());
  const Asked* found = nullptr;
  std::vector<std::string> fifos;
  for (const Asked& asked : *all) {
    // A socket at which no process listens is of a slurper that was killed.
    if (!asked.answered && asked.answered.error().kind == ErrorKind::NoInput && found != nullptr) continue;
    if (!found || (!found->answered && found->answered.error().kind == ErrorKind::NoInput)) found = &asked;
    if (asked.answered) fifos.push_back(asked.answered->report.fifo.path);
  }
  if (fifos.size() > 1)
    return fail(ErrorKind::Usage, PhraseId::FindAnySlurper,
                {PhraseId::SeveralSlurpers, {{"slurpers", listed(fifos)}}});
  if (!found->answered) return std::unexpected(found->answered.error());
  return found->path;
}

bool is_log(const std::string& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error).lexically_normal();
  return !path.empty() && !error && std::filesystem::exists(LogPaths(absolute.string()).index(), error);
}

std::string listed(const std::vector<std::string>& paths) {
  std::string text;
  for (const std::string& path : paths) text += (text.empty() ? "" : ", ") + in_quotes(path);
  return text;
}

}  // namespace slurper
