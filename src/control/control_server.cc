#include "control/control_server.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <utility>

#include "base/start_thread.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

constexpr int kNice = 10;
constexpr auto kAcceptAgain = 100ms;  // if there is no descriptor or no memory for a client

// Whether the client has closed its end, and not only said that it has no more to ask.
bool has_left(int client_fd) {
  pollfd client{.fd = client_fd, .events = 0, .revents = 0};
  return ::poll(&client, 1, 0) == 1 && (client.revents & POLLHUP) != 0;
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(Os& os, const std::string& path, Answer answer) {
  Result<EventLoop> loop = EventLoop::create();
  if (!loop) return std::unexpected(loop.error());
  Result<UniqueFd> stop_fd = make_eventfd();
  if (!stop_fd) return std::unexpected(stop_fd.error());
  Result<ControlSocket> socket = ControlSocket::listen(os, path);
  if (!socket) return std::unexpected(socket.error());
  std::unique_ptr<ControlServer> server(
      new ControlServer(std::move(*socket), std::move(*loop), std::move(*stop_fd), std::move(answer)));
  for (const int fd : {server->stop_fd_.get(), server->socket_.fd()}) {
    if (Status listening = server->loop_.listen(fd, EPOLLIN); !listening)
      return std::unexpected(listening.error());
  }
  Result<std::jthread> thread = start_thread<std::jthread>(
      "control", [self = server.get()](const std::stop_token& stop) { self->run(stop); });
  if (!thread) return std::unexpected(thread.error());
  server->thread_ = std::move(*thread);
  return server;
}

ControlServer::ControlServer(ControlSocket socket, EventLoop loop, UniqueFd stop_fd, Answer answer)
    : socket_(std::move(socket)),
      loop_(std::move(loop)),
      stop_fd_(std::move(stop_fd)),
      answer_(std::move(answer)) {
  left_.reserve(kMaxPending);
  loop_.add(stop_fd_.get(), [](std::uint32_t) {});  // it only ends the wait
  loop_.add(socket_.fd(), [this](std::uint32_t) { accept_one(); });
}

ControlServer::~ControlServer() {
  thread_.request_stop();
  (void)::eventfd_write(stop_fd_.get(), 1);  // fails only after 2^64 - 1 of them
}

void ControlServer::run(const std::stop_token& stop) {
  (void)::pthread_setname_np(::pthread_self(), "control");
  (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()),
                      kNice);  // otherwise it has its own priority
  while (!stop.stop_requested()) {
    try {
      (void)loop_.wait(time_left());
      check_due();
    } catch (const std::bad_alloc&) {
      let_all_go();
      pending_ = left_.size();
      accept_at_ = Clock::now() + kAcceptAgain;
      (void)loop_.listen(socket_.fd(), 0);
    }
  }
  end_pending();
}

void ControlServer::accept_one() {
  UniqueFd fd(::accept4(socket_.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  const auto now = Clock::now();
  // Who connects again and again must not keep the thread busy.
  accept_at_ = now + (fd || errno == EAGAIN || errno == ECONNABORTED ? kAcceptRest : kAcceptAgain);
  (void)loop_.listen(socket_.fd(), 0);
  if (!fd) return;
  const std::optional<Asker> asker = socket_.asker(fd.get());
  if (!asker) return;
  if (clients_.size() == kMaxClients) let_go(std::ranges::min_element(clients_, {}, &Client::until));
  clients_.push_front(
      {.fd = std::move(fd), .asker = *asker, .asked = {}, .answers = {}, .until = now + kPatience});
  const auto client = clients_.begin();
  loop_.add(client->fd.get(), [this, client](std::uint32_t events) { handle(client, events); });
  if (!wait_for(*client)) let_go(client);
}

void ControlServer::handle(Clients::iterator client, std::uint32_t events) {
  const bool goes_on = (events & EPOLLOUT) != 0 ? write_some(*client) : read_some(*client);
  if (!goes_on || !wait_for(*client)) let_go(client);
}

// Returns whether the client stays.
bool ControlServer::read_some(Client& client) {
  std::array<char, 1024> bytes{};
  const ssize_t got = ::recv(client.fd.get(), bytes.data(), bytes.size(), 0);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  client.asked.append(bytes.data(), static_cast<std::size_t>(got));
  client.until = Clock::now() + kPatience;
  answer_next(client);
  return write_some(client);
}

// Does nothing unless there is a whole request.
void ControlServer::answer_next(Client& client) {
  const auto now = Clock::now();
  const std::size_t length = client.asked.find('\n');
  if (now < client.rests_until || client.is_last || !client.answers.empty() || client.later) return;
  if (length > kMaxRequest && client.asked.size() > kMaxRequest) {
    client.answers = to_refusal("a request has at most 4096 bytes") + '\n';
    client.is_last = true;
    return;
  }
  if (length == std::string::npos) return;
  const std::string line = client.asked.substr(0, length);
  client.asked.erase(0, length + 1);
  client.rests_until = now + kRest;
  answer(client, line);
}

void ControlServer::answer(Client& client, std::string_view line) {
  const auto request = parse_request(line);
  if (!request) {
    client.answers = to_refusal(request.error()) + '\n';
    client.is_last = true;
  } else if (request->verb == ControlVerb::GetStatus) {
    if (status_.empty() || Clock::now() - status_at_ >= kFresh) {
      status_ = std::get<std::string>(answer_(*request, client.asker));
      status_at_ = Clock::now();
    }
    client.answers = status_ + '\n';
  } else if (has_left(client.fd.get())) {
    client.is_last = true;  // it has given up, and says that nothing was done
  } else if (!client.asker.may_change) {
    client.answers =
        to_refusal("only root and the user that slurper runs as may ask for this", Refusal::NoPermission) +
        '\n';
  } else if (pending_ == kMaxPending) {
    client.answers = to_refusal("too many requests are not done yet; try again later") + '\n';
  } else {
    auto answered = answer_(*request, client.asker);
    if (auto* const text = std::get_if<std::string>(&answered)) {
      client.answers = std::move(*text) + '\n';
    } else {
      client.later = std::get<Later>(std::move(answered));
      ++pending_;
    }
  }
}

void ControlServer::look_at_pending() {
  pending_ -= std::erase_if(left_, [](const Later& later) { return later().has_value(); });
  for (auto next = clients_.begin(); next != clients_.end();) {
    const auto client = next++;
    if (!client->later) continue;
    std::optional<std::string> answer = client->later();
    if (!answer) continue;
    client->later = nullptr;
    --pending_;
    client->answers = std::move(*answer) + '\n';
    client->until = Clock::now() + kPatience;
    if (!write_some(*client) || !wait_for(*client)) let_go(client);
  }
}

// What is not done when slurper ends is not done by it; the sinks and the log see to their own ends.
void ControlServer::end_pending() {
  for (Client& client : clients_) {
    if (!client.later) continue;
    client.answers = to_refusal("slurper is ending") + '\n';
    (void)write_some(client);
  }
}

// Returns whether the client stays.
bool ControlServer::write_some(Client& client) {
  while (!client.answers.empty()) {
    const ssize_t put = ::send(client.fd.get(), client.answers.data(), client.answers.size(), MSG_NOSIGNAL);
    if (put < 0) return errno == EAGAIN || errno == EINTR;
    client.answers.erase(0, static_cast<std::size_t>(put));
    client.until = Clock::now() + kPatience;
  }
  return !client.is_last;
}

// Returns false if that is impossible.
bool ControlServer::wait_for(const Client& client) {
  std::uint32_t events = 0;  // it rests, or its answer is not ready: check_due() goes on
  if (client.later) return loop_.listen(client.fd.get(), 0).has_value();
  if (!client.answers.empty()) {
    events = EPOLLOUT;
  } else if (Clock::now() >= client.rests_until) {
    events = EPOLLIN;
  }
  return loop_.listen(client.fd.get(), events).has_value();
}

void ControlServer::let_go(Clients::iterator client) {
  loop_.remove(client->fd.get());
  if (client->later) left_.push_back(std::move(client->later));
  clients_.erase(client);
}

void ControlServer::let_all_go() {
  while (!clients_.empty()) let_go(clients_.begin());
}

void ControlServer::check_due() {
  const auto now = Clock::now();
  if (accept_at_ && now >= *accept_at_) {
    accept_at_.reset();
    if (!loop_.listen(socket_.fd(), EPOLLIN)) accept_at_ = now + kAcceptAgain;
  }
  if (pending_ > 0) look_at_pending();
  for (auto next = clients_.begin(); next != clients_.end();) {
    const auto client = next++;
    if (client->later) continue;
    if (now >= client->until) {
      let_go(client);
    } else if (client->rests_until != Clock::time_point() && now >= client->rests_until) {
      client->rests_until = {};
      answer_next(*client);
      if (!write_some(*client) || !wait_for(*client)) let_go(client);
    }
  }
}

// Until check_due() has something to do; nothing: for ever.
std::optional<std::chrono::nanoseconds> ControlServer::time_left() const {
  auto due = accept_at_.value_or(Clock::time_point::max());
  if (pending_ > 0) due = std::min(due, Clock::now() + kLook);
  for (const Client& client : clients_) {
    if (client.later) continue;
    due = std::min(due, client.until);
    if (client.rests_until != Clock::time_point()) due = std::min(due, client.rests_until);
  }
  if (due == Clock::time_point::max()) return std::nullopt;
  return std::max<std::chrono::nanoseconds>(due - Clock::now(), 0ns);
}

}  // namespace slurper
