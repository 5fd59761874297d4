#include "ring/ring_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <new>

#include "base/error.h"
#include "proc/lock_holder.h"
#include "ring/ring_folder.h"

namespace slurper {

using ring_format::Header;
using ring_format::Identity;
using ring_format::kHeaderBytes;

namespace {

// Returns whether this process has the lock, or may proceed without it.
Result<bool> lock(Os& os, int fd, const std::string& path) {
  const FlockClaim claim = claim_flock(os, fd);
  // A stranger opened the file while its mode permitted that.
  if (claim.error == 0 || claim.is_strangers()) return true;
  if (claim.error == -EWOULDBLOCK) return false;
  return ring_failure(-claim.error, PhraseId::UseRing, path);
}

}  // namespace

Identity ring_identity(const Uuid& log_id, const Uuid& boot, std::uint64_t size) {
  Identity identity{};
  std::memcpy(identity.magic, ring_format::kMagic, sizeof identity.magic);
  identity.version = ring_format::kVersion;
  identity.header_bytes = kHeaderBytes;
  identity.size = size;
  std::memcpy(identity.log_id, log_id.data(), sizeof identity.log_id);
  std::memcpy(identity.boot_id, boot.data(), sizeof identity.boot_id);
  return identity;
}

std::unexpected<Error> ring_failure(int errnum, PhraseId what, const std::string& path) {
  Error error = fail_errno(errnum, about_file(what, path)).error();
  if (errnum == ENOSPC || errnum == EDQUOT || errnum == EFBIG) error.kind = ErrorKind::CantCreate;
  return std::unexpected(std::move(error));
}

std::unexpected<Error> ring_is_busy(const std::string& path) {
  return fail(ErrorKind::Busy, about_file(PhraseId::UseRing, path), PhraseId::UsedByAnotherSlurper);
}

Result<FoundRing> look_at_ring(Os& os, const std::string& path, std::vector<Phrase>& findings) {
  FoundRing found;
  const int fd = os.open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  if (fd == -ENOENT) return found;
  if (fd < 0) return ring_failure(-fd, PhraseId::UseRing, path);
  found.fd.reset(fd);
  found.facts.exists = true;
  struct stat st{};
  if (const int error = os.fstat(fd, &st); error < 0) return ring_failure(-error, PhraseId::UseRing, path);
  found.owner = st.st_uid;
  found.facts.is_ours = st.st_uid == ::geteuid();
  if (!found.facts.is_ours) return found;
  if (Status tight = tighten_ring_file(os, fd, st, path, findings); !tight)
    return std::unexpected(tight.error());
  const Result<bool> locked = lock(os, fd, path);
  if (!locked) return std::unexpected(locked.error());
  found.facts.is_in_use = !*locked;
  if (found.facts.is_in_use) return found;
  const ssize_t got = S_ISREG(st.st_mode) ? os.pread(fd, &found.identity, sizeof found.identity, 0) : 0;
  if (got < 0) return ring_failure(static_cast<int>(-got), PhraseId::UseRing, path);
  found.facts.header = classify_header(found.identity, got, st.st_size);
  return found;
}

Result<UniqueFd> create_ring_file(Os& os, const std::string& path, const Identity& identity,
                                  StreamOffset begin, std::uint64_t session) {
  const std::string temporary = path + ".new";
  (void)os.unlink(temporary.c_str());  // an interrupted start left it; open reports a failure
  const int fd = os.open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (fd < 0) return ring_failure(-fd, PhraseId::CreateRing, temporary);
  UniqueFd file_fd(fd);
  const Result<bool> locked = lock(os, fd, temporary);
  if (!locked) return std::unexpected(locked.error());
  if (!*locked) return ring_is_busy(temporary);
  if (const int error = os.ftruncate(fd, static_cast<off_t>(kHeaderBytes + identity.size)); error < 0) {
    return ring_failure(-error, PhraseId::CreateRing, temporary);
  }
  alignas(Header) std::array<char, sizeof(Header)> bytes{};
  Header* header = new (bytes.data()) Header{};
  header->identity = identity;
  header->head = begin.value;
  header->origin = begin.value;
  header->tail = begin.value;
  header->session = session;
  const ssize_t written = os.pwrite(fd, bytes.data(), bytes.size(), 0);
  if (written != static_cast<ssize_t>(bytes.size())) {
    (void)os.unlink(temporary.c_str());
    return ring_failure(written < 0 ? static_cast<int>(-written) : ENOSPC, PhraseId::CreateRing, temporary);
  }
  if (const int error = os.rename_noreplace(temporary.c_str(), path.c_str()); error < 0) {
    (void)os.unlink(temporary.c_str());
    return ring_failure(-error, PhraseId::CreateRing, path);
  }
  return file_fd;
}

bool is_in_ram(int fd) {
  struct statfs fs{};
  if (::fstatfs(fd, &fs) != 0) return true;  // no reason for a warning
  return fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
}

}  // namespace slurper
