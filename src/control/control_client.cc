#include "control/control_client.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <thread>

#include "base/error.h"
#include "base/text.h"
#include "control/control_request.h"
#include "control/control_socket.h"
#include "control/json.h"
#include "proc/proc_files.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxAnswer = 16 << 20;
constexpr auto kConnectAgain = 10ms;

// By a signal, or by a tracer.
bool is_stopped(pid_t pid) {
  const UniqueFd process_fd = open_directory(AT_FDCWD, fmt::format("/proc/{}", pid).c_str());
  const auto stat = read_process_stat(process_fd.get());
  return stat && (stat->state == 'T' || stat->state == 't');
}

std::unexpected<Error> no_answer(int fd, const Phrase& what, std::chrono::milliseconds patience) {
  ucred listener{};
  socklen_t size = sizeof listener;
  (void)::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &listener, &size);
  const auto process = static_cast<std::uint64_t>(listener.pid);
  if (is_stopped(listener.pid))
    return fail(ErrorKind::Busy, what, {PhraseId::StoppedProcess, {{"process", process}}});
  return fail(ErrorKind::Busy, what, {PhraseId::NoAnswerYet, {{"process", process}, {"seconds", patience}}});
}

// A slurper whose queue of clients is full accepts the next one soon.
Result<UniqueFd> connect_before(const std::string& path, Clock::time_point deadline) {
  for (;;) {
    Result<UniqueFd> fd = connect_to_control(path);
    if (fd || fd.error().errnum != EAGAIN || Clock::now() >= deadline) return fd;
    std::this_thread::sleep_for(kConnectAgain);
  }
}

// Returns the line that answers this request, without its newline.
Result<std::string> exchange(const std::string& path, const ControlRequest& to_send,
                             std::chrono::milliseconds patience) {
  const Phrase what = about_file(PhraseId::AskSlurper, path);
  const auto deadline = Clock::now() + patience;
  Result<UniqueFd> fd = connect_before(path, deadline);
  if (!fd) return std::unexpected(fd.error());
  const std::string request = to_request(to_send);
  // A new connection has room for it. If the other side has closed it, that shows below.
  (void)::send(fd->get(), request.data(), request.size(), MSG_NOSIGNAL);

  std::string answer;
  while (!answer.contains('\n')) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd readable{.fd = fd->get(), .events = POLLIN, .revents = 0};
    if (left <= 0ms) return no_answer(fd->get(), what, patience);
    if (::poll(&readable, 1, static_cast<int>(left.count())) <= 0) continue;
    std::array<char, 65536> bytes{};
    const ssize_t got = ::recv(fd->get(), bytes.data(), bytes.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) {
      // It has ended meanwhile, or it does not answer this user.
      if (auto again = connect_to_control(path); !again) return std::unexpected(std::move(again.error()));
      return fail(ErrorKind::NoPermission, what, PhraseId::NoAnswer);
    }
    answer.append(bytes.data(), static_cast<std::size_t>(got));
    if (answer.size() > kMaxAnswer) break;
  }
  answer.resize(std::min(answer.find('\n'), answer.size()));
  return answer;
}

// What it says of itself may be hostile, and is shown on a terminal.
std::string shown(const std::string* text) {
  std::string shown;
  if (text != nullptr) append_visible(*text, shown);
  return shown;
}

}  // namespace

Result<Answered> ask_status(const std::string& path, std::chrono::milliseconds patience) {
  Result<std::string> answer = exchange(path, {}, patience);
  if (!answer) return std::unexpected(std::move(answer.error()));
  const Phrase what = about_file(PhraseId::AskSlurper, path);
  if (const auto json = parse_json(*answer); json && json->contains("error"))
    return fail(ErrorKind::Busy, what, own_words(shown(string_in(*json, "error"))));
  std::optional<StatusReport> report = parse_report(*answer);
  if (!report) return fail(ErrorKind::Data, what, PhraseId::NotAnAnswer);
  return Answered{.json = std::move(*answer), .report = std::move(*report)};
}

Result<Carried> ask_to(const std::string& path, const ControlRequest& request,
                       std::chrono::milliseconds patience) {
  const Result<std::string> answer = exchange(path, request, patience);
  if (!answer) return std::unexpected(answer.error());
  const auto json = parse_json(*answer).value_or(Json());
  if (const std::string* const outcome = string_in(json, "outcome"))
    return Carried{.is_done = true, .text = shown(outcome)};
  const std::string* const why = string_in(json, "error");
  if (why == nullptr)
    return fail(ErrorKind::Data, about_file(PhraseId::AskSlurper, path), PhraseId::NotAnAnswer);
  const std::string* const reason = string_in(json, "reason");
  return Carried{.is_denied = reason != nullptr && *reason == "permission", .text = shown(why)};
}

}  // namespace slurper
