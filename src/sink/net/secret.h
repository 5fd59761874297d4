// Secret: a secret that a sink's settings name, and never contain.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/os.h"
#include "slurper/result.h"

namespace slurper {

// What a secret says. Its memory is cleared when it is destroyed, and is never copied.
class SecretText {
 public:
  static constexpr std::size_t kMax = 4096;

  SecretText() : bytes_(new char[kMax + 2]) {}  // a newline and one more, which shows that it is too long
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  SecretText(SecretText&& other) noexcept = default;
  SecretText& operator=(SecretText&& other) = delete;
  ~SecretText();

  [[nodiscard]] std::string_view text() const { return {bytes_.get(), size_}; }

 private:
  friend class Secret;
  std::unique_ptr<char[]> bytes_;
  std::size_t size_ = 0;
};

// Where a secret is, as a Setting::Type::Secret names it: the path of a file, or "credential:NAME", a
// credential of the service (systemd.exec(5), LoadCredential=). Keeps nothing of the secret, so that a core
// dump shows it only while it is in use. Immutable; any thread may use it.
class Secret {
 public:
  // Empty: there is none.
  explicit Secret(std::string where) : where_(std::move(where)) {}

  [[nodiscard]] bool empty() const { return where_.empty(); }
  [[nodiscard]] const std::string& where() const { return where_; }

  // Reads the secret as it is now, without a newline at its end. Fails with Config if it is empty, longer
  // than SecretText::kMax, or contains a NUL byte, or if the service has no credentials; else with the kind
  // of the errno. No error contains anything of it.
  [[nodiscard]] Result<SecretText> read(Os& os) const;

  // Returns what to warn of if users other than slurper's may read the file; empty if none may, or if it
  // can't be examined.
  [[nodiscard]] Phrase unsafe_file() const;

 private:
  [[nodiscard]] std::string path() const;  // empty: a credential, of a service that has none

  std::string where_;
};

}  // namespace slurper
