// The parameters of events as text.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "trace/model/tuple.h"
#include "trace/view/shown_event.h"

namespace slurper {

namespace {

// A parameter on its way to text.
struct Value {
  const ShownEvent& event;
  const Param& param;
  std::size_t index;
  std::string_view bytes;

  template <std::integral Number>
  [[nodiscard]] Number number() const {
    return bytes.size() >= sizeof(Number) ? load<Number>(bytes.data()) : Number{};
  }
  [[nodiscard]] const TraceEvent& trace() const { return event.trace; }
};

bool is_signed(ParamType type) {
  return type == ParamType::Fd || type == ParamType::Errno || type == ParamType::Pid ||
         type == ParamType::Int8 || type == ParamType::Int16 || type == ParamType::Int32 ||
         type == ParamType::Int64 || type == ParamType::Uid || type == ParamType::Gid;
}

std::optional<std::int64_t> number_of(ParamType type, std::string_view bytes) {
  const std::size_t size = size_of(type);
  if (size == 0 || bytes.size() < size) return std::nullopt;
  std::uint64_t raw = 0;
  std::memcpy(&raw, bytes.data(), size);
  const unsigned unused = 64 - 8 * static_cast<unsigned>(size);
  if (is_signed(type)) return static_cast<std::int64_t>(raw << unused) >> unused;
  return static_cast<std::int64_t>(raw);
}

void append_based(std::string& out, const Param& param, std::int64_t number) {
  const auto bits = static_cast<std::uint64_t>(number);
  if (param.base == NumberBase::Hexadecimal) return append_hexadecimal(out, bits);
  if (param.base == NumberBase::Octal) {
    if (bits != 0) out += '0';
    return append_number(out, bits, 8);
  }
  // sysdig takes them for signed: an offset of lseek(2) is, though the format has it otherwise.
  if (param.type == ParamType::UInt32) return append_number(out, static_cast<std::int32_t>(bits));
  if (param.type == ParamType::RelTime) return append_number(out, bits);
  append_number(out, number);
}

// The names of the flags that are set; empty if there is none.
void append_symbols(std::string& out, const SymbolTable& table, std::uint32_t value) {
  std::uint32_t left = value;
  bool is_first = true;
  const auto add = [&](std::string_view name) {
    if (!is_first) out += '|';
    is_first = false;
    out += name;
  };
  for (const Symbol& symbol : table.symbols) {
    if (symbol.value == value) return add(symbol.name);
    if (symbol.value == 0 || (left & symbol.value) != symbol.value) continue;
    add(symbol.name);
    left &= ~symbol.value;
  }
}

void append_only(std::string& out, const SymbolTable& table, std::uint32_t value) {
  const auto found = std::ranges::find(table.symbols, value, &Symbol::value);
  if (found != table.symbols.end()) out += found->name;
}

void append_signals(std::string& out, std::uint32_t set) {
  const SymbolTable& table = *find_symbols("signal");
  const std::size_t begin = out.size();
  for (std::uint32_t signal = 1; signal < 32; ++signal) {
    if ((set >> (signal - 1) & 1) == 0) continue;
    if (out.size() > begin) out += ' ';
    append_only(out, table, signal);
  }
}

void append_fd_list(std::string& out, const Value& value) {
  ByteCursor cursor(value.bytes);
  const auto count = cursor.take<std::uint16_t>();
  for (std::uint16_t i = 0; i < count && !cursor.at_end(); ++i) {
    const auto fd = cursor.take<std::int64_t>();
    const auto flags = cursor.take<std::uint16_t>();
    if (i > 0) out += ' ';
    append_number(out, static_cast<std::uint64_t>(fd));
    const OpenFilePointer& file = value.trace().thread->fds->find(fd);
    out += ':';
    out += file == nullptr ? '?' : type_letter(file->type);
    append_number(out, flags, 16);
  }
}

void append_dynamic(std::string& out, const Value& value) {
  if (value.bytes.empty()) return;
  const std::string_view rest = value.bytes.substr(1);
  if (value.param.name == "val") return append_data(out, rest, {});
  std::uint64_t number = 0;
  std::memcpy(&number, rest.data(), std::min(rest.size(), sizeof number));
  if (value.param.name == "res_or_fd") {
    append_number(out, static_cast<std::int64_t>(number));
  } else {
    append_hexadecimal(out, number);
  }
}

void append_words(std::string& out, std::string_view bytes) {
  const std::size_t begin = out.size();
  append_name(out, joined(bytes));
  std::replace(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), ' ', '.');
}

// The value itself.
void append_value(std::string& out, const Value& value) {
  if (const auto number = number_of(value.param.type, value.bytes)) {
    if (value.param.type == ParamType::RelTime && *number == -1) {
      out += "none";
      return;
    }
    if (value.param.type != ParamType::SigSet) return append_based(out, value.param, *number);
    return append_signals(out, static_cast<std::uint32_t>(*number));
  }
  switch (value.param.type) {
    case ParamType::Text:
    case ParamType::Path:
    case ParamType::RelPath:
      return append_name(out, text_of(value.bytes));
    case ParamType::Bytes:
      if (value.param.name == "data") return append_data(out, value.bytes, value.event.options);
      return append_data(out, value.bytes, {.max_data = value.event.options.max_data});
    case ParamType::SockAddr:
    case ParamType::Tuple: {
      std::string text;
      if (value.param.type == ParamType::Tuple) {
        append_tuple(text, value.bytes);
      } else {
        append_sockaddr(text, value.bytes);
      }
      if (text.empty() && value.bytes.empty()) text = "NULL";
      return append_name(out, text);
    }
    case ParamType::FdList:
      return append_fd_list(out, value);
    case ParamType::Dynamic:
      return append_dynamic(out, value);
    case ParamType::Texts:
    case ParamType::Pairs:
      return append_words(out, value.bytes);
    default:
      return;
  }
}

void append_owner(std::string& out, const Value& value, std::int64_t id) {
  const auto number = static_cast<std::uint32_t>(id);
  const Model& model = *value.trace().model;
  const std::string* const name =
      value.param.type == ParamType::Uid ? model.user_name(number) : model.group_name(number);
  if (number == kNoId) {
    out += "<NONE>";
  } else if (name == nullptr) {
    out += "<NA>";
  } else {
    append_name(out, *name);
  }
}

void append_error(std::string& out, std::int64_t number) {
  if (number < 0) out += errno_name(-number);
}

void append_behind_fd(std::string& out, const Value& value, std::int64_t fd) {
  constexpr std::int64_t kAtFdCwd = -100;
  if (fd == kAtFdCwd) {
    out += "AT_FDCWD";
  } else if (fd < 0) {
    append_error(out, fd);
  } else if (fd == value.trace().fd && value.trace().file != nullptr) {
    append_file(out, *value.trace().file);
  } else if (const OpenFilePointer& file = value.trace().thread->fds->find(fd); file != nullptr) {
    append_file(out, *file);
  }
}

// The path that a relative one means.
void append_whole_path(std::string& out, const Value& value) {
  const std::string_view path = text_of(value.bytes);
  if (path.starts_with('/')) return;
  const Thread& thread = *value.trace().thread;
  std::string_view directory = thread.directory;
  if (value.param.type == ParamType::RelPath && value.index > 0)
    directory = directory_of(thread, value.trace().raw.number<std::int64_t>(value.index - 1));
  append_name(out, directory.empty() ? std::string(path) : join_path(directory, path));
}

void append_behind_number(std::string& out, const Value& value, std::int64_t number) {
  switch (value.param.type) {
    case ParamType::Fd:
      return append_behind_fd(out, value, number);
    case ParamType::Errno:
      return append_error(out, number);
    case ParamType::Pid:
      if (const Thread* thread = value.trace().model->find_thread(number); thread != nullptr)
        append_name(out, thread->name);
      return;
    case ParamType::Uid:
    case ParamType::Gid:
      return append_owner(out, value, number);
    case ParamType::RelTime:
      if (number == -1) return;
      fmt::format_to(std::back_inserter(out), "{:g}s",
                     static_cast<double>(static_cast<std::uint64_t>(number)) / 1e9);
      return;
    case ParamType::Syscall:
      out += generic_name(static_cast<std::uint16_t>(number), kNoNumber);
      return;
    case ParamType::Signal:
      return append_only(out, *value.param.symbols, static_cast<std::uint32_t>(number));
    default:
      if (value.param.symbols != nullptr)
        append_symbols(out, *value.param.symbols, static_cast<std::uint32_t>(number));
  }
}

// What the value means; nothing if it is all there is to say.
void append_meaning(std::string& out, const Value& value) {
  if (const auto number = number_of(value.param.type, value.bytes))
    append_behind_number(out, value, *number);
  else if (value.param.name == "res_or_fd" && value.bytes.size() > sizeof(std::int64_t))
    append_behind_fd(out, value, load<std::int64_t>(value.bytes.data() + 1));
  else if (value.param.type == ParamType::Path || value.param.type == ParamType::RelPath)
    append_whole_path(out, value);
}

Value value_at(const ShownEvent& event, std::size_t index) {
  return {.event = event,
          .param = event.trace.shape->info->params[index],
          .index = index,
          .bytes = event.trace.raw.param(index)};
}

std::size_t param_count(const TraceEvent& event) {
  return std::min<std::size_t>(event.raw.param_count, event.shape->info->params.size());
}

}  // namespace

std::string_view event_name(const TraceEvent& event) {
  if (event.shape->info == nullptr) return "<unknown>";
  if (event.raw.type != kGenericEnter && event.raw.type != kGenericExit) return event.shape->info->name;
  const auto id = event.raw.number<std::uint16_t>(0);
  std::uint16_t number = 0;
  if (event.raw.type == kGenericEnter) {
    number = event.raw.number<std::uint16_t>(1);
  } else if (event.enter != nullptr) {
    number = event.enter->event(event.raw.tid).number<std::uint16_t>(1);
  }
  const std::string_view name = generic_name(id, number);
  return name.empty() ? "<unknown>" : name;
}

void append_param(std::string& out, const ShownEvent& event, std::size_t index) {
  const Value value = value_at(event, index);
  append_value(out, value);
  const std::size_t before = out.size();
  out += '(';
  append_meaning(out, value);
  if (out.size() == before + 1) {
    out.resize(before);
  } else {
    out += ')';
  }
}

void append_argument(std::string& out, const ShownEvent& event, std::size_t index) {
  const Value value = value_at(event, index);
  const std::size_t before = out.size();
  append_meaning(out, value);
  if (out.size() == before) append_value(out, value);
}

void append_arguments(std::string& out, const ShownEvent& event) {
  if (event.trace.raw.type <= kGenericExit || event.trace.shape->info == nullptr) return;
  const std::size_t count = param_count(event.trace);
  for (std::size_t i = 0; i < count; ++i) {
    out += event.trace.shape->info->params[i].name;
    out += '=';
    append_param(out, event, i);
    out += ' ';
  }
}

std::optional<std::int64_t> number_in(const TraceEvent& event, std::size_t index) {
  return number_of(event.shape->info->params[index].type, event.raw.param(index));
}

std::optional<std::size_t> find_param(const TraceEvent& event, std::string_view name) {
  if (event.shape->info == nullptr) return std::nullopt;
  const auto& params = event.shape->info->params;
  std::size_t index = 0;
  if (const auto [end, error] = std::from_chars(name.begin(), name.end(), index);
      error != std::errc() || end != name.end()) {
    const auto found = std::ranges::find(params, name, &Param::name);
    index = static_cast<std::size_t>(found - params.begin());
  }
  if (index >= param_count(event)) return std::nullopt;
  return index;
}

}  // namespace slurper
