#include "cli/check_sinks.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/error.h"
#include "base/fd.h"
#include "base/file_kind.h"
#include "base/text.h"
#include "cli/who.h"

namespace slurper {

namespace {

std::vector<std::string> values_of(const SinkSettings& sink, std::string_view name) {
  const auto found = std::ranges::find(sink.options, name, &SinkOption::name);
  return found == sink.options.end() ? std::vector<std::string>{} : found->values;
}

std::string value_of(const SinkSettings& sink, std::string_view name) {
  const std::vector<std::string> values = values_of(sink, name);
  return values.empty() ? "" : values.front();
}

class Look {
 public:
  Look(const SinkSettings& sink, Findings& findings) : sink_(sink), findings_(findings) {}

  // Checks what the settings alone show.
  void at_words() {
    const std::string path = value_of(sink_, "path");
    if (sink_.type == "file" && !path.empty() && !path.starts_with('/')) {
      warn(fmt::format(
          "its path {} is relative to the folder where slurper is started, which is '/' in a service. "
          "Write the whole path",
          in_quotes(path)));
    }
    if (sink_.type != "syslog") return;
    for (const std::string& target : values_of(sink_, "target")) at_target(target);
  }

  void at_file() {
    const std::string path = value_of(sink_, "path");
    if (path.empty()) return;
    const std::string folder = std::filesystem::absolute(path).parent_path().string();
    struct stat st{};
    if (::stat(folder.c_str(), &st) != 0) {
      const int errnum = errno;
      return warn(fmt::format("the folder {} of its file: {}. Create it: mkdir -p, and chown it to {}",
                              in_quotes(folder), errno_text(errnum), who_runs()));
    }
    if (!S_ISDIR(st.st_mode))
      return warn(fmt::format("{} is no folder. Name another path", in_quotes(folder)));
    if (const int refused = refusal(folder, W_OK | X_OK); refused != 0)
      return warn(cannot_write(folder, st, refused));
    if (::lstat(path.c_str(), &st) == 0) {
      if (!S_ISREG(st.st_mode)) {
        const std::string advice = S_ISLNK(st.st_mode)
                                       ? "Name the file itself" + end_of_links(path) + ", or remove the link"
                                       : "Name another path";
        return warn(fmt::format("its file {} is {}, not a regular file. {}", in_quotes(path),
                                what_stands_at(path, st.st_mode), advice));
      }
      if (const int refused = refusal(path, R_OK | W_OK); refused != 0)
        return warn(cannot_write(path, st, refused));
    }
    struct statvfs fs{};
    if (::statvfs(folder.c_str(), &fs) == 0 && fs.f_bavail == 0)
      return warn(fmt::format("the file system of {} is full. Make room there", in_quotes(folder)));
    ok(fmt::format("may write {}", in_quotes(path)));
  }

  void at_program() {
    const std::string path = value_of(sink_, "path");
    struct stat st{};
    if (path.empty()) return;
    if (::stat(path.c_str(), &st) != 0) {
      const int errnum = errno;
      return warn(fmt::format("its program {}: {}. Install it, or correct the path", in_quotes(path),
                              errno_text(errnum)));
    }
    if (!S_ISREG(st.st_mode)) return warn(fmt::format("{} is no program. Name a file", in_quotes(path)));
    if (const int refused = refusal(path, X_OK); refused != 0) {
      return warn(fmt::format("its program {} can't be run by {}: {} (mode {:04o}, {}). Run chmod +x",
                              in_quotes(path), who_runs(), errno_text(refused), st.st_mode & 07777U,
                              owner_of(st)));
    }
    ok(fmt::format("may run {}", in_quotes(path)));
  }

  void at_syslog(std::size_t before) {
    if (value_of(sink_, "transport") == "unix") {
      for (const std::string& path : values_of(sink_, "path")) at_socket(path);
    }
    for (const char* const key : {"ca_file", "certificate", "key"}) {
      const std::string path = value_of(sink_, key);
      if (path.empty()) continue;
      if (const int refused = refusal(path, R_OK); refused != 0) {
        fail(
            kind_of_errno(refused),
            fmt::format("its {} {} can't be read by {}: {}. Correct the path, or let slurper's group read it",
                        key, in_quotes(path), who_runs(), errno_text(refused)));
      }
    }
    if (findings_.size() == before) ok("what it needs on this machine is there");
  }

 private:
  void warn(const std::string& text) {
    findings_.push_back({.level = Finding::Level::Warning,
                         .text = fmt::format("the sink '{}': {}", printable(sink_.name), text)});
  }
  // Reports that the sink can't work regardless of its destination.
  void fail(ErrorKind kind, const std::string& text) {
    findings_.push_back({.level = Finding::Level::Error,
                         .text = fmt::format("the sink '{}': {}", printable(sink_.name), text),
                         .kind = kind});
  }
  void ok(const std::string& text) {
    findings_.push_back(
        {.level = Finding::Level::Ok, .text = fmt::format("the sink '{}' {}", printable(sink_.name), text)});
  }

  static int refusal(const std::string& path, int mode) {
    return ::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0 ? 0 : errno;
  }

  static std::string cannot_write(const std::string& path, const struct stat& st, int refused) {
    const char* const remedy =
        refused == EROFS ? "Mount it read-write; in a service, it needs ReadWritePaths= in a drop-in"
                         : "Give it to slurper with chown";
    return fmt::format("{} can't write to {}: {} (mode {:04o}, {}). {}", who_runs(), in_quotes(path),
                       errno_text(refused), st.st_mode & 07777U, owner_of(st), remedy);
  }

  void at_socket(const std::string& path) {
    struct stat st{};
    if (::stat(path.c_str(), &st) != 0) {
      const int errnum = errno;
      return warn(
          fmt::format("there is no socket {}: {}. Start the syslogd that makes it, or correct the path",
                      in_quotes(path), errno_text(errnum)));
    }
    if (!S_ISSOCK(st.st_mode)) return warn(fmt::format("{} is no socket. Correct the path", in_quotes(path)));
    if (const int refused = refusal(path, W_OK); refused != 0) {
      return warn(fmt::format("{} may not write to the socket {}: {} (mode {:04o}, {})", who_runs(),
                              in_quotes(path), errno_text(refused), st.st_mode & 07777U, owner_of(st)));
    }
    // The peer of a datagram socket does not notice this connect(2); that of a stream answers EPROTOTYPE
    // before a connection exists.
    const UniqueFd socket_fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    if (!socket_fd || path.size() >= sizeof address.sun_path) return;
    path.copy(address.sun_path, path.size());
    if (::connect(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
        errno == ECONNREFUSED) {
      warn(fmt::format("nothing listens at the socket {}. Start the syslogd that made it", in_quotes(path)));
    }
  }

  // 2001:db8::1:514 is an address as a whole, but most people who write it mean a port.
  void at_target(const std::string& target) {
    if (target.starts_with('[') || std::ranges::count(target, ':') < 2) return;
    const std::size_t colon = target.rfind(':');
    const std::string port = target.substr(colon + 1);
    const bool may_be_port = !port.empty() && port.size() <= 5 &&
                             std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
    if (!may_be_port || port.size() < 3) return;
    in6_addr address{};
    if (::inet_pton(AF_INET6, target.c_str(), &address) == 1) {
      warn(fmt::format(
          "its target {} is taken for an address without a port. If {} is the port, write [{}]:{}; if "
          "not, write [{}]",
          in_quotes(target), port, target.substr(0, colon), port, target));
    } else {
      warn(fmt::format("its target {} is no IPv6 address. Write [{}]:{}", in_quotes(target),
                       target.substr(0, colon), port));
    }
  }

  const SinkSettings& sink_;
  Findings& findings_;
};

}  // namespace

Findings check_sink_words(std::span<const SinkSettings> sinks) {
  Findings findings;
  for (const SinkSettings& sink : sinks) Look(sink, findings).at_words();
  return findings;
}

Findings check_sinks(std::span<const SinkSettings> sinks) {
  Findings findings;
  for (const SinkSettings& sink : sinks) {
    Look look(sink, findings);
    const std::size_t before = findings.size();
    look.at_words();
    if (sink.type == "file") look.at_file();
    if (sink.type == "exec") look.at_program();
    if (sink.type == "syslog") look.at_syslog(before);
  }
  return findings;
}

}  // namespace slurper
