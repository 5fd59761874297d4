// From records to events, without a kernel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <string>
#include <vector>

#include "trace/call_table.h"
#include "trace/engine/call_shape.h"
#include "trace/engine/event_queue.h"
#include "trace/engine/flags.h"
#include "trace/engine/param_plan.h"
#include "trace/engine/record_converter.h"
#include "trace/engine/socket_values.h"
#include "trace/engine/unix_connections.h"
#include "trace/engine/wall_clock.h"
#include "trace/own_events.h"
#include "trace/scap/scap_reader.h"
#include "trace/scap/scap_writer.h"

namespace slurper {
namespace {

using Side = UnixConnections::Side;
using std::string_literals::operator""s;

TraceObject socket_of(u64 ino, u64 key, u64 peer_key, u64 peer_ino = 0) {
  TraceObject object{};
  object.kind = ObjectUnix;
  object.ino = ino;
  object.local.key = key;
  object.local.peer_key = peer_key;
  object.local.peer_ino = peer_ino;
  return object;
}

TEST(UnixConnections, BothEndsHaveOneTuple) {
  UnixConnections connections;
  // connect(2) returns before accept(2): the server's end has no inode yet.
  const UnixConnection client = *connections.find(socket_of(100, 1, 2), Side::Client, "/run/app");
  EXPECT_EQ(client.client, 100U);
  EXPECT_GT(client.server, 0xffffffffU) << "a serial number that equals no inode";
  const UnixConnection server = *connections.find(socket_of(200, 2, 1, 100), Side::Server, "/run/app");
  EXPECT_EQ(server.client, client.client);
  EXPECT_EQ(server.server, client.server);
  EXPECT_EQ(server.path, "/run/app");
  EXPECT_EQ(connections.find(socket_of(100, 1, 2, 200), Side::Unknown, "")->server, client.server);
}

TEST(UnixConnections, AReusedAddressIsAnotherConnection) {
  UnixConnections connections;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> shown;
  for (u64 i = 0; i < 6; ++i) {
    const UnixConnection client = *connections.find(socket_of(100 + i, 1, 2), Side::Client, "/run/app");
    // The client has closed before accept(2): its inode is gone.
    const UnixConnection server = *connections.find(socket_of(200 + i, 2, 1, 0), Side::Server, "/run/app");
    EXPECT_EQ(server.server, client.server);
    EXPECT_EQ(server.client, client.client);
    for (const auto& [a, b] : shown) EXPECT_TRUE(a != client.server && b != client.client);
    shown.emplace_back(client.server, client.client);
  }
}

// Nobody watches those who had the connection that the tables name: it ends unseen, and the kernel gives both
// its addresses to another one, which is connected from the other side.
TEST(UnixConnections, AConnectionThatHasEndedUnseenIsNotTakenForANewOne) {
  UnixConnections connections;
  const UnixConnection old = *connections.find(socket_of(100, 1, 2), Side::Unknown, "/run/old");
  const UnixConnection client = *connections.find(socket_of(300, 2, 1), Side::Client, "/run/new");
  EXPECT_EQ(client.client, 300U);
  EXPECT_EQ(client.path, "/run/new");
  EXPECT_NE(client.server, old.server);
  const UnixConnection server = *connections.find(socket_of(400, 1, 2, 300), Side::Server, "/run/new");
  EXPECT_EQ(server.client, client.client);
  EXPECT_EQ(server.server, client.server);
}

TEST(UnixConnections, AServerAloneIsEnough) {
  UnixConnections connections;
  const UnixConnection first = *connections.find(socket_of(200, 2, 1, 100), Side::Server, "/run/app");
  EXPECT_EQ(first.server, 200U);
  EXPECT_EQ(first.client, 100U);
  EXPECT_NE(connections.find(socket_of(201, 2, 1, 0), Side::Server, "/run/app")->server, first.server);
}

TEST(UnixConnections, WhatIsNotConnectedHasNone) {
  UnixConnections connections;
  EXPECT_EQ(connections.find(socket_of(100, 1, 0), Side::Unknown, "/run/log"), nullptr);
}

TEST(UnixConnections, AnAbstractNameIsWrittenOut) {
  EXPECT_EQ(unix_path_text("\0a\0b"s), "@a\\x00b");
  EXPECT_EQ(unix_path_text("/run/app\0"s), "/run/app");
  EXPECT_EQ(unix_path_text(""), "");
}

TEST(EventQueue, PutsEventsInTheOrderOfTime) {
  EventQueue queue;
  const ScapParams none;
  for (const std::uint64_t time : {30U, 10U, 20U, 10U}) queue.add({.time = time, .tid = queue.size()}, none);
  std::string early;
  queue.take_until(20, early);
  EXPECT_EQ(queue.size(), 2U);
  std::string expected;
  append_event(expected, {.time = 10, .tid = 1}, none);
  append_event(expected, {.time = 10, .tid = 3}, none);
  EXPECT_EQ(early, expected);
  std::string late;
  queue.take_all(late);
  expected.clear();
  append_event(expected, {.time = 20, .tid = 2}, none);
  append_event(expected, {.time = 30, .tid = 0}, none);
  EXPECT_EQ(late, expected);
}

TEST(ScapWriter, WritesAnEventAsSysdigReadsIt) {
  ScapParams params;
  params.add_i64(-32);
  params.add("ab");
  std::string block;
  append_event(block, {.time = 0x1122, .tid = 7, .cpu = 3, .type = 9}, params);
  const std::string expected =
      "\x16\x02\0\0\x38\0\0\0"s                  // event, 56 bytes
      "\x03\0"s                                  // cpu
      "\x22\x11\0\0\0\0\0\0\x07\0\0\0\0\0\0\0"s  // time, thread
      "\x28\0\0\0\x09\0\x02\0\0\0"s              // 40 bytes, type, two parameters
      "\x08\0\x02\0"s                            // their sizes
      "\xe0\xff\xff\xff\xff\xff\xff\xff"s
      "ab"s
      "\0\0"s  // to a multiple of four
      "\x38\0\0\0"s;
  EXPECT_EQ(block, expected);
}

TEST(ScapWriter, ShowsInodesInDecimal) {
  EXPECT_EQ(as_hexadecimal_digits(4711), 0x4711U);
  EXPECT_EQ(as_hexadecimal_digits(10'000'000'001), 0x10000000001U);
  EXPECT_EQ(as_hexadecimal_digits(0), 0U);
}

TEST(ScapWriter, KeepsBlocksShort) {
  std::vector<ScapThread> threads(200);
  for (ScapThread& thread : threads) thread.args = std::string(10'000, 'x');
  std::string out;
  append_threads(out, threads);
  for (std::size_t at = 0; at < out.size();) {
    std::uint32_t size = 0;
    std::memcpy(&size, out.data() + at + 4, sizeof size);
    ASSERT_LE(size, 65'536U);
    ASSERT_GE(size, 12U);
    at += size;
  }
}

std::vector<std::uint64_t> times_of(const std::string& blocks) {
  std::vector<std::uint64_t> times;
  for (std::size_t at = 0; at < blocks.size();) {
    std::uint32_t type = 0;
    std::uint32_t size = 0;
    std::memcpy(&type, blocks.data() + at, sizeof type);
    std::memcpy(&size, blocks.data() + at + 4, sizeof size);
    const auto event = event_in({.type = type, .body = std::string_view(blocks).substr(at + 8, size - 12)});
    if (event) times.push_back(event->time);
    at += size;
  }
  return times;
}

// The record has the kernel's times, and each event the time of day as it is when the record is converted.
TEST(RecordConverter, TimesFollowAClockThatIsSet) {
  EventQueue queue;
  ProcessBook processes({});
  ScapThread process;
  process.tid = process.pid = 7;
  processes.add(process);
  UnixConnections connections;
  RecordConverter converter(queue, processes, connections);
  converter.set_identity(7, {});
  TraceRecord record{};
  record.kind = RecordCall;
  record.tid = record.pid = 7;
  record.nr = 1;
  record.begin = 100;
  record.end = 350;
  const std::string_view bytes(reinterpret_cast<const char*>(&record), sizeof record);
  for (const std::int64_t offset : {1000, 5000, 2000}) {
    converter.set_clock_offset(offset);
    converter.convert(bytes);
    std::string out;
    queue.take_all(out);
    const auto wall = static_cast<std::uint64_t>(offset);
    EXPECT_THAT(times_of(out), testing::ElementsAre(wall + 100, wall + 350));
  }
}

TEST(CallShapes, NameOnlyCallsThatThereAre) {
  for (const CallReading& reading : call_readings())
    EXPECT_NE(find_call(reading.name), nullptr) << reading.name;
}

TEST(CallPlans, HaveEachParameterOfTheirEvents) {
  for (const Call& call : calls()) {
    if (call.number == kNoNumber || call.event == kGenericEnter) continue;
    const CallPlan plan = plan_of(call.number);
    EXPECT_EQ(plan.enter.size(), event_info(call.event)->classic_params) << call.name;
    EXPECT_EQ(plan.exit.size(), event_info(static_cast<std::uint16_t>(call.event + 1))->classic_params)
        << call.name;
  }
}

// A write(2) of 5 bytes to descriptor 3, of which 2 were written.
TEST(CallPlans, FillAWrite) {
  TraceRecord record{};
  record.result = 2;
  record.args[0] = 3;
  record.args[2] = 5;
  RecordView view;
  view.record = &record;
  view.data = "he";
  ScapParams params;
  const CallPlan plan = plan_of(1);
  fill_params(plan.enter, view, nullptr, false, params);
  EXPECT_EQ(params.values(), "\x03\0\0\0\0\0\0\0\x05\0\0\0"s);
  fill_params(plan.exit, view, nullptr, false, params);
  EXPECT_EQ(params.values(), "\x02\0\0\0\0\0\0\0he"s);
}

TEST(CallPlans, GiveACallThatTheTableLacksItsNumber) {
  const CallPlan plan = plan_of(509);
  EXPECT_TRUE(plan.is_generic);
  TraceRecord record{};
  RecordView view;
  view.record = &record;
  ScapParams params;
  fill_params(plan.enter, view, nullptr, false, params);
  EXPECT_EQ(params.values(), "\0\0\xfd\x01"s);
}

TEST(Records, AreCutIntoTheirParts) {
  TraceRecord record{};
  record.path_size = 3;
  record.data_size = 2;
  std::string bytes(reinterpret_cast<const char*>(&record), sizeof record);
  bytes += "/a\0hi"s;
  const RecordView view = view_of(bytes);
  EXPECT_EQ(view.path, "/a\0"s);
  EXPECT_EQ(view.data, "hi");
  EXPECT_EQ(view_of("short").record, nullptr);
}

// Records of processes that do not exist.
class Converter : public testing::Test {
 protected:
  static constexpr u32 kFirst = 1U << 30;

  static TraceRecord record_of(u8 kind, u32 pid) {
    TraceRecord record{};
    record.kind = kind;
    record.pid = record.tid = pid;
    record.begin = record.end = 1000;
    record.nr = kNoNumber;
    return record;
  }
  void convert(const TraceRecord& record, std::string_view rest = {}) {
    alignas(TraceRecord) char bytes[sizeof(TraceRecord) + 256];
    std::memcpy(bytes, &record, sizeof record);
    std::memcpy(bytes + sizeof record, rest.data(), rest.size());
    converter_.convert({bytes, sizeof record + rest.size()});
  }
  // The types of all events, and the parameters of those of the type.
  std::vector<std::uint16_t> types(std::uint16_t wanted, std::vector<std::vector<std::string>>& params) {
    std::string blocks;
    queue_.take_all(blocks);
    std::vector<std::uint16_t> all;
    for (std::size_t at = 0; at < blocks.size();) {
      std::uint32_t head[2];
      std::memcpy(head, blocks.data() + at, sizeof head);
      const ScapEvent event =
          *event_in({.type = head[0], .body = std::string_view(blocks).substr(at + 8, head[1] - 12)});
      all.push_back(event.type);
      if (event.type == wanted) {
        params.emplace_back();
        for (std::size_t i = 0; i < event.param_count; ++i) params.back().emplace_back(event.param(i));
      }
      at += head[1];
    }
    return all;
  }
  static std::int64_t number(const std::string& param) {
    std::int64_t value = 0;
    std::memcpy(&value, param.data(), std::min(sizeof value, param.size()));
    return value;
  }

  EventQueue queue_;
  ProcessBook processes_{{}};
  UnixConnections connections_;
  RecordConverter converter_{queue_, processes_, connections_};
};

TEST_F(Converter, TellsWhoSentADescriptor) {
  TraceRecord sent = record_of(RecordSent, kFirst);
  sent.args[0] = 5;
  sent.args[2] = 0xffff8880;  // the open file
  convert(sent);
  TraceRecord received = record_of(RecordReceived, kFirst + 1);
  received.args[0] = 7;
  received.args[2] = sent.args[2];
  received.object.kind = ObjectFile;
  received.object.ino = 77;
  received.object.mode = S_IFREG;
  received.path_size = 6;
  convert(received, std::string_view("/etc/x", 6));
  received.args[2] = 0x1234;
  received.args[3] = 99;
  convert(received, std::string_view("/etc/x", 6));
  received.args[2] = sent.args[2];
  received.args[4] = 8 + 1;  // by pidfd_getfd(2): from a process, not in a message
  convert(received, std::string_view("/etc/x", 6));
  received.args[0] = ~u64{0};
  received.path_size = 0;
  convert(received);
  std::vector<std::vector<std::string>> params;
  const auto all = types(kReceivedEvent, params);
  ASSERT_EQ(params.size(), 4U);
  EXPECT_EQ(number(params[0].at(0)), 7);
  EXPECT_EQ(number(params[0].at(1)), 1) << "the first passing";
  EXPECT_EQ(number(params[0].at(2)), kFirst);
  EXPECT_EQ(number(params[0].at(3)), 5);
  EXPECT_THAT(params[0].at(5), testing::HasSubstr("/etc/x"));
  EXPECT_EQ(number(params[1].at(1)), 0) << "not seen";
  EXPECT_EQ(number(params[1].at(2)), 99) << "who made the other end";
  EXPECT_EQ(number(params[2].at(1)), 0) << "not sent";
  EXPECT_EQ(number(params[2].at(2)), 99);
  EXPECT_EQ(number(params[2].at(3)), 8);
  EXPECT_EQ(number(params[3].at(0)), -1);
  EXPECT_THAT(all, testing::IsSupersetOf({2, 3})) << "for sysdig, it is opened";
}

// A unit's process that left it and came back, or another one with its id.
TEST_F(Converter, IntroducesAProcessEachTimeItComes) {
  constexpr std::uint16_t kExecveExit = 293;
  const auto come_and_call = [this](std::uint64_t time) {
    TraceRecord moved = record_of(RecordMove, kFirst);
    moved.begin = moved.end = time;
    moved.args[0] = 1;
    moved.args[1] = 98;
    convert(moved);
    TraceRecord called = record_of(RecordCall, kFirst);
    called.nr = 39;  // getpid(2)
    called.begin = 0;
    called.end = time + 10;
    called.flags = RecordNoBegin;
    convert(called);
  };
  come_and_call(2000);
  TraceRecord gone = record_of(RecordMove, kFirst);
  convert(gone);
  come_and_call(5000);
  TraceRecord ended = record_of(RecordExit, kFirst);
  ended.args[0] = 1;
  ended.begin = ended.end = 6000;
  convert(ended);
  come_and_call(8000);
  std::vector<std::vector<std::string>> params;
  (void)types(kExecveExit, params);
  ASSERT_EQ(params.size(), 3U);
  for (const auto& introduced : params) EXPECT_EQ(number(introduced.at(5)), 98) << "its parent";
}

TEST(PassedDescriptors, ThePathIsInOrder) {
  EXPECT_EQ(path_of_parts("file\0folder\0srv\0"s), "/srv/folder/file");
  EXPECT_EQ(path_of_parts(""), "");
}

TEST_F(Converter, ASendThatFailsHasSentNothing) {
  for (const s64 result : {s64{-11}, s64{1}}) {
    TraceRecord sent = record_of(RecordSent, kFirst);
    sent.args[0] = 5;
    convert(sent);
    TraceRecord call = record_of(RecordCall, kFirst);
    call.nr = find_call("sendmsg")->number;
    call.result = result;
    convert(call);
  }
  std::vector<std::vector<std::string>> params;
  (void)types(kSentEvent, params);
  ASSERT_EQ(params.size(), 1U);
  EXPECT_EQ(number(params[0].at(1)), 2);
}

TEST_F(Converter, TellsWhoWokeASleeperBeforeTheEndOfItsCall) {
  TraceRecord call = record_of(RecordCall, kFirst);
  call.nr = find_call("read")->number;
  call.result = 1;
  const Waker waker{.tid = 8, .pid = 9, .comm = "writer"};
  call.waker_size = sizeof waker;
  convert(call, {reinterpret_cast<const char*>(&waker), sizeof waker});
  std::vector<std::vector<std::string>> params;
  const auto all = types(kWakerEvent, params);
  ASSERT_EQ(params.size(), 1U);
  EXPECT_EQ(number(params[0].at(0)), 8);
  EXPECT_EQ(number(params[0].at(1)), 9);
  EXPECT_EQ(params[0].at(2), "writer"s + '\0');
  const auto at = std::ranges::find(all, kWakerEvent);
  ASSERT_NE(at + 1, all.end());
  EXPECT_EQ(*(at + 1), 7) << "the end of the read";
}

TEST(Flags, AreThoseOfTheFormat) {
  EXPECT_EQ(scap_open_flags(0), 1U);
  EXPECT_EQ(scap_open_flags(01 | 0100 | 01000 | 02000000), 2U | 4U | 256U | 4096U);
  EXPECT_EQ(scap_fcntl_command(1031), 28U);
  EXPECT_EQ(scap_fcntl_command(9999), 0U);
  EXPECT_EQ(scap_poll_flags(POLLIN | POLLHUP), 1U | 32U);
  EXPECT_EQ(device_for_programs(0xfe << 20 | 1), 0xfe01U);
  EXPECT_EQ(device_for_kernel(0xfe01), 0xfeU << 20 | 1U);
}

TEST(SocketValues, HavePortsInTheOrderOfTheMachine) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(80);
  address.sin_addr.s_addr = htonl(0x7f000001);
  const std::string_view bytes(reinterpret_cast<const char*>(&address), sizeof address);
  EXPECT_EQ(socket_address_value(bytes), "\x02\x7f\0\0\x01\x50\0"s);
  EXPECT_EQ(socket_address_value("\x01\0/run/app"s), "\x01/run/app\0"s);
  EXPECT_EQ(socket_address_value("\x02"), "");
  EXPECT_EQ(socket_address_value(""), "");
}

TEST(SocketValues, NameBothEndsOfAConnection) {
  const UnixConnection connection{.server = 12, .client = 34, .path = "/run/app"};
  EXPECT_EQ(tuple_value(socket_of(12, 1, 2), &connection, "", false),
            "\x01\x12\0\0\0\0\0\0\0\x34\0\0\0\0\0\0\0/run/app\0"s);
}

TEST(SocketValues, ShowWhatPollFound) {
  const pollfd fds[] = {{.fd = 3, .events = POLLIN, .revents = 0},
                        {.fd = 4, .events = POLLOUT, .revents = POLLERR}};
  const std::string_view bytes(reinterpret_cast<const char*>(fds), sizeof fds);
  EXPECT_EQ(poll_value(bytes, true), "\x01\0\x04\0\0\0\0\0\0\0\x10\0"s);
  EXPECT_EQ(poll_value(bytes, false), "\x02\0\x03\0\0\0\0\0\0\0\x01\0\x04\0\0\0\0\0\0\0\x04\0"s);
}

// The clock is set by an hour between two calls.
TEST(WallClock, WhatCameBeforeAStepHasTheTimeOfTheClockAsItWas) {
  EventQueue queue;
  ProcessBook processes({});
  UnixConnections connections;
  RecordConverter converter(queue, processes, connections);
  constexpr std::int64_t kHour = 3'600'000'000'000;
  std::int64_t offset = 1000 * kHour;
  bool was_set = false;
  WallClock clock(
      {.offset = [&] { return offset; }, .was_set = [&] { return std::exchange(was_set, false); }}, converter,
      queue);
  clock.begin();
  std::string out;
  clock.look(1, [] { FAIL() << "nothing has happened"; }, out);
  EXPECT_EQ(out, "");
  TraceRecord record{};
  record.kind = RecordCall;
  record.tid = record.pid = 77;
  record.nr = 3;  // close(2)
  const auto convert_at = [&](u64 time) {
    record.begin = time;
    record.end = time + 1;
    converter.convert({reinterpret_cast<const char*>(&record), sizeof record});
  };
  offset += kHour;
  was_set = true;
  clock.look(20, [&] { convert_at(10); }, out);
  EXPECT_EQ(clock.offset(), 1001 * kHour);
  convert_at(15);  // begun before the step, and reported after it
  queue.take_all(out);
  std::string events;
  for (std::string_view rest = out; !rest.empty();) {
    const auto total = load<std::uint32_t>(rest.data() + 4);
    const auto event = event_in(
        {.type = load<std::uint32_t>(rest.data()), .body = rest.substr(8, total - kBlockFrame), .offset = 0});
    rest.remove_prefix(total);
    if (event->type == 4 || event->type == 5)
      events += std::to_string(event->time - 1000 * static_cast<std::uint64_t>(kHour)) + ' ';
    if (event->type == kClockEvent) events += "step " + std::to_string(event->number<std::int64_t>(0)) + ' ';
  }
  EXPECT_EQ(events, "10 11 step 3600000000000 3600000000015 3600000000016 ");
}

}  // namespace
}  // namespace slurper
