// The status report as JSON: one list of members for both directions.
#include <type_traits>

#include "base/text.h"
#include "control/control_request.h"
#include "control/json.h"
#include "control/json_text.h"
#include "control/status_report.h"

namespace slurper {

namespace {

template <typename Visitor, typename Report>
void visit(Visitor& member, Report& report)
  requires std::is_same_v<std::remove_const_t<Report>, StatusReport>
{
  member("slurper", report.slurper);
  member("pid", report.pid);
  member("started_at", report.started_at);
  member("now", report.now);
  member("alerts", report.alerts);
  member("rates", report.rates);
  member("fifo", report.fifo);
  member("ring", report.ring);
  member("log", report.log);
  member("ledger", report.ledger);
  member("ledger_is_balanced", report.ledger_is_balanced);
  member("dropped", report.dropped);
  member("quarantine", report.quarantine);
  member("sinks", report.sinks);
}

template <typename Visitor, typename Alarm>
void visit(Visitor& member, Alarm& alarm)
  requires std::is_same_v<std::remove_const_t<Alarm>, StatusReport::Alarm>
{
  member("name", alarm.name);
  member("title", alarm.title);
  member("subject", alarm.subject);
  member("cause", alarm.cause);
}

template <typename Visitor, typename Rate>
void visit(Visitor& member, Rate& rate)
  requires std::is_same_v<std::remove_const_t<Rate>, StatusReport::Rate>
{
  member("window_seconds", rate.window_seconds);
  member("bytes_per_second", rate.bytes_per_second);
  member("lines_per_second", rate.lines_per_second);
}

template <typename Visitor, typename Fifo>
void visit(Visitor& member, Fifo& fifo)
  requires std::is_same_v<std::remove_const_t<Fifo>, StatusReport::Fifo>
{
  member("path", fifo.path);
  member("device", fifo.device);
  member("inode", fifo.inode);
  member("pipe_size", fifo.pipe_size);
  member("held", fifo.held);
  member("most_held", fifo.most_held);
  member("times_full", fifo.times_full);
  member("time_full", fifo.time_full);
  member("writers", fifo.writers);
  member("readers", fifo.readers);
  member("sees_all_processes", fifo.sees_all_processes);
  member("second_readers", fifo.second_readers);
  member("short_reads", fifo.short_reads);
  member("taken_by_others", fifo.taken_by_others);
}

template <typename Visitor, typename Ring>
void visit(Visitor& member, Ring& ring)
  requires std::is_same_v<std::remove_const_t<Ring>, StatusReport::RingFill>
{
  member("folder", ring.folder);
  member("size", ring.size);
  member("held", ring.held);
  member("most_held", ring.most_held);
}

template <typename Visitor, typename Log>
void visit(Visitor& member, Log& log)
  requires std::is_same_v<std::remove_const_t<Log>, StatusReport::Log>
{
  member("path", log.path);
  member("device", log.device);
  member("inode", log.inode);
  member("end", log.end);
  member("synced", log.synced);
  member("synced_at", log.synced_at);
  member("lines", log.lines);
  member("rotations", log.rotations);
  member("segments", log.segments);
  member("segment_bytes", log.segment_bytes);
}

template <typename Visitor, typename OneLedger>
void visit(Visitor& member, OneLedger& ledger)
  requires std::is_same_v<std::remove_const_t<OneLedger>, Ledger>
{
  member("received", ledger.received);
  member("inherited", ledger.inherited);
  member("logged", ledger.logged);
  member("held", ledger.held);
  member("dropped", ledger.dropped);
}

template <typename Visitor, typename Dropped>
void visit(Visitor& member, Dropped& dropped)
  requires std::is_same_v<std::remove_const_t<Dropped>, StatusReport::Dropped>
{
  member("lines", dropped.lines);
  member("bytes", dropped.bytes);
}

template <typename Visitor, typename Quarantine>
void visit(Visitor& member, Quarantine& quarantine)
  requires std::is_same_v<std::remove_const_t<Quarantine>, StatusReport::Quarantine>
{
  member("bytes", quarantine.bytes);
  member("recover", quarantine.recover);
}

template <typename Visitor, typename Sink>
void visit(Visitor& member, Sink& sink)
  requires std::is_same_v<std::remove_const_t<Sink>, StatusReport::Sink>
{
  member("name", sink.name);
  member("state", sink.state);
  member("cursor", sink.cursor);
  member("lag_bytes", sink.lag_bytes);
  member("waiting_since", sink.waiting_since);
  member("lines", sink.lines);
  member("bytes", sink.bytes);
  member("in_flight", sink.in_flight);
  member("retries", sink.retries);
  member("refused", sink.refused);
  member("missed", sink.missed);
  member("latency", sink.latency);
  member("shown", sink.shown);
  member("last_error", sink.last_error);
  member("failed_at", sink.failed_at);
}

class Writer {
 public:
  explicit Writer(JsonText& json) : json_(json) {}

  // A text that is no UTF-8 is shown as far as possible, and given byte by byte beside that.
  void operator()(std::string_view name, const std::string& text) {
    json_.name(name);
    write(text);
    if (is_utf8(text)) return;
    json_.name(std::string(name) + "_base64");
    json_.base64(text);
  }
  template <typename Value>
  void operator()(std::string_view name, const Value& value) {
    json_.name(name);
    write(value);
  }

 private:
  void write(const std::string& text) { json_.string(text); }
  void write(std::uint64_t number) { json_.number(number); }
  void write(bool flag) { json_.flag(flag); }
  template <typename Value>
  void write(const std::vector<Value>& values) {
    json_.begin('[');
    for (const Value& value : values) {
      json_.item();
      write(value);
    }
    json_.end(']');
  }
  template <typename Object>
  void write(const Object& object) {
    json_.begin('{');
    visit(*this, object);
    json_.end('}');
  }

  JsonText& json_;
};

class Reader {
 public:
  explicit Reader(const Json& object) : object_(object) {}

  template <typename Value>
  void operator()(const char* name, Value& value) {
    if (const auto member = object_.find(name); member != object_.end()) read(*member, value);
  }

 private:
  static void read(const Json& json, std::string& text) {
    if (json.is_string()) text = json.get_ref<const std::string&>();
  }
  static void read(const Json& json, std::uint64_t& number) {
    if (json.is_number_unsigned()) number = json.get<std::uint64_t>();
  }
  static void read(const Json& json, bool& flag) { flag = json == true; }
  template <typename Value>
  static void read(const Json& json, std::vector<Value>& values) {
    if (!json.is_array()) return;
    for (const Json& item : json) read(item, values.emplace_back());
  }
  template <typename Object>
  static void read(const Json& json, Object& object) {
    Reader reader(json);
    visit(reader, object);
  }

  const Json& object_;
};

}  // namespace

std::string to_json(const StatusReport& report) {
  JsonText json;
  json.begin('{');
  json.name("version");
  json.number(kControlVersion);
  json.name("health");
  json.string(report.is_healthy() ? "healthy" : "degraded");
  Writer writer(json);
  visit(writer, report);
  json.end('}');
  return json.take();
}

std::optional<StatusReport> parse_report(std::string_view text) {
  const std::optional<Json> json = parse_json(text);
  if (!json || !json->contains("health")) return std::nullopt;
  StatusReport report;
  Reader reader(*json);
  visit(reader, report);
  return report;
}

}  // namespace slurper
