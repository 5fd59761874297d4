#include "cli/status_events.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/wrap.h"
#include "cli/asked.h"
#include "cli/instances.h"
#include "cli/last_events.h"
#include "cli/stream_output.h"
#include "flight/flight_view.h"
#include "ring/ring_directory.h"
#include "service/phrase_table.h"

namespace slurper {

namespace {

namespace fs = std::filesystem;

using Folders = std::vector<std::string>;  // of rings

bool has_events(const std::string& folder) {
  std::error_code error;
  return fs::exists(flight_path(folder), error) || error.value() == EACCES;
}

// The folder of a ring beside its control socket, see control_path(). Empty if the path was configured.
std::string folder_beside(const std::string& socket) {
  const fs::path path(socket);
  if (path.filename() == "control") return path.parent_path().string();
  constexpr std::string_view kEnd = ".control";
  return socket.ends_with(kEnd) ? socket.substr(0, socket.size() - kEnd.size()) : std::string();
}

// Of all slurpers on this machine that use the default folders, whether they run or not.
Folders folders_below(const std::vector<std::string>& runtime_folders) {
  Folders folders;
  for (const std::string& runtime : runtime_folders) {
    std::error_code error;
    for (fs::directory_iterator entry(runtime, error); !error && entry != fs::directory_iterator();
         entry.increment(error)) {
      if (has_events(entry->path().string())) folders.push_back(entry->path().string());
    }
  }
  return folders;
}

Folders folders_of_log(const std::string& log) {
  Settings settings;
  settings.log.path = log;
  return ring_directories(settings).value_or(Folders());
}

bool is_fifo(const std::string& path) {
  struct stat st{};
  return ::stat(path.c_str(), &st) == 0 && S_ISFIFO(st.st_mode);
}

Result<Folders> find_folders(const std::string& instance) {
  Folders folders;
  const Result<AllAsked> all = ask_instances(instance);
  if (all) {
    for (const Asked& asked : *all)
      folders.push_back(asked.answered ? asked.answered->report.ring.folder : folder_beside(asked.path));
  } else if (is_log(instance)) {
    folders = folders_of_log(instance);
  } else if (is_fifo(instance) && all.error().kind == ErrorKind::NoInput) {
    return fail(ErrorKind::NoInput, about_file(PhraseId::FindEvents, instance), PhraseId::EventsOfFifo);
  } else if (!instance.empty()) {
    return std::unexpected(all.error());
  }
  const std::vector<std::string> runtime_folders = find_control_sockets().folders;
  if (instance.empty()) {
    const Folders others = folders_below(runtime_folders);
    folders.insert(folders.end(), others.begin(), others.end());
  }
  std::erase_if(folders, [](const std::string& folder) { return folder.empty() || !has_events(folder); });
  std::ranges::sort(folders);
  const auto again = std::ranges::unique(folders);
  folders.erase(again.begin(), again.end());
  if (!folders.empty()) return folders;
  if (!all && all.error().kind == ErrorKind::NoPermission) return std::unexpected(all.error());
  return fail(ErrorKind::NoInput,
              instance.empty() ? Phrase(PhraseId::FindAnyEvents) : about_file(PhraseId::FindEvents, instance),
              {PhraseId::NoEventsThere, {{"folders", listed(runtime_folders)}}});
}

}  // namespace

int events_command(const std::string& instance, bool json, int out_fd, std::FILE* err) {
  const auto fails = [&](const Error& error) {
    fmt::print(err, "{}", message_for(::fileno(err), to_text(error)));
    return exit_status_of(error);
  };
  const Result<Folders> folders = find_folders(instance);
  if (!folders) return fails(folders.error());
  StreamOutput output(out_fd);
  int status = 0;
  bool is_first = true;
  for (const std::string& folder : *folders) {
    for (const bool is_former : {true, false}) {
      const auto history =
          read_flight(kernel(), is_former ? former_flight_path(folder) : flight_path(folder));
      if (!history) {
        status = std::max(status, fails(history.error()));
        continue;
      }
      if (!*history || (is_former && end_of(**history) != FlightEnd::Killed)) continue;
      std::string text =
          json ? events_json(**history) : events_text(**history, std::numeric_limits<std::size_t>::max());
      if (!json && !std::exchange(is_first, false)) text.insert(0, "\n");
      if (!output.write(text)) return status;
    }
  }
  return status;
}

}  // namespace slurper
