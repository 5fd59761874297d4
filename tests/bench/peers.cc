#include "bench/peers.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "bench/asked.h"

namespace slurper::bench {

namespace {

namespace fs = std::filesystem;

// The ring's size, the pipe's and everything else as an operator gets them.
std::string run_slurper(const Programs& programs, std::string_view log, std::string_view more) {
  return fmt::format("{} run --fifo {{fifo}} --log {} --set ring.directory={{ram}}{}{}", programs.slurper,
                     log, more.empty() ? "" : " --sink ", more);
}

std::vector<Peer> readers(const Programs& programs) {
  return {
      {.name = "cat", .command = "cat 0<>{fifo} >>{out}"},
      {.name = "slurper", .command = run_slurper(programs, "{out}", ""), .notifies = true},
      {.name = "loop", .command = programs.loop.native() + " {fifo} {out} 1000"},
      {.name = "loop0", .command = programs.loop.native() + " {fifo} {out}"},
  };
}

std::vector<Peer> sinks(const Programs& programs) {
  const auto slurper = [&](std::string_view sink) { return run_slurper(programs, "{out}", sink); };
  const std::string tcp = slurper("syslog+tcp://127.0.0.1:{port}");
  return {
      {.name = "none", .command = slurper("")},
      {.name = "json", .command = slurper("'file:{disk}/sink?format=json'")},
      {.name = "down", .command = tcp, .receiver = Habit::Down},
      {.name = "slow", .command = tcp, .receiver = Habit::Slow},
      {.name = "tcp", .command = tcp, .receiver = Habit::Discards},
      {.name = "exec", .command = slurper("'exec:/usr/bin/wc?args=-c'")},
  };
}

// Programs that are unpacked below a folder, not installed.
class Unpacked {
 public:
  explicit Unpacked(fs::path root) : root_(std::move(root)) {}

  [[nodiscard]] fs::path program(std::string_view name) const { return root_ / "usr/sbin" / name; }
  // usr/lib/x86_64-linux-gnu, whatever this machine's processor is.
  [[nodiscard]] fs::path libraries() const {
    return child_of(root_ / "usr/lib", [](const std::string& name) { return name.ends_with("-linux-gnu"); });
  }
  [[nodiscard]] fs::path syslog_ng_modules() const {
    return child_of(root_ / "usr/lib/syslog-ng",
                    [](const std::string& name) { return name.starts_with("3."); });
  }
  [[nodiscard]] std::string environment() const {
    return fmt::format("env LD_LIBRARY_PATH={}:{}", libraries().native(),
                       (root_ / "usr/lib/syslog-ng").native());
  }

 private:
  template <typename Wanted>
  static fs::path child_of(const fs::path& folder, Wanted wanted) {
    std::error_code missing;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, missing)) {
      if (wanted(entry.path().filename().native())) return entry.path();
    }
    return {};
  }

  fs::path root_;
};

// Queues and batches that are larger than the defaults, which are made for little memory.
Peer rsyslog(const Unpacked& unpacked, std::string_view action) {
  constexpr std::string_view kConfig = R"(global(workDirectory="{ram}")
module(load="imptcp")
main_queue(queue.type="FixedArray" queue.size="200000" queue.dequeueBatchSize="2000")
input(type="imptcp" path="{fifo}")
template(name="json" type="list" option.jsonf="on") {
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="program" name="programname" format="jsonf")
  property(outname="pid" name="procid" format="jsonf")
  property(outname="msg" name="msg" format="jsonf")
  property(outname="arrival" name="timegenerated" dateFormat="rfc3339" format="jsonf")
}
)";
  return {.name = "rsyslog",
          .command =
              fmt::format("{} {} -n -i NONE -M {} -f {{disk}}/config", unpacked.environment(),
                          unpacked.program("rsyslogd").native(), (unpacked.libraries() / "rsyslog").native()),
          .config = std::string(kConfig) + std::string(action) + '\n',
          .by_socket = true};
}

Peer syslog_ng(const Unpacked& unpacked, std::string_view destination) {
  constexpr std::string_view kConfig = R"(
options { use-dns(no); dns-cache(no); stats-freq(0); log-fifo-size(200000); };
source lines { unix-stream("{fifo}" log-iw-size(100000) log-fetch-limit(1000)); };
)";
  const fs::path modules = unpacked.syslog_ng_modules();
  return {.name = "syslog-ng",
          .command =
              fmt::format("{} {} -F --no-caps -f {{disk}}/config -R {{disk}}/persist -c {{disk}}/control "
                          "-p {{disk}}/pid --module-path={}",
                          unpacked.environment(), unpacked.program("syslog-ng").native(), modules.native()),
          .config = fmt::format("@version: {}{}destination there {{ {} }};\n"
                                "log {{ source(lines); destination(there); flags(flow-control); }};\n",
                                modules.filename().native(), kConfig, destination),
          .by_socket = true};
}

// Each as JSON to a file, and as RFC 5424 in lines over TCP.
std::vector<Peer> forwarders(const Programs& programs) {
  const Unpacked unpacked(programs.syslogds);
  const std::string log = "{disk}/log";
  std::vector<Peer> peers = {
      {.name = "slurper", .command = run_slurper(programs, log, "'file:{out}?format=json&start=beginning'")},
      rsyslog(unpacked, R"(action(type="omfile" file="{out}" template="json"))"),
      syslog_ng(unpacked, R"(file("{out}" template("$(format-json time=$ISODATE host=$HOST program=$PROGRAM )"
                          R"(pid=$PID msg=$MESSAGE arrival=$R_ISODATE)\n"));)"),
      {.name = "slurper",
       .command = run_slurper(programs, log,
                              "'syslog+tcp://127.0.0.1:{port}?framing=lf&start=beginning&probe=false'"),
       .receiver = Habit::Counts},
      rsyslog(unpacked, R"(action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" )"
                        R"(template="RSYSLOG_SyslogProtocol23Format"))"),
      syslog_ng(unpacked, R"(network("127.0.0.1" port({port}) transport("tcp") flags(syslog-protocol));)"),
  };
  for (Peer& peer : peers) {
    if (peer.config.find("{port}") != std::string::npos) peer.receiver = Habit::Counts;
  }
  std::erase_if(peers, [&](const Peer& peer) {
    const fs::path program = unpacked.program(peer.name.starts_with("rsyslog") ? "rsyslogd" : "syslog-ng");
    if (peer.config.empty() || fs::exists(program)) return false;
    fmt::print(stderr, "slurper_bench: '{}' is missing, leaving {} out\n", program.native(), peer.name);
    return true;
  });
  return peers;
}

std::vector<Peer> recorders(const Programs& programs) {
  return {
      {.name = "untraced", .command = ""},
      {.name = "traced", .command = programs.recorder + " --engine bpf -w {out} -p {pid}"},
  };
}

// The same ten minutes, by the times of arrival and by how the lines begin.
std::vector<Peer> questions(const Programs& programs) {
  return {
      {.name = "slurper",
       .command = fmt::format("{} tail --no-follow --since {} --until {} {{log}} >{{out}}", programs.slurper,
                              WeekOfLines::first_moment(), WeekOfLines::last_moment())},
      {.name = "zstdcat",
       .command = fmt::format("sh -c '(zstdcat {{log}}.*.zst; cat {{log}}) | LC_ALL=C grep \"^{}\" >{{out}}'",
                              WeekOfLines::beginning_of_lines())},
  };
}

std::vector<Peer> lookers(const Programs& programs) {
  const std::string inspect = programs.slurper + " inspect {fifo} >{out}";
  return {
      {.name = "lsof", .command = "lsof {fifo} >{out}"},
      {.name = "fuser", .command = "fuser {fifo} >{out}"},
      {.name = "inspect", .command = inspect},
      {.name = "inspect, no BPF", .command = "env SLURPER_PIPES_PROGRAM=/nonexistent " + inspect},
  };
}

std::vector<Peer> all_of(Field field, const Programs& programs) {
  switch (field) {
    case Field::Readers:
      return readers(programs);
    case Field::Sinks:
      return sinks(programs);
    case Field::Forwarders:
      return forwarders(programs);
    case Field::Recorders:
      return recorders(programs);
    case Field::Questions:
      return questions(programs);
    case Field::Lookers:
      return lookers(programs);
  }
  std::unreachable();
}

}  // namespace

std::vector<Peer> peers_of(Field field, const Programs& programs) {
  std::vector<Peer> peers = all_of(field, programs);
  if (!fs::exists(programs.slurper)) {
    fmt::print(stderr, "slurper_bench: '{}' is missing, leaving slurper out\n", programs.slurper);
    std::erase_if(peers, [&](const Peer& peer) { return peer.command.starts_with(programs.slurper); });
  }
  return peers;
}

}  // namespace slurper::bench
