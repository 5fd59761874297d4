// DatagramConnection: UDP, or a local datagram socket.
#pragma once

#include <optional>

#include "sink/net/connection.h"
#include "sink/net/look_up.h"

namespace slurper {

// UDP has no connection, so nothing breaks when a server moves to another address: its name is looked up
// again now and then, while there is something to send. If one of its addresses refuses what is sent, the
// next one gets it; only when all of them have refused it, that is an error.
class DatagramConnection final : public Connection {
 public:
  // Of a local socket.
  DatagramConnection(UniqueFd fd, const Target& target, const ConnectionSettings& settings, int stop_fd);
  // By UDP, to the first address of the target that there is a way to.
  [[nodiscard]] static Result<std::unique_ptr<Connection>> to_host(const Target& target,
                                                                   const ConnectionSettings& settings,
                                                                   int stop_fd, Deadline deadline);

  [[nodiscard]] bool is_stream() const override { return false; }
  [[nodiscard]] Result<std::vector<std::size_t>> send(const Frames& frames) override;
  [[nodiscard]] std::uint64_t sent() const override { return sent_; }
  [[nodiscard]] Result<std::uint64_t> drained() override { return sent_; }
  [[nodiscard]] Result<bool> drain(Deadline deadline) override;

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] Result<std::vector<std::size_t>> send_all(const Frames& frames);
  [[nodiscard]] Status check();
  [[nodiscard]] Status wait(int errnum);
  [[nodiscard]] Status follow_name();
  [[nodiscard]] Status connect_from(std::size_t begin);
  void use(UniqueFd fd);

  const ConnectionSettings& settings_;
  const int stop_fd_;
  const Endpoint endpoint_;
  const std::string what_;
  UniqueFd fd_;
  std::uint64_t sent_ = 0;

  // Of UDP:
  std::vector<Address> addresses_;  // in the order to try them
  std::size_t at_ = 0;              // the one connected to
  bool is_by_name_ = false;
  Clock::time_point looked_up_at_;
  std::optional<LookUp> looking_;  // again, by another thread
};

}  // namespace slurper
