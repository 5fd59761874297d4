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
  // any; as bash reads it) and days. NAME is the common name, unless `subject` says otherwise.
  void sign(const std::string& name, const std::string& alternative_names, int days = 2,
            const std::string& subject = "") const {
    openssl(fmt::format("req {0} -keyout {1}.key -out {1}.csr -subj '{2}'", kNewKey, name,
                        subject.empty() ? "/CN=" + name : subject));
    openssl(
        fmt::format("x509 -req -in {0}.csr -out {0}.pem -days {1} -CA ca.pem -CAkey ca.key "
                    "-CAcreateserial -extfile <(echo {2})",
                    name, days, alternative_names.empty() ? "" : "subjectAltName=" + alternative_names));
  }

  // Makes NAME.locked.key of NAME.key: the same key, encrypted with `passphrase` by openssl-ec(1) or
  // openssl-pkcs8(1). Returns its path.
  [[nodiscard]] std::string encrypt_key(const std::string& name, const std::string& kind,
                                        const std::string& passphrase) const {
    openssl(fmt::format("{0} {1} -in {2}.key -out {2}.locked.key -passout pass:{3}", kind,
                        kind == "ec" ? "-aes256" : "-topk8", name, passphrase));
    return file(name + ".locked.key");
  }

  // Signs NAME.pem again, valid from `begin` on ("20980101000000Z") and for any name.
  void sign_from(const std::string& name, const std::string& begin) const {
    openssl(
        fmt::format("ca -batch -notext -in {0}.csr -out {0}.pem -cert ca.pem -keyfile ca.key "
                    "-startdate {1} -enddate 20990101000000Z -outdir . -md sha256 -config <(touch index; "
                    "printf '[ca]\ndefault_ca=own\n[own]\ndatabase=index\nserial=ca.srl\npolicy=any\n[any]\n"
                    "commonName=supplied\n')",
                    name, begin));
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
