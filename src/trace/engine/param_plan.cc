#include "trace/engine/param_plan.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "trace/engine/call_shape.h"
#include "trace/engine/flags.h"
#include "trace/engine/socket_values.h"

namespace slurper {

namespace {

using Source = ParamStep::Source;
using Change = ParamStep::Change;

// The number of the argument that `params`, "fd=1 size=3", names for the parameter.
std::optional<std::uint8_t> argument_of(std::string_view params, std::string_view name) {
  while (!params.empty()) {
    const std::size_t end = std::min(params.find(' '), params.size());
    const std::string_view one = params.substr(0, end);
    if (one.substr(0, one.find('=')) == name) return static_cast<std::uint8_t>(one.back() - '1');
    params.remove_prefix(std::min(end + 1, params.size()));
  }
  return std::nullopt;
}

struct NamedSource {
  std::string_view name;
  Source source;
};

// Numbers that are no argument of the call.
constexpr NamedSource kNamed[] = {
    {"size", Source::Requested},     {"dev", Source::Device},        {"ino", Source::Inode},
    {"fd1", Source::PairFirst},      {"fd2", Source::PairSecond},    {"source", Source::UnixOwn},
    {"peer", Source::UnixPeer},      {"flags", Source::HowFlags},    {"mode", Source::HowMode},
    {"resolve", Source::HowResolve}, {"interval", Source::Interval}, {"ruid", Source::RealUid},
    {"euid", Source::EffectiveUid},  {"suid", Source::SavedUid},     {"uid", Source::RealUid},
    {"rgid", Source::RealGid},       {"egid", Source::EffectiveGid}, {"gid", Source::RealGid},
};

Change change_of(std::string_view call, const Param& param) {
  if (param.type == ParamType::Fd) return Change::Fd;
  if (param.symbols == find_symbols("open")) return Change::OpenFlags;
  if (param.symbols == find_symbols("clone")) return Change::CloneFlags;
  if (param.symbols == find_symbols("mmap")) return Change::MmapFlags;
  if (call == "fcntl" && param.name == "cmd") return Change::Fcntl;
  return Change::None;
}

Source source_of_variable(ParamType type, bool first_path, bool is_exit) {
  switch (type) {
    case ParamType::Text:
    case ParamType::Path:
    case ParamType::RelPath:
      return first_path ? Source::Path : Source::Path2;
    case ParamType::Bytes:
      return Source::Data;
    case ParamType::SockAddr:
      return Source::Address;
    case ParamType::Tuple:
      return Source::Tuple;
    case ParamType::FdList:
      return is_exit ? Source::PollReady : Source::PollSet;
    default:
      return Source::Zero;
  }
}

ParamStep step_of(const CallReading& reading, const EventInfo& event, std::size_t i, bool& first_path) {
  const Param& param = event.params[i];
  ParamStep step;
  step.size = size_of(param.type);
  step.change = change_of(reading.name, param);
  if (step.size == 0) {
    step.is_text =
        param.type == ParamType::Text || param.type == ParamType::Path || param.type == ParamType::RelPath;
    step.source = source_of_variable(param.type, first_path, event.is_exit);
    if (step.is_text) first_path = false;
    return step;
  }
  const auto named = std::ranges::find(kNamed, param.name, &NamedSource::name);
  if (event.is_exit && i == 0) {
    step.source = Source::Result;
    step.change = Change::None;
  } else if (const auto argument = argument_of(reading.params, param.name)) {
    step.source = Source::Argument;
    step.argument = *argument;
  } else if (named != std::end(kNamed)) {
    step.source = named->source;
  }
  return step;
}

std::vector<ParamStep> steps_of(const CallReading& reading, std::uint16_t type) {
  std::vector<ParamStep> steps;
  const EventInfo* const event = event_info(type);
  if (event == nullptr) return steps;
  bool first_path = true;
  for (std::size_t i = 0; i < event->classic_params; ++i)
    steps.push_back(step_of(reading, *event, i, first_path));
  return steps;
}

ParamStep literal(Source source, std::uint16_t value) {
  ParamStep step;
  step.source = source;
  step.size = 2;
  step.literal = value;
  return step;
}

std::uint64_t read_u64(std::string_view data, std::size_t at) {
  std::uint64_t value = 0;
  if (data.size() >= at + sizeof value) std::memcpy(&value, data.data() + at, sizeof value);
  return value;
}

std::int64_t read_i32(std::string_view data, std::size_t at) {
  std::int32_t value = -1;
  if (data.size() >= at + sizeof value) std::memcpy(&value, data.data() + at, sizeof value);
  return value;
}

std::uint64_t changed(Change change, std::uint64_t value) {
  switch (change) {
    case Change::None:
      return value;
    case Change::OpenFlags:
      return scap_open_flags(value);
    case Change::CloneFlags:
      return scap_clone_flags(value);
    case Change::MmapFlags:
      return scap_mmap_flags(value);
    case Change::Fcntl:
      return scap_fcntl_command(value);
    case Change::Fd:
      // An int, whatever the upper half of the register holds. AT_FDCWD is -100 in the format, too.
      return static_cast<std::uint64_t>(std::int64_t{static_cast<std::int32_t>(value)});
  }
  return value;
}

std::uint64_t number_of(const ParamStep& step, const RecordView& view, const UnixConnection* connection) {
  const TraceRecord& record = *view.record;
  switch (step.source) {
    case Source::Argument:
      return record.args[step.argument];
    case Source::Result:
      return static_cast<std::uint64_t>(record.result);
    case Source::Requested:
      return record.requested;
    case Source::Device:
      return device_for_programs(record.object.dev);
    case Source::Inode:
      return record.object.ino;
    case Source::PairFirst:
      return static_cast<std::uint64_t>(read_i32(view.data, 0));
    case Source::PairSecond:
      return static_cast<std::uint64_t>(read_i32(view.data, 4));
    case Source::UnixOwn:
      return connection == nullptr ? 0 : as_hexadecimal_digits(connection->server);
    case Source::UnixPeer:
      return connection == nullptr ? 0 : as_hexadecimal_digits(connection->client);
    case Source::HowFlags:
      return read_u64(view.data, 0);
    case Source::HowMode:
      return read_u64(view.data, 8);
    case Source::HowResolve:
      return read_u64(view.data, 16);
    case Source::Interval:
      return read_u64(view.data, 0) * 1'000'000'000 + read_u64(view.data, 8);
    case Source::RealUid:
      return record.ruid;
    case Source::EffectiveUid:
      return record.euid;
    case Source::SavedUid:
      return record.suid;
    case Source::RealGid:
      return record.rgid;
    case Source::EffectiveGid:
      return record.egid;
    case Source::SysdigId:
    case Source::CallNumber:
      return step.literal;
    default:
      return 0;
  }
}

std::string_view without_nul(std::string_view text) {
  return text.substr(0, text.find('\0'));
}

void fill_variable(const ParamStep& step, const RecordView& view, const UnixConnection* connection,
                   bool inbound, ScapParams& params) {
  switch (step.source) {
    case Source::Path:
      // As sysdig's own recorders have it: without its NUL, the memory could not be read.
      return params.add_text(view.path.empty() ? "<NA>" : without_nul(view.path));
    case Source::Path2:
      return params.add_text(without_nul(view.path2));
    case Source::Data:
      return params.add(view.data);
    case Source::Address:
      return params.add(socket_address_value(view.address));
    case Source::Tuple:
      return params.add(tuple_value(view.record->object, connection, view.address, inbound));
    case Source::PollSet:
      return params.add(poll_value(view.data, false));
    case Source::PollReady:
      return params.add(poll_value(view.data, true));
    default:
      if (step.is_text) return params.add_text("");
      return params.add("");
  }
}

}  // namespace

RecordView view_of(std::string_view bytes) {
  RecordView view;
  if (bytes.size() < sizeof(TraceRecord)) return view;
  // The ring buffer's records are aligned.
  const auto* const record = reinterpret_cast<const TraceRecord*>(bytes.data());
  bytes.remove_prefix(sizeof(TraceRecord));
  const auto cut = [&bytes](std::size_t size) {
    const std::string_view piece = bytes.substr(0, size);
    bytes.remove_prefix(piece.size());
    return piece;
  };
  view.path = cut(record->path_size);
  view.path2 = cut(record->path2_size);
  view.address = cut(record->address_size);
  view.data = cut(record->data_size);
  view.bound = cut(record->bound_size);
  view.waker = cut(record->waker_size);
  view.record = record;
  return view;
}

std::string path_of_parts(std::string_view pieces) {
  if (pieces.starts_with('/')) return std::string(pieces.substr(0, pieces.find('\0')));
  std::string path;
  while (!pieces.empty()) {
    const std::string_view part = pieces.substr(0, pieces.find('\0'));
    path.insert(0, part).insert(0, 1, '/');
    pieces.remove_prefix(std::min(part.size() + 1, pieces.size()));
  }
  return path;
}

CallPlan plan_of(std::uint16_t number) {
  CallPlan plan;
  const Call* const call = find_call(number);
  const auto reading_of = [call] {
    static constexpr CallReading kUnread{};
    if (call == nullptr) return kUnread;
    const auto found = std::ranges::find(call_readings(), call->name, &CallReading::name);
    return found == call_readings().end() ? kUnread : *found;
  };
  const CallReading reading = reading_of();
  plan.names_file = (reading.shape.flags & ShapeNamed) != 0;
  const std::uint16_t id = call == nullptr ? std::uint16_t{0} : call->sysdig_id;
  if (call == nullptr || call->event == kGenericEnter) {
    plan.enter = {literal(Source::SysdigId, id), literal(Source::CallNumber, number)};
    plan.exit = {literal(Source::SysdigId, id)};
    return plan;
  }
  plan.is_generic = false;
  plan.enter_type = call->event;
  plan.enter = steps_of(reading, call->event);
  plan.exit = steps_of(reading, static_cast<std::uint16_t>(call->event + 1));
  return plan;
}

void fill_params(const std::vector<ParamStep>& steps, const RecordView& view,
                 const UnixConnection* connection, bool inbound, ScapParams& params) {
  params.clear();
  for (const ParamStep& step : steps) {
    if (step.size == 0) {
      fill_variable(step, view, connection, inbound, params);
    } else {
      params.add_number(changed(step.change, number_of(step, view, connection)), step.size);
    }
  }
}

}  // namespace slurper
