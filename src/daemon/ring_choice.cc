#include "daemon/ring_choice.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/phrase_id.h"
#include "base/text.h"
#include "log/log_index.h"
#include "ring/quarantine.h"
#include "ring/ring_directory.h"

namespace slurper {

namespace {

RingWitness witness_of(const RingView& ring) {
  return {.log_id = ring.log_id, .tail = ring.tail, .head = ring.tail + ring.held(), .session = ring.session};
}

bool is_same_file(Os& os, const std::string& one, const std::string& other) {
  struct stat first{};
  struct stat second{};
  return os.lstat(one.c_str(), &first) >= 0 && os.lstat(other.c_str(), &second) >= 0 &&
         first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

std::optional<Uuid> id_of_log(Os& os, const LogPaths& paths) {
  const Result<IndexReading> index = read_index(os, paths);
  if (!index || !index->record) return std::nullopt;
  return index->record->log_id;
}

// The rings in these folders. Ring::open() reports a ring that can't be read or is another user's. Until
// then, nothing in that ring is trusted.
std::vector<std::optional<RingView>> inspect_rings(Os& os, const std::vector<std::string>& directories) {
  std::vector<std::optional<RingView>> rings;
  for (const std::string& directory : directories) {
    struct stat st{};
    const bool is_ours = os.lstat((directory + "/ring").c_str(), &st) >= 0 && st.st_uid == ::geteuid();
    auto ring = is_ours ? inspect_ring(os, directory) : Result<std::optional<RingView>>(std::nullopt);
    rings.push_back(ring ? *ring : std::nullopt);
  }
  return rings;
}

}  // namespace

std::string owner_elsewhere(Os& os, const RingView& ring, const std::string& log_path) {
  if (ring.log_path.empty() || ring.log_path == absolute_log_path(log_path)) return {};
  const LogPaths theirs(ring.log_path);
  const LogPaths ours(log_path);
  if (id_of_log(os, theirs) != ring.log_id || is_same_file(os, theirs.index(), ours.index())) return {};
  return ring.log_path;
}

std::optional<Error> why_taken(Os& os, const RingView& ring, const std::string& log_path) {
  const std::string owner = owner_elsewhere(os, ring, log_path);
  if (owner.empty()) return std::nullopt;
  const bool is_copy = id_of_log(os, LogPaths(log_path)) == ring.log_id;
  return fail(ErrorKind::Config, about_file(PhraseId::UseRing, ring.path),
              {is_copy ? PhraseId::RingOfOriginal : PhraseId::RingOfExistingLog,
               {{"owner", QuotedText{owner}}, {"log", QuotedText{log_path}}}})
      .error();
}

std::size_t choose(const std::vector<std::optional<RingView>>& rings, const std::optional<Uuid>& index,
                   const Uuid& boot) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < rings.size(); ++i) {
    const std::optional<RingView>& ring = rings[i];
    if (!ring || ring->boot_id != boot) continue;
    if (index ? ring->log_id != *index : ring->held() == 0) continue;
    if (!best || (index && ring->session > rings[*best]->session)) best = i;
  }
  return best.value_or(0);
}

Result<ChosenRing> choose_ring(Os& os, const Settings& settings, const Uuid& boot) {
  Result<std::vector<std::string>> directories = ring_directories(settings);
  if (!directories) return std::unexpected(directories.error());
  std::vector<std::optional<RingView>> rings = inspect_rings(os, *directories);
  std::optional<Error> refusal;
  if (const auto& named = rings.front(); named && !settings.ring.directory.empty())
    refusal = why_taken(os, *named, settings.log.path);
  if (refusal) {
    Settings usual = settings;
    usual.ring.directory.clear();
    directories = ring_directories(usual);
    if (!directories || directories->front() == settings.ring.directory) return std::unexpected(*refusal);
    rings = inspect_rings(os, *directories);
  }
  const std::optional<Uuid> id = id_of_log(os, LogPaths(settings.log.path));
  // A log that has no index yet must not take the place of one that exists. Nor must a copy: a link that
  // leads to the copy now may have led to the original, and the folder of that ring was found through it.
  for (auto& ring : rings) {
    if (ring && !owner_elsewhere(os, *ring, settings.log.path).empty()) ring.reset();
  }

  const std::size_t best = choose(rings, id, boot);
  ChosenRing chosen{.directory = (*directories)[best], .refusal = std::move(refusal), .witness = {}};
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
    if (const auto ring = inspect_ring_file(os, path); ring && *ring) bytes += (*ring)->held();
  }
  return bytes;
}

std::string recover_arguments(const Settings& settings, const std::string& ring_path) {
  std::string log = in_quotes(settings.log.path);
  if (ring_path != settings.ring.directory + "/ring") return log;
  return fmt::format("--ring {} {}", in_quotes(settings.ring.directory), log);
}

}  // namespace slurper
