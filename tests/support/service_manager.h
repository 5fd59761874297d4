// A service manager as far as one service can tell: it passes descriptors, and listens.
#pragma once

#include <array>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "support/child.h"
#include "support/temp_dir.h"

namespace slurper::test {

// The other end of $NOTIFY_SOCKET, and a file-descriptor store: what was sent with FDSTORE=1 is held here.
// One thread.
class ServiceManager {
 public:
  struct Stored {
    std::string name;
    UniqueFd fd;
    std::string message;  // that it came with
  };

  ServiceManager();

  // `program` with NOTIFY_SOCKET, and with `passed` (name, descriptor) as LISTEN_FDS, like sd_listen_fds(3).
  // To be started before the next call.
  [[nodiscard]] Program run(Program program, const std::vector<std::pair<std::string, int>>& passed = {});

  // Closes the copies that were made for the last start: it has them now.
  void release_passed() { inherited_.clear(); }

  // Whether a message with `text` in it has come, or does before the deadline. Each message counts once: what
  // was heard before the one that fits is gone.
  [[nodiscard]] bool hears(const std::string& text, std::chrono::milliseconds deadline = kDeadline);
  // What has come since the last call, without waiting.
  std::vector<std::string> messages();

  [[nodiscard]] std::vector<Stored>& store() { return store_; }
  // The store, as a start gets it.
  [[nodiscard]] std::vector<std::pair<std::string, int>> stored() const;

 private:
  // By this name slurper knows whose descriptors of the FIFO are a store's, and not a reader's.
  class CalledSystemd {
   public:
    CalledSystemd();
    ~CalledSystemd();
    CalledSystemd(const CalledSystemd&) = delete;
    CalledSystemd& operator=(const CalledSystemd&) = delete;

   private:
    std::array<char, 16> before_{};  // its size: prctl(2)
  };

  bool receive(std::string& message);

  CalledSystemd name_;
  TempDir folder_;
  UniqueFd socket_;
  std::vector<Stored> store_;
  std::vector<UniqueFd> inherited_;  // copies for the next start: no O_CLOEXEC
};

}  // namespace slurper::test
