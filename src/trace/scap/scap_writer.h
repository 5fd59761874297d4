// Writes sysdig's capture format, the layout of 2022.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "trace/scap/format.h"

namespace slurper {

struct ScapMachine {
  std::uint32_t processors = 1;
  std::uint64_t memory = 0;  // bytes
  std::uint64_t max_pid = 0;
  std::string host;
};

struct ScapUser {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string name;
  std::string home;
  std::string shell;
};

struct ScapGroup {
  std::uint32_t gid = 0;
  std::string name;
};

inline constexpr std::uint32_t kScapSharesFiles = 1;
inline constexpr std::uint32_t kScapThread = 1 << 13;

// A thread; a process is its main thread.
struct ScapThread {
  std::int64_t tid = 0;
  std::int64_t pid = 0;
  std::int64_t parent = 0;
  std::int64_t session = 0;
  std::int64_t group = 0;
  std::string comm;
  std::string exe;
  std::string exe_path;
  std::string args;  // without argv[0], each ends with a NUL
  std::string cwd;
  std::uint64_t fd_limit = 0;
  std::uint32_t flags = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string env;
  std::int64_t virtual_tid = 0;
  std::int64_t virtual_pid = 0;
  std::int32_t login_uid = -1;
};

struct ScapFd {
  std::int64_t fd = -1;
  std::uint64_t ino = 0;
  FdType type = FdType::Unsupported;
  std::string name;
  std::uint32_t flags = 0;  // of a file: the format's own open flags
  std::uint32_t dev = 0;
  // AF_UNIX: the server's end and the client's, as they are stored.
  std::uint64_t server = 0;
  std::uint64_t client = 0;
  std::array<std::uint8_t, 16> source_ip{};
  std::array<std::uint8_t, 16> destination_ip{};
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint8_t protocol = 0;  // 2 TCP, 3 UDP
};

// The parameters of an event, in their order. Reused, so that an event costs no allocation.
class ScapParams {
 public:
  void clear();
  void add(std::string_view value);
  void add_text(std::string_view text);  // and its NUL
  void add_u8(std::uint8_t value) { add_number(value, 1); }
  void add_u16(std::uint16_t value) { add_number(value, 2); }
  void add_u32(std::uint32_t value) { add_number(value, 4); }
  void add_u64(std::uint64_t value) { add_number(value, 8); }
  void add_i64(std::int64_t value) { add_number(static_cast<std::uint64_t>(value), 8); }
  // The `size` low bytes, 1 to 8.
  void add_number(std::uint64_t value, std::size_t size);

  [[nodiscard]] std::span<const std::uint16_t> sizes() const { return {sizes_.data(), count_}; }
  [[nodiscard]] std::string_view values() const { return values_; }

 private:
  std::array<std::uint16_t, 32> sizes_{};
  std::size_t count_ = 0;
  std::string values_;
};

struct EventHead {
  std::uint64_t time = 0;  // nanoseconds since 1970
  std::uint64_t tid = 0;
  std::uint16_t cpu = 0;
  std::uint16_t type = 0;
  std::uint32_t flags = 0;
};

// Each appends whole blocks to `out`. No block is longer than 65,536 bytes, which is as much as readers take.
void append_section(std::string& out, const ScapMachine& machine);
void append_users(std::string& out, std::span<const ScapUser> users, std::span<const ScapGroup> groups);
void append_threads(std::string& out, std::span<const ScapThread> threads);
void append_fds(std::string& out, std::int64_t tid, std::span<const ScapFd> fds);
// An entry of the table of descriptors, without its length.
[[nodiscard]] std::string fd_entry_value(const ScapFd& fd);
void append_block(std::string& out, std::uint32_t type, std::string_view body);
void append_event(std::string& out, const EventHead& event, const ScapParams& params);

// The number whose hexadecimal digits are the decimal digits of `number`: 4711 is stored as 0x4711. sysdig
// shows the ends of AF_UNIX connections in hexadecimal, so it shows what ss(8) and strace(1) show.
[[nodiscard]] std::uint64_t as_hexadecimal_digits(std::uint64_t number);

}  // namespace slurper
