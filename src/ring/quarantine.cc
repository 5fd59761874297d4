#include "ring/quarantine.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/error.h"

namespace slurper {

namespace {

constexpr std::string_view kQuarantined = "ring.put-aside-";

std::optional<int> number_of(std::string_view name) {
  if (!name.starts_with(kQuarantined)) return std::nullopt;
  name.remove_prefix(kQuarantined.size());
  int number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number < 1) return std::nullopt;
  return number;
}

}  // namespace

std::string quarantine_name(const std::string& ring_path, int number) {
  return fmt::format("{}.put-aside-{}", ring_path, number);
}

std::vector<std::string> list_quarantined(const std::string& directory) {
  std::vector<std::pair<int, std::string>> found;
  std::error_code error;
  const std::filesystem::directory_iterator end;
  for (std::filesystem::directory_iterator entry(directory, error); !error && entry != end;
       entry.increment(error)) {
    if (const auto number = number_of(entry->path().filename().native()))
      found.emplace_back(*number, entry->path().string());
  }
  std::ranges::sort(found);
  std::vector<std::string> paths;
  for (auto& [number, path] : found) paths.push_back(std::move(path));
  return paths;
}

Phrase why_unreadable(RingHeader header, const ring_format::Identity& found) {
  switch (header) {
    case RingHeader::Readable:
      return {};
    case RingHeader::NotARing:
      return PhraseId::NotARing;
    case RingHeader::OtherVersion:
      return {PhraseId::RingOfOtherVersion,
              {{"version", std::uint64_t{found.version}}, {"known", std::uint64_t{ring_format::kVersion}}}};
    case RingHeader::WrongSize:
      return PhraseId::RingOfWrongSize;
  }
  std::unreachable();
}

Phrase why_quarantined(RingRelation relation, std::uint64_t held) {
  switch (relation) {
    case RingRelation::Contradictory:
      return PhraseId::RingContradictsItself;
    case RingRelation::OtherLog:
      return {PhraseId::BelongsToOtherLog, {{"size", ByteSize{held}}}};
    case RingRelation::OtherBoot:
      return {PhraseId::HeldAtRestart, {{"size", ByteSize{held}}}};
    case RingRelation::LeftBehind:
      return {PhraseId::LogContinuedWithout, {{"size", ByteSize{held}}}};
    case RingRelation::LogElsewhere:
      return {PhraseId::NeverReachedLog, {{"size", ByteSize{held}}}};
    default:
      return {};
  }
}

Result<Ring::Salvaged> Ring::salvage(Os& os, const std::string& path) {
  const Phrase what = about_file(PhraseId::ReadRing, path);
  UniqueFd file_fd(os.open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK));
  if (!file_fd) return fail_errno(-file_fd.get(), what);
  if (const int error = lock_file(os, file_fd.get()); error == -EWOULDBLOCK) {
    return fail(ErrorKind::Busy, what, PhraseId::UsedByAnotherSlurper);
  } else if (error < 0) {
    return fail_errno(-error, what);
  }
  struct stat st{};
  if (const int error = os.fstat(file_fd.get(), &st); error < 0) return fail_errno(-error, what);
  ring_format::Identity found{};
  const ssize_t got = S_ISREG(st.st_mode) ? os.pread(file_fd.get(), &found, sizeof found, 0) : 0;
  if (got < 0) return fail_errno(static_cast<int>(-got), what);
  const RingHeader header = classify_header(found, got, st.st_size);
  if (header != RingHeader::Readable) return fail(ErrorKind::Data, what, why_unreadable(header, found));
  Salvaged salvaged;
  salvaged.ring.reset(new Ring(os, std::move(file_fd), found.size));
  if (Status mapped = salvaged.ring->map(path, Mapping::Private); !mapped)
    return std::unexpected(mapped.error());
  if (!offsets_are_sound(salvaged.ring->facts(found, found)) || !salvaged.ring->recover())
    return fail(ErrorKind::Data, what, PhraseId::RingContradictsItself);
  std::memcpy(salvaged.log_id.data(), found.log_id, sizeof found.log_id);
  std::memcpy(salvaged.boot_id.data(), found.boot_id, sizeof found.boot_id);
  return salvaged;
}

}  // namespace slurper
