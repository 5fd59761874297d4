#include "trace/call_table.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "trace/event_rows.h"

namespace slurper {

namespace {

struct TypeName {
  std::string_view name;
  ParamType type;
  NumberBase base = NumberBase::Decimal;
};

constexpr std::array kTypes = {
    TypeName{"fd", ParamType::Fd},
    TypeName{"errno", ParamType::Errno},
    TypeName{"pid", ParamType::Pid},
    TypeName{"i8", ParamType::Int8},
    TypeName{"i16", ParamType::Int16},
    TypeName{"i32", ParamType::Int32},
    TypeName{"i64", ParamType::Int64},
    TypeName{"u8", ParamType::UInt8},
    TypeName{"u16", ParamType::UInt16},
    TypeName{"u32", ParamType::UInt32},
    TypeName{"u64", ParamType::UInt64},
    TypeName{"x32", ParamType::UInt32, NumberBase::Hexadecimal},
    TypeName{"x64", ParamType::UInt64, NumberBase::Hexadecimal},
    TypeName{"o32", ParamType::UInt32, NumberBase::Octal},
    TypeName{"flags8", ParamType::Flags8},
    TypeName{"flags16", ParamType::Flags16},
    TypeName{"flags32", ParamType::Flags32},
    TypeName{"mode", ParamType::Mode, NumberBase::Octal},
    TypeName{"signal", ParamType::Signal},
    TypeName{"uid", ParamType::Uid},
    TypeName{"gid", ParamType::Gid},
    TypeName{"sigset", ParamType::SigSet},
    TypeName{"reltime", ParamType::RelTime},
    TypeName{"syscall", ParamType::Syscall},
    TypeName{"text", ParamType::Text},
    TypeName{"path", ParamType::Path},
    TypeName{"relpath", ParamType::RelPath},
    TypeName{"bytes", ParamType::Bytes},
    TypeName{"sockaddr", ParamType::SockAddr},
    TypeName{"tuple", ParamType::Tuple},
    TypeName{"fdlist", ParamType::FdList},
    TypeName{"dynamic", ParamType::Dynamic},
    TypeName{"texts", ParamType::Texts},
    TypeName{"pairs", ParamType::Pairs},
};

// "flags32:open flags"
Param param_of(std::string_view text) {
  const std::size_t blank = text.find(' ');
  const std::string_view written = text.substr(0, blank);
  const std::size_t colon = written.find(':');
  const auto& type = *std::ranges::find(kTypes, written.substr(0, colon), &TypeName::name);
  Param param{.name = text.substr(blank + 1), .type = type.type, .base = type.base};
  if (colon != std::string_view::npos) param.symbols = find_symbols(written.substr(colon + 1));
  if (type.type == ParamType::Signal) param.symbols = find_symbols("signal");
  return param;
}

void append_params(std::vector<Param>& params, std::string_view text) {
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(", "), text.size());
    params.push_back(param_of(text.substr(0, comma)));
    text.remove_prefix(std::min(comma + 2, text.size()));
  }
}

class Events {
 public:
  Events() {
    for (const EventRow& row : event_rows()) {
      const bool is_single = row.exit == kNone;
      add({.type = row.type, .is_exit = false, .is_single = is_single, .name = row.name}, row.enter, "");
      if (is_single) continue;
      const auto exit = static_cast<std::uint16_t>(row.type + 1);
      add({.type = exit, .is_exit = true, .is_single = false, .name = row.name}, row.exit, row.appended);
    }
  }
  [[nodiscard]] const EventInfo* find(std::uint16_t type) const {
    return type < by_type_.size() ? by_type_[type].get() : nullptr;
  }

 private:
  void add(EventInfo event, std::string_view params, std::string_view appended) {
    append_params(event.params, params);
    event.classic_params = event.params.size();
    append_params(event.params, appended);
    if (by_type_.size() <= event.type) by_type_.resize(event.type + std::size_t{1});
    const std::uint16_t type = event.type;
    by_type_[type] = std::make_unique<const EventInfo>(std::move(event));
  }

  std::vector<std::unique_ptr<const EventInfo>> by_type_;
};

}  // namespace

const EventInfo* event_info(std::uint16_t type) {
  static const Events events;
  return events.find(type);
}

const Call* find_call(std::uint16_t number) {
  const auto all = calls();
  const auto found = std::ranges::find(all, number, &Call::number);
  return number == kNoNumber || found == all.end() ? nullptr : &*found;
}

const Call* find_call(std::string_view name) {
  const auto all = calls();
  const auto found = std::ranges::find(all, name, &Call::name);
  return found == all.end() ? nullptr : &*found;
}

std::string_view generic_name(std::uint16_t sysdig_id, std::uint16_t number) {
  const auto all = calls();
  const auto found = std::ranges::find(all, sysdig_id, &Call::sysdig_id);
  if (sysdig_id != 0 && found != all.end()) return found->name;
  const Call* const call = find_call(number);
  return call == nullptr ? std::string_view() : call->name;
}

std::uint8_t size_of(ParamType type) {
  switch (type) {
    case ParamType::Int8:
    case ParamType::UInt8:
    case ParamType::Flags8:
    case ParamType::Signal:
      return 1;
    case ParamType::Int16:
    case ParamType::UInt16:
    case ParamType::Flags16:
    case ParamType::Syscall:
      return 2;
    case ParamType::Int32:
    case ParamType::UInt32:
    case ParamType::Flags32:
    case ParamType::Mode:
    case ParamType::Uid:
    case ParamType::Gid:
    case ParamType::SigSet:
      return 4;
    case ParamType::Fd:
    case ParamType::Errno:
    case ParamType::Pid:
    case ParamType::Int64:
    case ParamType::UInt64:
    case ParamType::RelTime:
      return 8;
    default:
      return 0;
  }
}

}  // namespace slurper
