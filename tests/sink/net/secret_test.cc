// Where secrets are read from, and what is said of those that can't be.
#include "sink/net/secret.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/secret_place.h"
#include "sink/registry.h"
#include "support/files.h"
#include "support/temp_dir.h"
#include "support/text_of.h"

namespace slurper {
namespace {

namespace fs = std::filesystem;
using test::text_of;
using test::write_file;
using testing::HasSubstr;

class SecretTest : public testing::Test {
 protected:
  void TearDown() override { ::unsetenv("CREDENTIALS_DIRECTORY"); }

  [[nodiscard]] std::string file() const { return dir_ / "secret"; }
  std::string read(const std::string& where) {
    const auto secret = Secret(where).read(kernel());
    return secret ? std::string(secret->text()) : text_of(secret.error());
  }
  std::string read_file_with(const std::string& content) {
    write_file(file(), content);
    return read(file());
  }

  test::TempDir dir_;
};

TEST_F(SecretTest, IsTheFileWithoutOneNewline) {
  EXPECT_EQ(read_file_with("hunter2"), "hunter2");
  EXPECT_EQ(read_file_with("hunter2\n"), "hunter2");
  EXPECT_EQ(read_file_with("hunter2\n\n"), "hunter2\n");
  EXPECT_EQ(read_file_with(" hunter 2 "), " hunter 2 ");
  EXPECT_EQ(read_file_with(std::string(4096, 'x') + '\n'), std::string(4096, 'x'));
}

TEST_F(SecretTest, WhatIsNoneIsRefusedAndNotShown) {
  const std::string cannot = "cannot read the secret in '" + file() + "': ";
  EXPECT_EQ(read_file_with(""), cannot + "it is empty. Write the secret into it");
  EXPECT_EQ(read_file_with("\n"), cannot + "it is empty. Write the secret into it");
  EXPECT_EQ(read_file_with(std::string(4097, 'x')), cannot + "it is longer than 4KiB. Name another file");
  EXPECT_EQ(read_file_with(std::string(100'000, 'x')), cannot + "it is longer than 4KiB. Name another file");
  EXPECT_EQ(read_file_with(std::string("hun\0ter2", 8)),
            cannot + "it contains a NUL byte. Write the secret into it as text");
  EXPECT_THAT(read(dir_ / "none"), HasSubstr("No such file or directory"));
  EXPECT_THAT(read(dir_ / ""), HasSubstr("it is a directory, not a regular file"));
  ASSERT_EQ(::mkfifo((dir_ / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(read(dir_ / "fifo"), HasSubstr("not a regular file"));
}

TEST_F(SecretTest, IsReadAnewWheneverItIsNeeded) {
  const Secret secret(file());
  for (const std::string content : {"one", "two", "six"}) {  // of one size
    write_file(file(), content);
    const auto read = secret.read(kernel());
    ASSERT_TRUE(read);
    EXPECT_EQ(read->text(), content);
  }
}

TEST_F(SecretTest, OfACredentialIsInTheServicesFolder) {
  EXPECT_EQ(read("credential:key"),
            "cannot read the credential key: the service has no credentials ($CREDENTIALS_DIRECTORY is not "
            "set). Add LoadCredential=key:PATH to slurper.service and restart it, or name a file");
  ASSERT_EQ(::setenv("CREDENTIALS_DIRECTORY", dir_.path().c_str(), 1), 0);
  EXPECT_EQ(read("credential:key"),
            "cannot read the credential key: No such file or directory. Add LoadCredential=key:PATH to "
            "slurper.service and restart it");
  write_file(dir_ / "key", "hunter2\n");
  EXPECT_EQ(read("credential:key"), "hunter2");
}

TEST_F(SecretTest, OfAFileThatOthersMayReadIsWarnedOf) {
  write_file(file(), "hunter2");
  const std::vector<std::pair<mode_t, bool>> modes = {
      {0600, false}, {0400, false}, {0640, false}, {0644, true}, {0604, true}};
  for (const auto& [mode, is_unsafe] : modes) {
    ASSERT_EQ(::chmod(file().c_str(), mode), 0);
    EXPECT_EQ(!Secret(file()).unsafe_file().empty(), is_unsafe) << std::oct << mode;
  }
  EXPECT_TRUE(Secret("").unsafe_file().empty());
  EXPECT_TRUE(Secret(dir_ / "none").unsafe_file().empty());
}

TEST(SecretSettings, AreKnownByTheirNames) {
  for (const SinkType& type : built_in_sinks()) {
    for (const Setting& setting : settings_of(type))
      EXPECT_EQ(is_name_of_secret(setting.name), setting.type == Setting::Type::Secret) << setting.name;
  }
}

}  // namespace
}  // namespace slurper
