// Where a process belongs, by what its cgroup file says.
#include "proc/control_group.h"

#include <gtest/gtest.h>

namespace slurper {
namespace {

const std::string long_id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

std::string unit(const std::string& text) {
  return parse_control_group(text).unit;
}
std::string container(const std::string& text) {
  return parse_control_group(text).container;
}

TEST(ControlGroup, NamesTheUnit) {
  EXPECT_EQ(unit("0::/system.slice/rsyslog.service\n"), "rsyslog.service");
  EXPECT_EQ(unit("0::/system.slice/system-getty.slice/getty@tty1.service\n"), "getty@tty1.service");
  EXPECT_EQ(unit("0::/user.slice/user-0.slice/session-3.scope\n"), "session-3.scope");
  EXPECT_EQ(unit("0::/user.slice/user-1.slice/user@1.service/app.slice/app.service\n"), "app.service");
  EXPECT_EQ(unit("0::/\n"), "");
  EXPECT_EQ(unit(""), "");
  EXPECT_EQ(unit("no cgroup file"), "");
  EXPECT_EQ(unit("4:memory:/x\n1:name=systemd:/system.slice/a.service\n0::/\n"), "a.service") << "version 1";
}

TEST(ControlGroup, NamesTheContainer) {
  EXPECT_EQ(container("0::/system.slice/docker-" + long_id + ".scope\n"), "0123456789ab");
  EXPECT_EQ(unit("0::/system.slice/docker-" + long_id + ".scope\n"), "");
  EXPECT_EQ(container("0::/docker/" + long_id + "\n"), "0123456789ab");
  EXPECT_EQ(container("0::/kubepods.slice/pod1.slice/cri-containerd-" + long_id + ".scope\n"),
            "0123456789ab");
  EXPECT_EQ(container("0::/machine.slice/libpod-" + long_id + ".scope/container\n"), "0123456789ab");
  EXPECT_EQ(container("0::/lxc.payload.web/system.slice/a.service\n"), "web");
  EXPECT_EQ(unit("0::/lxc.payload.web/system.slice/a.service\n"), "a.service");
  EXPECT_EQ(container("0::/machine.slice/machine-web.scope\n"), "web");
  EXPECT_EQ(container("0::/system.slice/machine-id.service\n"), "");
}

}  // namespace
}  // namespace slurper
