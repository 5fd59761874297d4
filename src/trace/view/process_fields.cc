#include <array>

#include "trace/view/fields.h"

namespace slurper {

namespace {

const Thread& thread_of(const ShownEvent& event) {
  return *event.trace.thread;
}
const Thread& main_of(const ShownEvent& event) {
  return event.trace.model->main_of(thread_of(event));
}
const Thread* parent_of(const ShownEvent& event) {
  return event.trace.model->find_thread(main_of(event).parent);
}

TextValue name_in(const ShownEvent& event, std::string_view name) {
  if (name.empty()) return std::nullopt;
  event.scratch.clear();
  append_name(event.scratch, name);
  return event.scratch;
}

TextValue command_line(const ShownEvent& event, const Thread& thread, const std::string& name) {
  if (name.empty()) return std::nullopt;
  event.scratch.clear();
  append_name(event.scratch, name);
  if (!thread.arguments.empty()) {
    event.scratch += ' ';
    append_name(event.scratch, thread.arguments);
  }
  return event.scratch;
}

NumberValue pid(const ShownEvent& event) {
  return thread_of(event).pid;
}
NumberValue parent_pid(const ShownEvent& event) {
  return main_of(event).parent;
}
NumberValue virtual_pid(const ShownEvent& event) {
  const std::int64_t id = thread_of(event).virtual_pid;
  return id < 0 ? std::nullopt : NumberValue(id);
}
NumberValue session(const ShownEvent& event) {
  return thread_of(event).session;
}
TextValue name(const ShownEvent& event) {
  return name_in(event, thread_of(event).name);
}
TextValue arguments(const ShownEvent& event) {
  event.scratch.clear();
  append_name(event.scratch, thread_of(event).arguments);
  return event.scratch;
}
TextValue its_command_line(const ShownEvent& event) {
  return command_line(event, thread_of(event), thread_of(event).name);
}
TextValue exe(const ShownEvent& event) {
  return name_in(event, thread_of(event).exe);
}
TextValue exe_path(const ShownEvent& event) {
  event.scratch.clear();
  append_name(event.scratch, thread_of(event).exe_path);
  return event.scratch;
}
TextValue exe_line(const ShownEvent& event) {
  event.scratch.clear();
  append_name(event.scratch, thread_of(event).exe.empty() ? "<NA>" : thread_of(event).exe);
  event.scratch += ' ';
  append_name(event.scratch, thread_of(event).arguments);
  return event.scratch;
}
TextValue directory(const ShownEvent& event) {
  event.scratch.clear();
  append_name(event.scratch, main_of(event).directory);
  return event.scratch;
}
TextValue parent_name(const ShownEvent& event) {
  const Thread* const parent = parent_of(event);
  return parent == nullptr ? std::nullopt : name_in(event, parent->name);
}
TextValue parent_command_line(const ShownEvent& event) {
  const Thread* const parent = parent_of(event);
  return parent == nullptr ? std::nullopt : command_line(event, *parent, parent->name);
}
NumberValue real_uid(const ShownEvent& event) {
  const std::uint32_t id = thread_of(event).identity.ruid;
  return id == kNoId ? std::nullopt : NumberValue(id);
}
NumberValue saved_uid(const ShownEvent& event) {
  const std::uint32_t id = thread_of(event).identity.suid;
  return id == kNoId ? std::nullopt : NumberValue(id);
}
NumberValue file_system_uid(const ShownEvent& event) {
  const std::uint32_t id = thread_of(event).identity.fsuid;
  return id == kNoId ? std::nullopt : NumberValue(id);
}

NumberValue tid(const ShownEvent& event) {
  return thread_of(event).tid;
}
NumberValue virtual_tid(const ShownEvent& event) {
  const std::int64_t id = thread_of(event).virtual_tid;
  return id < 0 ? std::nullopt : NumberValue(id);
}
NumberValue is_main(const ShownEvent& event) {
  return thread_of(event).tid == thread_of(event).pid ? 1 : 0;
}

NumberValue uid(const ShownEvent& event) {
  return thread_of(event).identity.euid;
}
TextValue user(const ShownEvent& event) {
  const std::string* const found = event.trace.model->user_name(thread_of(event).identity.euid);
  return found == nullptr ? std::nullopt : name_in(event, *found);
}
NumberValue login_uid(const ShownEvent& event) {
  const std::uint32_t id = thread_of(event).identity.loginuid;
  return id == kNoId ? -1 : static_cast<std::int64_t>(id);
}
TextValue login_name(const ShownEvent& event) {
  const std::string* const found = event.trace.model->user_name(thread_of(event).identity.loginuid);
  return found == nullptr ? std::nullopt : name_in(event, *found);
}
NumberValue gid(const ShownEvent& event) {
  return thread_of(event).identity.gid;
}
TextValue group(const ShownEvent& event) {
  const std::string* const found = event.trace.model->group_name(thread_of(event).identity.gid);
  return found == nullptr ? std::nullopt : name_in(event, *found);
}

constexpr Field text(std::string_view name, std::string_view help) {
  return {.name = name, .type = FieldType::Text, .help = help};
}
constexpr Field number(std::string_view name, std::string_view help) {
  return {.name = name, .type = FieldType::Number, .help = help};
}
template <auto kAccessor>
constexpr Field with(Field field) {
  return with_accessor<ShownEvent, kAccessor>(field);
}

constexpr std::array kFields = {
    with<pid>(number("proc.pid", "the process")),
    with<parent_pid>(number("proc.ppid", "its parent")),
    with<name>(text("proc.name", "the thread's name, which is usually the program's")),
    with<its_command_line>(text("proc.cmdline", "the name and the arguments")),
    with<arguments>(text("proc.args", "the arguments")),
    with<exe>(text("proc.exe", "the program as it was called")),
    with<exe_path>(text("proc.exepath", "the program's file")),
    with<exe_line>(text("proc.exeline", "the program as it was called, and the arguments")),
    with<directory>(text("proc.cwd", "the working directory")),
    with<parent_name>(text("proc.pname", "the parent's name")),
    with<parent_command_line>(text("proc.pcmdline", "the parent's name and arguments")),
    with<session>(number("proc.sid", "the session")),
    with<virtual_pid>(number("proc.vpid", "the process in its own namespace")),
    with<real_uid>(number("proc.ruid", "the real user id")),
    with<saved_uid>(number("proc.suid", "the saved user id")),
    with<file_system_uid>(number("proc.fsuid", "the user id for files")),
    with<tid>(number("thread.tid", "the thread")),
    with<virtual_tid>(number("thread.vtid", "the thread in its own namespace")),
    with<is_main>({.name = "thread.ismain",
                   .type = FieldType::Name,
                   .help = "whether it is the process's first thread",
                   .names = kBooleans}),
    with<uid>(number("user.uid", "the effective user id at that moment")),
    with<user>(text("user.name", "its name")),
    with<login_uid>(number("user.loginuid", "the user id of the login; -1 without one")),
    with<login_name>(text("user.loginname", "its name")),
    with<gid>(number("group.gid", "the effective group id")),
    with<group>(text("group.name", "its name")),
};

}  // namespace

std::span<const Field> process_fields() {
  return kFields;
}

}  // namespace slurper
