#include "trace/scap/scap_writer.h"

#include <algorithm>
#include <bit>

#include "base/contract.h"

namespace slurper {

namespace {

static_assert(std::endian::native == std::endian::little, "the format is little endian");

constexpr std::size_t kMaxBlock = 65536;
constexpr std::size_t kMaxString = 4096;
constexpr std::size_t kMaxName = 1024;

template <typename Number>
void put(std::string& out, Number number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

void put_string(std::string& out, std::string_view text, std::size_t most = kMaxName) {
  text = text.substr(0, most);
  put(out, static_cast<std::uint16_t>(text.size()));
  out.append(text);
}

// Returns where the block begins, for end_block().
std::size_t begin_block(std::string& out, std::uint32_t type) {
  const std::size_t begin = out.size();
  put(out, type);
  put(out, std::uint32_t{0});
  return begin;
}

void set_u32(std::string& out, std::size_t at, std::size_t value) {
  const auto number = static_cast<std::uint32_t>(value);
  out.replace(at, sizeof number, reinterpret_cast<const char*>(&number), sizeof number);
}

void end_block(std::string& out, std::size_t begin) {
  while ((out.size() - begin) % 4 != 0) out.push_back('\0');
  const std::size_t total = out.size() - begin + 4;
  set_u32(out, begin + 4, total);
  put(out, static_cast<std::uint32_t>(total));
}

// Blocks of entries, as many as they need.
class EntryBlocks {
 public:
  EntryBlocks(std::string& out, std::uint32_t type) : out_(out), type_(type) {}
  // What each block begins with.
  void set_head(std::string head) { head_ = std::move(head); }
  // An entry begins with its length.
  void add(const std::string& entry) {
    if (open_ && out_.size() - begin_ + entry.size() + 16 > kMaxBlock) close();
    if (!open_) {
      begin_ = begin_block(out_, type_);
      out_ += head_;
      open_ = true;
    }
    put(out_, static_cast<std::uint32_t>(entry.size() + 4));
    out_ += entry;
  }
  void close() {
    if (open_) end_block(out_, begin_);
    open_ = false;
  }

 private:
  std::string& out_;
  std::uint32_t type_;
  std::string head_;
  std::size_t begin_ = 0;
  bool open_ = false;
};

std::string entry_of(const ScapThread& thread) {
  std::string entry;
  for (const std::int64_t id : {thread.tid, thread.pid, thread.parent, thread.session, thread.group})
    put(entry, id);
  put_string(entry, thread.comm);
  put_string(entry, thread.exe);
  put_string(entry, thread.exe_path);
  put_string(entry, thread.args, kMaxString);
  put_string(entry, thread.cwd);
  put(entry, thread.fd_limit);
  put(entry, thread.flags);
  put(entry, thread.uid);
  put(entry, thread.gid);
  for (int i = 0; i < 3; ++i) put(entry, std::uint32_t{0});  // memory
  for (int i = 0; i < 2; ++i) put(entry, std::uint64_t{0});  // page faults
  put_string(entry, thread.env, kMaxString);
  put(entry, thread.virtual_tid);
  put(entry, thread.virtual_pid);
  put_string(entry, "");  // cgroups
  put_string(entry, "/");
  put(entry, thread.login_uid);
  put(entry, std::uint8_t{0});
  return entry;
}

void put_ip(std::string& out, const std::array<std::uint8_t, 16>& ip, bool is_ipv6) {
  out.append(reinterpret_cast<const char*>(ip.data()), is_ipv6 ? 16 : 4);
}

void put_payload(std::string& out, const ScapFd& fd) {
  const bool is_ipv6 = fd.type == FdType::IPv6 || fd.type == FdType::IPv6Server;
  switch (fd.type) {
    case FdType::File:
      put(out, fd.flags);
      put_string(out, fd.name);
      put(out, fd.dev);
      return;
    case FdType::Unix:
      put(out, fd.server);
      put(out, fd.client);
      put_string(out, fd.name);
      return;
    case FdType::IPv4:
    case FdType::IPv6:
      put_ip(out, fd.source_ip, is_ipv6);
      put_ip(out, fd.destination_ip, is_ipv6);
      put(out, fd.source_port);
      put(out, fd.destination_port);
      put(out, fd.protocol);
      return;
    case FdType::IPv4Server:
    case FdType::IPv6Server:
      put_ip(out, fd.source_ip, is_ipv6);
      put(out, fd.source_port);
      put(out, fd.protocol);
      return;
    default:
      put_string(out, fd.name);
  }
}

}  // namespace

void ScapParams::clear() {
  count_ = 0;
  values_.clear();
}

void ScapParams::add(std::string_view value) {
  SLURPER_ASSERT(count_ < sizes_.size() && value.size() < 0xffff);
  sizes_[count_++] = static_cast<std::uint16_t>(value.size());
  values_.append(value);
}

void ScapParams::add_text(std::string_view text) {
  add(text);
  values_.push_back('\0');
  ++sizes_[count_ - 1];
}

void ScapParams::add_number(std::uint64_t value, std::size_t size) {
  add(std::string_view(reinterpret_cast<const char*>(&value), size));
}

void append_section(std::string& out, const ScapMachine& machine) {
  std::size_t begin = begin_block(out, kSectionHeader);
  put(out, kByteOrderMagic);
  put(out, std::uint16_t{1});
  put(out, std::uint16_t{2});
  put(out, ~std::uint64_t{0});
  end_block(out, begin);
  begin = begin_block(out, kMachineBlock);
  put(out, machine.processors);
  put(out, machine.memory);
  put(out, machine.max_pid);
  std::string host = machine.host.substr(0, 127);
  host.resize(128);
  out += host;
  for (int i = 0; i < 4; ++i) put(out, std::uint64_t{0});
  end_block(out, begin);
}

void append_users(std::string& out, std::span<const ScapUser> users, std::span<const ScapGroup> groups) {
  EntryBlocks blocks(out, kUsersBlock);
  for (const ScapUser& user : users) {
    std::string entry;
    put(entry, std::uint8_t{0});
    put(entry, user.uid);
    put(entry, user.gid);
    put_string(entry, user.name);
    put_string(entry, user.home);
    put_string(entry, user.shell);
    blocks.add(entry);
  }
  for (const ScapGroup& group : groups) {
    std::string entry;
    put(entry, std::uint8_t{1});
    put(entry, group.gid);
    put_string(entry, group.name);
    blocks.add(entry);
  }
  blocks.close();
}

void append_threads(std::string& out, std::span<const ScapThread> threads) {
  EntryBlocks blocks(out, kProcessesBlock);
  for (const ScapThread& thread : threads) blocks.add(entry_of(thread));
  blocks.close();
}

void append_fds(std::string& out, std::int64_t tid, std::span<const ScapFd> fds) {
  EntryBlocks blocks(out, kFdsBlock);
  std::string head;
  put(head, tid);
  blocks.set_head(std::move(head));
  for (const ScapFd& fd : fds) blocks.add(fd_entry_value(fd));
  blocks.close();
}

std::string fd_entry_value(const ScapFd& fd) {
  std::string entry;
  put(entry, fd.fd);
  put(entry, fd.ino);
  put(entry, static_cast<std::uint8_t>(fd.type));
  put_payload(entry, fd);
  return entry;
}

void append_block(std::string& out, std::uint32_t type, std::string_view body) {
  const std::size_t begin = begin_block(out, type);
  out += body;
  end_block(out, begin);
}

void append_event(std::string& out, const EventHead& event, const ScapParams& params) {
  const std::size_t begin = begin_block(out, event.flags == 0 ? kEventBlock : kFlaggedEventBlock);
  put(out, event.cpu);
  if (event.flags != 0) put(out, event.flags);
  put(out, event.time);
  put(out, event.tid);
  const auto sizes = params.sizes();
  put(out, static_cast<std::uint32_t>(26 + sizes.size_bytes() + params.values().size()));
  put(out, event.type);
  put(out, static_cast<std::uint32_t>(sizes.size()));
  out.append(reinterpret_cast<const char*>(sizes.data()), sizes.size_bytes());
  out.append(params.values());
  end_block(out, begin);
}

std::uint64_t as_hexadecimal_digits(std::uint64_t number) {
  std::uint64_t stored = 0;
  for (unsigned shift = 0; number != 0 && shift < 64; shift += 4, number /= 10)
    stored |= number % 10 << shift;
  return stored;
}

}  // namespace slurper
