// Any bytes as a file of arrival times: it is opened, looked up and appended to, and what was appended is
// found again. With a good header before them, so that the entries are reached.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "fuzz/fuzz.h"
#include "log/time_index.h"

namespace {

using namespace slurper;  // NOLINT(google-build-using-namespace): one file, one subject

constexpr Uuid kLog = {1, 2, 3};
constexpr StreamOffset kHead = {std::uint64_t{1} << 40};

struct Folder {
  Folder() {
    std::string name = "/dev/shm/slurper-fuzz-XXXXXX";  // RAM: thousands of files, synced
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

void check(const LogPaths& paths, const std::string& content) {
  {
    std::ofstream file(paths.times(), std::ios::binary | std::ios::trunc);
    file << content;
  }
  (void)inspect_times(kernel(), paths, kLog);
  const auto opened = [&] {
    return TimeIndex::open(kernel(), paths, kLog, {}, {.log_end = kHead, .head = kHead});
  };
  const Timestamp time{std::chrono::seconds(1'700'000'000)};
  {
    const auto times = opened();
    StreamOffset last;
    for (std::uint64_t offset = 1; offset < kHead.value; offset *= 5) {
      if (const auto found = times->find({offset})) {
        fuzz::require(found->mark.offset.value <= offset, "a mark is not behind what it is of");
        fuzz::require(!found->next || found->next->value > offset, "the next one is behind it");
        last = found->mark.offset;
      }
    }
    fuzz::require(last < kHead, "nothing is known of what never came");
    times->mark({.offset = kHead, .time = time});
    times->write();
    fuzz::require(times->find(kHead + 5) && times->find(kHead + 5)->mark.time == time,
                  "what was marked is found");
  }
  {
    const auto times = TimeIndex::open(kernel(), paths, kLog, {}, {.log_end = kHead + 9, .head = kHead + 9});
    fuzz::require(times->take_findings().empty(), "what was written is sound");
    const auto found = times->find(kHead + 5);
    fuzz::require(found && found->mark.offset == kHead && found->mark.time == time, "and it is found again");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  static const LogPaths paths(folder.path + "/m");
  const std::string content(fuzz::as_text(data, size));
  check(paths, content);
  const TimesHeaderBytes header = encode_times_header(kLog);
  check(paths, std::string(header.begin(), header.end()) + content);
  // Each entry with a good check, and in order.
  std::string sound(header.begin(), header.end());
  std::uint64_t offset = 0;
  for (std::size_t i = 0; i + 2 <= size; i += 2) {
    offset += data[i];
    const TimesEntryBytes entry =
        encode_times_entry({.offset = {offset}, .time = Timestamp(std::chrono::seconds(data[i + 1]))});
    sound.append(entry.begin(), entry.end());
  }
  check(paths, sound + content.substr(0, 16));
  return 0;
}
