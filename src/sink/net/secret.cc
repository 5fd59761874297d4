#include "sink/net/secret.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/fd.h"
#include "base/file_kind.h"
#include "base/secret_place.h"

namespace slurper {

namespace {

std::string credential_in(std::string_view where) {
  if (!where.starts_with(kCredentialPrefix)) return {};
  return std::string(where.substr(kCredentialPrefix.size()));
}

// A folder of root's, made by systemd for this service alone. secure_getenv() is not needed: slurper has no
// privilege that its caller lacks.
std::string credentials_folder() {
  const char* const folder = std::getenv("CREDENTIALS_DIRECTORY");  // NOLINT(concurrency-mt-unsafe)
  return folder == nullptr ? "" : folder;
}

}  // namespace

SecretText::~SecretText() {
  if (bytes_) ::explicit_bzero(bytes_.get(), kMax + 2);
}

std::string Secret::path() const {
  const std::string credential = credential_in(where_);
  if (credential.empty()) return where_;
  const std::string folder = credentials_folder();
  return folder.empty() ? "" : folder + '/' + credential;
}

Result<SecretText> Secret::read(Os& os) const {
  const std::string credential = credential_in(where_);
  const Phrase what = credential.empty() ? about_file(PhraseId::ReadSecret, where_)
                                         : Phrase(PhraseId::ReadCredential, {{"name", credential}});
  const std::string file = path();
  if (file.empty()) return fail(ErrorKind::Config, what, {PhraseId::NoCredentials, {{"name", credential}}});
  // What is not a regular file may block an open(2) or a read(2).
  const UniqueFd fd(os.open(file.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (!fd) return fail_errno(-fd.get(), what);
  struct stat st{};
  if (const int error = os.fstat(fd.get(), &st); error < 0) return fail_errno(-error, what);
  if (!S_ISREG(st.st_mode)) return fail(ErrorKind::Config, what, not_a_regular_file(file, st.st_mode));

  SecretText secret;
  while (secret.size_ < SecretText::kMax + 2) {
    const ssize_t got =
        os.read(fd.get(), secret.bytes_.get() + secret.size_, SecretText::kMax + 2 - secret.size_);
    if (got < 0) return fail_errno(static_cast<int>(-got), what);
    if (got == 0) break;
    secret.size_ += static_cast<std::size_t>(got);
  }
  if (secret.text().ends_with('\n')) --secret.size_;
  if (secret.size_ == 0) return fail(ErrorKind::Config, what, PhraseId::SecretIsEmpty);
  if (secret.size_ > SecretText::kMax)
    return fail(ErrorKind::Config, what, {PhraseId::SecretTooLong, {{"max", ByteSize{SecretText::kMax}}}});
  if (secret.text().contains('\0')) return fail(ErrorKind::Config, what, PhraseId::SecretHasNul);
  return secret;
}

Phrase Secret::unsafe_file() const {
  const std::string file = path();
  struct stat st{};
  if (file.empty() || ::stat(file.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) return {};
  const bool others_may = (st.st_mode & S_IROTH) != 0;
  // A group of slurper's own is how a file of root's is given to slurper.
  const bool is_own_group = st.st_gid == ::getegid() || ::group_member(st.st_gid) != 0;
  const bool group_may = (st.st_mode & S_IRGRP) != 0 && !is_own_group;
  if (!others_may && !group_may) return {};
  return about_file(PhraseId::SecretIsPublic, file).with({"mode", std::uint64_t{st.st_mode & 07777}});
}

}  // namespace slurper
