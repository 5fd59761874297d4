// FILE and FILE.d: which files are read, in which order, and which of their values win.
#include "config/config_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "config/config.h"
#include "support/files.h"
#include "support/temp_dir.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;
using test::write_file;

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::string sink(const std::string& more) {
  return "[[sink]]\ntype = \"file\"\n" + more + '\n';
}

class ConfigFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    write_file(file_, "[fifo]\npath = \"/run/f\"\n[log]\npath = \"/var/log/m\"\nsync = \"1s\"\n");
    std::filesystem::create_directory(folder_);
  }

  void add(const std::string& name, const std::string& text) const { write_file(in_folder(name), text); }
  [[nodiscard]] std::string in_folder(const std::string& name) const { return folder_ + '/' + name; }

  [[nodiscard]] Result<Settings> load(const std::vector<std::string>& overrides = {},
                                      const std::vector<std::string>& urls = {}) {
    return load_settings(file_, overrides, urls, &origins_);
  }
  [[nodiscard]] std::string complaint(const std::vector<std::string>& urls = {}) {
    const Result<Settings> settings = load({}, urls);
    return settings ? "no error" : text_of(settings.error());
  }
  [[nodiscard]] std::vector<std::string> names_read() {
    EXPECT_EQ(complaint(), "no error");
    std::vector<std::string> names;
    for (const Origins::File& file : origins_.files)
      names.push_back(std::filesystem::path(file.name).filename().string());
    return names;
  }

  const test::TempDir site_;
  const std::string file_ = site_ / "x.toml";
  const std::string folder_ = site_ / "x.toml.d";
  Origins origins_;
};

TEST_F(ConfigFolderTest, IsReadInTheOrderOfItsNamesBytes) {
  for (const char* name : {"b.toml", "é.toml", "B.toml", "9.toml", "10.toml", "a b.toml", "a.toml"})
    add(name, "");
  EXPECT_THAT(names_read(),
              ElementsAre("x.toml", "10.toml", "9.toml", "B.toml", "a b.toml", "a.toml", "b.toml", "é.toml"));
}

TEST_F(ConfigFolderTest, IgnoresWhatEditorsAndPackagesLeave) {
  for (const char* name :
       {"x.toml~", "x.toml.dpkg-new", "x.toml.dpkg-old", "x.toml.dpkg-dist", "x.toml.rpmnew", ".x.toml",
        ".x.toml.swp", "#x.toml#", "x.TOML", "x.conf", ".toml", "toml", "README"})
    add(name, "this is no TOML\n");
  std::filesystem::create_directory(in_folder("folder.toml"));
  std::filesystem::create_directory_symlink("folder.toml", in_folder("link.toml"));
  add("y.toml", "");
  EXPECT_THAT(names_read(), ElementsAre("x.toml", "y.toml"));
  const Result<ConfigFolder> folder = list_config_folder(file_);
  ASSERT_TRUE(folder) << text_of(folder.error());
  EXPECT_THAT(folder->files, ElementsAre(in_folder("y.toml")));
  EXPECT_EQ(folder->ignored.size(), 15U);
  EXPECT_EQ(folder->ignored.front(), in_folder("#x.toml#"));
}

TEST_F(ConfigFolderTest, MayBeMissing) {
  std::filesystem::remove(folder_);
  EXPECT_THAT(names_read(), ElementsAre("x.toml"));
  // FILE.d would be a longer name than any file has.
  const std::string file = site_ / std::string(254, 'x');
  std::filesystem::copy_file(file_, file);
  const auto settings = load_settings(file, {});
  EXPECT_TRUE(settings) << text_of(settings.error());
}

TEST_F(ConfigFolderTest, IsNotReadWithoutItsFile) {
  add("a.toml", "[log]\nsync = \"none\"\n");
  std::filesystem::remove(file_);
  EXPECT_THAT(complaint(), AllOf(HasSubstr("'" + file_ + "': No such file"), HasSubstr("with -c FILE")));
  const auto settings = load_settings(std::nullopt, std::vector<std::string>{"fifo.path=/f", "log.path=/l"});
  ASSERT_TRUE(settings) << text_of(settings.error());
  EXPECT_EQ(settings->log.sync.mode, SyncMode::Periodic);
}

TEST_F(ConfigFolderTest, ALaterValueWinsAndTheCommandLineOverAll) {
  add("10-a.toml", "[log]\nsync = \"always\"\nkeep_files = 3\nrotate_size = \"1MiB\"\n");
  add("20-b.toml", "[log]\nsync = \"none\"\nkeep_files = 4\n");
  const auto settings = load({"log.keep_files=5"});
  ASSERT_TRUE(settings) << text_of(settings.error());
  EXPECT_EQ(settings->log.path, "/var/log/m");
  EXPECT_EQ(settings->log.sync.mode, SyncMode::None);
  EXPECT_EQ(settings->log.keep_files, 5U);
  EXPECT_EQ(settings->log.rotate_size, ByteSize{1 << 20});
  EXPECT_THAT(
      origins_.places_of(*find_key("log", "keep_files")),
      ElementsAre(in_folder("10-a.toml:3:14"), in_folder("20-b.toml:3:14"), "--set log.keep_files=5"));
  EXPECT_THAT(origins_.places_of(*find_key("log", "mode")), IsEmpty());
}

TEST_F(ConfigFolderTest, WhatIsRequiredMayStandInAnyFile) {
  write_file(file_, "");
  EXPECT_THAT(complaint(), HasSubstr("cannot use the configuration '" + file_ + "': fifo.path is not set"));
  add("fifo.toml", "fifo.path = \"/run/f\"\n");
  add("log.toml", "log.path = \"/run/f\"\n");
  EXPECT_EQ(complaint(), "cannot use the configuration '" + file_ + "': fifo.path (set by '" +
                             in_folder("fifo.toml:1:13") + "') and log.path (set by '" +
                             in_folder("log.toml:1:12") +
                             "') are both '/run/f'. Name a file of its own for the log");
  add("log.toml", "log.path = \"/var/log/m\"\n");
  EXPECT_EQ(complaint(), "no error");
}

TEST_F(ConfigFolderTest, SinksAddUp) {
  write_file(file_, test::read_file(file_) + sink("path = \"/a\""));
  add("10.toml", sink("path = \"/b\"") + sink("path = \"/c\""));
  add("20.toml", sink("name = \"d\""));
  const auto settings = load({}, {"stdout:"});
  ASSERT_TRUE(settings) << text_of(settings.error());
  std::vector<std::string> names;
  for (const SinkSettings& added : settings->sinks) names.push_back(added.name);
  EXPECT_THAT(names, ElementsAre("file-a", "file-b", "file-c", "d", "stdout"));
  ASSERT_EQ(origins_.files.size(), 3U);
  EXPECT_EQ(origins_.files[1].sinks, 2U);
  EXPECT_EQ(origins_.sink_urls, 1U);
}

TEST_F(ConfigFolderTest, TwoSinksOfOneNameAreRefusedWithBothPlaces) {
  write_file(file_, test::read_file(file_) + sink("name = \"web\""));
  add("10.toml", '\n' + sink("name = \"web\""));
  EXPECT_EQ(complaint(), "cannot accept '" + in_folder("10.toml:2:1") + "': the sink of '" + file_ +
                             ":6:1' is called 'web', too. Give each a name of its own");
  // The same for derived names.
  add("10.toml", sink("path = \"/a\""));
  add("20.toml", sink("path = \"/a\""));
  EXPECT_EQ(complaint(), "cannot accept '" + in_folder("20.toml:1:1") + "': the sink of '" +
                             in_folder("10.toml:1:1") +
                             "' is called 'file-a', too. Give each a name: name = \"…\", or ?name=…");
}

TEST_F(ConfigFolderTest, AnErrorNamesTheFileInWhichTheValueStands) {
  add("10.toml", "[log]\nsync = \"sometimes\"\n");
  add("20.toml", "[log]\nsync = \"1s\"\n");  // mends nothing: each file must be right
  EXPECT_THAT(complaint(), StartsWith("cannot accept '" + in_folder("10.toml:2:8") + "': log.sync is "));
  add("10.toml", "[log\n");
  EXPECT_THAT(complaint(), StartsWith("cannot accept '" + in_folder("10.toml:1:5")));
  add("10.toml", sink("path = 1.5"));
  EXPECT_THAT(complaint(), StartsWith("cannot accept '" + in_folder("10.toml:3:8")));
  add("10.toml", std::string(1001, '.'));
  EXPECT_THAT(complaint(),
              StartsWith("cannot accept '" + in_folder("10.toml") + "': it has more than 1000 "));
}

TEST_F(ConfigFolderTest, AFileThatCannotBeReadIsNamed) {
  const auto refused = [&](ErrorKind kind, const std::string& name, const std::string& why) {
    const Result<Settings> settings = load();
    ASSERT_FALSE(settings);
    EXPECT_EQ(settings.error().kind, kind);
    EXPECT_EQ(text_of(settings.error()),
              "cannot read the configuration '" + in_folder(name) + "': " + why +
                  ". Correct it, or remove it: slurper reads each file there whose name ends in .toml");
    std::filesystem::remove(in_folder(name));
  };
  std::filesystem::create_symlink("nowhere", in_folder("a.toml"));
  refused(ErrorKind::NoInput, "a.toml", "No such file or directory");
  std::filesystem::create_symlink("b.toml", in_folder("b.toml"));
  refused(ErrorKind::Io, "b.toml", "Too many levels of symbolic links");
  ASSERT_EQ(mkfifo(in_folder("c.toml").c_str(), 0600), 0);
  refused(ErrorKind::NoInput, "c.toml", "it is a FIFO, not a regular file");
  add("d.toml", std::string((64 << 10) + 1, '#'));
  refused(ErrorKind::Config, "d.toml", "it is larger than 64KiB");
}

// A package is removed while slurper reads its configuration.
TEST_F(ConfigFolderTest, AFileThatVanishesIsAsIfItHadNotBeenThere) {
  std::atomic<bool> done = false;
  std::atomic<int> changes = 0;
  std::thread package([&] {
    while (!done) {
      add("50-passing.toml", "");
      std::filesystem::remove(in_folder("50-passing.toml"));
      ++changes;
    }
  });
  std::string said = "no error";
  for (int round = 0; round < 300 || changes < 300; ++round) {
    said = complaint();
    if (said != "no error") break;
  }
  done = true;
  package.join();
  EXPECT_EQ(said, "no error");
}

TEST_F(ConfigFolderTest, AnotherFileMayBeLinkedAndNoneMasked) {
  write_file(site_ / "elsewhere", "[log]\nsync = \"always\"\n");
  std::filesystem::create_symlink("../elsewhere", in_folder("a.toml"));
  std::filesystem::create_symlink("/dev/null", in_folder("b.toml"));
  const auto settings = load();
  ASSERT_TRUE(settings) << text_of(settings.error());
  EXPECT_EQ(settings->log.sync.mode, SyncMode::Always);
}

TEST_F(ConfigFolderTest, MustBeAFolderThatCanBeRead) {
  const auto begins = "cannot read the configuration's folder '" + folder_ + "': ";
  const auto ends = ". Make it a folder that slurper may read, or move it away";
  std::filesystem::remove(folder_);
  write_file(folder_, "");
  EXPECT_EQ(complaint(), begins + "Not a directory" + ends);
  std::filesystem::remove(folder_);
  std::filesystem::create_symlink("nowhere", folder_);
  EXPECT_EQ(complaint(), begins + "No such file or directory" + ends);
}

TEST_F(ConfigFolderTest, WhatMayNotBeReadIsNamed) {
  add("a.toml", "");
  const bool is_root = geteuid() == 0;  // and may read everything
  ASSERT_EQ(chmod(site_.path().c_str(), 0755), 0);
  const auto refused = [&](const std::string& path, const std::string& beginning) {
    std::filesystem::permissions(path, std::filesystem::perms::none);
    if (is_root) {
      ASSERT_EQ(seteuid(65534), 0);
    }
    const Result<Settings> settings = load();
    if (is_root) {
      ASSERT_EQ(seteuid(0), 0);
    }
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    ASSERT_FALSE(settings);
    EXPECT_EQ(settings.error().kind, ErrorKind::NoPermission);
    EXPECT_THAT(text_of(settings.error()), StartsWith(beginning + " '" + path + "': Permission denied. "));
  };
  refused(in_folder("a.toml"), "cannot read the configuration");
  refused(folder_, "cannot read the configuration's folder");
}

TEST_F(ConfigFolderTest, HasALimit) {
  for (int i = 0; i < 256; ++i) add(std::to_string(i) + ".toml", "");
  EXPECT_EQ(names_read().size(), 257U);
  add("one-more.toml", "");
  EXPECT_THAT(complaint(),
              EndsWith("': it has more than 256 files whose names end in .toml. Join some of them"));
}

TEST_F(ConfigFolderTest, WhatIsPrintedSaysWhereItStands) {
  add("a\n[log].toml", "[log]\nsync = \"none\"\n[[sink]]\ntype = \"stdout\"\n");
  const auto settings = load({"log.keep_files=5"}, {"journald:"});
  ASSERT_TRUE(settings) << text_of(settings.error());
  const std::string text = to_toml(*settings, Comments::None, origins_);
  const std::string odd = folder_ + "/a\\x0a[log].toml";
  EXPECT_THAT(text, AllOf(HasSubstr("\npath = \"/var/log/m\"  # " + file_ + ":4:8\n"),
                          HasSubstr("\nsync = \"none\"  # " + odd + ":2:8\n"),
                          HasSubstr("\nkeep_files = 5  # on the command line\n"),
                          HasSubstr("\nkeep_size = 0\n"), HasSubstr("\n[[sink]]  # " + odd + ":3:1\n"),
                          HasSubstr("\n[[sink]]  # on the command line\nname = \"journald\"\n")));
  const auto again = parse_settings({{{.name = "again", .text = text}}}, {});
  ASSERT_TRUE(again) << text_of(again.error());
  EXPECT_EQ(*again, *settings);
}

}  // namespace
}  // namespace slurper
