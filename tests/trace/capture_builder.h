// Makes captures, byte by byte, as docs say and sysdig reads them.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "trace/scap/format.h"

namespace slurper::test {

template <typename Number>
std::string bytes_of(Number number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}
inline std::string i64(std::int64_t number) {
  return bytes_of(number);
}
inline std::string u64(std::uint64_t number) {
  return bytes_of(number);
}
inline std::string u32(std::uint32_t number) {
  return bytes_of(number);
}
inline std::string u16(std::uint16_t number) {
  return bytes_of(number);
}
inline std::string u8(std::uint8_t number) {
  return bytes_of(number);
}
// With its NUL.
inline std::string text(std::string_view characters) {
  return std::string(characters) + '\0';
}
// As in tables: a u16 length in front.
inline std::string sized(std::string_view characters) {
  return u16(static_cast<std::uint16_t>(characters.size())) + std::string(characters);
}
inline std::string unix_tuple(std::uint64_t source, std::uint64_t target, std::string_view path) {
  return u8(1) + u64(source) + u64(target) + text(path);
}
inline std::string ipv4_tuple(std::string_view client, std::uint16_t client_port, std::string_view server,
                              std::uint16_t server_port) {
  return u8(2) + std::string(client) + u16(client_port) + std::string(server) + u16(server_port);
}

// The parameters of clone(2)'s exit, in the parent (`result` is the child) or in the child (0).
inline std::vector<std::string> child(std::int64_t result, std::int64_t tid, std::int64_t pid,
                                      std::int64_t parent, std::uint32_t flags) {
  return {i64(result), text("/bin/sh"), std::string("-c\0", 3),
          i64(tid),    i64(pid),        i64(parent),
          text("/"),   i64(1024),       u64(0),
          u64(0),      u32(0),          u32(0),
          u32(0),      text("child"),   "",
          u32(flags),  u32(33),         u32(33),
          i64(tid),    i64(pid)};
}

// Those of execve(2)'s exit.
inline std::vector<std::string> executed(std::int64_t tid, std::int64_t pid, std::string_view name,
                                         std::int64_t parent = 1) {
  return {i64(0),    text(name), std::string("x\0", 2),
          i64(tid),  i64(pid),   i64(parent),
          text("/"), u64(1024),  u64(0),
          u64(0),    u32(0),     u32(0),
          u32(0),    text(name), "",
          "",        u32(0),     i64(pid),
          u32(7),    u32(0)};
}

struct SampleProcess {
  std::int64_t tid = 0;
  std::int64_t pid = 0;
  std::int64_t parent = 1;
  std::string name = "sample";
  std::uint32_t flags = 0;
  std::uint32_t uid = 0;
  std::string directory = "/home/sample/";
};

class CaptureBuilder {
 public:
  static constexpr std::uint64_t kBegin = 1'790'000'000'000'000'000;

  CaptureBuilder() {
    block(kSectionHeader, u32(kByteOrderMagic) + u16(1) + u16(2) + i64(-1));
    std::string machine = u32(2) + u64(1ULL << 32) + u64(32768) + "host";
    machine.resize(4 + 8 + 8 + 128 + 32);
    block(kMachineBlock, machine);
    block(kInterfacesBlock, "");
    block(kUsersBlock, user(0, "root") + user(33, "www-data") + group(0, "root") + group(33, "www-data"));
  }

  CaptureBuilder& block(std::uint32_t type, std::string body) {
    body.resize((body.size() + 3) / 4 * 4);
    const auto total = static_cast<std::uint32_t>(body.size() + kBlockFrame);
    bytes_ += u32(type) + u32(total) + body + u32(total);
    return *this;
  }
  CaptureBuilder& process(const SampleProcess& one) {
    std::string entry = i64(one.tid) + i64(one.pid) + i64(one.parent) + i64(one.pid) + i64(one.pid);
    entry += sized(one.name) + sized("/bin/" + one.name) + sized("/bin/" + one.name);
    entry += sized(std::string("-a\0b\0", 5)) + sized(one.directory) + u64(1024);
    entry += u32(one.flags) + u32(one.uid) + u32(one.uid) + u32(1000) + u32(500) + u32(0) + u64(1) + u64(2);
    entry += sized("") + i64(one.tid) + i64(one.pid) + sized("") + sized("/") + u32(1000) + u8(0);
    return block(kProcessesBlock, entry_of(entry));
  }
  // `payload` is what follows the descriptor's type.
  CaptureBuilder& fd(std::int64_t tid, std::int64_t number, FdType type, const std::string& payload,
                     std::uint64_t inode = 77) {
    return block(kFdsBlock, i64(tid) + entry_of(i64(number) + u64(inode) +
                                                u8(static_cast<std::uint8_t>(type)) + payload));
  }
  CaptureBuilder& file(std::int64_t tid, std::int64_t number, std::string_view path,
                       std::uint32_t flags = 1) {
    return fd(tid, number, FdType::File, u32(flags) + sized(path) + u32(0x801));
  }

  // One microsecond after the one before.
  CaptureBuilder& event(std::int64_t tid, std::uint16_t type, const std::vector<std::string>& params = {}) {
    time_ += 1000;
    return block(kEventBlock, u16(0) + event_of(tid, type, params));
  }
  // At the time of the one before, as what belongs to it.
  CaptureBuilder& event_at_once(std::int64_t tid, std::uint16_t type,
                                const std::vector<std::string>& params) {
    return block(kEventBlock, u16(0) + event_of(tid, type, params));
  }
  CaptureBuilder& flagged(std::int64_t tid, std::uint16_t type, const std::vector<std::string>& params,
                          std::uint32_t flags) {
    time_ += 1000;
    return block(kFlaggedEventBlock, u16(0) + u32(flags) + event_of(tid, type, params));
  }

  // The next event comes so much later.
  CaptureBuilder& pause(std::chrono::nanoseconds time) {
    time_ += static_cast<std::uint64_t>(time.count());
    return *this;
  }

  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t time() const { return time_; }

 private:
  static std::string entry_of(const std::string& entry) {
    return u32(static_cast<std::uint32_t>(entry.size() + 4)) + entry;
  }
  static std::string user(std::uint32_t uid, std::string_view name) {
    return entry_of(u8(0) + u32(uid) + u32(uid) + sized(name) + sized("/") + sized("/bin/sh"));
  }
  static std::string group(std::uint32_t gid, std::string_view name) {
    return entry_of(u8(1) + u32(gid) + sized(name));
  }
  [[nodiscard]] std::string event_of(std::int64_t tid, std::uint16_t type,
                                     const std::vector<std::string>& params) const {
    std::string lengths;
    std::string values;
    for (const std::string& one : params) {
      lengths += u16(static_cast<std::uint16_t>(one.size()));
      values += one;
    }
    const std::string rest = lengths + values;
    return u64(time_) + i64(tid) + u32(static_cast<std::uint32_t>(kEventHead + rest.size())) + u16(type) +
           u32(static_cast<std::uint32_t>(params.size())) + rest;
  }

  std::string bytes_;
  std::uint64_t time_ = kBegin;
};

}  // namespace slurper::test
