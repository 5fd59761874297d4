#include "inspect/pipe_holders.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "proc/proc_files.h"

namespace slurper {

namespace {

constexpr std::string_view kAnonymous = "pipe:[";
constexpr std::string_view kDeleted = " (deleted)";

// Whether it is the path of the pipe, as /proc/PID/fd shows it, or was until it was removed.
bool is_path_of(const PipeFacts& facts, std::string_view path) {
  if (facts.path.empty()) return false;
  if (path.ends_with(kDeleted) && path.substr(0, path.size() - kDeleted.size()) == facts.path) return true;
  return path == facts.path;
}

// Another FIFO at the same path: in another mount namespace, another file stands there anyway.
void add_of_replaced(PipeFacts& facts, OpenDescriptor open) {
  if (!process_facts(open.process).in_other_mounts) facts.of_replaced.push_back(std::move(open));
}

// Empty if its process has ended meanwhile.
std::optional<PipeHolder> holder_of(const KernelDescriptor& descriptor, const KernelPipe& pipe) {
  PipeHolder holder{.open = {.process = {.pid = descriptor.pid},
                             .command = {},
                             .fd = descriptor.fd,
                             .access = access_of(descriptor.flags),
                             .file = {.device = pipe.device, .inode = pipe.inode},
                             .flags = descriptor.flags},
                    .path = descriptor.path,
                    .doing = {},
                    .open_file = static_cast<std::size_t>(descriptor.open_file),
                    .inherited_from = {}};
  return identify(holder.open) ? std::optional(std::move(holder)) : std::nullopt;
}

void sort(std::vector<PipeHolder>& holders) {
  std::ranges::stable_sort(
      holders, {}, [](const PipeHolder& holder) { return std::pair(holder.open.process, holder.open.fd); });
}

void add_holder(std::vector<PipeHolder>& holders, OpenDescriptor open) {
  PipeHolder holder{.open = std::move(open), .path = {}, .doing = {}, .inherited_from = {}};
  holder.path = path_of(holder.open);
  holders.push_back(std::move(holder));
}

// This process's own descriptor by which it names the pipe to slurper-pipes.
bool is_own(const KernelDescriptor& descriptor) {
  return descriptor.pid == ::getpid() && (descriptor.flags & O_PATH) != 0;
}

}  // namespace

bool take_from_kernel(PipeFacts& facts, const KernelLook& look) {
  const KernelPipe* const wanted = look.wanted();
  if (wanted == nullptr) return false;
  facts.kernel = *wanted;
  facts.fill = fill_of(*wanted);
  for (const KernelDescriptor& descriptor : look.descriptors) {
    const KernelPipe& pipe = look.pipes.at(descriptor.pipe);
    if (is_own(descriptor) || (!pipe.is_wanted && !is_path_of(facts, descriptor.path))) continue;
    std::optional<PipeHolder> holder = holder_of(descriptor, pipe);
    if (!holder) continue;
    if (!pipe.is_wanted) {
      add_of_replaced(facts, std::move(holder->open));
      continue;
    }
    holder->open.file = facts.id;
    facts.holders.push_back(*std::move(holder));
  }
  sort(facts.holders);
  return true;
}

void take_from_proc(PipeFacts& facts) {
  OpenDescriptors found = find_open_files([&](const FoundFile& file) {
    return file.id == facts.id || (S_ISFIFO(file.mode) && is_path_of(facts, file.path()));
  });
  for (OpenDescriptor& one : found.open) {
    if (one.file == facts.id) {
      add_holder(facts.holders, std::move(one));
    } else {
      add_of_replaced(facts, std::move(one));
    }
  }
  facts.unseen = std::move(found.unseen);
  facts.others_hidden = found.others_hidden;
}

std::vector<PipeFacts> fifos_from_kernel(const KernelLook& look) {
  std::map<std::uint64_t, PipeFacts> fifos;
  for (const KernelDescriptor& descriptor : look.descriptors) {
    const KernelPipe& pipe = look.pipes.at(descriptor.pipe);
    std::optional<PipeHolder> holder = pipe.is_named ? holder_of(descriptor, pipe) : std::nullopt;
    if (!holder) continue;
    PipeFacts& facts = fifos[descriptor.pipe];
    facts.id = holder->open.file;
    facts.kernel = pipe;
    facts.fill = fill_of(pipe);
    facts.holders.push_back(*std::move(holder));
  }
  std::vector<PipeFacts> all;
  for (auto& [number, facts] : fifos) {
    sort(facts.holders);
    all.push_back(std::move(facts));
  }
  std::ranges::sort(all, {}, &PipeFacts::id);
  return all;
}

std::vector<PipeFacts> fifos_from_proc() {
  OpenDescriptors found = find_open_files(
      [](const FoundFile& file) { return S_ISFIFO(file.mode) && !file.path().starts_with(kAnonymous); });
  std::map<FileId, PipeFacts> fifos;
  for (OpenDescriptor& one : found.open) {
    PipeFacts& facts = fifos[one.file];
    facts.id = one.file;
    add_holder(facts.holders, std::move(one));
  }
  std::vector<PipeFacts> all;
  for (auto& [id, facts] : fifos) {
    facts.unseen = found.unseen;
    facts.others_hidden = found.others_hidden;
    all.push_back(std::move(facts));
  }
  return all;
}

}  // namespace slurper
