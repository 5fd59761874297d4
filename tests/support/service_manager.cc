#include "support/service_manager.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "support/wait.h"

namespace slurper::test {

namespace {

// "KEY=value" of a message: the value.
std::string value_of(const std::string& message, const std::string& key) {
  const auto at = ("\n" + message).find("\n" + key + "=");
  if (at == std::string::npos) return {};
  const auto begin = at + key.size() + 1;
  return message.substr(begin, message.find('\n', begin) - begin);
}

}  // namespace

ServiceManager::CalledSystemd::CalledSystemd() {
  (void)::prctl(PR_GET_NAME, before_.data());
  (void)::prctl(PR_SET_NAME, "systemd");
}

ServiceManager::CalledSystemd::~CalledSystemd() {
  (void)::prctl(PR_SET_NAME, before_.data());
}

ServiceManager::ServiceManager() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = folder_ / "notify";
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::system_error(errno, std::generic_category(), "bind");
}

Program ServiceManager::run(Program program, const std::vector<std::pair<std::string, int>>& passed) {
  program.env.push_back("NOTIFY_SOCKET=" + (folder_ / "notify"));
  inherited_.clear();
  if (passed.empty()) return program;
  // Only the process itself knows its LISTEN_PID, and only it may put them where they belong: from 3 on.
  std::string script = "export LISTEN_PID=$$; exec \"$@\"";
  std::string names;
  int target = 3;
  for (const auto& [name, fd] : passed) {
    constexpr int kOutOfTheWay = 100;
    const std::string copy =
        std::to_string(inherited_.emplace_back(::fcntl(fd, F_DUPFD, kOutOfTheWay)).get());
    script.append(" ").append(std::to_string(target++)).append("<&").append(copy);
    script.append(" ").append(copy).append("<&-");
    names += (names.empty() ? "" : ":") + name;
  }
  program.env.push_back("LISTEN_FDS=" + std::to_string(passed.size()));
  program.env.push_back("LISTEN_FDNAMES=" + names);
  program.argv.insert(program.argv.begin(), {"bash", "-c", script, "bash"});
  return program;
}

bool ServiceManager::receive(std::string& message) {
  std::array<char, 4096> text{};
  iovec data{.iov_base = text.data(), .iov_len = text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(8 * sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(socket_.get(), &header, MSG_CMSG_CLOEXEC);
  if (size < 0) return false;
  message.assign(text.data(), static_cast<std::size_t>(size));
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t at = 0; CMSG_LEN((at + 1) * sizeof(int)) <= part->cmsg_len; ++at) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + at * sizeof fd, sizeof fd);
      store_.push_back({value_of(message, "FDNAME"), UniqueFd(fd), message});
    }
  }
  if (value_of(message, "FDSTOREREMOVE") == "1")
    std::erase_if(store_, [&](const Stored& stored) { return stored.name == value_of(message, "FDNAME"); });
  return true;
}

bool ServiceManager::hears(const std::string& text, std::chrono::milliseconds deadline) {
  return eventually(
      [&] {
        for (std::string message; receive(message);) {
          if (message.find(text) != std::string::npos) return true;
        }
        return false;
      },
      deadline);
}

std::vector<std::string> ServiceManager::messages() {
  std::vector<std::string> all;
  for (std::string message; receive(message);) all.push_back(message);
  return all;
}

std::vector<std::pair<std::string, int>> ServiceManager::stored() const {
  std::vector<std::pair<std::string, int>> all;
  all.reserve(store_.size());
  for (const Stored& stored : store_) all.emplace_back(stored.name, stored.fd.get());
  return all;
}

}  // namespace slurper::test
