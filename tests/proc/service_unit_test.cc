#include "proc/service_unit.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "support/files.h"
#include "support/temp_dir.h"

namespace slurper {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ServiceUnit, HasTheNameThatSystemctlTakes) {
  EXPECT_EQ(unit_name("rsyslog"), "rsyslog.service");
  EXPECT_EQ(unit_name("rsyslog.service"), "rsyslog.service");
  EXPECT_EQ(unit_name("session-3.scope"), "session-3.scope");
  EXPECT_EQ(unit_name("getty@tty1"), "getty@tty1.service");
  EXPECT_EQ(unit_name(""), "");
  EXPECT_EQ(unit_name("../rsyslog"), "");
  EXPECT_EQ(unit_name(std::string(248, 'a')), "");
}

// Files like those of a cgroup file system.
class UnitProcesses : public testing::Test {
 protected:
  void add_group(const std::string& path, const std::string& pids) {
    std::filesystem::create_directories(folder_ / path);
    test::write_file(folder_ / path + "/cgroup.procs", pids);
  }
  std::set<pid_t> processes(const std::string& unit, const std::string& mounts) {
    const std::string file = folder_ / "mountinfo";
    test::write_file(file, mounts);
    return processes_of_unit(unit, file);
  }
  std::string mount(const std::string& path, const std::string& type, const std::string& options) {
    return "36 35 0:32 / " + (folder_ / path) + " rw,nosuid shared:9 - " + type + " cgroup " + options + "\n";
  }

  test::TempDir folder_;
};

TEST_F(UnitProcesses, AreThoseOfItsCgroupAndOfThoseBelow) {
  add_group("v2/system.slice", "1\n");
  add_group("v2/system.slice/app.service", "20\n3\n");
  add_group("v2/system.slice/app.service/a/b", "4\n0\n");
  add_group("v2/system.slice/my-app.service", "5\n");
  add_group("v2/system.slice/app-web.slice/deep.service", "9\n");
  add_group("v2/user.slice/user-1000.slice/user@1000.service/app.slice/app.service", "10\n");
  add_group("v2/machine.slice/box.scope/system.slice/app.service", "11\n");
  add_group("v2/system.slice/app.service.d", "6\n");
  const std::string mounts = "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n" + mount("v2", "cgroup2", "rw");
  EXPECT_THAT(processes("app.service", mounts), ElementsAre(3, 4, 20));
  EXPECT_THAT(processes("deep.service", mounts), ElementsAre(9));
  EXPECT_THAT(processes("app-web.slice", mounts), ElementsAre(9));
  EXPECT_THAT(processes("other.service", mounts), IsEmpty());
}

TEST_F(UnitProcesses, AreFoundInTheNamedHierarchyOfVersionOne) {
  add_group("named hierarchy/system.slice/app.service", "7\n");
  add_group("cpu/system.slice/app.service", "8\n");
  const std::string mounts =
      mount("cpu", "cgroup", "rw,cpu") + mount("named\\040hierarchy", "cgroup", "rw,xattr,name=systemd");
  EXPECT_THAT(processes("app.service", mounts), ElementsAre(7));
}

TEST_F(UnitProcesses, AreNoneWithoutCgroupsOrWithAMountinfoOfAnotherForm) {
  EXPECT_THAT(processes("app.service", ""), IsEmpty());
  EXPECT_THAT(processes("app.service", "- cgroup2\n36 35 - cgroup2 cgroup rw\n\\\n"), IsEmpty());
  EXPECT_THAT(processes("app.service", mount("missing", "cgroup2", "rw")), IsEmpty());
}

TEST_F(UnitProcesses, LiveInTheseHierarchies) {
  const std::string file = folder_ / "cgroup";
  test::write_file(file, "9:name=systemd:/a\n8:pids:/name=systemd\n4:cpu,cpuacct:/\n0::/\nx\n");
  EXPECT_EQ(unit_hierarchies(file), 1U << 9 | 1U);
  EXPECT_EQ(unit_hierarchies(folder_ / "missing"), 0U);
}

}  // namespace
}  // namespace slurper
