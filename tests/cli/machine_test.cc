#include "cli/machine.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>

#include "base/wrap.h"
#include "cli/check_sinks.h"
#include "cli/machine_site.h"
#include "cli/unit.h"
#include "sink/certificates.h"
#include "support/files.h"

namespace slurper::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using Level = Finding::Level;

TEST(ToLines, KeepsTo80ColumnsAndLosesNoWord) {
  EXPECT_EQ(to_lines({.level = Level::Ok, .phrase = own_words("short")}), "ok       short\n");
  std::string text;
  for (int i = 0; i < 60; ++i) text += "word" + std::to_string(i) + ' ';
  text += std::string(100, 'x');
  std::istringstream lines(to_lines({.level = Level::Warning, .phrase = own_words(text)}));
  std::string line;
  std::getline(lines, line);
  EXPECT_TRUE(line.starts_with("warning  word0 ")) << line;
  std::string all = line.substr(9);
  while (std::getline(lines, line)) {
    ASSERT_TRUE(line.starts_with("         ")) << line;
    EXPECT_TRUE(line.size() <= 80 || line.find(' ', 9) == std::string::npos) << line;
    all += ' ' + line.substr(9);
  }
  EXPECT_EQ(all, text);
}

TEST(Wrap, IndentsAsFarAsTheLead) {
  EXPECT_EQ(wrap("note:   ", ""), "note:   \n");
  EXPECT_EQ(wrap("note:   ", "a  b"), "note:   a  b\n");
  const std::string word(40, 'x');
  EXPECT_EQ(wrap("- ", word + ' ' + word), "- " + word + "\n  " + word + '\n');
  EXPECT_EQ(wrap("", word + ' ' + word.substr(1)), word + ' ' + word.substr(1) + '\n') << "80 columns";
}

class MachineTest : public testing::Test, protected MachineSite {};

TEST_F(MachineTest, TakesAFifoThatIsThere) {
  ASSERT_EQ(mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(check_fifo(settings().fifo), ElementsAre(ok("is there: mode 0600")));
  ASSERT_EQ(chmod((folder_ / "fifo").c_str(), 0622), 0);
  EXPECT_THAT(check_fifo(settings().fifo), ElementsAre(ok("mode 0622"), warning("forge lines")));
  ASSERT_EQ(chmod((folder_ / "fifo").c_str(), 0604), 0);
  EXPECT_THAT(check_fifo(settings().fifo), ElementsAre(ok("mode 0604"), warning("and steal lines")));
}

TEST_F(MachineTest, TakesNothingElseForAFifo) {
  const auto expect = [&](const std::string& text) {
    EXPECT_THAT(check_fifo(settings().fifo), ElementsAre(error(ErrorKind::NoInput, text)));
    std::filesystem::remove(folder_ / "fifo");
  };
  std::ofstream(folder_ / "fifo") << "x";
  expect("is a regular file, not a FIFO");
  std::filesystem::create_directory(folder_ / "fifo");
  expect("is a directory, not a FIFO");
  ASSERT_EQ(mkfifo((folder_ / "real").c_str(), 0600), 0);
  std::filesystem::create_symlink("real", folder_ / "fifo");
  expect("is a symbolic link to 'real', not a FIFO. Name the FIFO itself '" + (folder_ / "real") + "'");
}

TEST_F(MachineTest, KnowsWhetherAMissingFifoCanBeMade) {
  FifoSettings fifo = settings().fifo;
  EXPECT_THAT(check_fifo(fifo), ElementsAre(ok("will be created with mode 0600")));
  fifo.create = false;
  EXPECT_THAT(check_fifo(fifo),
              ElementsAre(error(ErrorKind::NoInput, "is missing. Create it with mkfifo(1)")));
  fifo.create = true;
  fifo.path = folder_ / "none/fifo";
  EXPECT_THAT(check_fifo(fifo), ElementsAre(error(ErrorKind::CantCreate, "none': No such file")));
}

TEST_F(MachineTest, NamesWhatCannotBeExamined) {
  FifoSettings fifo = settings().fifo;
  fifo.path = folder_ / std::string(300, 'x');
  EXPECT_THAT(check_fifo(fifo), ElementsAre(error(ErrorKind::Io, "can't be examined: File name too long")));
}

TEST_F(MachineTest, NeedsToReadTheConfiguration) {
  const std::string path = folder_ / "slurper.toml";
  std::ofstream(path) << "x";
  EXPECT_THAT(check_configuration(path), ElementsAre());
  std::filesystem::remove(path);
  std::filesystem::create_symlink("slurper.toml", path);
  EXPECT_THAT(check_configuration(path),
              ElementsAre(error(ErrorKind::NoPermission, "Too many levels of symbolic links (mode 0777, ")));
  EXPECT_THAT(check_configuration(path),
              ElementsAre(error(ErrorKind::NoPermission, "Let that user read it with chmod or chgrp")));
}

TEST_F(MachineTest, LooksAtTheFolderOfTheConfiguration) {
  const std::string path = folder_ / "slurper.toml";
  std::ofstream(path) << "x";
  std::filesystem::create_directory(path + ".d");
  std::ofstream(path + ".d/a.toml") << "x";
  EXPECT_THAT(check_configuration(path), ElementsAre());
  std::ofstream(path + ".d/a.toml.dpkg-new") << "x";
  EXPECT_THAT(check_configuration(path), ElementsAre(ok("slurper.toml.d/a.toml.dpkg-new' is not read: ")));
  std::filesystem::remove(path + ".d/a.toml.dpkg-new");
  std::filesystem::create_symlink("a.toml", path + ".d/b.toml");
  std::filesystem::remove(path + ".d/a.toml");
  EXPECT_THAT(check_configuration(path),
              ElementsAre(error(ErrorKind::NoPermission, "slurper.toml.d/b.toml' can't be opened by ")));
  std::filesystem::remove_all(path + ".d");
  std::ofstream(path + ".d") << "x";
  EXPECT_THAT(
      check_configuration(path),
      ElementsAre(error(ErrorKind::NoInput, "cannot read the configuration's folder '" + path + ".d': ")));
}

TEST_F(MachineTest, WarnsIfOtherUsersMayChangeTheConfiguration) {
  const std::string path = folder_ / "slurper.toml";
  const std::string folder = path + ".d";
  std::ofstream(path) << "x";
  std::filesystem::create_directory(folder);
  std::ofstream(folder + "/a.toml") << "x";
  std::filesystem::create_symlink("/dev/null", folder + "/b.toml");  // mode 0666, and yet empty
  const auto subject_of = [&](const std::string& file) {
    if (file == path) return "the configuration '" + path + "'";
    return file == folder ? "the configuration's folder '" + folder + "'"
                          : "the configuration '" + file + "'";
  };
  for (const std::string& file : {path, folder, folder + "/a.toml"}) {
    EXPECT_THAT(check_configuration(path), ElementsAre());
    ASSERT_EQ(chmod(file.c_str(), 0757), 0);
    EXPECT_THAT(check_configuration(path),
                ElementsAre(warning("other users may change " + subject_of(file) + " (mode 0757, ")));
    ASSERT_EQ(chmod(file.c_str(), 0775), 0);  // the group's members
    EXPECT_THAT(check_configuration(path), ElementsAre()) << "its group is slurper's own";
    if (geteuid() != 0) continue;
    ASSERT_EQ(chown(file.c_str(), 0, 12345), 0);
    EXPECT_THAT(check_configuration(path), ElementsAre(warning("(mode 0775, owner root, group gid 12345)")));
    ASSERT_EQ(chown(file.c_str(), 12345, 0), 0);
    EXPECT_THAT(check_configuration(path), ElementsAre(warning("(mode 0775, owner uid 12345, group root)")));
    ASSERT_EQ(chown(file.c_str(), 0, 0), 0);
  }
}

// Root may search any folder.
TEST_F(MachineTest, NamesTheFolderOfTheConfigurationThatCannotBeSearched) {
  const auto as_another_user = [&] {
    const std::string path = folder_ / "slurper.toml";
    std::ofstream(path) << "x";
    std::filesystem::create_directory(path + ".d");
    std::ofstream(path + ".d/a.toml") << "x";
    if (::chmod((path + ".d").c_str(), 0744) != 0) ::_exit(1);
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(1);
    if (::geteuid() != 65534 && ::chmod((path + ".d").c_str(), 0444) != 0) ::_exit(1);
    for (const Finding& finding : check_configuration(path))
      (void)std::fputs(text_of(finding.phrase).c_str(), stderr);
    ::_exit(0);
  };
  EXPECT_EXIT(as_another_user(), testing::ExitedWithCode(0),
              "the configuration's folder .* can't be opened by");
}

TEST_F(MachineTest, LooksAtTheLogAndItsFolder) {
  LogSettings log = settings().log;
  EXPECT_THAT(check_log(log), ElementsAre(ok("will be created")));
  std::ofstream(log.path) << "x";
  EXPECT_THAT(check_log(log), ElementsAre(ok("is there; ")));
  log.keep_size = ByteSize{INT64_MAX};
  EXPECT_THAT(check_log(log), ElementsAre(ok("is there"), warning("log.keep_size is ")));
  log = settings().log;
  log.path = folder_.path();
  EXPECT_THAT(check_log(log),
              ElementsAre(error(ErrorKind::CantCreate, "is a directory, not a regular file")));
  std::filesystem::create_symlink("log", folder_ / "link");
  log.path = folder_ / "link";
  EXPECT_THAT(check_log(log),
              ElementsAre(error(ErrorKind::CantCreate,
                                "is a symbolic link to 'log', not a regular file. slurper "
                                "follows no link there, because a link could be pointed elsewhere. "
                                "Name the file itself '" +
                                    (folder_ / "log") + "', or remove the link")));
  log.path = folder_ / "none/log";
  EXPECT_THAT(check_log(log), ElementsAre(error(ErrorKind::CantCreate, "Create it with mkdir(1)")));
  log.path = folder_ / "log/log";
  EXPECT_THAT(check_log(log), ElementsAre(error(ErrorKind::CantCreate, "is a regular file, not a folder")));
  log.path = ring_ / "log";
  EXPECT_THAT(check_log(log), ElementsAre(ok("will be created"), warning("the next boot loses it")));
}

TEST_F(MachineTest, WarnsOfATextfileThatCannotBeWritten) {
  EXPECT_THAT(check_textfile({}), ElementsAre());
  EXPECT_THAT(check_textfile({.listen = {}, .textfile = folder_ / "x.prom"}), ElementsAre());
  EXPECT_THAT(check_textfile({.listen = {}, .textfile = folder_ / "none/x.prom"}),
              ElementsAre(warning("the text file '" + (folder_ / "none/x.prom") + "' can't be created")));
}

TEST_F(MachineTest, WantsRoomForTheRing) {
  Settings wanted = settings();
  EXPECT_THAT(check_ring(wanted), ElementsAre(ok("has room for its 4MiB")));
  wanted.ring.size = ByteSize{1ULL << 60};
  EXPECT_THAT(check_ring(wanted), ElementsAre(warning("Lower ring.size")));
  wanted = settings();
  std::filesystem::create_directories(wanted.ring.directory + "/ring");
  EXPECT_THAT(check_ring(wanted), ElementsAre(error(ErrorKind::CantCreate, "ring' is a directory")));
  wanted.ring.directory = folder_ / "file";
  std::ofstream(folder_ / "file") << "x";
  EXPECT_THAT(check_ring(wanted),
              ElementsAre(error(ErrorKind::CantCreate, "is a regular file, not a folder")));
}

TEST_F(MachineTest, WarnsOfARingsFolderThatIsNotSlurpersOwn) {
  Settings wanted = settings();
  std::filesystem::create_directory(ring_ / "real");
  std::filesystem::create_directory_symlink("real", ring_ / "link");
  wanted.ring.directory = ring_ / "link";
  ASSERT_EQ(::setenv("RUNTIME_DIRECTORY", ring_.path().c_str(), 1), 0);
  EXPECT_THAT(check_ring(wanted), ElementsAre(warning("slurper uses the default folder of the ring instead"),
                                              ok("has room for")));
  ASSERT_EQ(::unsetenv("RUNTIME_DIRECTORY"), 0);
}

TEST_F(MachineTest, WarnsOfARingThatIsNotInRam) {
  Settings wanted = settings();
  wanted.ring.directory = "/proc";  // never a RAM file system, wherever the test's folder lies
  EXPECT_THAT(check_ring(wanted), Contains(warning("is not in RAM")));
}

TEST_F(MachineTest, KnowsTheLimitsOfPipes) {
  std::filesystem::create_directories(folder_ / "proc/sys/fs");
  const auto set = [&](const char* max, const char* soft) {
    std::ofstream(folder_ / "proc/sys/fs/pipe-max-size") << max;
    std::ofstream(folder_ / "proc/sys/fs/pipe-user-pages-soft") << soft;
  };
  FifoSettings fifo;
  fifo.pipe_size = ByteSize{2 << 20};
  const Machine user{.root = folder_.path(), .is_privileged = false};
  set("1048576\n", "16384\n");
  EXPECT_THAT(
      check_pipe_limits(user, fifo),
      ElementsAre(warning("users may have 1MiB at most: the pipe will be smaller. Raise it with sysctl "
                          "fs.pipe-max-size=2097152")));
  EXPECT_THAT(check_pipe_limits({.root = folder_.path(), .is_privileged = true}, fifo),
              ElementsAre(ok("no limit binds")));
  set("4194304\n", "100\n");
  EXPECT_THAT(check_pipe_limits(user, fifo), ElementsAre(warning("fs.pipe-user-pages-soft")));
  set("4194304\n", "0\n");
  EXPECT_THAT(check_pipe_limits(user, fifo), ElementsAre(ok("the pipe may be 2MiB")));
}

TEST_F(MachineTest, WarnsOfAFifoThatOnlyRootCanOpen) {
  ASSERT_EQ(mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  ASSERT_EQ(chmod((folder_ / "fifo").c_str(), 0), 0);
  if (geteuid() == 0) {
    EXPECT_THAT(check_fifo(settings().fifo), ElementsAre(ok("mode 0000"), warning("Run chmod 0600 ")));
  } else {
    EXPECT_THAT(check_fifo(settings().fifo), ElementsAre(error(ErrorKind::NoPermission, "mode 0000")));
  }
}

TEST_F(MachineTest, WarnsOfAFifoThatNothingWritesTo) {
  EXPECT_THAT(check_writers(settings().fifo, false), ElementsAre());  // is not there yet
  ASSERT_EQ(mkfifo((folder_ / "fifo").c_str(), 0600), 0);
  EXPECT_THAT(check_writers(settings().fifo, true), ElementsAre());
  EXPECT_THAT(check_writers(settings().fifo, false), ElementsAre(warning("nothing writes into the FIFO")));
}

TEST_F(MachineTest, LooksAtWhatLiesBesideTheLog) {
  if (geteuid() == 0) {
    EXPECT_THAT(check_log(settings().log), ElementsAre(ok("will be created")));
    std::ofstream(folder_ / ".log.index") << "x";
    EXPECT_THAT(check_log(settings().log), ElementsAre(ok("will be created")));
    return;
  }
  std::ofstream(folder_ / ".log.index") << "x";
  ASSERT_EQ(chmod((folder_ / ".log.index").c_str(), 0), 0);
  EXPECT_THAT(check_log(settings().log), ElementsAre(error(ErrorKind::NoPermission, "the log's file '")));
}

TEST_F(MachineTest, LooksAtTheDestinationsOfSinks) {
  const auto look = [](SinkSettings settings) { return check_sinks(std::span(&settings, 1)); };
  EXPECT_THAT(look(sink("file", {{"path", folder_ / "x"}})), ElementsAre(ok("may write")));
  EXPECT_THAT(look(sink("file", {{"path", "x"}})), Contains(warning("is relative")));
  EXPECT_THAT(look(sink("file", {{"path", folder_ / "none/x"}})),
              ElementsAre(warning("No such file or directory. Create it: mkdir -p")));
  EXPECT_THAT(look(sink("file", {{"path", folder_ / "{host}/x.log"}})), ElementsAre(ok("may write")));
  EXPECT_THAT(look(sink("file", {{"path", folder_ / "none/{host}.log"}})),
              ElementsAre(warning("No such file or directory. Create it: mkdir -p")));
  std::filesystem::create_symlink("x", folder_ / "link");
  EXPECT_THAT(look(sink("file", {{"path", folder_ / "link"}})),
              ElementsAre(warning("is a symbolic link to 'x', not a regular file. Name the file itself")));
  EXPECT_THAT(look(sink("exec", {{"path", "/bin/sh"}})), ElementsAre(ok("may run")));
  EXPECT_THAT(look(sink("exec", {{"path", "/nonexist"}})), ElementsAre(warning("its program '/nonexist'")));
  std::ofstream(folder_ / "program") << "x";
  EXPECT_THAT(look(sink("exec", {{"path", folder_ / "program"}})), ElementsAre(warning("Run chmod +x")));
  EXPECT_THAT(look(sink("syslog", {{"transport", "unix"}, {"path", folder_ / "none"}})),
              ElementsAre(warning("there is no socket")));
  EXPECT_THAT(look(sink("syslog", {{"transport", "unix"}, {"path", folder_ / "program"}})),
              ElementsAre(warning("is not a socket")));
  EXPECT_THAT(look(sink("syslog", {{"transport", "tls"}, {"target", "h"}, {"ca_file", "/none"}})),
              ElementsAre(error(ErrorKind::NoInput, "its ca_file '/none' can't be read")));
  EXPECT_THAT(look(sink("syslog", {{"transport", "tls"}, {"target", "h"}, {"key_password", "/none"}})),
              ElementsAre(error(ErrorKind::NoInput, "its key_password '/none' can't be read")));
  EXPECT_THAT(
      look(sink("syslog", {{"transport", "tls"}, {"target", "h"}, {"key_password", "credential:key"}})),
      ElementsAre(ok("its key_password is not checked: credentials exist only in the service")));
  EXPECT_THAT(look(sink("syslog", {{"transport", "tcp"}, {"target", "2001:db8::1:514"}})),
              ElementsAre(warning("write [2001:db8::1]:514; if not, write [2001:db8::1:514]")));
  EXPECT_THAT(look(sink("syslog", {{"transport", "tcp"}, {"target", "[2001:db8::1]:514"}})),
              ElementsAre(ok("has what it needs")));
}

// As a connection would: a passphrase is right or wrong only together with its key.
TEST_F(MachineTest, LooksIntoTheFilesOfTls) {
  const Authority authority{folder_ / "authority"};
  authority.sign("client", "");
  authority.sign("other", "");
  const std::string certificate = authority.file("client.pem");
  const std::string plain_key = authority.file("client.key");
  const std::string key = authority.encrypt_key("client", "ec", "hunter2");
  const std::string secret = folder_ / "key.pass";
  for (const std::string& own : {plain_key, key, authority.file("other.key")})
    std::filesystem::permissions(own, std::filesystem::perms(0600));
  const auto look = [&](std::vector<std::pair<std::string, std::string>> files) {
    files.insert(files.end(), {{"transport", "tls"}, {"target", "h"}, {"verify", "none"}});
    const SinkSettings settings = sink("syslog", files);
    return check_sinks(std::span(&settings, 1));
  };
  const auto with_secret = [&](const std::string& content) {
    std::ofstream(secret) << content;
    std::filesystem::permissions(secret, std::filesystem::perms(0600));
    return look({{"certificate", certificate}, {"key", key}, {"key_password", secret}});
  };
  EXPECT_THAT(with_secret("hunter2\n"), ElementsAre(ok("has what it needs")));
  EXPECT_THAT(with_secret("wrong7"),
              ElementsAre(error(ErrorKind::Config, "its key_password: cannot load the private key '" + key +
                                                       "': the passphrase in '" + secret +
                                                       "' is not that of this key. Correct the passphrase")));
  EXPECT_THAT(with_secret(""), ElementsAre(error(ErrorKind::Config,
                                                 "its key_password: cannot read the secret "
                                                 "in '" +
                                                     secret + "': it is empty. Write")));
  EXPECT_THAT(with_secret(std::string(4097, 'x')),
              ElementsAre(error(ErrorKind::Config, "': it is longer than 4KiB. Name another file")));
  EXPECT_THAT(look({{"certificate", certificate}, {"key", key}}),
              ElementsAre(error(ErrorKind::Config, "its key_password: cannot load the private key '" + key +
                                                       "': it is encrypted. Set key_password")));
  EXPECT_THAT(look({{"certificate", certificate}, {"key", authority.file("other.key")}}),
              ElementsAre(error(ErrorKind::Config, "': it is not the key of the certificate '" + certificate +
                                                       "' (OpenSSL: key values mismatch). Set key to")));
  EXPECT_THAT(
      look({{"certificate", certificate}, {"key", certificate}}),
      Contains(error(ErrorKind::Config, "': it contains no whole private key in PEM format (OpenSSL: ")));
  EXPECT_THAT(look({{"certificate", key}}),
              ElementsAre(error(ErrorKind::Config, "its certificate: cannot load the certificate '" + key +
                                                       "': it contains no whole certificate in PEM format "
                                                       "(OpenSSL: ")));
  EXPECT_THAT(look({{"verify", "full"}, {"ca_file", key}}),
              Contains(error(ErrorKind::Config, "its ca_file: cannot load the CA certificates")));
  EXPECT_THAT(look({{"certificate", certificate}, {"key", key}, {"key_password", "credential:key"}}),
              ElementsAre(ok("its key_password is not checked")));

  authority.sign("old", "", -1);
  std::filesystem::permissions(authority.file("old.key"), std::filesystem::perms(0600));
  EXPECT_THAT(look({{"certificate", authority.file("old.pem")}, {"key", authority.file("old.key")}}),
              ElementsAre(warning("its certificate expired on ")));

  (void)with_secret("hunter2");
  std::filesystem::permissions(secret, std::filesystem::perms(0644));
  std::filesystem::permissions(plain_key, std::filesystem::perms(0644));
  EXPECT_THAT(look({{"certificate", certificate}, {"key", key}, {"key_password", secret}}),
              ElementsAre(warning("its key_password has a secret that other users may read: '" + secret +
                                  "' (mode 0644). Run chmod o-rwx on it")));
  EXPECT_THAT(look({{"certificate", certificate}, {"key", plain_key}}),
              ElementsAre(warning("its key has a private key that every user may read")));
}

TEST_F(MachineTest, NamesWhatStandsInTheWayOfASink) {
  const auto look = [](SinkSettings settings) { return check_sinks(std::span(&settings, 1)); };
  std::ofstream(folder_ / "plain") << "x";
  EXPECT_THAT(look(sink("file", {{"path", folder_ / "plain/x"}})),
              ElementsAre(warning("plain' is not a folder. Name another path")));
  EXPECT_THAT(look(sink("file", {{"path", folder_.path()}})),
              ElementsAre(warning("is a directory, not a regular file. Name another path")));
  EXPECT_THAT(look(sink("exec", {{"path", folder_.path()}})), ElementsAre(warning("is not a program")));
  EXPECT_THAT(look(sink("syslog", {{"transport", "tcp"}, {"target", "2001:db8::zz:514"}})),
              ElementsAre(warning("is not an IPv6 address. Write [2001:db8::zz]:514")));
}

TEST_F(MachineTest, FindsASocketAtWhichNothingListens) {
  const std::string path = folder_ / "socket";
  const UniqueFd socket_fd = socket_at(path);
  SinkSettings settings = sink("syslog", {{"transport", "unix"}, {"path", path}});
  EXPECT_THAT(check_sinks(std::span(&settings, 1)), ElementsAre(ok("has what it needs")));
  const UniqueFd other(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::dup3(other.get(), socket_fd.get(), O_CLOEXEC),
            socket_fd.get());  // closes the one that was bound
  EXPECT_THAT(check_sinks(std::span(&settings, 1)), ElementsAre(warning("nothing listens")));
}

class UnitTest : public MachineTest {
 protected:
  void write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
};

TEST_F(UnitTest, IsFoundByItsConfigurationWithItsDropIns) {
  const std::string configuration = folder_ / "etc/slurper/slurper.toml";
  write("usr/lib/systemd/system/other.service", "[Service]\nExecStart=/bin/other -c " + configuration + "\n");
  write("usr/lib/systemd/system/slurper.service",
        "[Unit]\nUser=no\n[Service]\n# a comment\nExecStart=/usr/bin/slurper run -c " + configuration +
            "\nUser=slurper\nSupplementaryGroups=adm\nRuntimeDirectory=slurper\nLogsDirectory=slurper\n"
            "ProtectSystem=strict\nProtectHome=yes\nPrivateTmp=yes\nPrivateNetwork="
            "yes\nRestrictAddressFamilies=AF_UNIX\n");
  const std::string root = folder_.path();
  EXPECT_FALSE(find_unit(root, folder_ / "etc/slurper/another.toml"));
  std::optional<Unit> unit = find_unit(root, configuration);
  ASSERT_TRUE(unit);
  EXPECT_EQ(unit->name, "slurper.service");
  EXPECT_EQ(unit->user, "slurper");
  EXPECT_EQ(unit->runtime_directory, "/run/slurper");
  EXPECT_THAT(unit->writable, ElementsAre("/run/slurper", "/var/log/slurper"));
  EXPECT_FALSE(unit->has_network);
  EXPECT_TRUE(unit->may_write("/var/log/slurper"));
  EXPECT_TRUE(unit->may_write("/dev/shm/x"));
  for (const char* path : {"/var/log", "/var/log/slurper2", "/srv/x", "/home/x", "/tmp/x"})
    EXPECT_FALSE(unit->may_write(path));
  write("etc/systemd/system/slurper.service.d/a.conf",
        "[Service]\nUser=\nUser=logger\nReadWritePaths=\"-/srv/x\" \\\n  "
        "/srv/y\nPrivateNetwork=no\nRestrictAddressFamilies=AF_INET\n");
  unit = find_unit(root, configuration);
  ASSERT_TRUE(unit);
  EXPECT_EQ(unit->user, "logger");
  EXPECT_TRUE(unit->may_write("/srv/x/z"));
  EXPECT_TRUE(unit->may_write("/srv/y"));
  EXPECT_TRUE(unit->has_network);
}

TEST_F(UnitTest, MayBeAnInstance) {
  write("lib/systemd/system/slurper@.service",
        "[Service]\nExecStart=/usr/bin/slurper run -c " + (folder_ / "etc/%i.toml") +
            "\nUser=slurper\nRuntimeDirectory=slurper-%i\nProtectSystem=strict\n");
  write("etc/systemd/system/slurper@app.service.d/a.conf", "[Service]\nReadWritePaths=/srv/%i\n");
  const std::optional<Unit> unit = find_unit(folder_.path(), folder_ / "etc/app.toml");
  ASSERT_TRUE(unit);
  EXPECT_EQ(unit->name, "slurper@app.service");
  EXPECT_THAT(unit->writable, ElementsAre("/run/slurper-app", "/srv/app"));
  EXPECT_FALSE(find_unit(folder_.path(), folder_ / "etc/.toml"));
}

TEST_F(UnitTest, NeedsADropInForWhatItsSandboxForbids) {
  Settings wanted;
  wanted.log.path = "/var/log/slurper/messages";
  EXPECT_EQ(drop_in_for(wanted, shipped_unit()), "");
  EXPECT_THAT(check_unit(wanted, shipped_unit()), ElementsAre());
  wanted.sinks = {sink("file", {{"path", "/srv/logs/{host}/all"}}),
                  sink("syslog", {{"transport", "udp"}, {"target", "h"}})};
  EXPECT_EQ(drop_in_for(wanted, shipped_unit()),
            "[Service]\nReadWritePaths=\"-/srv/logs\"\nPrivateNetwork=no\nIPAddressDeny=\n"
            "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n");
  EXPECT_THAT(check_unit(wanted, shipped_unit()),
              ElementsAre(warning("It needs ReadWritePaths= in a drop-in"), warning("network.conf")));
  wanted.log.path = "/srv/logs/messages";
  wanted.sinks.clear();
  EXPECT_THAT(check_unit(wanted, shipped_unit()), ElementsAre(error(ErrorKind::NoPermission, "'/srv/logs'")));
}

TEST_F(UnitTest, NeedsADropInForMetrics) {
  Settings wanted;
  wanted.log.path = "/var/log/slurper/messages";
  wanted.metrics.listen = "127.0.0.1:9127";
  EXPECT_EQ(drop_in_for(wanted, shipped_unit()),
            "[Service]\nPrivateNetwork=no\nIPAddressAllow=localhost\n"
            "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n");
  EXPECT_THAT(
      check_unit(wanted, shipped_unit()),
      ElementsAre(warning("slurper.service has no network, and Prometheus can't reach metrics.listen, "
                          "'127.0.0.1:9127'. It needs the settings of metrics.conf")));
  wanted.metrics.listen = "192.0.2.1:9127";
  EXPECT_EQ(
      drop_in_for(wanted, shipped_unit()),
      "[Service]\nPrivateNetwork=no\nIPAddressDeny=\nRestrictAddressFamilies=AF_UNIX AF_INET AF_INET6\n");
  wanted.metrics = {.listen = {}, .textfile = "/var/lib/prometheus/node-exporter/slurper.prom"};
  EXPECT_EQ(drop_in_for(wanted, shipped_unit()),
            "[Service]\nReadWritePaths=\"-/var/lib/prometheus/node-exporter\"\n");
  EXPECT_THAT(check_unit(wanted, shipped_unit()), ElementsAre(warning("the text file '")));
}

// The drop-in that ships gives what `check` asks for.
TEST_F(UnitTest, TheDropInForMetricsLetsItListen) {
  const std::string configuration = folder_ / "etc/slurper/slurper.toml";
  write("lib/systemd/system/slurper.service",
        "[Service]\nExecStart=/usr/bin/slurper run -c " + configuration +
            "\nPrivateNetwork=yes\nIPAddressDeny=any\nRestrictAddressFamilies=AF_UNIX\n");
  EXPECT_FALSE(find_unit(folder_.path(), configuration).value().has_network);
  write("etc/systemd/system/slurper.service.d/metrics.conf",
        test::read_file(SLURPER_SOURCE_DIR "/systemd/metrics.conf"));
  EXPECT_TRUE(find_unit(folder_.path(), configuration).value().has_network);
}

TEST(Become, NamesTheUserOrGroupThatDoesNotExist) {
  Unit unit = shipped_unit();
  unit.user = "no-such-user";
  EXPECT_EQ(text_of(become(unit)), "there is no user 'no-such-user'");
  unit.dynamic_user = true;
  EXPECT_EQ(text_of(become(unit)),
            "there is no user 'no-such-user' while the service does not run (DynamicUser=)");
  unit.user = "root";
  unit.group = "no-such-group";
  EXPECT_EQ(text_of(become(unit)), "there is no group 'no-such-group'");
}

TEST(Become, ReportsThatTheProcessMayNotChangeItsUser) {
  const auto as_another_user = [] {
    if (::geteuid() == 0 && ::setresuid(65534, 65534, 65534) != 0) ::_exit(1);
    Unit unit = shipped_unit();
    unit.user = unit.group = "root";
    (void)std::fputs(text_of(become(unit)).c_str(), stderr);
    ::_exit(0);
  };
  EXPECT_EXIT(as_another_user(), testing::ExitedWithCode(0),
              "its user and groups can't be assumed: Operation not permitted");
}

}  // namespace
}  // namespace slurper::test
