// Lines of an attacker who wants to pass for another sender, to command a terminal, or to break a frame.
// Each stays one record, everywhere, with its true origin.

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <re2/re2.h>
#include <termios.h>

#include <csignal>
#include <map>
#include <nlohmann/json.hpp>

#include "e2e/destinations.h"
#include "e2e/real_rsyslogd.h"
#include "support/daemon.h"
#include "support/files.h"

namespace slurper::test {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

constexpr std::size_t kMaxLine = 64 << 10;

// None has a newline, which is all that ends a line.
const std::vector<std::string>& hostile_lines() {
  static const std::vector<std::string> lines = {
      "plain",
      "<13>Nov 21 22:14:15 host prog[7]: a\rb\r",
      "<13>Nov 21 22:14:15 host prog[7]: \x1b[31mred\x1b[2J\x1b]0;title\x07\x1b[6n\x9b 5n \xc2\x9b 0c",
      "<13>Nov 21 22:14:15 host prog[7]: nul \0 in it"s,
      "\0"s,
      "",
      "12 <13>1 - - -",
      "<13>Nov 21 22:14:15 host prog[7]: x 44 <0>1 2026-11-21T22:14:15Z forged su - - - gone",
      "<13>Nov 21 22:14:15 host prog[7]: x\r<0>Nov 21 22:14:15 forged su: gone",
      "<13>Nov 21 22:14:15 host prog[7]: x\0<0>1 2026-11-21T22:14:15Z forged su - - - gone"s,
      "<13>Nov 21 22:14:15 host prog[7]: \",\"offset\":0}\r{\"msg\":\"forged\",\"offset\":0}",
      R"(<13>Nov 21 22:14:15 host prog[7]: \u000a\n%0a#012&#10;)",
      R"(<13>1 2026-11-21T22:14:15Z host su - - [slurper@32473 log="0" offset="0"] forged)",
      R"(<13>1 2026-11-21T22:14:15Z host su - - [a b="\]"][slurper@32473 log="0" offset="0"] forged)",
      R"(<13>1 2026-11-21T22:14:15Z host su - - [a b="not closed [slurper@32473 offset="0"] forged)",
      "<13>1 2026-11-21T22:14:15Z ho\x1bst s\xffu p\tid ms\x7fgid - x",
      "<999>Nov 21 22:14:15 host prog: x",
      "<13>Nov 21 22:14:15 host prog[7]: \xff\xfe not utf-8 \xc0\x80 \xed\xa0\x80 \xf4\x90\x80\x80",
      "<13>Nov 21 22:14:15 host prog[7]: \xe2\x80\xa8 \xe2\x80\xae \xc2\x85 separators",
      "BEGIN TRANSACTION",
      "COMMIT TRANSACTION",
      "<13>Nov 21 22:14:15 host prog[7]: " + std::string(1 << 20, 'x'),
      "<13>Nov 21 22:14:15 host prog[7]: " + std::string(1 << 17, '\x1b'),
      "the last",
  };
  return lines;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines.push_back(text.substr(begin, end - begin));
  EXPECT_EQ(begin, text.size()) << "the last line has no end";
  return lines;
}

// Control characters: of the line's formats for people none but the tab is left.
bool has_controls(const std::string& text) {
  return std::ranges::any_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7f;
  });
}

// The offset in slurper's own element, at the one place where it stands: first among the structured data. -1:
// none.
long offset_of(const std::string& message) {
  static const RE2 header(
      R"re(<[0-9]{1,3}>1 [0-9TZ:.-]+ [!-~]+ [!-~]+ [!-~]+ [!-~]+ \[slurper@32473 log="[0-9a-f-]{36}" offset="([0-9]+)")re");
  long offset = -1;
  re2::StringPiece text(message);
  (void)RE2::Consume(&text, header, &offset);
  return offset;
}

class HostileLines : public testing::Test {
 protected:
  // Starts slurper with these sinks, writes all lines, and waits until `arrived`.
  void run(const std::vector<std::string>& sinks, const std::function<bool()>& arrived, int stdout_fd = -1) {
    site_.sinks = sinks;
    Child slurper(site_.run(), -1, stdout_fd);
    ASSERT_TRUE(slurper.said("ready")) << slurper.err();
    std::uint64_t at = 0;
    std::string stream;
    for (const std::string& line : hostile_lines()) {
      // A line in parts has each part's offset.
      std::size_t begin = 0;
      do {
        offsets_.push_back(static_cast<long>(at + begin));
        begin += kMaxLine;
      } while (begin < line.size());
      at += line.size() + 1;
      stream += line + '\n';
    }
    ASSERT_TRUE(write_blocking(site_.fifo, stream, {4096}));
    ASSERT_TRUE(site_.log.reaches(at));
    EXPECT_TRUE(eventually([&] { return arrived(); })) << slurper.err();
    slurper.signal(SIGTERM);
    ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
    EXPECT_EQ(difference(stream, site_.log.bytes()), "");
    said_ = slurper.err();
  }
  [[nodiscard]] std::string on_disk(const std::string& name) const { return site_.disk / name; }

  Site site_;
  std::vector<long> offsets_;
  std::string said_;
};

TEST_F(HostileLines, InFilesOfEachFormat) {
  const std::vector<std::pair<std::string, std::string>> formats = {
      {"raw", "raw"},
      {"json", "json"},
      {"rfc5424", "rfc5424"},
      {"rfc3164", "rfc3164"},
      {"template", "{offset} {host} {program}: {msg}"}};
  std::vector<std::string> sinks;
  sinks.reserve(formats.size());
  for (const auto& [name, format] : formats)
    sinks.push_back(fmt::format("file:{}?name={}&format={}&start=beginning", on_disk(name), name, format));
  run(sinks, [] { return true; });  // its end waits for files

  std::string whole;
  for (const std::string& line : lines_of(content_of(on_disk("raw")))) whole += line;
  std::string expected;
  for (const std::string& line : hostile_lines()) expected += line;
  EXPECT_EQ(difference(expected, whole), "");

  std::vector<long> offsets;
  for (const std::string& line : lines_of(content_of(on_disk("json")))) {
    EXPECT_FALSE(has_controls(line));
    const auto json = nlohmann::json::parse(line, nullptr, false);
    ASSERT_TRUE(json.is_object()) << line.substr(0, 300);
    offsets.push_back(json["offset"].get<long>());
    EXPECT_EQ(json.value("host", "host"), "host") << line.substr(0, 300);
  }
  EXPECT_EQ(offsets, offsets_);

  offsets.clear();
  for (const std::string& line : lines_of(content_of(on_disk("rfc5424")))) {
    EXPECT_FALSE(has_controls(line)) << line.substr(0, 300);
    offsets.push_back(offset_of(line));
  }
  EXPECT_EQ(offsets, offsets_);

  offsets.clear();
  for (const std::string& line : lines_of(content_of(on_disk("template")))) {
    EXPECT_FALSE(has_controls(line)) << line.substr(0, 300);
    offsets.push_back(std::stol(line));
  }
  EXPECT_EQ(offsets, offsets_);

  const auto old = lines_of(content_of(on_disk("rfc3164")));
  EXPECT_EQ(old.size(), offsets_.size());
  for (const std::string& line : old) {
    EXPECT_FALSE(has_controls(line)) << line.substr(0, 300);
    EXPECT_TRUE(RE2::PartialMatch(line, "^<[0-9]{1,3}>[A-Z][a-z]{2} [ 0-9]{2} ")) << line.substr(0, 300);
  }
}

// By octet counting, newlines, datagrams.
TEST_F(HostileLines, OverTheNetwork) {
  ServerDestination tcp("tcp", By::Tcp, site_.ram.path());
  ServerDestination stream("stream", By::UnixStream, site_.ram.path());
  SyslogReceiver datagrams(By::UnixDatagram, site_.ram.path());
  tcp.up();
  stream.up();
  datagrams.up();
  run({tcp.url(), stream.url(), datagrams.url() + "?name=datagram&start=beginning&format=rfc5424"},
      [&] { return tcp.count() >= offsets_.size() && stream.count() >= offsets_.size(); });
  const auto check = [&](const std::vector<SyslogReceiver::Message>& messages, bool escaped,
                         const std::vector<long>& expected) {
    std::vector<long> offsets;
    for (const auto& message : messages) {
      EXPECT_TRUE(message.whole);
      EXPECT_TRUE(!escaped || !has_controls(message.text)) << message.text.substr(0, 300);
      offsets.push_back(offset_of(message.text));
    }
    EXPECT_EQ(offsets, expected);
  };
  check(tcp.received(), false, offsets_);
  check(stream.received(), true, offsets_);
  // What does not fit into a datagram is refused and reported.
  std::vector<long> expected = offsets_;
  const std::string letters = content_of(on_disk("messages.rejected-datagram"));
  for (const std::string& letter : lines_of(letters)) {
    const auto json = nlohmann::json::parse(letter, nullptr, false);
    ASSERT_TRUE(json.is_object()) << letter.substr(0, 300);
    std::erase(expected, json["record"]["offset"].get<long>());
  }
  check(datagrams.messages(), true, expected);
}

TEST_F(HostileLines, AtRsyslogd) {
  RealRsyslogd::fetch();
  ASSERT_FALSE(HasFailure());
  const RealRsyslogd octets(site_.disk / "octets");
  const RealRsyslogd newlines(site_.disk / "newlines");
  const auto url = [](const RealRsyslogd& server, const std::string& framing) {
    return fmt::format("syslog+tcp://{}?name={}&framing={}&start=beginning&probe=false", server.target(),
                       framing, framing);
  };
  const auto count = [](const RealRsyslogd& server) {
    return static_cast<std::size_t>(std::ranges::count(server.received(), '\n'));
  };
  run({url(octets, "octet-counting"), url(newlines, "lf")},
      [&] { return count(octets) >= offsets_.size() && count(newlines) >= offsets_.size(); });
  for (const RealRsyslogd* const server : {&octets, &newlines}) {
    std::vector<long> offsets;
    const RE2 element(R"re(^\[slurper@32473 log="[0-9a-f-]{36}" offset="([0-9]+)")re");
    const std::string received = server->received();
    for (const std::string& line : lines_of(received)) {
      long offset = -1;
      (void)RE2::PartialMatch(line, element, &offset);
      offsets.push_back(offset);
    }
    EXPECT_EQ(offsets, offsets_) << (server == &octets ? "octet counting" : "newlines");
  }
}

// A program that relies on transactions does not take a line for the start of one.
TEST_F(HostileLines, AtAProgram) {
  ProgramDestination program("program", site_.disk / "program", "transaction");
  program.up();
  run({program.url() + "&format=raw"}, [&] { return program.received().size() >= offsets_.size(); });
  std::string text;
  for (const auto& message : program.received()) {
    if (message.text != "BEGIN TRANSACTION" && message.text != "COMMIT TRANSACTION") text += message.text;
  }
  std::string expected;
  for (const std::string& line : hostile_lines()) {
    if (line != "BEGIN TRANSACTION" && line != "COMMIT TRANSACTION") expected += line;
  }
  EXPECT_EQ(difference(expected, text), "");
  EXPECT_EQ(lines_of(content_of(on_disk("messages.rejected-program"))).size(), 2U);
}

TEST_F(HostileLines, OnATerminal) {
  int master = -1;
  int slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  const UniqueFd master_fd(master);
  const UniqueFd slave_fd(slave);
  termios as_it_is{};
  ASSERT_EQ(::tcgetattr(slave, &as_it_is), 0);
  ::cfmakeraw(&as_it_is);  // the terminal itself changes nothing
  ASSERT_EQ(::tcsetattr(slave, TCSANOW, &as_it_is), 0);
  ASSERT_EQ(::fcntl(master, F_SETFL, O_NONBLOCK), 0);
  std::string shown;
  const auto read_all = [&] {
    std::array<char, 4096> piece{};
    for (ssize_t size = 0; (size = ::read(master, piece.data(), piece.size())) > 0;)
      shown.append(piece.data(), static_cast<std::size_t>(size));
    return shown.ends_with("the last\n");
  };
  run({"stdout:?start=beginning"}, read_all, slave);
  const auto lines = lines_of(shown);
  EXPECT_EQ(lines.size(), offsets_.size());
  for (const std::string& line : lines) {
    EXPECT_FALSE(has_controls(line)) << line.substr(0, 300);
    EXPECT_FALSE(RE2::PartialMatch(line, R"([\x{80}-\x{9f}])")) << "a C1 control: " << line.substr(0, 300);
  }
  EXPECT_EQ(lines[2].substr(0, 60), "<13>Nov 21 22:14:15 host prog[7]: #033[31mred#033[2J#033]0;t");
}

}  // namespace
}  // namespace slurper::test
