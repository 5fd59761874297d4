// Any bytes as a ring's header, raw and with the right identity: opening it ends in a ring that can be used,
// and what was not one is still there under another name.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "ring/ring.h"

namespace {

using namespace slurper;  // NOLINT(google-build-using-namespace): one file, one subject

constexpr std::uint64_t kSize = 1 << 16;
constexpr StreamOffset kLogEnd{1000};

struct Folder {
  Folder() {
    std::string name = "/dev/shm/slurper-fuzz-XXXXXX";  // RAM: thousands of files, synced
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

void open_with(const std::string& folder, const Uuid& id, const std::string& header) {
  RingSettings settings;
  settings.size.bytes = kSize;
  const std::string path = folder + "/ring";
  std::filesystem::remove(path);
  {
    const UniqueFd ring_fd(kernel().open(path.c_str(), O_RDWR | O_CREAT, 0600));
    if (kernel().ftruncate(ring_fd.get(), ring_format::kHeaderBytes + kSize) != 0) std::abort();
    if (kernel().pwrite(ring_fd.get(), header.data(), header.size(), 0) !=
        static_cast<ssize_t>(header.size()))
      std::abort();
  }
  const auto opened =
      Ring::open(kernel(), folder, settings, id, id, {.readable_from = 0, .end = kLogEnd.value});
  if (!opened) std::abort();
  const Ring& ring = *opened->ring;
  if (ring.tail() > ring.head() || ring.used() > ring.size()) std::abort();
  // Every byte that it claims to hold can be read.
  std::uint64_t sum = 0;
  for (const char byte : ring.bytes(ring.tail(), ring.head())) sum += static_cast<unsigned char>(byte);
  if (sum > ring.used() * 255) std::abort();
  if (!opened->quarantined.empty() && !std::filesystem::remove(opened->quarantined)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Folder folder;
  static const Uuid id{};
  std::string header(sizeof(ring_format::Header), '\0');
  std::memcpy(header.data(), data, std::min(size, header.size()));
  open_with(folder.path, id, header);

  const std::string raw = header;
  for (const std::uint32_t version : {ring_format::kOldestVersion, ring_format::kVersion}) {
    header = raw;
    ring_format::Identity identity{};
    std::memcpy(identity.magic, ring_format::kMagic, sizeof identity.magic);
    identity.version = version;
    identity.header_bytes = ring_format::kHeaderBytes;
    identity.size = kSize;
    std::memcpy(header.data(), &identity, sizeof identity);
    open_with(folder.path, id, header);

    // Offsets near the truth, so that what lies behind their check is reached.
    for (const std::size_t at :
         {offsetof(ring_format::Header, head), offsetof(ring_format::Header, origin),
          offsetof(ring_format::Header, tail), offsetof(ring_format::Header, declared) + 8}) {
      std::uint64_t offset = 0;
      std::memcpy(&offset, header.data() + at, sizeof offset);
      offset = kLogEnd.value - 100 + offset % 300;
      std::memcpy(header.data() + at, &offset, sizeof offset);
    }
    open_with(folder.path, id, header);
  }
  return 0;
}
