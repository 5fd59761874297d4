// What the sink `syslog` costs for itself, with a receiver on the same machine that reads and throws away:
// lines are parsed, written as messages, framed and sent. The yardstick, the same bytes of the lines as they
// are through the same socket, must run in between.
//
//   syslog_bench --benchmark_enable_random_interleaving=true --benchmark_repetitions=9
//                --benchmark_report_aggregates_only=true
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <sys/resource.h>

#include <thread>

#include "sink/receiver.h"
#include "sink/sink_site.h"
#include "sink/syslog/syslog_sink.h"

namespace slurper {
namespace {

constexpr int kBatch = 2000;

double cpu_seconds() {
  rusage usage{};
  (void)::getrusage(RUSAGE_THREAD, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Takes one connection, and all that comes.
class Discarder {
 public:
  Discarder() : thread_([this] { run(); }) {}
  ~Discarder() { thread_.join(); }
  Discarder(const Discarder&) = delete;
  Discarder& operator=(const Discarder&) = delete;
  [[nodiscard]] std::string target() const { return server_.target(); }
  [[nodiscard]] std::uint16_t port() const { return server_.port(); }

 private:
  void run() const {
    const UniqueFd connection = server_.accept();
    std::vector<char> buffer(std::size_t{256} << 10);
    while (::read(connection.get(), buffer.data(), buffer.size()) > 0) continue;
  }

  test::TcpServer server_;
  std::thread thread_;
};

// 150 bytes each.
std::vector<std::string> lines_for(std::string_view header) {
  std::vector<std::string> lines;
  lines.reserve(kBatch);
  for (int i = 0; i < kBatch; ++i) {
    lines.push_back(fmt::format("{}Accepted publickey for user{} from 192.0.2.{} port {} ssh2: ", header, i,
                                i % 250, 40'000 + i));
    lines.back().resize(150, 'x');
  }
  return lines;
}

constexpr std::string_view kBsd = "<38>Nov 21 22:14:15 host sshd[4711]: ";
constexpr std::string_view kNew = "<38>1 2026-11-21T22:14:15.123456Z host sshd 4711 - - ";

void count(benchmark::State& state, double cpu_before) {
  const double lines = static_cast<double>(state.iterations()) * kBatch;
  state.SetItemsProcessed(state.iterations() * kBatch);
  state.counters["cpu_s_per_Mline"] = (cpu_seconds() - cpu_before) / lines * 1e6;
}

void raw_bytes(benchmark::State& state) {
  const Discarder receiver;
  std::string text;
  for (const std::string& line : lines_for(kBsd)) text += line + '\n';
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(receiver.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) std::abort();
  const double before = cpu_seconds();
  for (auto _ : state) {
    if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
  }
  count(state, before);
}
BENCHMARK(raw_bytes)->UseRealTime();

void sink(benchmark::State& state, std::string_view header, const SinkSite::Pairs& settings) {
  const Discarder receiver;
  SinkSite site;
  SinkSite::Pairs all = settings;
  all.emplace_back("target", receiver.target());
  const auto sink = std::move(*site.make(syslog_sink(), all));
  if (!site.open(*sink)) std::abort();
  const std::vector<std::string> lines = lines_for(header);
  std::vector<Record> records;
  std::uint64_t offset = 0;
  const double before = cpu_seconds();
  for (auto _ : state) {
    records.clear();
    for (const std::string& line : lines) {
      const std::uint64_t next = offset + line.size() + 1;
      records.emplace_back(site.context().log_id, offset, next, line, Part::Whole, Timestamp(),
                           &parse_syslog_header);
      offset = next;
    }
    if (!site.deliver(*sink, records)) std::abort();
  }
  count(state, before);
  sink->close();
}
BENCHMARK_CAPTURE(sink, rfc5424_from_rfc3164, kBsd, SinkSite::Pairs{})->UseRealTime();
BENCHMARK_CAPTURE(sink, rfc5424_from_rfc5424, kNew, SinkSite::Pairs{})->UseRealTime();
BENCHMARK_CAPTURE(sink, rfc3164_from_rfc3164, kBsd, SinkSite::Pairs{{"format", "rfc3164"}})->UseRealTime();
BENCHMARK_CAPTURE(sink, rfc5424_lf, kBsd, SinkSite::Pairs{{"framing", "lf"}})->UseRealTime();

}  // namespace
}  // namespace slurper
