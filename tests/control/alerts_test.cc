#include "control/alerts.h"

#include <gtest/gtest.h>

#include "control/status_text.h"

namespace slurper {
namespace {

TEST(Alerts, AreNamedWithTheirCausesTheRootOfThemFirst) {
  Alerts alerts([] {});
  EXPECT_EQ(to_text(alerts.active()), "all well");
  alerts.raise(Alert::SinkFails, "Connection refused", "'relp'");
  alerts.raise(Alert::FifoNotRead, "the ring is full");
  alerts.raise(Alert::SinkFails, "Permission denied", "'copy'");
  alerts.raise(Alert::LogNotWritten, "No space left on device");
  alerts.raise(Alert::SinkLags, "", "'relp'");
  EXPECT_EQ(
      to_text(alerts.active()),
      "THE LOG CAN'T BE WRITTEN: No space left on device; THE FIFO CAN'T BE READ NOW: the ring is full; "
      "A SINK FAILS: 'copy': Permission denied; A SINK FAILS: 'relp': Connection refused; "
      "A SINK LAGS: 'relp'");
  alerts.clear(Alert::SinkFails, "'relp'");
  alerts.clear(Alert::FifoNotRead);
  alerts.clear(Alert::LogNotWritten);
  EXPECT_EQ(to_text(alerts.active()), "A SINK FAILS: 'copy': Permission denied; A SINK LAGS: 'relp'");
}

TEST(Alerts, WithItsSubjectAllOfThemGo) {
  int changes = 0;
  Alerts alerts([&] { ++changes; });
  alerts.raise(Alert::SinkFails, "Connection refused", "'relp'");
  alerts.raise(Alert::SinkFails, "Permission denied", "'copy'");
  alerts.raise(Alert::SinkLags, "", "'relp'");
  alerts.clear_all("'relp'");
  alerts.clear_all("'none'");
  EXPECT_EQ(to_text(alerts.active()), "A SINK FAILS: 'copy': Permission denied");
  EXPECT_EQ(changes, 4);
}

TEST(Alerts, OnlyAChangeIsAChange) {
  int changes = 0;
  Alerts alerts([&] { ++changes; });
  alerts.clear(Alert::LogNotSynced);
  EXPECT_EQ(changes, 0);
  alerts.raise(Alert::LogNotSynced, "Input/output error");
  alerts.raise(Alert::LogNotSynced, "Input/output error");
  EXPECT_EQ(changes, 1);
  alerts.raise(Alert::LogNotSynced, "No space left on device");
  alerts.clear(Alert::LogNotSynced);
  alerts.clear(Alert::LogNotSynced);
  EXPECT_EQ(changes, 3);
  EXPECT_EQ(alerts.changes(), 3U);
}

}  // namespace
}  // namespace slurper
