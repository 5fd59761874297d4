#include "cli/inspect_json.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/accounts.h"
#include "base/json_string.h"
#include "base/text.h"
#include "cli/inspect_findings.h"
#include "service/phrase_table.h"

namespace slurper {

namespace {

class JsonObject {
 public:
  JsonObject& raw(std::string_view key, std::string_view value) {
    text_ += text_.empty() ? '{' : ',';
    append_json_string(key, text_);
    text_.append(":").append(value);
    return *this;
  }
  JsonObject& text(std::string_view key, std::string_view value) {
    std::string quoted;
    append_json_string(value, quoted);
    raw(key, quoted);
    if (is_utf8(value)) return *this;
    std::string encoded;
    append_base64(value, encoded);
    return raw(fmt::format("{}_base64", key), fmt::format("\"{}\"", encoded));
  }
  JsonObject& number(std::string_view key, std::uint64_t value) { return raw(key, std::to_string(value)); }
  JsonObject& truth(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  // Without a member if it is empty: unknown, or none.
  JsonObject& known(std::string_view key, std::string_view value) {
    return value.empty() ? *this : text(key, value);
  }

  [[nodiscard]] std::string done() const { return (text_.empty() ? "{" : text_) + "}"; }

 private:
  std::string text_;
};

template <typename Items, typename ToJson>
std::string array_of(const Items& items, ToJson to_json) {
  std::string text;
  for (const auto& item : items) text.append(text.empty() ? "[" : ",").append(to_json(item));
  return (text.empty() ? "[" : text) + "]";
}

const char* name_of(Access access) {
  switch (access) {
    case Access::Read:
      return "read";
    case Access::Write:
      return "write";
    case Access::ReadWrite:
      return "both";
    case Access::None:
      break;
  }
  return "none";
}

const char* name_of(Finding::Level level) {
  switch (level) {
    case Finding::Level::Ok:
      return "ok";
    case Finding::Level::Warning:
      return "warning";
    case Finding::Level::Error:
      break;
  }
  return "error";
}

const char* name_of(Activity::Kind kind) {
  switch (kind) {
    case Activity::Kind::Gone:
      return "gone";
    case Activity::Kind::Running:
      return "running";
    case Activity::Kind::Asleep:
      return "asleep";
    case Activity::Kind::Stopped:
      return "stopped";
    case Activity::Kind::Traced:
      return "traced";
    case Activity::Kind::Zombie:
      return "zombie";
    case Activity::Kind::Unknown:
      break;
  }
  return "unknown";
}

std::string holder_json(const PipeFacts& facts, const PipeHolder& holder) {
  const ProcessFacts& process = facts.processes.at(holder.open.process);
  JsonObject object;
  object.number("pid", static_cast<std::uint64_t>(holder.open.process.pid))
      .text("name", holder.open.command)
      .number("parent", static_cast<std::uint64_t>(holder.open.parent))
      .number("fd", static_cast<std::uint64_t>(holder.open.fd))
      .text("access", name_of(holder.open.access))
      .truth("nonblock", (holder.open.flags & O_NONBLOCK) != 0)
      .truth("cloexec", (holder.open.flags & O_CLOEXEC) != 0)
      .text("path", holder.path)
      .text("state", name_of(holder.doing.kind))
      .known("call", holder.doing.call)
      .truth("keep_alive", holder.is_keep_alive);
  if (process.user) object.number("uid", *process.user).text("user", user_name(*process.user));
  if (!process.has_ended)
    object.number("opened_after", static_cast<std::uint64_t>(process.started.time_since_epoch().count()));
  object.known("unit", process.group.unit).known("container", process.group.container);
  object.truth("other_mount_namespace", process.in_other_mounts);
  if (holder.open_file != 0) object.number("open_file", holder.open_file);
  if (holder.inherited_from)
    object.number("inherited_from", static_cast<std::uint64_t>(holder.inherited_from->pid));
  return object.done();
}

std::string finding_json(const Finding& finding) {
  JsonObject object;
  object.text("level", name_of(finding.level)).text("text", to_text(finding.phrase));
  return object.known("advice", advice_of(finding.phrase)).done();
}

std::string process_json(const ProcessId& process, const std::string& command, Access access) {
  return JsonObject()
      .number("pid", static_cast<std::uint64_t>(process.pid))
      .text("name", command)
      .text("access", name_of(access))
      .done();
}

std::string fill_json(const PipeFill& fill) {
  JsonObject object;
  object.number("capacity", fill.capacity).number("bytes", fill.bytes).number("slots", fill.slots());
  if (const auto used = fill.slots_used()) object.number("slots_used", *used);
  if (fill.has_room) object.truth("has_room", *fill.has_room);
  return object.truth("full", fill.is_full()).done();
}

std::string open_files_json(const KernelPipe& kernel) {
  return JsonObject()
      .number("readers", kernel.readers)
      .number("writers", kernel.writers)
      .number("unfound_readers", kernel.unfound_readers)
      .number("unfound_writers", kernel.unfound_writers)
      .done();
}

}  // namespace

std::string pipe_json(const InspectedPipe& pipe) {
  const PipeFacts& facts = pipe.facts;
  JsonObject object;
  object.text("type", facts.is_anonymous ? "pipe" : "fifo").known("path", facts.path);
  object.number("device", facts.id.device).number("inode", facts.id.inode);
  object.text("mode", fmt::format("{:04o}", facts.mode & 07777U))
      .text("owner", user_name(facts.owner))
      .text("group", group_name(facts.group));
  object.text("facts", facts.kernel ? "bpf" : "proc");
  if (facts.kernel) object.raw("open_files", open_files_json(*facts.kernel));
  object.raw("findings", array_of(pipe.findings, finding_json));
  if (facts.fill.fill) object.raw("fill", fill_json(*facts.fill.fill));
  object.raw("holders",
             array_of(facts.holders, [&](const PipeHolder& one) { return holder_json(facts, one); }));
  object.raw("opening", array_of(facts.opening, [](const OpeningProcess& one) {
               return process_json(one.process, one.command, one.access);
             }));
  object.raw("of_replaced", array_of(facts.of_replaced, [](const OpenDescriptor& one) {
               return process_json(one.process, one.command, one.access);
             }));
  object.raw("unseen", array_of(facts.unseen, [](pid_t pid) { return std::to_string(pid); }));
  return object.truth("others_hidden", facts.others_hidden).done() + "\n";
}

}  // namespace slurper
