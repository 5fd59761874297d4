#include "flight/flight_recorder.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <iterator>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "base/fd.h"
#include "flight/flight_view.h"

namespace slurper {

using namespace flight_format;

namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

using NameWords = std::array<std::uint64_t, std::size(NameSlot{}.text)>;

File* map_file(int fd) {
  const int kind = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* const memory = ::mmap(nullptr, sizeof(File), PROT_READ | PROT_WRITE, kind, fd, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<File*>(memory);
}

template <std::size_t kWords>
std::array<std::uint64_t, kWords> words_of(std::string_view text) {
  std::array<std::uint64_t, kWords> words{};
  if (!text.empty()) std::memcpy(words.data(), text.data(), std::min(sizeof words, text.size()));
  return words;
}

template <std::size_t kWords>
void store(std::atomic<std::uint64_t> (&to)[kWords], const std::array<std::uint64_t, kWords>& words) {
  for (std::size_t i = 0; i < kWords; ++i) to[i].store(words[i], kRelaxed);
}

NameWords words_in(const NameSlot& slot) {
  NameWords words{};
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = slot.text[i].load(kRelaxed);
  return words;
}

// Writes the content number `number` into its slot, unless another thread is just doing that.
template <typename Slot, typename Fill>
void fill(Slot& slot, std::uint64_t number, const Fill& fill_in) {
  std::uint64_t stamp = slot.stamp.load(kRelaxed);
  const std::uint64_t mine = 2 * number;
  if (stamp % 2 == 1 || stamp >= mine || !slot.stamp.compare_exchange_strong(stamp, mine - 1, kRelaxed))
    return;
  std::atomic_thread_fence(std::memory_order_release);
  fill_in(slot);
  slot.stamp.store(mine, std::memory_order_release);
}

}  // namespace

std::int64_t FlightRecorder::now() noexcept {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FlightRecorder::FlightRecorder() : file_(map_file(-1)) {
  if (file_ == nullptr) return;
  std::memcpy(file_->header.magic, kMagic, sizeof kMagic);
  file_->header.version = kVersion;
  file_->header.pid = ::getpid();
}

FlightRecorder::~FlightRecorder() {
  if (file_ == nullptr) return;
  file_->header.ended.store(1, kRelaxed);
  ::munmap(file_, sizeof(File));
}

Status FlightRecorder::keep_in(Os& os, const std::string& directory) {
  const std::string path = flight_path(directory);
  const auto failed = [&](int result) { return fail_errno(-result, about_file(PhraseId::KeepEvents, path)); };
  if (file_ == nullptr) return failed(-ENOMEM);
  const int renamed = os.rename(path.c_str(), former_flight_path(directory).c_str());
  if (renamed < 0 && renamed != -ENOENT) return failed(renamed);
  const int fd = os.open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (fd < 0) return failed(fd);
  const UniqueFd file_fd(fd);
  // A store to memory that the file system can't provide would be a SIGBUS.
  int result = os.fallocate(fd, 0, 0, sizeof(File));
  File* const kept = result < 0 ? nullptr : map_file(fd);
  if (result >= 0 && kept == nullptr) result = -errno;
  if (kept == nullptr) {
    (void)os.unlink(path.c_str());
    return failed(result);
  }
  std::memcpy(static_cast<void*>(kept), file_, sizeof(File));
  ::munmap(std::exchange(file_, kept), sizeof(File));
  return {};
}

void FlightRecorder::record(const CallRecord& call) noexcept {
  if (file_ == nullptr) return;
  const std::uint64_t number = file_->header.calls.fetch_add(1, kRelaxed) + 1;
  fill(file_->calls[number % kCalls], number, [&](CallSlot& slot) {
    slot.at.store(call.at, kRelaxed);
    slot.duration.store(call.duration, kRelaxed);
    slot.result.store(call.result, kRelaxed);
    slot.size.store(call.size, kRelaxed);
    slot.offset.store(call.offset, kRelaxed);
    slot.fd.store(call.fd, kRelaxed);
    slot.name.store(call.name, kRelaxed);
    slot.thread.store(static_cast<std::uint32_t>(call.thread), kRelaxed);
    slot.call.store(std::to_underlying(call.call), kRelaxed);
  });
}

void FlightRecorder::note(std::string_view text) noexcept {
  if (file_ == nullptr) return;
  const std::uint64_t number = file_->header.notes.fetch_add(1, kRelaxed) + 1;
  fill(file_->notes[number % kNotes], number, [&](NoteSlot& slot) {
    const std::string_view kept = text.substr(0, sizeof slot.text);
    slot.at.store(now(), kRelaxed);
    slot.calls.store(file_->header.calls.load(kRelaxed), kRelaxed);
    slot.thread.store(static_cast<std::uint32_t>(::gettid()), kRelaxed);
    slot.length.store(static_cast<std::uint32_t>(kept.size()), kRelaxed);
    store(slot.text, words_of<std::size(NoteSlot{}.text)>(kept));
  });
}

std::uint32_t FlightRecorder::add_name(const NameWords& words, std::uint64_t length) noexcept {
  const std::uint64_t number = file_->header.names.load(kRelaxed) + 1;
  fill(file_->names[number % kNames], number, [&](NameSlot& slot) {
    slot.length.store(length, kRelaxed);
    store(slot.text, words);
  });
  file_->header.names.store(number, kRelaxed);
  return static_cast<std::uint32_t>(number);
}

std::uint32_t FlightRecorder::number_of(std::string_view name) noexcept {
  if (file_ == nullptr || name.empty()) return 0;
  if (name.size() > sizeof(NameWords)) name.remove_prefix(name.size() - sizeof(NameWords));
  const NameWords words = words_of<std::tuple_size_v<NameWords>>(name);
  const std::lock_guard lock(names_mutex_);
  const std::uint64_t last = file_->header.names.load(kRelaxed);
  // A name in the older half would soon have to be renewed.
  for (std::uint64_t number = last; number > 0 && last - number < kNames / 2; --number) {
    const NameSlot& slot = file_->names[number % kNames];
    if (slot.length.load(kRelaxed) == name.size() && words_in(slot) == words)
      return static_cast<std::uint32_t>(number);
  }
  return add_name(words, name.size());
}

std::uint32_t FlightRecorder::renew(std::uint32_t number) noexcept {
  if (file_ == nullptr || number == 0) return 0;
  if (file_->header.names.load(kRelaxed) - number < kNames / 2) return number;
  const std::lock_guard lock(names_mutex_);
  if (file_->header.names.load(kRelaxed) - number >= kNames) return 0;
  const NameSlot& slot = file_->names[number % kNames];
  return add_name(words_in(slot), slot.length.load(kRelaxed));
}

std::vector<std::string> FlightRecorder::lately(std::size_t max) const {
  std::vector<std::string> calls;
  if (file_ == nullptr) return calls;
  const auto me = static_cast<std::uint32_t>(::gettid());
  const std::uint64_t last = file_->header.calls.load(kRelaxed);
  for (std::uint64_t number = last; number > 0 && last - number < kCalls && calls.size() < max; --number) {
    const CallSlot& slot = file_->calls[number % kCalls];
    // What this thread has written stays, unless it is overtaken.
    if (slot.thread.load(kRelaxed) != me) continue;
    if (const auto call = call_in(slot)) calls.push_back(to_text(*call, *file_));
  }
  std::ranges::reverse(calls);
  return calls;
}

}  // namespace slurper
