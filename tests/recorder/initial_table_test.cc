// The table at the beginning of a capture, against what lsof and ss know of the same process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "recorder/recording.h"
#include "support/files.h"

namespace slurper::test {
namespace {

// The command, of a program that this machine may lack: Debian's package then comes unpacked, and is not
// installed.
std::vector<std::string> with_tool(const std::string& name, const std::string& package,
                                   const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {name};
  const bool is_installed =
      std::ranges::any_of(std::array{"/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/"},
                          [&](const char* folder) { return ::access((folder + name).c_str(), X_OK) == 0; });
  if (!is_installed) {
    (void)output_of({SLURPER_FETCH_PACKAGES, SLURPER_PACKAGES, package});
    const std::string root = SLURPER_PACKAGES;
    const std::string folder = std::filesystem::exists(root + "/usr/bin/" + name) ? "/usr/bin/" : "/bin/";
    command = {"env", "LD_LIBRARY_PATH=" + root + "/usr/lib/x86_64-linux-gnu", root + folder + name};
  }
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

std::vector<std::string> fields_of(const std::string& line, char separator = ' ') {
  std::vector<std::string> fields;
  std::istringstream in(line);
  for (std::string field; std::getline(in, field, separator);)
    if (!field.empty() || separator != ' ') fields.push_back(field);
  return fields;
}

struct Descriptor {
  std::string type;
  std::string ino;
  std::string name;
};
using Descriptors = std::map<int, Descriptor>;

// lsof -F prints a field a line, with a letter in front.
Descriptors by_lsof(pid_t pid) {
  Descriptors all;
  Descriptor none;
  Descriptor* current = &none;
  for (const std::string& line :
       lines_of(output_of(with_tool("lsof", "lsof", {"-nP", "-p", std::to_string(pid), "-F", "ftin"})))) {
    const std::string value = line.substr(1);
    const bool is_number = !value.empty() && value.find_first_not_of("0123456789") == std::string::npos;
    if (line.front() == 'f') current = is_number ? &all[std::stoi(value)] : &none;
    if (line.front() == 't') current->type = value;
    if (line.front() == 'i') current->ino = value;
    if (line.front() == 'n') current->name = value;
  }
  return all;
}

struct Ends {
  std::string path;
  std::string peer;
  bool is_connected = false;
};

// AF_UNIX sockets by their inode.
std::map<std::string, Ends> unix_by_ss() {
  std::map<std::string, Ends> all;
  for (const std::string& line : lines_of(output_of(with_tool("ss", "iproute2", {"-xanH"})))) {
    const auto fields = fields_of(line);
    if (fields.size() < 8) continue;
    all[fields[5]] = {
        .path = fields[4] == "*" ? "" : fields[4], .peer = fields[7], .is_connected = fields[1] == "ESTAB"};
  }
  return all;
}

// Internet sockets by their descriptor, as slurper names them: the client first.
std::map<int, std::string> internet_by_ss(pid_t pid) {
  const std::string owner = ",pid=" + std::to_string(pid) + ",fd=";
  std::map<int, std::pair<std::string, std::string>> ends;
  std::set<std::string> listening;
  for (const std::string& line : lines_of(output_of(with_tool("ss", "iproute2", {"-tuanpH"})))) {
    const std::size_t at = line.find(owner);
    if (at == std::string::npos) continue;
    auto fields = fields_of(line);
    for (std::string& field : fields) std::erase_if(field, [](char one) { return one == '[' || one == ']'; });
    ends[std::stoi(line.substr(at + owner.size()))] = {fields[4], fields[5].ends_with('*') ? "" : fields[5]};
    if (fields[1] == "LISTEN") listening.insert(fields[4]);
  }
  std::map<int, std::string> names;
  for (const auto& [fd, end] : ends) {
    const auto& [local, remote] = end;
    names[fd] = remote.empty()              ? local
                : listening.contains(local) ? remote + "->" + local
                                            : local + "->" + remote;
  }
  return names;
}

class InitialTable : public BothEngines {
 protected:
  // Without slurper's own lines.
  [[nodiscard]] std::vector<std::string> shown(std::vector<std::string> arguments) const {
    arguments.emplace_back("--sysdig");
    return slurper(capture_, arguments);
  }
  // What the capture knows of each descriptor.
  [[nodiscard]] Descriptors by_capture() const {
    Descriptors all;
    for (const std::string& line :
         shown({"-p", "*%fd.num|%fd.type|%fd.ino|%fd.name", "evt.type=fcntl and evt.dir=>"})) {
      auto fields = fields_of(line, '|');
      fields.resize(4);
      all[std::stoi(fields[0])] = {.type = fields[1], .ino = fields[2], .name = fields[3]};
    }
    return all;
  }
};

INSTANTIATE_TEST_SUITE_P(Each, InitialTable, both_engines(), name_of_engine);

// What slurper calls a file that is no socket.
Descriptor expected(const Descriptor& lsof) {
  Descriptor file{.type = "file", .ino = lsof.ino, .name = lsof.name};
  if (lsof.type == "DIR") file.type = "directory";
  if (lsof.type == "FIFO") {
    file.type = "pipe";
    if (file.name == "pipe") file.name = "pipe:[" + lsof.ino + "]";
  }
  if (lsof.type != "a_inode") return file;
  // "[eventfd:1]": lsof adds what it reads in fdinfo.
  const std::string kind = lsof.name.substr(0, lsof.name.find(':'));
  file.name = "anon_inode:" + kind + (kind.starts_with('[') && !kind.ends_with(']') ? "]" : "");
  static const std::map<std::string, std::string> types = {{"anon_inode:[eventfd]", "event"},
                                                           {"anon_inode:[eventpoll]", "eventpoll"},
                                                           {"anon_inode:[timerfd]", "timerfd"},
                                                           {"anon_inode:[signalfd]", "signalfd"},
                                                           {"anon_inode:inotify", "inotify"}};
  const auto found = types.find(file.name);
  file.type = found == types.end() ? "<NA>" : found->second;
  return file;
}

TEST_P(InitialTable, IsThatOfLsofAndSs) {
  Pipe in;
  Child holder({.argv = traced({"hold-descriptors", folder_.path()}), .env = {}}, in.read_end.get());
  ASSERT_TRUE(eventually([&] { return holder.out() == "ready"; })) << holder.err();
  const Descriptors files = by_lsof(holder.pid());
  const auto sockets = unix_by_ss();
  const auto connections = internet_by_ss(holder.pid());
  Child recording(recorder({"-w", capture_, "-p", std::to_string(holder.pid())}));
  ASSERT_TRUE(attached()) << recording.err();
  ASSERT_EQ(::write(in.write_end.get(), "x", 1), 1);
  in.write_end.reset();
  ASSERT_TRUE(holder.exits_with(0)) << holder.err();
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();

  const Descriptors known = by_capture();
  EXPECT_THAT(known, SizeIs(testing::Ge(500U)));
  ASSERT_EQ(known.size(), files.size());
  int compared_sockets = 0;
  for (const auto& [fd, file] : known) {
    SCOPED_TRACE(std::to_string(fd) + ": " + files.at(fd).type + " " + files.at(fd).name);
    const Descriptor& lsof = files.at(fd);
    if (lsof.type == "unix") {
      const Ends& ss = sockets.at(lsof.ino);
      ++compared_sockets;
      EXPECT_EQ(file.type, "unix");
      EXPECT_EQ(file.ino, lsof.ino);
      const std::string& path = ss.path.empty() && ss.peer != "0" ? sockets.at(ss.peer).path : ss.path;
      const bool is_pending = ss.is_connected && ss.peer == "0" && ss.path.empty();
      if (is_pending) {  // not accepted yet: neither ss nor ptrace sees the other end
        if (engine_ == "bpf") {
          EXPECT_THAT(file.name, testing::MatchesRegex(lsof.ino + "->[0-9]+ .+"));
        }
      } else if (ss.peer == "0") {
        EXPECT_EQ(file.name, path);
      } else {
        const std::string behind = path.empty() ? "" : " " + path;
        EXPECT_THAT(file.name,
                    testing::AnyOf(lsof.ino + "->" + ss.peer + behind, ss.peer + "->" + lsof.ino + behind));
      }
    } else if (lsof.type == "IPv4" || lsof.type == "IPv6") {
      ++compared_sockets;
      EXPECT_EQ(file.type, lsof.type == "IPv4" ? "ipv4" : "ipv6");
      EXPECT_EQ(file.name, connections.at(fd));
    } else if (lsof.type == "sock") {  // neither bound nor connected, or of another family
      const bool is_netlink = lsof.name == "protocol: NETLINK";
      EXPECT_EQ(file.type, is_netlink ? "netlink" : lsof.name.ends_with("v6") ? "ipv6" : "ipv4");
      EXPECT_EQ(file.ino, lsof.ino);
    } else {
      EXPECT_EQ(file.type, expected(lsof).type);
      EXPECT_EQ(file.ino, expected(lsof).ino);
      EXPECT_EQ(file.name, expected(lsof).name);
    }
  }
  EXPECT_GE(compared_sockets, 200);
}

// Both ends of one have the same name, also if one of them has none of its own.
TEST_P(InitialTable, HasBothEndsOfConnectionsThatWereThereBefore) {
  Pipe in;
  Child program({.argv = traced({"converse-later", folder_.path()}), .env = {}}, in.read_end.get());
  ASSERT_TRUE(eventually([&] { return program.out() == "ready"; })) << program.err();
  Child recording(recorder({"-w", capture_, "-p", std::to_string(program.pid())}));
  ASSERT_TRUE(attached()) << recording.err();
  ASSERT_EQ(::write(in.write_end.get(), "x", 1), 1);
  ASSERT_TRUE(program.exits_with(0)) << program.err();
  ASSERT_TRUE(recording.exits_with(0)) << recording.err();
  const std::string pid = std::to_string(program.pid());
  for (const bool by_slurper : {true, false}) {
    const std::vector<std::string> arguments = {"-p", "%evt.type %fd.name",
                                                "fd.type=unix and evt.type in (read,write) and evt.dir=<"};
    const auto lines = by_slurper ? shown(arguments) : sysdig(capture_, arguments);
    std::map<std::string, std::set<std::string>> calls;
    for (const std::string& line : lines) {
      const std::size_t blank = line.find(' ');
      EXPECT_THAT(line, HasSubstr("->"));
      calls[line.substr(blank + 1)].insert(line.substr(0, blank));
    }
    std::set<std::string> paths;
    for (const auto& [name, ends] : calls) {
      EXPECT_THAT(ends, ElementsAre("read", "write")) << name;
      paths.insert(name.substr(name.find(' ') + 1));
    }
    EXPECT_THAT(paths, testing::UnorderedElementsAre(folder_ / "named", "@" + folder_.path() + "\\x00tail"));
  }
  // The child has written: its peer is its parent.
  const auto peers = shown({"-p", "%fd.peer.pid", "evt.type=write and evt.dir=>"});
  EXPECT_THAT(peers, ElementsAre(pid, pid));
}

}  // namespace
}  // namespace slurper::test
