// LookUp: the addresses of a host, without ever waiting for the DNS any longer than allowed.
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

// Belongs to one thread. An address in figures is there at once; a name is looked up by a thread of its own,
// for getaddrinfo(3) can't be interrupted: what still runs at the end of this object's life is left behind.
class LookUp {
 public:
  // Begins. Errors: there is no thread to be had.
  [[nodiscard]] static Result<LookUp> begin(const Endpoint& endpoint, bool is_stream);

  [[nodiscard]] bool is_of_name() const { return is_of_name_; }
  [[nodiscard]] bool is_done() const;
  // Until it is done.
  Woken wait(Deadline deadline, int stop_fd) const;

  // Waits until it is done. At least one address, in the order to try them; once. Errors: Io if there is
  // none, or `deadline` came first (then it may be asked again), Busy if `stop_fd` became readable.
  [[nodiscard]] Result<std::vector<Address>> addresses(Deadline deadline, int stop_fd);

 private:
  struct Shared;
  LookUp(std::shared_ptr<Shared> shared, bool is_of_name)
      : shared_(std::move(shared)), is_of_name_(is_of_name) {}

  std::shared_ptr<Shared> shared_;
  bool is_of_name_;
};

}  // namespace slurper
