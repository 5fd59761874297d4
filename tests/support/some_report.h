// A status in which something is wrong.
#pragma once

#include "control/status_report.h"

namespace slurper::test {

inline StatusReport some_report() {
  StatusReport report;
  report.slurper = "1.2.3";
  report.pid = 4711;
  report.started_at = 1'000'000;
  report.now = 1'000'000 + (3 * 86400 + 4 * 3600) * 1000ULL;
  report.alerts = {{.name = "log-not-written",
                    .title = "THE LOG CAN'T BE WRITTEN",
                    .subject = {},
                    .cause = "No space left on device"}};
  report.rates = {{.window_seconds = 1, .bytes_per_second = 1500, .lines_per_second = 12},
                  {.window_seconds = 60, .bytes_per_second = 1 << 20, .lines_per_second = 9000},
                  {.window_seconds = 300, .bytes_per_second = 0, .lines_per_second = 0},
                  {.window_seconds = 900, .bytes_per_second = 10, .lines_per_second = 1}};
  report.fifo = {.path = "/run/slurper/fifo",
                 .device = 1,
                 .inode = 2,
                 .pipe_size = 1 << 20,
                 .held = 1 << 18,
                 .most_held = 1 << 20,
                 .times_full = 3,
                 .time_full = 1500,
                 .writers = {"'rsyslogd' (pid 12)", "'logger' (pid 13)"},
                 .readers = {"'cat' (pid 14)"},
                 .sees_all_processes = true,
                 .second_readers = 1,
                 .short_reads = 2,
                 .taken_by_others = 5000};
  report.ring = {.folder = "/run/slurper/messages", .size = 64 << 20, .held = 2048, .most_held = 12 << 20};
  report.log = {.path = "/var/log/slurper/messages",
                .device = 1,
                .inode = 3,
                .end = 123456,
                .synced = 123400,
                .synced_at = report.now - 300,
                .lines = 1000,
                .rotations = 4,
                .segments = 3,
                .segment_bytes = 12 << 20};
  report.ledger = {.received = 125504, .inherited = 0, .logged = 123456, .held = 2048, .dropped = 0};
  report.sinks = {{.name = "relp",
                   .state = "failing",
                   .cursor = 100000,
                   .lag_bytes = 23456,
                   .waiting_since = report.now - 72'000,
                   .lines = 900,
                   .retries = 7,
                   .shown = {},
                   .last_error = "cannot connect to 'log.example:2514': Connection refused",
                   .failed_at = report.now - 2000}};
  return report;
}

}  // namespace slurper::test
