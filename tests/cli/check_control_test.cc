// What `slurper check` says of the control socket.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/text.h"
#include "cli/machine.h"
#include "cli/machine_site.h"
#include "cli/running_site.h"
#include "control/control_socket.h"

namespace slurper::test {
namespace {

using testing::ElementsAre;

class CheckControl : public RunningSite {
 protected:
  Settings settings() const {
    Settings settings;
    settings.fifo.path = fifo_;
    settings.log.path = log_;
    return settings;
  }
  Findings check_at(const std::string& path) const {
    Settings settings = this->settings();
    settings.control.path = path;
    return check_control(settings);
  }
};

TEST_F(CheckControl, NamesThePathAtWhichItWillBeAsked) {
  EXPECT_THAT(
      check_control(settings()),
      ElementsAre(ok("`slurper status` and `slurper control` will ask at '" + runtime_.path() + "/")));
  EXPECT_THAT(check_at(disk_ / "control"), ElementsAre(ok("will ask at '" + (disk_ / "control") + "'")));
}

TEST_F(CheckControl, KnowsTheSlurperThatRunsAndWhatAKilledOneLeaves) {
  Child slurper = start();
  EXPECT_THAT(
      check_control(settings()),
      ElementsAre(ok("a slurper that writes this log answers at the control socket " + in_quotes(socket()))));
  Settings other = settings();
  other.log.path = disk_ / "other";
  other.control.path = socket();
  EXPECT_THAT(check_control(other),
              ElementsAre(warning("another process listens at the control socket " + in_quotes(socket()) +
                                  ": slurper would run without it")));
  slurper.kill();
  EXPECT_THAT(check_control(settings()), ElementsAre(ok("will ask at " + in_quotes(socket()))));
}

TEST_F(CheckControl, FindsWhatIsInItsWay) {
  const std::string path = disk_ / "control";
  std::ofstream(path) << "mine";
  EXPECT_THAT(check_at(path), ElementsAre(warning("slurper would run without its control socket")));
  EXPECT_THAT(check_at(disk_ / "missing/control"),
              ElementsAre(warning("slurper would run without its control socket")));
  EXPECT_THAT(check_at(disk_ / std::string(100, 'x')),
              ElementsAre(warning("is too long: slurper would run without it")));
  const Findings at_length = check_at(disk_ / (std::string(70, 'x')));
  EXPECT_THAT(at_length, ElementsAre(ok("will ask at")));
}

}  // namespace
}  // namespace slurper::test
