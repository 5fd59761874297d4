#include "e2e/destinations.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>

#include "support/files.h"
#include "support/log_stream.h"

namespace slurper::test {

namespace fs = std::filesystem;

namespace {

// How much it has read when it dies, or a bit more.
constexpr std::uint64_t kLife = 50'000;
// So that a slow or dead one is felt before megabytes are on their way.
constexpr int kSmallBuffer = 4096;

void add_lines(std::uint64_t incarnation, std::string_view text,
               std::vector<SyslogReceiver::Message>& messages) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const bool whole = end != std::string_view::npos;
    messages.push_back({.connection = incarnation, .text = std::string(text.substr(0, end)), .whole = whole});
    text.remove_prefix(whole ? end + 1 : text.size());
  }
}

}  // namespace

ServerDestination::ServerDestination(std::string name, By by, const fs::path& folder,
                                     const SyslogReceiver::Certificate& certificate,
                                     const std::string& ca_file)
    : Destination(std::move(name)),
      by_(by),
      ca_file_(ca_file),
      server_(by, folder, certificate, by == By::Tcp || by == By::Tls ? kSmallBuffer : 1 << 20) {}

std::string ServerDestination::address() const {
  const std::string url = server_.url();
  switch (by_) {
    // Datagrams that a receiver has no room for are lost, so there are few of them.
    case By::Udp:
      return url + "?filter=program%20=%20rare&";
    case By::Tls:
      return url + "?send_buffer=16KiB&ca_file=" + ca_file_ + "&";
    // By default these get what syslog(3) writes, without the offset that is looked at here.
    case By::UnixDatagram:
    case By::UnixStream:
      return url + "?send_buffer=16KiB&format=rfc5424&";
    case By::Tcp:
      break;
  }
  return url + "?send_buffer=16KiB&";
}

// A local socket refuses by its mode, TCP with a reset.
void ServerDestination::behave(Manner manner) {
  const std::string url = server_.url();
  if (by_ == By::UnixDatagram || by_ == By::UnixStream) {
    const fs::path path = url.substr(url.find('/'));
    if (manner == Manner::Refusing) {
      // Who is connected stays so, whatever the mode.
      server_.down();
      server_.up();
    }
    fs::permissions(path, manner == Manner::Refusing ? fs::perms::none : fs::perms::all);
    if (manner == Manner::Refusing) return;
  }
  server_.behave(manner);
}

void ServerDestination::die_soon() {
  if (by_ == By::Tcp || by_ == By::Tls || by_ == By::UnixStream) server_.die_after(kLife);
}

ProgramDestination::ProgramDestination(std::string name, fs::path folder, const std::string& confirm)
    : Destination(std::move(name)), folder_(std::move(folder)), confirm_(confirm) {
  fs::create_directories(folder_);
  set_manner("read");
}

std::string ProgramDestination::address() const {
  return fmt::format("exec:{0}/program?confirm={1}&args={0}&args={2}&", folder_.string(), confirm_,
                     confirm_ == "none" ? "none" : "confirm");
}

void ProgramDestination::set_manner(const std::string& manner) const {
  std::ofstream(folder_ / "manner.new") << manner << '\n';
  fs::rename(folder_ / "manner.new", folder_ / "manner");
}

void ProgramDestination::up() {
  if (!fs::exists(folder_ / "program")) fs::create_symlink(SLURPER_LINE_PROGRAM, folder_ / "program");
}

void ProgramDestination::down() {
  fs::remove(folder_ / "program");
}

void ProgramDestination::behave(Manner manner) {
  set_manner(manner == Manner::Reading ? "read" : manner == Manner::Slow ? "slow" : "refuse");
}

void ProgramDestination::die_soon() {
  set_manner(fmt::format("die {}", kLife));
}

std::vector<SyslogReceiver::Message> ProgramDestination::received() const {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path().filename().string().starts_with("out-")) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::vector<SyslogReceiver::Message> messages;
  for (std::size_t i = 0; i < files.size(); ++i) {
    add_lines(i, read_file(files[i]), messages);
  }
  return messages;
}

ReaderDestination::ReaderDestination(std::string name, const fs::path& folder)
    : Destination(std::move(name)), path_(folder / "stdout") {
  EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  const UniqueFd read_fd(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  write_fd_.reset(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));
  EXPECT_TRUE(write_fd_);
}

void ReaderDestination::up() {
  if (reads_) return;
  down();
  ends_ = dies_ = false;
  reads_ = true;
  // Before anyone writes: a pipe without a reader is an EPIPE, however soon the thread runs.
  read_fd_.reset(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  EXPECT_TRUE(read_fd_);
  thread_ = std::thread([this] { run(); });
}

void ReaderDestination::down() {
  if (!thread_.joinable()) return;
  ends_ = true;
  thread_.join();
}

void ReaderDestination::behave(Manner manner) {
  if (manner == Manner::Refusing) {
    down();
  } else {
    manner_ = manner;
    up();
  }
}

void ReaderDestination::run() {
  for (std::uint64_t life = 0; !ends_ && !(dies_ && life >= kLife);) life += read_some(read_fd_.get());
  read_fd_.reset();
  reads_ = false;
}

std::uint64_t ReaderDestination::read_some(int fd) {
  std::array<char, 4096> piece{};
  const bool slow = manner_ == Manner::Slow;
  if (slow) std::this_thread::sleep_for(std::chrono::seconds(1));
  const ssize_t size = ::read(fd, piece.data(), slow ? 1 : piece.size());
  // Without a writer it is always ready for poll(2).
  if (size <= 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  if (size <= 0) return 0;
  const std::lock_guard lock(mutex_);
  read_.append(piece.data(), static_cast<std::size_t>(size));
  return static_cast<std::uint64_t>(size);
}

std::vector<SyslogReceiver::Message> ReaderDestination::received() const {
  const std::lock_guard lock(mutex_);
  std::vector<SyslogReceiver::Message> messages;
  add_lines(0, read_, messages);
  return messages;
}

FileDestination::FileDestination(std::string name, fs::path folder)
    : Destination(std::move(name)), folder_(std::move(folder)) {}

std::string FileDestination::address() const {
  return fmt::format("file:{}?", (folder_ / "lines").string());
}

void FileDestination::up() {
  fs::create_directories(folder_);
}

void FileDestination::down() {
  remove_while_used(folder_);
}

std::vector<SyslogReceiver::Message> FileDestination::received() const {
  std::vector<SyslogReceiver::Message> messages;
  std::string bytes;
  (void)LogStream(folder_ / "lines").read([&](std::string_view piece) { bytes += piece; });
  add_lines(0, bytes, messages);
  return messages;
}

}  // namespace slurper::test
