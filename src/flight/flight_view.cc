#include "flight/flight_view.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <iterator>
#include <memory>
#include <string_view>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/fd.h"
#include "base/text.h"

namespace slurper {

using namespace flight_format;

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::int64_t kSecond = 1'000'000'000;

template <std::size_t kWords>
std::string text_in(const std::atomic<std::uint64_t> (&words)[kWords], std::uint64_t length) {
  std::array<std::uint64_t, kWords> copy{};
  for (std::size_t i = 0; i < kWords; ++i) copy[i] = words[i].load(kRelaxed);
  std::string text(std::min<std::uint64_t>(length, sizeof copy), '\0');
  std::memcpy(text.data(), copy.data(), text.size());
  return text;
}

// In quotes; empty if it has fallen out of the file.
std::string name_in(const File& file, std::uint64_t number) {
  if (number == 0) return {};
  const NameSlot& slot = file.names[number % kNames];
  if (slot.stamp.load(std::memory_order_acquire) != 2 * number) return {};
  std::string name = text_in(slot.text, slot.length.load(kRelaxed));
  return slot.stamp.load(kRelaxed) == 2 * number ? in_quotes(name) : std::string();
}

const char* name_of(FlightCall call) {
  constexpr std::array kNames{"open",      "read",      "pread",   "write", "pwrite", "tee",    "splice",
                              "fstat",     "lstat",     "ioctl",   "fcntl", "flock",  "fsync",  "fdatasync",
                              "ftruncate", "fallocate", "madvise", "mlock", "mkdir",  "mkfifo", "fchmod",
                              "fchown",    "futimens",  "rename",  "unlink"};
  const auto at = std::size_t{std::to_underlying(call)} - 1;
  return at < kNames.size() ? kNames[at] : "?";
}

bool has_size(FlightCall call) {
  using enum FlightCall;
  switch (call) {
    case Read:
    case Pread:
    case Write:
    case Pwrite:
    case Tee:
    case Splice:
    case Fcntl:
    case Fallocate:
    case Madvise:
    case Mlock:
      return true;
    default:
      return false;
  }
}

// The names in a message are in quotes, with escapes. What else could move a terminal's cursor is escaped
// here.
std::string visible(std::string_view text) {
  std::string shown;
  append_visible(text, shown);
  return shown;
}

// 0 bytes are also what a hole has.
template <typename Slot>
bool is_whole(const Slot& slot) {
  const std::uint64_t stamp = slot.stamp.load(kRelaxed);
  return stamp != 0 && stamp % 2 == 0;
}

// A file is copied twice: what differs was being written.
template <typename Slot>
bool is_same(const Slot& a, const Slot& b) {
  return is_whole(a) &&
         std::memcmp(static_cast<const void*>(&a), static_cast<const void*>(&b), sizeof a) == 0;
}

Status copy(Os& os, int fd, File& to) {
  auto* const bytes = reinterpret_cast<char*>(&to);
  for (std::size_t done = 0; done < sizeof to;) {
    const ssize_t got = os.pread(fd, bytes + done, sizeof to - done, static_cast<off_t>(done));
    if (got < 0) return fail_errno(static_cast<int>(-got), {});
    if (got == 0) return fail(ErrorKind::Data, {}, PhraseId::NoEventsFile);
    done += static_cast<std::size_t>(got);
  }
  const bool known =
      std::memcmp(to.header.magic, kMagic, sizeof kMagic) == 0 && to.header.version == kVersion;
  return known ? Status() : fail(ErrorKind::Data, {}, PhraseId::NoEventsFile);
}

// An entry and its place: a message comes after so many calls.
struct Placed {
  std::uint64_t calls;
  std::uint64_t number;  // 0: a call
  FlightEntry entry;
};

std::vector<FlightEntry> merged(const File& first, const File& second) {
  std::vector<Placed> placed;
  for (std::size_t i = 0; i < kCalls; ++i) {
    const CallSlot& slot = first.calls[i];
    if (!is_same(slot, second.calls[i])) continue;
    const std::optional<CallRecord> call = call_in(slot);
    if (!call) continue;
    placed.push_back(
        {slot.stamp.load(kRelaxed) / 2, 0, {call->at, call->thread, false, to_text(*call, first)}});
  }
  for (std::size_t i = 0; i < kNotes; ++i) {
    const NoteSlot& slot = first.notes[i];
    if (!is_same(slot, second.notes[i])) continue;
    placed.push_back({slot.calls.load(kRelaxed),
                      slot.stamp.load(kRelaxed) / 2,
                      {slot.at.load(kRelaxed), static_cast<pid_t>(slot.thread.load(kRelaxed)), true,
                       visible(text_in(slot.text, slot.length.load(kRelaxed)))}});
  }
  std::ranges::sort(placed, {}, [](const Placed& entry) { return std::tuple(entry.calls, entry.number); });
  std::vector<FlightEntry> entries;
  entries.reserve(placed.size());
  for (Placed& entry : placed) entries.push_back(std::move(entry.entry));
  return entries;
}

// Of a moment of CLOCK_BOOTTIME: nanoseconds since 1970. Nothing if the file is damaged.
std::optional<std::int64_t> moment_of(std::int64_t at) {
  constexpr std::int64_t kCentury = std::int64_t{100} * 366 * 86'400 * kSecond;
  if (at < 0 || at > kCentury) return std::nullopt;
  timespec wall{};
  ::clock_gettime(CLOCK_REALTIME, &wall);
  return std::int64_t{wall.tv_sec} * kSecond + wall.tv_nsec - FlightRecorder::now() + at;
}

}  // namespace

std::string flight_path(const std::string& directory) {
  return directory + "/events";
}

std::string former_flight_path(const std::string& directory) {
  return directory + "/events.before";
}

std::optional<CallRecord> call_in(const CallSlot& slot) {
  const std::uint64_t stamp = slot.stamp.load(std::memory_order_acquire);
  if (stamp == 0 || stamp % 2 == 1) return std::nullopt;
  const CallRecord call{.call = static_cast<FlightCall>(slot.call.load(kRelaxed)),
                        .at = slot.at.load(kRelaxed),
                        .duration = slot.duration.load(kRelaxed),
                        .result = slot.result.load(kRelaxed),
                        .size = slot.size.load(kRelaxed),
                        .offset = slot.offset.load(kRelaxed),
                        .fd = slot.fd.load(kRelaxed),
                        .name = slot.name.load(kRelaxed),
                        .thread = static_cast<pid_t>(slot.thread.load(kRelaxed))};
  std::atomic_thread_fence(std::memory_order_acquire);
  return slot.stamp.load(kRelaxed) == stamp ? std::optional(call) : std::nullopt;
}

std::string to_text(const CallRecord& call, const File& file) {
  std::string of = name_in(file, call.name);
  if (of.empty() && call.fd >= 0) of = fmt::format("descriptor {}", call.fd);
  std::string text = fmt::format("{}({}", name_of(call.call), of);
  if (call.call == FlightCall::Rename) {
    text += fmt::format(", {}", name_in(file, call.size));
  } else if (has_size(call.call)) {
    text += fmt::format("{}{}", of.empty() ? "" : ", ", call.size);
  }
  if (call.offset >= 0) text += fmt::format("{} {}", has_size(call.call) ? " at" : ",", call.offset);
  text += ") = ";
  if (call.result >= 0) {
    text += fmt::format("{}", call.result);
  } else {
    const int errnum = static_cast<int>(-std::max<std::int64_t>(call.result, -4095));
    const char* const name = ::strerrorname_np(errnum);
    text += fmt::format("{} ({})", name != nullptr ? name : "?", errno_text(errnum));
  }
  constexpr std::int64_t kSlow = 10'000'000;  // 10 ms
  if (call.duration >= kSlow)
    text += fmt::format(" after {:.2f} s", static_cast<double>(call.duration) / double{kSecond});
  return text;
}

std::string flight_time(std::int64_t at) {
  const std::optional<std::int64_t> moment = moment_of(at);
  if (!moment) return "?";
  const std::time_t seconds = *moment / kSecond;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("{:%H:%M:%S}.{:06}", local, *moment % kSecond / 1000);
}

std::uint64_t flight_milliseconds(std::int64_t at) {
  constexpr std::int64_t kMillisecond = 1'000'000;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(moment_of(at).value_or(0), 0) / kMillisecond);
}

Result<std::optional<FlightHistory>> read_flight(Os& os, const std::string& path) {
  const auto failed = [&](Error error) {
    error.what = about_file(PhraseId::ReadEvents, path);
    return std::unexpected(std::move(error));
  };
  const int fd = os.open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (fd == -ENOENT) return std::nullopt;
  if (fd < 0) return fail_errno(-fd, about_file(PhraseId::ReadEvents, path));
  const UniqueFd file_fd(fd);
  const auto first = std::make_unique<File>();
  const auto second = std::make_unique<File>();
  for (File* const file : {first.get(), second.get()}) {
    if (Status copied = copy(os, fd, *file); !copied) return failed(std::move(copied.error()));
  }
  return FlightHistory{.pid = first->header.pid,
                       .ended = first->header.ended.load(kRelaxed) != 0,
                       .entries = merged(*first, *second)};
}

}  // namespace slurper
