// DatagramConnection: a UDP socket or a local datagram socket.
#pragma once

#include <optional>

#include "sink/net/connection.h"
#include "sink/net/look_up.h"

namespace slurper {

// UDP has no connection, so nothing breaks when a server moves to another address. Therefore the name is
// looked up again at intervals while there is something to send. If an address refuses what is sent, the
// next one gets it; it is an error only if all of them have refused it.
class DatagramConnection final : public Connection {
 public:
  // For a local socket.
  DatagramConnection(UniqueFd fd, const Target& target, const ConnectionSettings& settings, int stop_fd);
  // For UDP: connects to the first address of the target that has a route.
  [[nodiscard]] static Result<std::unique_ptr<Connection>> to_host(const Target& target,
                                                                   const ConnectionSettings& settings,
                                                                   int stop_fd, Deadline deadline);

  [[nodiscard]] bool is_stream() const override { return false; }
  [[nodiscard]] Phrase peer() const override;
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
  const Phrase what_;
  UniqueFd fd_;
  std::uint64_t sent_ = 0;

  // For UDP:
  std::vector<Address> addresses_;  // in the order to try them
  std::size_t at_ = 0;              // the index of the connected address
  bool is_by_name_ = false;
  Clock::time_point looked_up_at_;
  std::optional<LookUp> looking_;  // the repeated look-up, in a thread of its own
};

}  // namespace slurper
