// journald_driver LOG CURSOR BATCH [KEY=VALUE]... - delivers the lines of the file LOG, as it grows, to the
// sink `journald`, as the daemon does it: from the offset in the file CURSOR on, which it moves, and back to
// it after an error, which it prints. Rejected lines are printed, too. Ends with TERM; with 3 when the loop
// is found.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/os.h"
#include "record/syslog_header.h"
#include "service/phrase_table.h"
#include "sink/acks.h"
#include "sink/journald/journald_sink.h"
#include "sink/options.h"
#include "sink/registry.h"
#include "support/text_of.h"

namespace slurper {

using test::text_of;
namespace {

using namespace std::chrono_literals;

std::uint64_t read_cursor(const std::string& path) {
  std::uint64_t offset = 0;
  std::ifstream(path) >> offset;
  return offset;
}

void write_cursor(const std::string& path, std::uint64_t offset) {
  const std::string next = path + ".new";
  std::ofstream(next) << offset << '\n';
  if (std::rename(next.c_str(), path.c_str()) != 0) std::abort();
}

// Lines of "<PRI>…" have facility and severity, "program[pid]: " a program: enough of a parser for here.
void parse(std::string_view line, Timestamp arrival, SyslogHeader& header) {
  parse_syslog_header(line, arrival, header);
  if (header.format != HeaderFormat::None) return;
  unsigned pri = 0;
  if (line.starts_with('<')) {
    const std::size_t end = line.find('>');
    (void)std::from_chars(line.begin() + 1, line.end(), pri);
    header.facility = static_cast<std::uint8_t>(pri / 8);
    header.severity = static_cast<std::uint8_t>(pri % 8);
    line.remove_prefix(end + 1);
  }
  const std::size_t bracket = line.find('[');
  const std::size_t colon = line.find("]: ");
  if (bracket != std::string_view::npos && colon != std::string_view::npos && bracket < colon) {
    header.program = line.substr(0, bracket);
    header.pid = line.substr(bracket + 1, colon - bracket - 1);
    line.remove_prefix(colon + 3);
  }
  header.message = line;
}

class Driver {
 public:
  Driver(const std::string& log, std::string cursor, std::size_t batch, int stop_fd)
      : log_(::open(log.c_str(), O_RDONLY | O_CLOEXEC)),
        cursor_(std::move(cursor)),
        batch_(batch),
        stop_fd_(stop_fd) {
    context_.name = "test";
    context_.log_id.fill(7);
    context_.acks = acks_;
    context_.stop_fd = stop_fd;
    context_.say = [](Level, const Phrase& text) { fmt::print("{}\n", to_text(text)); };
  }

  int run(Sink& sink) {
    for (std::uint64_t held = read_cursor(cursor_); !stopped();) {
      const auto opened = test::open(sink, context_);
      if (!opened) {
        if (tell(opened.error())) return 3;
        std::this_thread::sleep_for(100ms);
        continue;
      }
      std::uint64_t next = held;
      while (!stopped()) {
        const auto records = read(next);
        if (records.empty()) {
          std::this_thread::sleep_for(1ms);
          continue;
        }
        const auto delivered = test::deliver(sink, context_, records);
        write_cursor(cursor_, held = std::max(held, acks_->acked()));
        if (!delivered) {
          if (tell(delivered.error())) return 3;
          break;
        }
        for (const test::Refused& rejection : delivered->rejected)
          fmt::print("rejected: {}: {}\n", records[rejection.index].raw(), to_text(rejection.reason));
        next = records.back().next_offset();
        // As the runner, which hands over what follows, and keeps the cursor if something is in flight.
        if (held < next) next = held;
      }
      sink.close();
      std::this_thread::sleep_for(100ms);
    }
    return 0;
  }

 private:
  // Whether it is for good.
  static bool tell(const Error& error) {
    fmt::print("error: {}\n", to_text(error));
    (void)std::fflush(stdout);
    return error.kind == ErrorKind::Loop;
  }

  [[nodiscard]] bool stopped() const {
    pollfd stop = {.fd = stop_fd_, .events = POLLIN, .revents = 0};
    return ::poll(&stop, 1, 0) == 1;
  }

  std::vector<Record> read(std::uint64_t offset) {
    bytes_.resize(std::size_t{4} << 20);
    const ssize_t size = kernel().pread(log_.get(), bytes_.data(), bytes_.size(), static_cast<off_t>(offset));
    std::string_view rest(bytes_.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    std::vector<Record> records;
    for (std::size_t end = 0; records.size() < batch_ && (end = rest.find('\n')) != std::string_view::npos;) {
      const auto now = std::chrono::time_point_cast<Timestamp::duration>(std::chrono::system_clock::now());
      records.emplace_back(context_.log_id, offset, offset + end + 1, rest.substr(0, end), Part::Whole, now,
                           &parse);
      offset += end + 1;
      rest.remove_prefix(end + 1);
    }
    return records;
  }

  std::shared_ptr<test::RecordedAcks> acks_ = std::make_shared<test::RecordedAcks>();
  UniqueFd log_;
  std::string cursor_;
  std::size_t batch_;
  int stop_fd_;
  SinkContext context_;
  std::string bytes_;
};

int drive(const std::vector<std::string>& args) {
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  (void)::sigprocmask(SIG_BLOCK, &term, nullptr);
  const UniqueFd stop_fd(::signalfd(-1, &term, SFD_CLOEXEC | SFD_NONBLOCK));

  SinkSettings settings{.name = "test", .type = "journald", .place = "here", .options = {}};
  for (std::size_t i = 3; i < args.size(); ++i) {
    const std::size_t equals = args[i].find('=');
    settings.options.push_back({.name = args[i].substr(0, equals),
                                .values = {args[i].substr(equals + 1)},
                                .is_list = false,
                                .place = "here"});
  }
  ConfiguredOptions options(settings, settings_of(journald_sink()));
  const auto sink = journald_sink().make(options);
  if (const Status good = options.check(); !good) {
    fmt::print("{}\n", text_of(good.error()));
    return 64;
  }
  return Driver(args[0], args[1], std::stoul(args[2]), stop_fd.get()).run(*sink);
}

}  // namespace
}  // namespace slurper

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + 1, argv + argc);
  return args.size() < 3 ? 64 : slurper::drive(args);
}
