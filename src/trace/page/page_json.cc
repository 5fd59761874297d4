// The data of a page as JSON: columns of numbers, and each text once.
#include <algorithm>
#include <chrono>
#include <map>
#include <unordered_map>

#include "base/local_time.h"
#include "base/text.h"
#include "trace/page/page_document.h"
#include "trace/view/flow_lines.h"

namespace slurper {

namespace {

// Of all arguments together: the page of 100,000 events stays below 10 MiB.
constexpr std::size_t kMaxArguments = std::size_t{6} << 20;
constexpr std::size_t kMaxText = 4096;  // of a single text

void append_column(std::string& out, std::string_view key, const auto& values, const auto& number_of) {
  append_page_text(out, key);
  out += ":[";
  for (const auto& one : values) {
    append_number(out, number_of(one));
    out += ',';
  }
  if (out.back() == ',') out.pop_back();
  out += "],";
}

void append_texts(std::string& out, std::string_view key, const auto& texts, std::size_t max = kMaxText) {
  append_page_text(out, key);
  out += ":[";
  for (const auto& one : texts) {
    append_page_text(out, one, max);
    out += ',';
  }
  if (out.back() == ',') out.pop_back();
  out += "],";
}

void append_entry(std::string& out, std::string_view key, std::int64_t number) {
  append_page_text(out, key);
  out += ':';
  append_number(out, number);
  out += ',';
}

// What both ends of a connection, and all of a pipe, have in common; empty if the file has no other end.
std::string key_of(const OpenFile& file) {
  std::string key;
  if (file.type == FdType::Fifo || file.pipe.is_known) {
    if (file.inode == 0) return {};
    key = "pipe ";
    append_number(key, file.device);
    key += ' ';
    append_number(key, file.inode);
  } else if (file.type == FdType::Unix && file.unix_source != 0) {
    key = "unix ";
    append_number(key, std::min(file.unix_source, file.unix_target));
    key += ' ';
    append_number(key, std::max(file.unix_source, file.unix_target));
  } else if (is_ip(file.type) && file.has_ends && !is_server(file.type)) {
    key = "ip " + name_of_ends(file);
  }
  return key;
}

// Numbers things in the order in which they are first met.
template <typename Key, typename Hash = std::hash<Key>>
class Numbers {
 public:
  std::int64_t operator()(const Key& key) {
    const auto [place, is_new] = numbers_.try_emplace(key, static_cast<std::int64_t>(order_.size()));
    if (is_new) order_.push_back(key);
    return place->second;
  }
  [[nodiscard]] const std::vector<Key>& order() const { return order_; }

 private:
  std::unordered_map<Key, std::int64_t, Hash> numbers_;
  std::vector<Key> order_;
};

using Files = Numbers<const OpenFile*>;

void append_files(std::string& out, const Files& files) {
  std::unordered_map<std::string, int> keys;
  out += "\"files\":[";
  for (const OpenFile* const file : files.order()) {
    const std::string key = key_of(*file);
    const bool is_pipe = file->type == FdType::Fifo || file->pipe.is_known;
    out += '[';
    append_page_text(out, is_pipe ? "pipe" : type_name(file->type));
    out += ',';
    std::string name;
    append_file(name, *file);
    append_page_text(out, name.substr(0, name.find('>') + 1));
    out += ',';
    append_page_text(out, file->name, kMaxText);
    out += ',';
    append_number(out, key.empty() ? -1 : keys.try_emplace(key, static_cast<int>(keys.size())).first->second);
    out += ",\"";  // beyond 2^53, a number would not be exact
    append_number(out, file->inode);
    out += "\"],";
  }
  if (out.back() == ',') out.pop_back();
  out += "],";
}

void append_calls(std::string& out, const std::vector<PageCall>& calls, Files& files) {
  out += "\"calls\":{";
  // Small differences are short.
  std::int64_t before = 0;
  const auto from_before = [&before](std::int64_t value) { return value - std::exchange(before, value); };
  append_column(out, "number", calls,
                [&](const PageCall& call) { return from_before(static_cast<std::int64_t>(call.number)); });
  before = 0;
  append_column(out, "start", calls, [&](const PageCall& call) { return from_before(call.start); });
  append_column(out, "enter", calls,
                [](const PageCall& call) { return call.enter == 0 ? 0 : call.number - call.enter; });
  append_column(out, "duration", calls, [](const PageCall& call) { return call.duration; });
  append_column(out, "who", calls, [](const PageCall& call) { return call.who; });
  append_column(out, "name", calls, [](const PageCall& call) { return call.name; });
  append_column(out, "fd", calls, [](const PageCall& call) { return call.fd; });
  append_column(out, "file", calls, [&files](const PageCall& call) {
    return call.file == nullptr ? -1 : files(call.file.get());
  });
  append_column(out, "kind", calls, [](const PageCall& call) { return static_cast<int>(call.kind); });
  append_column(out, "result", calls, [](const PageCall& call) { return call.has_result ? call.result : 0; });
  append_column(out, "state", calls, [](const PageCall& call) {
    return (call.has_result ? 1 : 0) | (call.is_unfinished ? 2 : 0) |
           (call.has_result && is_failure(call.result) ? 4 : 0);
  });

  std::vector<std::string_view> texts;
  std::unordered_map<std::string_view, std::size_t> known;
  append_column(out, "arguments", calls, [&](const PageCall& call) {
    const auto [place, is_new] = known.try_emplace(call.arguments, texts.size());
    if (is_new) texts.push_back(call.arguments);
    return place->second;
  });
  append_texts(out, "texts", texts, kMaxArguments / std::max<std::size_t>(texts.size(), 1));
  out.pop_back();
  out += "},";
}

void append_errors(std::string& out, const std::vector<PageCall>& calls) {
  std::map<std::int64_t, std::string_view> errors;
  for (const PageCall& call : calls)
    if (call.has_result && call.result < 0) errors.emplace(call.result, errno_name(-call.result));
  out += "\"errors\":{";
  for (const auto& [number, name] : errors) {
    out += '"';
    append_number(out, number);
    out += "\":";
    append_page_text(out, name);
    out += ',';
  }
  if (out.back() == ',') out.pop_back();
  out += "},";
}

// By the place of the call in the columns.
void append_waits(std::string& out, const std::vector<PageCall>& calls) {
  out += "\"waits\":[";
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (calls[i].waits.empty()) continue;
    out += '[';
    append_number(out, i);
    for (const PageSentence& sentence : calls[i].waits) {
      out += ",[";
      append_page_text(out, sentence.text, kMaxText);
      out += ',';
      append_number(out, sentence.event);
      out += ']';
    }
    out += "],";
  }
  if (out.back() == ',') out.pop_back();
  out += "],";
}

void append_links(std::string& out, const std::vector<PageLink>& links) {
  out += "\"links\":{";
  std::uint64_t before = 0;
  append_column(out, "read", links, [&before](const PageLink& link) {
    return static_cast<std::int64_t>(link.read - std::exchange(before, link.read));
  });
  append_column(out, "write", links,
                [](const PageLink& link) { return static_cast<std::int64_t>(link.read - link.write); });
  append_column(out, "doubt", links, [](const PageLink& link) { return static_cast<int>(link.doubt); });
  std::vector<std::string_view> reasons;
  for (int doubt = 0; doubt <= static_cast<int>(Doubt::UnderWay); ++doubt)
    reasons.push_back(reason_of(static_cast<Doubt>(doubt)));
  append_texts(out, "reasons", reasons);
  out.back() = '}';
  out += ',';
}

// Each cell that is not empty: its place, calls and failed calls.
void append_cells(std::string& out, const PageData& data) {
  append_entry(out, "cellWidth", static_cast<std::int64_t>(data.cell_width));
  append_column(out, "cellEvents", data.cell_events, [](std::uint64_t number) { return number; });
  out += "\"cells\":[";
  for (const auto& [pid, cells] : data.cells) {
    out += '[';
    append_number(out, pid);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (cells[i].calls == 0) continue;
      for (const std::size_t number : {i, std::size_t{cells[i].calls}, std::size_t{cells[i].failed}}) {
        out += ',';
        append_number(out, number);
      }
    }
    out += "],";
  }
  if (out.back() == ',') out.pop_back();
  out += "],";
}

// Between which ends bytes went, and in which cells how often: place and number for each that is not empty.
void append_flows(std::string& out, const PageData& data) {
  append_entry(out, "flowsLeftOut", static_cast<std::int64_t>(data.flows_left_out));
  out += "\"flows\":[";
  for (const auto& [ends, flow] : data.flows) {
    out += '[';
    for (const std::int64_t number : {ends.writer, ends.write_fd, ends.reader, ends.read_fd}) {
      append_number(out, number);
      out += ',';
    }
    out += flow.unsure > 0 ? '1' : '0';
    for (const auto& [at, count] : flow.cells) {
      for (const std::uint32_t number : {at, count}) {
        out += ',';
        append_number(out, number);
      }
    }
    out += "],";
  }
  if (out.back() == ',') out.pop_back();
  out += "],";
}

void append_findings(std::string& out, std::span<const PageFinding> findings) {
  out += "\"findings\":[";
  for (const PageFinding& one : findings) {
    out += "{\"text\":";
    append_page_text(out, one.text);
    out += ",\"advice\":";
    append_page_text(out, one.advice);
    out += one.harm ? ",\"harm\":true," : ",\"harm\":false,";
    append_column(out, "events", one.events, [](std::uint64_t number) { return number; });
    out.back() = '}';
    out += ',';
  }
  if (out.back() == ',') out.pop_back();
  out += "],";
}

}  // namespace

void append_page_text(std::string& out, std::string_view text, std::size_t max) {
  const std::size_t begin = out.size();
  out += '"';
  while (!text.empty()) {
    if (out.size() - begin > max) {
      out += "…";
      break;
    }
    const std::string_view character = first_character(text);
    text.remove_prefix(character.size());
    if (is_control_character(character) || is_invisible_character(character)) {
      std::string hex;
      append_hex(character, hex);
      for (const char c : hex) out.append(c == '\\' ? 2 : 1, c);
    } else if (character == "\"" || character == "\\") {
      out.append("\\").append(character);
    } else if (character == "<") {
      out += "\\u003c";
    } else if (character == ">") {
      out += "\\u003e";
    } else if (character == "&") {
      out += "\\u0026";
    } else {
      out += character;
    }
  }
  out += '"';
}

void append_page_data(std::string& out, const PageRequest& request, const PageData& data,
                      std::span<const PageFinding> findings) {
  using std::chrono::seconds;
  out += "{\"capture\":";
  append_page_text(out, request.capture);
  out += ",\"filter\":";
  append_page_text(out, request.filter);
  out += ",\"begin\":\"";  // beyond 2^53, a number would not be exact
  append_number(out, data.first_time);
  out += "\",";
  const std::chrono::sys_seconds begin(seconds(static_cast<std::int64_t>(data.first_time / 1'000'000'000)));
  append_entry(out, "zone", local_offset(begin).count());
  append_entry(out, "length", data.length);
  append_entry(out, "events", static_cast<std::int64_t>(data.events));
  append_entry(out, "lost", static_cast<std::int64_t>(data.lost));
  append_entry(out, "allCalls", static_cast<std::int64_t>(data.all_calls));
  append_texts(out, "unseen", data.unseen);
  append_texts(out, "names", data.names);
  out += "\"who\":[";
  for (const PageThread& one : data.who) {
    out += '[';
    append_number(out, one.tid);
    out += ',';
    append_number(out, one.pid);
    out += ',';
    append_page_text(out, one.name);
    out += "],";
  }
  if (out.back() == ',') out.pop_back();
  out += "],";
  Files files;
  append_calls(out, data.calls, files);
  append_errors(out, data.calls);
  append_links(out, data.links);
  append_waits(out, data.calls);
  out += "\"pipes\":{";
  append_column(out, "file", data.pipes, [&](const PagePipe& pipe) { return files(pipe.file.get()); });
  append_column(out, "time", data.pipes, [](const PagePipe& pipe) { return pipe.time; });
  append_column(out, "slots", data.pipes, [](const PagePipe& pipe) { return pipe.state.slots; });
  append_column(out, "most", data.pipes, [](const PagePipe& pipe) { return pipe.state.slots_at_most; });
  append_column(out, "readers", data.pipes, [](const PagePipe& pipe) { return pipe.state.readers; });
  append_column(out, "writers", data.pipes, [](const PagePipe& pipe) { return pipe.state.writers; });
  out.pop_back();
  out += "},";
  append_files(out, files);
  if (data.is_aggregated) {
    append_cells(out, data);
    append_flows(out, data);
  }
  append_findings(out, findings);
  out.pop_back();
  out += '}';
}

}  // namespace slurper
