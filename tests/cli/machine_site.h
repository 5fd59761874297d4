// What the tests of `slurper check` share: a machine that it finds good, and findings to expect.
#pragma once

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/settings.h"
#include "cli/finding.h"
#include "cli/program.h"
#include "support/text_of.h"

namespace slurper::test {

inline std::string words(const Phrase& phrase) {
  return text_of(phrase);
}
inline auto ok(const std::string& text) {
  return testing::AllOf(testing::Field(&Finding::level, Finding::Level::Ok),
                        testing::Field(&Finding::phrase, testing::ResultOf(words, testing::HasSubstr(text))));
}
inline auto warning(const std::string& text) {
  return testing::AllOf(testing::Field(&Finding::level, Finding::Level::Warning),
                        testing::Field(&Finding::phrase, testing::ResultOf(words, testing::HasSubstr(text))));
}
inline auto error(ErrorKind kind, const std::string& text) {
  return testing::AllOf(testing::Field(&Finding::level, Finding::Level::Error),
                        testing::Field(&Finding::kind, kind),
                        testing::Field(&Finding::phrase, testing::ResultOf(words, testing::HasSubstr(text))));
}

inline SinkSettings sink(const std::string& type, std::vector<std::pair<std::string, std::string>> options) {
  SinkSettings sink{.name = "s", .type = type, .place = {}, .options = {}};
  for (auto& [name, value] : options)
    sink.options.push_back({.name = name, .values = {value}, .is_list = false, .place = {}});
  return sink;
}

// A datagram socket at this path.
inline UniqueFd socket_at(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  EXPECT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

class MachineSite {
 protected:
  Settings settings() const {
    Settings settings;
    settings.fifo.path = folder_ / "fifo";
    settings.log.path = folder_ / "log";
    settings.ring.directory = ring_ / "a/b";
    settings.ring.size = ByteSize{4 << 20};
    return settings;
  }

  TempDir folder_;
  TempDir ring_ = TempDir::in_ram();
};

}  // namespace slurper::test
