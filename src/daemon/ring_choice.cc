#include "daemon/ring_choice.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/text.h"
#include "log/log_index.h"
#include "ring/quarantine.h"
#include "ring/ring_directory.h"

namespace slurper {

namespace {

// The number of bytes that the log may lack.
std::uint64_t held(const RingView& ring) {
  const std::uint64_t noted = ring.head - ring.tail;
  return noted + std::min(ring.unsettled, ring.size - noted);
}

RingWitness witness_of(const RingView& ring) {
  return {.log_id = ring.log_id, .tail = ring.tail, .head = ring.tail + held(ring), .session = ring.session};
}

}  // namespace

std::size_t choose(const std::vector<std::optional<RingView>>& rings, const std::optional<Uuid>& index,
                   const Uuid& boot) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < rings.size(); ++i) {
    const std::optional<RingView>& ring = rings[i];
    if (!ring || ring->boot_id != boot) continue;
    if (index ? ring->log_id != *index : held(*ring) == 0) continue;
    if (!best || (index && ring->session > rings[*best]->session)) best = i;
  }
  return best.value_or(0);
}

Result<ChosenRing> choose_ring(Os& os, const Settings& settings, const Uuid& boot) {
  const Result<std::vector<std::string>> directories = ring_directories(settings);
  if (!directories) return std::unexpected(directories.error());
  std::vector<std::optional<RingView>> rings;
  for (const std::string& directory : *directories) {
    // Ring::open() reports a ring that can't be read or is another user's. Until then, nothing in that ring
    // is trusted.
    struct stat st{};
    const bool is_ours = os.lstat((directory + "/ring").c_str(), &st) >= 0 && st.st_uid == ::geteuid();
    auto ring = is_ours ? inspect_ring(os, directory) : Result<std::optional<RingView>>(std::nullopt);
    rings.push_back(ring ? *ring : std::nullopt);
  }
  const Result<IndexReading> index = read_index(os, LogPaths(settings.log.path));
  std::optional<Uuid> id;
  if (index && index->record) id = index->record->log_id;

  const std::size_t best = choose(rings, id, boot);
  ChosenRing chosen{.directory = (*directories)[best], .witness = {}};
  if (const auto& ring = rings[best]; ring && ring->boot_id == boot) chosen.witness = witness_of(*ring);
  if (!id && chosen.witness) {
    if (Status unused = check_ring_is_free(os, chosen.directory); !unused)
      return std::unexpected(unused.error());
  }
  return chosen;
}

std::uint64_t quarantined_bytes(Os& os, const std::string& ring_path) {
  std::uint64_t bytes = 0;
  for (const std::string& path : list_quarantined(std::filesystem::path(ring_path).parent_path())) {
    if (const auto ring = inspect_ring_file(os, path); ring && *ring) bytes += held(**ring);
  }
  return bytes;
}

std::string recover_arguments(const Settings& settings) {
  std::string log = in_quotes(settings.log.path);
  if (settings.ring.directory.empty()) return log;
  return fmt::format("--ring {} {}", in_quotes(settings.ring.directory), log);
}

}  // namespace slurper
