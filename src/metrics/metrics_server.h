// MetricsServer: the thread that serves the metrics and the status page by HTTP.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/event.h"
#include "slurper/result.h"

namespace slurper {

// Serves /metrics and / to GET and HEAD. A client can harm nothing: the thread has a low priority and shares
// no lock with the path of the data; the number of clients, how many of them come in a second, a request's
// length and the time that a client may take are bounded, and each page is rendered a few times a second at
// most. While no client comes, the thread sleeps.
//
// It is a thread of its own, and not that of the control socket, so that neither can hold up the other.
class MetricsServer {
 public:
  // Returns the page; empty if slurper's state can't be had now. Called on the server's thread, at most every
  // kFresh.
  using Render = std::function<std::optional<std::string>()>;
  struct Page {
    std::string type;  // as in Content-Type
    Render render;
    std::string unavailable = {};  // what it says, with status 503, if there is no page now
  };
  struct Pages {
    Page metrics;
    Page status;
  };

  // Listens at `address`, as parse_listen_address() takes it. If that fails, it reports this, and tries again
  // until it works. `events` outlives it. Errors: from making an epoll set, or Busy if its thread can't be
  // made.
  [[nodiscard]] static Result<std::unique_ptr<MetricsServer>> start(const std::string& address, Pages pages,
                                                                    EventListener& events);
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;
  // Ends the thread, which may be in a call of `render`.
  ~MetricsServer();

  static constexpr std::size_t kMaxClients = 16;
  static constexpr std::chrono::seconds kPatience{10};        // with a client, from its connection to its end
  static constexpr std::chrono::milliseconds kFresh{200};     // so old a page may be
  static constexpr std::chrono::milliseconds kAcceptRest{5};  // between two clients

 private:
  class Http;

  explicit MetricsServer(std::unique_ptr<Http> http);

  std::unique_ptr<Http> http_;
};

}  // namespace slurper
