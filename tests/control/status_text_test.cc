#include "control/status_text.h"

#include <gtest/gtest.h>

namespace slurper {
namespace {

using namespace std::chrono_literals;

Snapshot snapshot() {
  return {.fifo = {.path = "/run/fifo", .pipe_size = 1 << 20},
          .intake = {.head = {3048},
                     .tail = {1000},
                     .ring_size = 64 << 20,
                     .dropped_lines = 7,
                     .dropped_bytes = 700,
                     .times_full = 3,
                     .time_full = 1500ms,
                     .short_reads = 2},
          .watch = {.second_readers = 1},
          .log = {.path = "/var/log/messages", .synced = {900}, .rotations = 4, .lines = 50},
          .sinks = {},
          .alerts = {}};
}

TEST(StatusText, SaysAtTheStartWhatIsReadIntoWhat) {
  EXPECT_EQ(to_start_text(snapshot()),
            "reading '/run/fifo' (a pipe of 1.00MiB) into '/var/log/messages' from offset 3048");
}

TEST(StatusText, HasAllThatIsKnown) {
  EXPECT_EQ(to_status_text(snapshot()),
            "offset 3048, 2.00KiB wait in the ring of 64.0MiB, synced up to 900, 4 rotations, 7 lines (700B) "
            "dropped, "
            "the pipe was full 3 times (1.5 s), 1 second reader (2 reads cut short), all well");
}

TEST(StatusText, NamesQuarantinedRingsAndHowToRecoverThem) {
  Snapshot found = snapshot();
  found.quarantined_bytes = 5 << 10;
  found.recover_arguments = "'/var/log/messages'";
  EXPECT_NE(to_status_text(found).find(", 5.00KiB in quarantined rings (slurper recover "
                                       "'/var/log/messages'), synced"),
            std::string::npos)
      << to_status_text(found);
}

TEST(StatusText, HasALineForEachSinkWithItsLag) {
  Snapshot found = snapshot();
  found.sinks = {{.name = "idle"},
                 {.name = "good",
                  .acked = 1000,
                  .records = 12,
                  .in_flight = 3,
                  .has_begun = true,
                  .shown = "connected to 'a:514'"},
                 {.name = "bad",
                  .acked = 400,
                  .records = 3,
                  .rejected = 2,
                  .missed = 100,
                  .has_begun = true,
                  .failing = true},
                 {.name = "looped", .acked = 1200, .has_begun = true, .failing = true, .stopped = true}};
  found.ending_sinks = {{.name = "gone", .acked = 1000, .records = 5, .has_begun = true}};
  const std::string text = to_status_text(found);
  EXPECT_TRUE(
      text.ends_with(", all well\n"
                     "  sink 'idle': 0 lines\n"
                     "  sink 'good': 12 lines, 0B behind, 3 in flight, connected to 'a:514'\n"
                     "  sink 'bad': 3 lines, 600B behind, 2 lines refused, 100B missed, FAILING\n"
                     "  sink 'looped': 0 lines, 0B behind, STOPPED\n"
                     "  ending sink 'gone': 5 lines, 0B behind"))
      << text;
}

// Lines that are not where the settings send them are no alert, and not well either.
TEST(StatusText, IsNotAllWellWhileASinkWritesElsewhere) {
  Snapshot found = snapshot();
  found.watch.second_readers = 0;
  found.sinks = {{.name = "hosts", .records = 1, .shown = "1 line in '/x/_other.log'", .has_problem = true}};
  const std::string text = to_status_text(found);
  EXPECT_TRUE(
      text.ends_with(", 0 second readers (2 reads cut short), A SINK HAS A PROBLEM\n"
                     "  sink 'hosts': 1 line, 1 line in '/x/_other.log'"))
      << text;
  EXPECT_TRUE(to_status_line(found, 1).ends_with(", A SINK HAS A PROBLEM"));
}

TEST(StatusText, EndsWithTheAlerts) {
  Snapshot found = snapshot();
  found.alerts = {{.alert = Alert::LogNotWritten, .subject = {}, .cause = "No space left on device"},
                  {.alert = Alert::SinkLags, .subject = "'relp'", .cause = {}}};
  EXPECT_TRUE(to_status_text(found).ends_with(
      ", THE LOG CAN'T BE WRITTEN: No space left on device; A SINK LAGS: 'relp'"));
  EXPECT_EQ(to_status_line(found, 250),
            "250 lines/s, 2.00KiB wait in the ring of 64.0MiB, THE LOG CAN'T BE WRITTEN: No space left on "
            "device; A "
            "SINK LAGS: 'relp'");
}

}  // namespace
}  // namespace slurper
