// Destinations: what sinks write to, so that a test has them down, slow, refusing or dead as it likes.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "support/syslog_receiver.h"

namespace slurper::test {

// One thread's, the test's.
class Destination {
 public:
  explicit Destination(std::string name) : name_(std::move(name)) {}
  Destination(const Destination&) = delete;
  Destination& operator=(const Destination&) = delete;
  virtual ~Destination() = default;

  [[nodiscard]] const std::string& name() const { return name_; }
  // With its name, and all that it takes to see it at work with little.
  [[nodiscard]] std::string url() const {
    return address() + "name=" + name_ + "&start=beginning&retry_max=1s";
  }

  virtual void up() = 0;
  virtual void down() = 0;
  // While it is up. A destination ignores a manner that it can't have (UDP slow, a file refusing).
  virtual void behave(Manner manner) = 0;
  // SIGKILL, or a reset, once, in the middle of what comes next. Nothing, if it has no middle.
  virtual void die_soon() {}

  // Each message or line that it has got, in order.
  [[nodiscard]] virtual std::vector<SyslogReceiver::Message> received() const = 0;

 private:
  [[nodiscard]] virtual std::string address() const = 0;  // "file:/x?…&" or "file:/x?"

  const std::string name_;
};

// A syslog server, by any transport.
class ServerDestination : public Destination {
 public:
  ServerDestination(std::string name, By by, const std::filesystem::path& folder,
                    const SyslogReceiver::Certificate& certificate = {}, const std::string& ca_file = {});

  void up() override { server_.up(); }
  void down() override { server_.down(); }
  void behave(Manner manner) override;
  void die_soon() override;
  [[nodiscard]] std::vector<SyslogReceiver::Message> received() const override { return server_.messages(); }
  [[nodiscard]] std::size_t count() const { return server_.count(); }

 private:
  [[nodiscard]] std::string address() const override;

  const By by_;
  const std::string ca_file_;
  SyslogReceiver server_;
};

// A program, tests/support/line_program.cc.
class ProgramDestination : public Destination {
 public:
  ProgramDestination(std::string name, std::filesystem::path folder, const std::string& confirm);

  void up() override;
  void down() override;
  void behave(Manner manner) override;
  void die_soon() override;
  [[nodiscard]] std::vector<SyslogReceiver::Message> received() const override;

 private:
  [[nodiscard]] std::string address() const override;
  void set_manner(const std::string& manner) const;

  const std::filesystem::path folder_;
  const std::string confirm_;
};

// The reader of slurper's standard output, a FIFO.
class ReaderDestination : public Destination {
 public:
  ReaderDestination(std::string name, const std::filesystem::path& folder);
  ~ReaderDestination() override { down(); }

  // For slurper; no process needs to read yet.
  [[nodiscard]] int write_fd() const { return write_fd_.get(); }
  void close_write_fd() { write_fd_.reset(); }

  void up() override;
  void down() override;
  void behave(Manner manner) override;
  void die_soon() override { dies_ = true; }
  [[nodiscard]] std::vector<SyslogReceiver::Message> received() const override;

 private:
  [[nodiscard]] std::string address() const override { return "stdout:?"; }
  void run();
  std::uint64_t read_some(int fd);

  const std::string path_;
  UniqueFd write_fd_;
  UniqueFd read_fd_;  // the thread's while it runs
  std::atomic<bool> reads_ = false;
  std::atomic<bool> ends_ = false;
  std::atomic<bool> dies_ = false;
  std::atomic<Manner> manner_ = Manner::Reading;
  mutable std::mutex mutex_;
  std::string read_;  // the next reader continues in the middle of what the one before has left in the pipe
  std::thread thread_;
};

// A file in a folder.
class FileDestination : public Destination {
 public:
  FileDestination(std::string name, std::filesystem::path folder);

  void up() override;
  void down() override;
  void behave(Manner) override {}
  [[nodiscard]] std::vector<SyslogReceiver::Message> received() const override;

 private:
  [[nodiscard]] std::string address() const override;

  const std::filesystem::path folder_;
};

}  // namespace slurper::test
