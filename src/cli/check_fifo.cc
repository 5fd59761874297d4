#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/fd.h"
#include "base/file_kind.h"
#include "cli/access.h"
#include "cli/machine.h"
#include "cli/who.h"
#include "fifo/inotify.h"
#include "proc/open_descriptors.h"

namespace slurper {

namespace {

constexpr std::uint64_t kPage = 4096;

std::optional<std::uint64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  return file >> number ? std::optional(number) : std::nullopt;
}

// The limit on all pipes of the user shows only when a new pipe is made.
std::optional<Finding> try_pipe(std::uint64_t wanted) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;  // no descriptors: not the pipe's fault
  const UniqueFd read_fd(ends[0]);
  const UniqueFd write_fd(ends[1]);
  const int given = ::fcntl(read_fd.get(), F_GETPIPE_SZ);
  if (::fcntl(read_fd.get(), F_SETPIPE_SZ, static_cast<int>(std::min<std::uint64_t>(wanted, INT_MAX))) >= 0 ||
      errno != EPERM || given < 0) {
    return std::nullopt;
  }
  return warning({PhraseId::PipesAtLimit,
                  {{"user", who_runs()},
                   {"size", ByteSize{static_cast<std::uint64_t>(given)}},
                   {"wanted", ByteSize{wanted}}}});
}

}  // namespace

Machine this_machine() {
  std::ifstream status("/proc/self/status");
  constexpr std::string_view kEffective = "CapEff:";
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(kEffective)) continue;
    const std::uint64_t capabilities = std::strtoull(line.c_str() + kEffective.size(), nullptr, 16);
    return {.root = "", .is_privileged = (capabilities >> CAP_SYS_RESOURCE & 1) != 0};
  }
  return {.root = "", .is_privileged = geteuid() == 0};
}

Findings check_fifo(const FifoSettings& settings) {
  const QuotedText path{settings.path};
  const Phrase fifo = about_file(PhraseId::TheFifo, settings.path);
  struct stat st{};
  const int errnum = look_at(settings.path, st);
  if (errnum == ENOENT && settings.create) {
    if (auto obstacle = no_room_for(fifo, directory_of(settings.path))) return {*std::move(obstacle)};
    return {ok({PhraseId::FifoToBeCreated, {{"fifo", path}, {"mode", std::uint64_t{settings.mode}}}})};
  }
  if (errnum == ENOENT) return {error(ErrorKind::NoInput, {PhraseId::FifoMissing, {{"fifo", path}}})};
  if (errnum != 0) return {error(kind_of_errno(errnum), cannot_look_at(fifo, errnum))};
  if (!S_ISFIFO(st.st_mode)) {
    Phrase finding(PhraseId::FifoIsOther,
                   {{"fifo", path}, {"found", what_stands_at(settings.path, st.st_mode)}});
    if (S_ISLNK(st.st_mode))
      finding.with({"advice", Phrase(PhraseId::NameTheFifoItself, {{"end", end_of_links(settings.path)}})});
    return {error(ErrorKind::NoInput, std::move(finding))};
  }
  if (const int refused = access_error(settings.path, R_OK | W_OK); refused != 0) {
    return {error(kind_of_errno(refused), {PhraseId::FifoDenied,
                                           {{"fifo", path},
                                            {"user", who_runs()},
                                            {"errno", Errno{refused}},
                                            {"mode", permissions(st)},
                                            {"owner", owner_of(st)}}})};
  }
  Findings findings = {
      ok({PhraseId::FifoThere, {{"fifo", path}, {"mode", permissions(st)}, {"owner", owner_of(st)}}})};
  if ((st.st_mode & 0666U) == 0) {
    findings.push_back(
        warning({PhraseId::FifoModeZero, {{"fifo", path}, {"mode", std::uint64_t{settings.mode}}}}));
  }
  if ((st.st_mode & S_IWOTH) != 0) findings.push_back(warning({PhraseId::FifoWritable, {{"fifo", path}}}));
  if ((st.st_mode & S_IROTH) != 0) findings.push_back(warning({PhraseId::FifoReadable, {{"fifo", path}}}));
  return findings;
}

Findings check_writers(const FifoSettings& settings, bool a_syslogd_names_it) {
  struct stat st{};
  if (a_syslogd_names_it || look_at(settings.path, st) != 0 || !S_ISFIFO(st.st_mode)) return {};
  const OpenDescriptors holders = find_open_descriptors(st.st_dev, st.st_ino);
  // systemd holds it open for slurper, and slurper for its writers; neither of them writes.
  const bool is_written = std::ranges::any_of(holders.open, [](const OpenDescriptor& holder) {
    const bool may_write = holder.access == Access::Write || holder.access == Access::ReadWrite;
    return may_write && holder.process.pid != 1 && holder.command != "slurper";
  });
  if (is_written) return {};
  return {warning({holders.complete() ? PhraseId::NothingWrites : PhraseId::NothingVisibleWrites,
                   {{"fifo", QuotedText{settings.path}}, {"folder", SLURPER_DOC_DIRECTORY}}})};
}

Findings check_inotify() {
  const Result<FifoInotify> path = FifoInotify::open();
  const Result<FifoInotify> users = FifoInotify::open();
  for (const Result<FifoInotify>* const watch : {&path, &users}) {
    if (!*watch) return {warning(as_phrase(watch->error(), PhraseId::FifoNotWatched))};
  }
  return {};
}

Findings check_pipe_limits(const Machine& machine, const FifoSettings& settings) {
  const std::uint64_t wanted = settings.pipe_size.bytes;
  if (machine.is_privileged) return {ok({PhraseId::PipeWithoutLimit, {{"size", settings.pipe_size}}})};

  Findings findings;
  if (const auto max = number_in(machine.root + "/proc/sys/fs/pipe-max-size"); max && wanted > *max) {
    findings.push_back(
        warning({PhraseId::PipeBeyondMax,
                 {{"size", settings.pipe_size}, {"max", ByteSize{*max}}, {"wanted", wanted}}}));
  }
  // The limit on all pipes of the user together (0: no limit).
  const auto pages = number_in(machine.root + "/proc/sys/fs/pipe-user-pages-soft");
  if (pages && *pages != 0 && wanted / kPage > *pages) {
    findings.push_back(warning(
        {PhraseId::PipeBeyondPages,
         {{"pages", wanted / kPage}, {"max", std::uint64_t{*pages}}, {"enough", wanted / kPage * 16}}}));
  }
  if (!findings.empty()) return findings;
  if (machine.root.empty()) {
    if (auto bound = try_pipe(wanted)) return {*std::move(bound)};
  }
  return {ok({PhraseId::PipeFits, {{"size", settings.pipe_size}}})};
}

}  // namespace slurper
