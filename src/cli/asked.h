// Which slurpers a command is about, and what they answer.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "control/control_client.h"
#include "slurper/result.h"

namespace slurper {

// How long a command waits for the status of a slurper.
inline constexpr std::chrono::seconds kAskPatience{5};

// Exit statuses besides those of failures.
inline constexpr int kHealthy = 0;
inline constexpr int kDegraded = 1;  // an alert is up, or the process does not answer
inline constexpr int kNotRunning = 3;

[[nodiscard]] int exit_status_of(const Error& error);
[[nodiscard]] int exit_status_of(const Result<Answered>& answered);

struct Asked {
  std::string path;  // of the control socket
  Result<Answered> answered;
};
using AllAsked = std::vector<Asked>;

// Asks the slurper whose FIFO, log or control socket `instance` is, through whatever links; if it is empty,
// all that run. Never returns an empty list.
[[nodiscard]] Result<AllAsked> ask_instances(const std::string& instance);

// The control socket of the one slurper that ask_instances() finds. Fails with Usage if there are several.
[[nodiscard]] Result<std::string> find_one_socket(const std::string& instance);

// Whether a log's files are at `path`.
[[nodiscard]] bool is_log(const std::string& path);

// "'/run/slurper', '/run/slurper-app'"
[[nodiscard]] std::string listed(const std::vector<std::string>& paths);

}  // namespace slurper
