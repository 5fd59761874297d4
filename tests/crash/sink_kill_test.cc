// SIGKILL in the middle of a sink's batches: what promises "exactly once" keeps it, and nothing is lost if
// lines may come again, within a bound.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <map>
#include <random>
#include <thread>

#include "e2e/destinations.h"
#include "e2e/real_rsyslogd.h"
#include "support/daemon.h"
#include "support/files.h"
#include "support/lines.h"

namespace slurper::test {
namespace {

using std::chrono::microseconds;

// Takes the lines of a file in JSON, piece by piece: each has an offset, and they follow each other.
class OffsetChecker {
 public:
  void feed(std::string_view bytes) {
    for (const char c : bytes) {
      if (c != '\n') {
        line_ += c;
        continue;
      }
      check();
      line_.clear();
    }
  }
  [[nodiscard]] std::uint64_t lines() const { return lines_; }
  [[nodiscard]] const std::string& wrong() const { return wrong_; }
  [[nodiscard]] bool ended() const { return line_.empty(); }

 private:
  void check() {
    constexpr std::string_view kOffset = "\"offset\":";
    const std::size_t at = line_.rfind(kOffset);
    std::uint64_t offset = 0;
    const char* const end = line_.data() + line_.size();
    const bool is_whole = line_.starts_with('{') && at != std::string::npos &&
                          std::from_chars(line_.data() + at + kOffset.size(), end, offset).ptr == end - 1 &&
                          line_.ends_with('}');
    if (wrong_.empty() && !is_whole) wrong_ = fmt::format("line {} is torn: {}", lines_, line_);
    if (wrong_.empty() && lines_ > 0 && offset <= last_)
      wrong_ = fmt::format("line {} has offset {}, the one before {}", lines_, offset, last_);
    last_ = offset;
    ++lines_;
  }

  std::string line_;
  std::uint64_t lines_ = 0;
  std::uint64_t last_ = 0;
  std::string wrong_;
};

class SinkKill : public testing::Test {
 protected:
  static constexpr std::uint64_t kBatch = 500;
  static constexpr std::uint64_t kResend = 64 << 10;
  static constexpr std::uint64_t kPipe = 64 << 10;
  static constexpr std::uint64_t kShortest = 60;  // of the lines; a message has a header in addition
};

TEST_F(SinkKill, AFileHasEachLineOnce) {
  const std::uint64_t kills = count_from_env("SLURPER_KILLS", 100, 25);
  const std::uint64_t seed = seed_from_env();
  SCOPED_TRACE(fmt::format("SLURPER_SEED={}", seed));
  std::mt19937_64 random(seed);

  Site site;
  // The second is late by design: it is killed far behind the log's end, in segments that are rotated.
  site.sinks = {
      "file:" + (site.disk / "raw") + "?start=beginning&batch_time=5ms&rotate_size=2MiB&compress=zstd",
      "file:" + (site.disk / "json") + "?start=beginning&format=json&batch_time=0s&batch_lines=100"};
  const std::vector<std::string> settings = {"log.rotate_size=4MiB", "log.compress=zstd"};
  const LogStream raw(site.disk / "raw");
  const LogStream json(site.disk / "json");
  LineWriter writer(site.fifo, {.writer = 0, .lines = ~0ULL, .per_second = kSanitized ? 3'000U : 50'000U});
  std::uint64_t in_flow = 0;
  std::uint64_t longest = kSanitized ? 400'000 : 100'000;  // microseconds of a life
  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    const std::uint64_t before = raw.end();
    Child slurper = site.start(settings);
    std::this_thread::sleep_for(microseconds(random() % longest));
    ASSERT_FALSE(slurper.wait(std::chrono::milliseconds(0))) << "it ended by itself: " << slurper.err();
    slurper.kill();
    if (raw.end() > before) {
      ++in_flow;
    } else {
      longest += longest / 2;  // a machine that is busy, or a slow build
    }
  }
  {
    Child slurper = site.start(settings);
    ASSERT_TRUE(writer.finish());
    ASSERT_TRUE(eventually([&] { return site.holder.pending() == 0; }));
    // A sink far behind may take longer than the end of slurper waits for it.
    ASSERT_TRUE(eventually_by_progress([&] { return std::pair(raw.end(), json.end()); },
                                       [&] {
                                         slurper.signal(SIGUSR2);
                                         const std::string said = slurper.err();
                                         const std::string status =
                                             said.substr(std::min(said.size(), said.rfind("status: ")));
                                         const std::size_t first = status.find(", 0B behind\n");
                                         return status.contains(" 0B wait") && first != std::string::npos &&
                                                status.find(", 0B behind\n", first + 1) != std::string::npos;
                                       }))
        << slurper.err();
    slurper.signal(SIGTERM);
    ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
    EXPECT_EQ(slurper.err().find("may repeat"), std::string::npos) << slurper.err();
  }
  LineChecker checker;
  EXPECT_EQ(raw.read([&](std::string_view bytes) { checker.feed(bytes); }), "");
  const LineReport report = checker.finish({{writer.lines()}});
  EXPECT_TRUE(report.clean()) << report.text();
  EXPECT_EQ(report.bytes, writer.bytes());

  OffsetChecker offsets;
  EXPECT_EQ(json.read([&](std::string_view bytes) { offsets.feed(bytes); }), "");
  EXPECT_EQ(offsets.wrong(), "");
  EXPECT_EQ(offsets.lines(), writer.lines());
  EXPECT_TRUE(offsets.ended());
  fmt::print("{} kills, {} while the sink wrote: {}\n", kills, in_flow, report.text());
  EXPECT_GT(in_flow, kills / 3);
}

constexpr std::string_view kOffset = " offset=\"";

std::uint64_t offset_in(std::string_view message) {
  std::uint64_t offset = ~std::uint64_t{0};
  if (const std::size_t at = message.find(kOffset); at != std::string_view::npos) {
    message.remove_prefix(at + kOffset.size());
    (void)std::from_chars(message.data(), message.data() + message.size(), offset);
  }
  return offset;
}

// What each of them has got, one line after the other, whichever receiver was there to take it.
LineReport report_of(const Destination& destination, std::uint64_t written) {
  const std::vector<SyslogReceiver::Message> messages = destination.received();
  std::map<std::uint64_t, std::vector<std::string_view>> by_connection;
  for (const SyslogReceiver::Message& message : messages) {
    // What is cut off is a killed slurper's last message, which comes again.
    if (message.whole) by_connection[message.connection].push_back(message.text);
  }
  LineChecker checker;
  for (const auto& [connection, texts] : by_connection) {
    for (const std::string_view text : texts) {
      const std::size_t header = text.find(kOffset);
      checker.feed(text.substr(header == std::string::npos ? 0 : text.find("] ", header) + 2));
      checker.feed("\n");
    }
  }
  return checker.finish({{written}});
}

TEST_F(SinkKill, OthersHaveEachLineAtLeastOnce) {
  const std::uint64_t kills = count_from_env("SLURPER_KILLS", 100, 20);
  const std::uint64_t seed = seed_from_env();
  SCOPED_TRACE(fmt::format("SLURPER_SEED={}", seed));
  std::mt19937_64 random(seed);
  RealRsyslogd::fetch();
  ASSERT_FALSE(HasFailure());

  Site site;
  LineWriter writer(site.fifo, {.writer = 0, .lines = ~0ULL, .per_second = kSanitized ? 1'500U : 15'000U});
  ServerDestination tcp("tcp", By::Tcp, site.ram.path());
  ReaderDestination reader("stdout", site.disk.path());
  ProgramDestination program("exec", site.disk / "exec", "none");
  ProgramDestination confirming("confirm", site.disk / "confirm", "line");
  // Of one slurper killed: what was on its way, and the batch whose end it did not live to note.
  const std::uint64_t in_pipe = kPipe / kShortest + 2 * kBatch;
  const std::uint64_t in_sockets = (kResend + (std::uint64_t{32} << 10)) / kShortest + 2 * kBatch;
  const std::vector<std::pair<Destination*, std::uint64_t>> all = {
      {&tcp, in_sockets}, {&reader, in_pipe}, {&program, in_pipe}, {&confirming, 2 * kBatch}};
  const std::string more = fmt::format("&batch_time=5ms&batch_lines={}", kBatch);
  for (const auto& [destination, bound] : all) {
    destination->up();
    site.sinks.push_back(destination->url() + more + (destination == &tcp ? "&resend=64KiB" : ""));
  }
  const RealRsyslogd rsyslogd(site.disk / "rsyslogd");
  site.sinks.push_back(fmt::format("syslog+tcp://{}?name=rsyslogd&start=beginning&resend=64KiB&probe=false{}",
                                   rsyslogd.target(), more));

  std::uint64_t in_flow = 0;
  std::uint64_t longest = kSanitized ? 400'000 : 100'000;  // microseconds of a life
  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    const std::size_t before = tcp.count();
    Child slurper(site.run(), -1, reader.write_fd());
    ASSERT_TRUE(slurper.said("ready")) << slurper.err();
    std::this_thread::sleep_for(microseconds(random() % longest));
    ASSERT_FALSE(slurper.wait(std::chrono::milliseconds(0))) << "it ended by itself: " << slurper.err();
    slurper.kill();
    if (tcp.count() > before) {
      ++in_flow;
    } else {
      longest += longest / 2;
    }
  }
  Child slurper(site.run(), -1, reader.write_fd());
  ASSERT_TRUE(slurper.said("ready")) << slurper.err();
  ASSERT_TRUE(writer.finish());
  ASSERT_TRUE(eventually([&] { return site.holder.pending() == 0; }));
  const auto status = [&] {  // how many lines each sink has delivered, and how far behind it is
    slurper.signal(SIGUSR2);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const std::string said = slurper.err();
    return said.substr(std::min(said.size(), said.rfind("status: ")));
  };
  EXPECT_TRUE(eventually_by_progress(status, [&] {
    const std::string last = status();
    std::size_t sinks = 0;
    for (auto at = last.find(", 0B behind"); at != std::string::npos; at = last.find(", 0B behind", at + 1))
      ++sinks;
    return sinks == site.sinks.size();
  })) << slurper.err();
  slurper.signal(SIGTERM);
  ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();

  for (const auto& [destination, bound] : all) {
    LineReport report;
    EXPECT_TRUE(eventually([&] { return (report = report_of(*destination, writer.lines())).lost == 0; }));
    fmt::print("{:8} {} kills, {} lines doubled a kill (the bound is {}): {}\n", destination->name(), kills,
               report.duplicated / kills, bound, report.text());
    EXPECT_EQ(report.lost + report.reordered + report.torn + report.invented, 0U) << destination->name();
    EXPECT_LE(report.duplicated, bound * kills) << destination->name();
  }
  fmt::print("{} of {} kills while the sinks wrote\n", in_flow, kills);
  EXPECT_GT(in_flow, kills / 3);

  // rsyslogd escapes what is in the lines, so their offsets identify them.
  std::vector<std::uint64_t> offsets;
  (void)site.log.read([at = std::uint64_t{0}, &offsets](std::string_view bytes) mutable {
    for (const char c : bytes) {
      if (at++ == 0) offsets.push_back(0);
      if (c == '\n') offsets.push_back(at);
    }
  });
  offsets.pop_back();  // the end
  std::vector<int> times(offsets.size());
  EXPECT_TRUE(eventually_by_progress(
      [&] { return rsyslogd.received().size(); },
      [&] {
        std::ranges::fill(times, 0);
        const std::string received = rsyslogd.received();
        for (std::size_t begin = 0, end = 0; (end = received.find('\n', begin)) != std::string::npos;
             begin = end + 1) {
          const auto found = std::ranges::lower_bound(offsets, offset_in({&received[begin], end - begin}));
          if (found != offsets.end()) ++times[static_cast<std::size_t>(found - offsets.begin())];
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        return std::ranges::count(times, 0) == 0;
      }))
      << std::ranges::count(times, 0) << " of " << times.size() << " lines never came to rsyslogd";
}

// Takes what comes, as JSON, into out, and answers OK, until it has taken as many lines as `limit` says.
constexpr std::string_view kTaker = R"sh(cd "$1" && echo OK
while IFS= read -r line; do
  if [ "$(wc -l <out)" -lt "$(cat limit)" ]; then printf '%s\n' "$line" >>out; echo OK; else echo "no more"; fi
done
)sh";

// SIGKILL between two parts of a line: those that come after it have the header that only the first one
// shows, and the filter lets them through.
TEST_F(SinkKill, PartsOfALineKeepItsHeader) {
  constexpr std::size_t kMaxLine = 480;
  const std::string header = "<34>1 2026-11-21T10:00:00Z host big 77 ID - ";
  std::string message;
  for (int i = 0; message.size() < 20 * kMaxLine; ++i) message += fmt::format("{} ", i);
  const std::size_t parts = (header.size() + message.size() + kMaxLine - 1) / kMaxLine;
  for (const std::size_t taken : {std::size_t{1}, std::size_t{2}, parts - 1}) {
    SCOPED_TRACE(taken);
    Site site;
    ASSERT_TRUE(site.holder.write("<13>Nov 21 10:00:00 host small: x\n" + header + message + '\n' +
                                  "<13>Nov 21 10:00:00 host small: y\n"));
    {
      // All of it is in the log when the sink begins: one batch, which does not end within the line.
      Child slurper = site.start();
      ASSERT_TRUE(eventually([&] { return site.log.end() == site.holder.accepted().size(); }));
      slurper.signal(SIGTERM);
      ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();
    }
    write_file(site.disk / "taker", kTaker);
    write_file(site.disk / "out", "");
    write_file(site.disk / "limit", std::to_string(taken));
    site.sinks = {
        fmt::format("exec:/bin/sh?args={}&args={}&name=taker&start=beginning&format=json&confirm=line"
                    "&max_line={}&filter=program = big",
                    site.disk / "taker", site.disk.path(), kMaxLine)};
    {
      Child slurper = site.start();
      ASSERT_TRUE(slurper.said("it answered 'no more'")) << slurper.err();
      slurper.kill();
    }
    write_file(site.disk / "limit", "1000");
    Child slurper = site.start();
    ASSERT_TRUE(eventually([&] {
      return std::ranges::count(content_of(site.disk / "out"), '\n') >= static_cast<std::ptrdiff_t>(parts);
    })) << slurper.err();
    slurper.signal(SIGTERM);
    ASSERT_TRUE(slurper.exits_with(0)) << slurper.err();

    const std::string out = content_of(site.disk / "out");
    OffsetChecker offsets;
    offsets.feed(out);
    EXPECT_EQ(offsets.wrong(), "");
    EXPECT_EQ(offsets.lines(), parts);
    std::string read_back;
    for (std::size_t begin = 0, end = 0; (end = out.find('\n', begin)) != out.npos; begin = end + 1) {
      const std::string_view line = std::string_view(out).substr(begin, end - begin);
      constexpr std::string_view kHeader =
          R"({"time":"2026-11-21T10:00:00.000000Z","host":"host","program":"big","pid":"77","msgid":"ID",)"
          R"("facility":"auth","severity":"crit","msg":")";
      ASSERT_EQ(line.substr(0, kHeader.size()), kHeader);
      read_back += line.substr(kHeader.size(), line.find('"', kHeader.size()) - kHeader.size());
    }
    EXPECT_EQ(read_back, message);
  }
}

}  // namespace
}  // namespace slurper::test
