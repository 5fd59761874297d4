// ControlServer: the thread that answers at the control socket.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/os.h"
#include "control/control_request.h"
#include "control/control_socket.h"
#include "slurper/result.h"

namespace slurper {

// Answers one line of JSON for each line of JSON. A client can harm nothing: the thread has a low priority
// and shares no lock with the path of the data; a request and the number of clients are bounded; who sends
// nothing or reads nothing for some time is let go, and who asks often waits. While no client asks, the
// thread sleeps.
class ControlServer {
 public:
  // What will have the answer later: called on the server's thread every few milliseconds, until it returns
  // one. It waits for nothing, and comes to an end by itself. It is called even if the client has gone.
  using Later = std::function<std::optional<std::string>()>;
  // Returns the answer, without a newline, or what will have it. Called on the server's thread; for a status
  // at most every kFresh.
  using Answer = std::function<std::variant<std::string, Later>(const ControlRequest&, const Asker&)>;

  // Listens at `path`. `os` outlives it. Errors: as ControlSocket::listen(), or Busy if its thread can't be
  // made.
  [[nodiscard]] static Result<std::unique_ptr<ControlServer>> start(Os& os, const std::string& path,
                                                                    Answer answer);
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  // Ends the thread, which may be in a call of `answer`.
  ~ControlServer();

  static constexpr std::size_t kMaxClients = 16;
  static constexpr std::chrono::seconds kPatience{10};        // with a client that neither asks nor reads
  static constexpr std::chrono::milliseconds kFresh{50};      // so old an answer may be
  static constexpr std::chrono::milliseconds kRest{20};       // between two requests of a client
  static constexpr std::chrono::milliseconds kAcceptRest{5};  // between two clients
  static constexpr std::chrono::milliseconds kLook{5};        // at what is not done yet
  static constexpr std::size_t kMaxPending = 32;              // requests that are not done yet

 private:
  using Clock = std::chrono::steady_clock;

  struct Client {
    UniqueFd fd;
    Asker asker;
    std::string asked;                   // what was read and not answered yet
    std::string answers;                 // what was not written yet
    bool is_last = false;                // once its answer is written, it is let go
    Clock::time_point until;             // it is let go then, unless it makes progress
    Clock::time_point rests_until = {};  // no request of it is answered before
    Later later = {};                    // the answer that it waits for
  };
  using Clients = std::list<Client>;

  ControlServer(ControlSocket socket, EventLoop loop, UniqueFd stop_fd, Answer answer);

  void run(const std::stop_token& stop);
  void accept_one();
  void handle(Clients::iterator client, std::uint32_t events);
  [[nodiscard]] bool read_some(Client& client);
  [[nodiscard]] bool write_some(Client& client);
  void answer_next(Client& client);
  void answer(Client& client, std::string_view line);
  void look_at_pending();
  void end_pending();
  [[nodiscard]] bool wait_for(const Client& client);
  void let_go(Clients::iterator client);
  void let_all_go();
  void check_due();
  [[nodiscard]] std::optional<std::chrono::nanoseconds> time_left() const;

  ControlSocket socket_;
  EventLoop loop_;
  UniqueFd stop_fd_;  // eventfd
  const Answer answer_;
  Clients clients_;
  std::vector<Later> left_;                     // of clients that have gone; with room for kMaxPending
  std::size_t pending_ = 0;                     // these, and those that clients wait for
  std::optional<Clock::time_point> accept_at_;  // it accepts no client before
  std::string status_;
  Clock::time_point status_at_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace slurper
