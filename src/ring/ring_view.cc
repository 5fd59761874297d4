#include "ring/ring_view.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/text.h"
#include "ring/ring_format.h"

namespace slurper {

namespace {

template <typename T>
T field(const std::array<char, sizeof(ring_format::Header)>& bytes, std::size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::string log_path_in(Os& os, int ring_fd) {
  ring_format::LogPath noted{};
  const ssize_t got = os.pread(ring_fd, &noted, sizeof noted, ring_format::kLogPathAt);
  const std::uint32_t size = noted.size.load();
  if (got != sizeof noted || size > sizeof noted.text) return {};
  return {noted.text, size};
}

}  // namespace

Result<std::optional<RingView>> inspect_ring(Os& os, const std::string& directory) {
  return inspect_ring_file(os, directory + "/ring");
}

Status check_ring_is_free(Os& os, const std::string& directory) {
  const std::string path = directory + "/ring";
  const UniqueFd ring_fd(os.open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK));
  if (!ring_fd) return {};  // there is none, or it is another user's: opening it reports that
  if (lock_file(os, ring_fd.get()) != -EWOULDBLOCK) return {};
  return fail(ErrorKind::Busy, about_file(PhraseId::UseRing, path), PhraseId::UsedByAnotherSlurper);
}

Result<std::optional<RingView>> inspect_ring_file(Os& os, const std::string& path) {
  using ring_format::DeclaredRead;
  using ring_format::Header;
  using ring_format::Identity;
  RingView view;
  view.path = path;
  const Phrase what = about_file(PhraseId::ReadRing, path);
  const UniqueFd ring_fd(os.open(view.path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  if (ring_fd.get() == -ENOENT || ring_fd.get() == -ENOTDIR) return std::nullopt;
  if (!ring_fd) return fail_errno(-ring_fd.get(), what);
  std::array<char, sizeof(Header)> bytes{};
  const ssize_t got = os.pread(ring_fd.get(), bytes.data(), bytes.size(), 0);
  if (got < 0) return fail_errno(static_cast<int>(-got), what);
  if (got != static_cast<ssize_t>(bytes.size()) ||
      std::memcmp(bytes.data(), ring_format::kMagic, sizeof ring_format::kMagic) != 0)
    return fail(ErrorKind::Data, what, PhraseId::NotARing, PhraseId::NameAnotherRing);
  const auto version = field<std::uint32_t>(bytes, offsetof(Identity, version));
  if (version < ring_format::kOldestVersion || version > ring_format::kVersion)
    return fail(ErrorKind::Data, what,
                {PhraseId::RingOfOtherVersion,
                 {{"version", std::uint64_t{version}}, {"known", std::uint64_t{ring_format::kVersion}}}});

  const auto number = [&](std::size_t at) { return field<std::uint64_t>(bytes, at); };
  view.size = number(offsetof(Identity, size));
  view.log_id = field<Uuid>(bytes, offsetof(Identity, log_id));
  view.boot_id = field<Uuid>(bytes, offsetof(Identity, boot_id));
  view.log_path = log_path_in(os, ring_fd.get());
  view.tail = {number(offsetof(Header, tail))};
  view.head = {number(offsetof(Header, head))};
  view.session = number(offsetof(Header, session));
  view.dropped_lines = number(offsetof(Header, dropped_lines));
  view.dropped_bytes = number(offsetof(Header, dropped_bytes));
  constexpr std::size_t kDeclared = offsetof(Header, declared);
  const std::uint64_t declared = number(kDeclared + offsetof(DeclaredRead, size));
  const bool in_force =
      declared != 0 && number(kDeclared + offsetof(DeclaredRead, offset)) == view.head.value;
  if (in_force) {
    view.unsettled_is_certain = version != ring_format::kOldestVersion;
    view.unsettled = view.unsettled_is_certain
                         ? std::min(declared, number(kDeclared + offsetof(DeclaredRead, end)) -
                                                  number(kDeclared + offsetof(DeclaredRead, start)))
                         : declared;
  }
  if (view.tail > view.head || view.head - view.tail > view.size)
    return fail(ErrorKind::Data, what, PhraseId::RingContradictsItself);
  return view;
}

}  // namespace slurper
