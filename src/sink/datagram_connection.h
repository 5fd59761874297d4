// DatagramConnection: UDP, or a local datagram socket.
#pragma once

#include "sink/connection.h"

namespace slurper {

class DatagramConnection final : public Connection {
 public:
  DatagramConnection(UniqueFd fd, const Target& target, const ConnectionSettings& settings, int stop_fd);

  [[nodiscard]] bool is_stream() const override { return false; }
  [[nodiscard]] Result<std::vector<std::size_t>> send(const Frames& frames) override;
  [[nodiscard]] std::uint64_t sent() const override { return sent_; }
  [[nodiscard]] Result<std::uint64_t> drained() override { return sent_; }
  [[nodiscard]] Result<bool> drain(Deadline deadline) override;

 private:
  [[nodiscard]] Status check();
  [[nodiscard]] Status wait(int errnum);

  const ConnectionSettings& settings_;
  const int stop_fd_;
  const std::string what_;
  UniqueFd fd_;
  std::uint64_t sent_ = 0;
};

}  // namespace slurper
