// RealRsyslogd: rsyslogd itself, as the server that sinks send to.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "support/child.h"
#include "support/files.h"

namespace slurper::test {

// Listens with TCP on a port of the kernel's choice, and writes a line for each message to a file: its
// structured data, a blank, its text, control characters escaped by itself. Debian's package, unpacked in the
// folder that SLURPER_SYSLOGDS says.
class RealRsyslogd {
 public:
  static void fetch() {
    Child fetch({.argv = {SLURPER_FETCH_PACKAGES, SLURPER_SYSLOGDS, "rsyslog"}, .env = {}});
    ASSERT_TRUE(fetch.exits_with(0, std::chrono::minutes(3))) << fetch.err();
  }

  explicit RealRsyslogd(std::filesystem::path folder) : folder_(std::move(folder)) {
    namespace fs = std::filesystem;
    fs::create_directories(folder_);
    const fs::path root = SLURPER_SYSLOGDS;
    fs::path libraries;
    for (const auto& entry : fs::directory_iterator(root / "usr/lib")) {
      if (entry.path().string().ends_with("-linux-gnu")) libraries = entry.path();
    }
    std::ofstream(folder_ / "conf") << fmt::format(R"(global(workDirectory="{0}" maxMessageSize="2m")
module(load="imtcp")
input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName="{0}/port")
template(name="all" type="string" string="%structured-data% %msg%\n")
*.* action(type="omfile" file="{0}/out" template="all")
)",
                                                   folder_.string());
    server_.emplace(Program{.argv = {root / "usr/sbin/rsyslogd", "-n", "-i", folder_ / "pid", "-M",
                                     libraries / "rsyslog", "-f", folder_ / "conf"},
                            .env = {fmt::format("LD_LIBRARY_PATH={}", libraries.string())}});
    EXPECT_TRUE(eventually([&] { return static_cast<bool>(std::ifstream(folder_ / "port") >> port_); }))
        << server_->err();
  }

  [[nodiscard]] std::string target() const { return fmt::format("127.0.0.1:{}", port_); }
  [[nodiscard]] std::string received() const { return content_of(folder_ / "out"); }

 private:
  const std::filesystem::path folder_;
  int port_ = 0;
  std::optional<Child> server_;
};

}  // namespace slurper::test
