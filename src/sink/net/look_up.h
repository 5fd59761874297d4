// LookUp: resolves a host's addresses within a deadline.
#pragma once

#include <sys/socket.h>

#include <memory>
#include <vector>

#include "sink/net/endpoint.h"
#include "sink/net/waiting.h"
#include "slurper/result.h"

namespace slurper {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  bool operator==(const Address& other) const;
};

// One thread uses it. A numeric address is ready at once. A name is looked up in a thread of its own, since
// getaddrinfo(3) can't be interrupted; if that thread still runs when this object is destroyed, it is left
// to end by itself.
class LookUp {
 public:
  // Begins the look-up. Fails if no thread or descriptor can be made.
  [[nodiscard]] static Result<LookUp> begin(const Endpoint& endpoint, bool is_stream);

  [[nodiscard]] bool is_of_name() const { return is_of_name_; }
  [[nodiscard]] bool is_done() const;
  // Waits until the look-up is done.
  Woken wait(Deadline deadline, int stop_fd) const;

  // Waits until the look-up is done, and returns at least one address, in the order to try them. Succeeds
  // once. Errors: Io if there is no address, or if `deadline` comes first (then it may be called again);
  // Busy if `stop_fd` becomes readable.
  [[nodiscard]] Result<std::vector<Address>> addresses(Deadline deadline, int stop_fd);

 private:
  struct Shared;
  LookUp(std::shared_ptr<Shared> shared, bool is_of_name)
      : shared_(std::move(shared)), is_of_name_(is_of_name) {}

  std::shared_ptr<Shared> shared_;
  bool is_of_name_;
};

}  // namespace slurper
