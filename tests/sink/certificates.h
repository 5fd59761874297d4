// Certificates for the tests of TLS, made by openssl(1).
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "support/child.h"

namespace slurper::test {

// A CA of its own in a folder, and what it signs.
class Authority {
 public:
  explicit Authority(std::filesystem::path dir, const std::string& name = "Test CA") : dir_(std::move(dir)) {
    std::filesystem::create_directories(dir_);
    openssl(fmt::format("req -x509 {} -keyout ca.key -out ca.pem -days 2 -subj '/CN={}'", kNewKey, name));
  }

  [[nodiscard]] std::string ca() const { return dir_ / "ca.pem"; }
  [[nodiscard]] std::string file(const std::string& name) const { return dir_ / name; }

  // NAME.pem and NAME.key, valid for these alternative names ("DNS:localhost,IP:127.0.0.1"; empty: without
  // any) and days. NAME is the common name.
  void sign(const std::string& name, const std::string& alternative_names, int days = 2) const {
    openssl(fmt::format("req {0} -keyout {1}.key -out {1}.csr -subj '/CN={1}'", kNewKey, name));
    openssl(
        fmt::format("x509 -req -in {0}.csr -out {0}.pem -days {1} -CA ca.pem -CAkey ca.key "
                    "-CAcreateserial -extfile <(echo {2})",
                    name, days, alternative_names.empty() ? "" : "subjectAltName=" + alternative_names));
  }

 private:
  static constexpr const char* kNewKey = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

  void openssl(const std::string& arguments) const {
    Child child(
        {.argv = {"bash", "-c", fmt::format("cd '{}' && openssl {}", dir_.string(), arguments)}, .env = {}});
    ASSERT_TRUE(child.exits_with(0)) << arguments << '\n' << child.err();
  }

  std::filesystem::path dir_;
};

}  // namespace slurper::test
