#include "metrics/metrics_server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <list>
#include <new>
#include <stop_token>
#include <string_view>
#include <thread>
#include <utility>

#include "base/backoff.h"
#include "base/contract.h"
#include "base/error.h"
#include "base/event_loop.h"
#include "base/fd.h"
#include "base/listen_address.h"
#include "base/phrase_id.h"
#include "base/start_thread.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kNice = 10;
constexpr int kBacklog = 64;
constexpr auto kAcceptAgain = 100ms;  // if there is no descriptor for a client
constexpr std::chrono::milliseconds kFirstRetry{1000};
constexpr std::chrono::milliseconds kLastRetry{30'000};
constexpr std::size_t kClientMemory = 16 << 10;  // for the request and the header of the answer

struct Destroy {
  void operator()(MHD_Daemon* daemon) const { ::MHD_stop_daemon(daemon); }
  void operator()(MHD_Response* response) const { ::MHD_destroy_response(response); }
};
using DaemonPtr = std::unique_ptr<MHD_Daemon, Destroy>;
using ResponsePtr = std::unique_ptr<MHD_Response, Destroy>;

Result<UniqueFd> listen_at(const std::string& address) {
  const auto parsed = parse_listen_address(address);
  SLURPER_ASSERT(parsed);
  const auto failed = [&] {
    return fail_errno(errno, {PhraseId::ListenAt, {{"address", QuotedText{address}}}});
  };
  UniqueFd fd(::socket(parsed->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return failed();
  const int on = 1;  // otherwise connections of the slurper before keep the port for a minute
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) return failed();
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&parsed->address), parsed->size) != 0)
    return failed();
  if (::listen(fd.get(), kBacklog) != 0) return failed();
  return fd;
}

}  // namespace

// libmicrohttpd has no thread of its own: it speaks HTTP over connections that this accepts, and its epoll(7)
// descriptor is one of this loop's.
class MetricsServer::Http {
 public:
  Http(std::string address, Pages pages, EventListener& events, EventLoop loop, UniqueFd stop_fd)
      : address_(std::move(address)),
        pages_{{{std::move(pages.metrics)}, {std::move(pages.status)}}},
        events_(events),
        loop_(std::move(loop)),
        stop_fd_(std::move(stop_fd)) {}
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;
  ~Http() {
    thread_.request_stop();
    (void)::eventfd_write(stop_fd_.get(), 1);  // fails only after 2^64 - 1 of them
  }

  Status start() {
    // The timeout is Client::until: libmicrohttpd's own would begin anew with each byte.
    daemon_.reset(
        ::MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, nullptr, nullptr, &Http::on_request,
                           this, MHD_OPTION_CONNECTION_LIMIT, static_cast<unsigned>(2 * kMaxClients),
                           MHD_OPTION_CONNECTION_MEMORY_LIMIT, kClientMemory, MHD_OPTION_NOTIFY_CONNECTION,
                           &Http::on_connection, this, MHD_OPTION_END));
    const MHD_DaemonInfo* const info =
        daemon_ ? ::MHD_get_daemon_info(daemon_.get(), MHD_DAEMON_INFO_EPOLL_FD) : nullptr;
    if (info == nullptr) return fail_errno(errno != 0 ? errno : ENOMEM, PhraseId::SetUpEventLoop);
    for (const int fd : {stop_fd_.get(), info->epoll_fd}) {
      loop_.add(fd, [](std::uint32_t) {});  // it only ends the wait
      if (Status listening = loop_.listen(fd, EPOLLIN); !listening) return listening;
    }
    try_to_listen();
    Result<std::jthread> thread =
        start_thread<std::jthread>("metrics", [this](const std::stop_token& stop) { run(stop); });
    if (!thread) return std::unexpected(thread.error());
    thread_ = std::move(*thread);
    return {};
  }

 private:
  struct Client {
    int fd;
    Clock::time_point until;
    bool is_cut = false;
  };
  using Clients = std::list<Client>;

  struct Served {
    Page page;
    ResponsePtr response = {};
    unsigned status = MHD_HTTP_OK;
    Clock::time_point at = {};
  };

  void run(const std::stop_token& stop) {
    (void)::pthread_setname_np(::pthread_self(), "metrics");
    (void)::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);  // otherwise it has its own
    while (!stop.stop_requested()) {
      try {
        (void)loop_.wait(time_left());
        check_due();
        (void)::MHD_run(daemon_.get());  // fails if it is of another kind only
      } catch (const std::bad_alloc&) {
        rest_for(kAcceptAgain);
      }
    }
  }

  void try_to_listen() {
    Result<UniqueFd> fd = listen_at(address_);
    Status listening = fd ? Status() : std::unexpected(fd.error());
    if (fd) {
      loop_.add(fd->get(), [this](std::uint32_t) { accept_one(); });
      listening = loop_.listen(fd->get(), EPOLLIN);
      if (!listening) loop_.remove(fd->get());
    }
    if (!listening) {
      if (backoff_.wait() == 0ms)
        events_.report(EventId::MetricsUnavailable, {{"error", &listening.error()}});
      listen_again_at_ = Clock::now() + backoff_.failed();
      return;
    }
    listen_fd_ = std::move(*fd);
    listen_again_at_.reset();
    events_.report(EventId::MetricsServed, {{"address", std::string_view(address_)}});
  }

  void rest_for(Clock::duration time) {
    accept_at_ = Clock::now() + time;
    if (listen_fd_) (void)loop_.listen(listen_fd_.get(), 0);
  }

  void accept_one() {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    auto* const address = reinterpret_cast<sockaddr*>(&peer);
    const int fd = ::accept4(listen_fd_.get(), address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    // Who connects again and again must not keep the thread busy.
    rest_for(fd >= 0 || errno == EAGAIN || errno == ECONNABORTED ? kAcceptRest : kAcceptAgain);
    if (fd < 0) return;
    const auto oldest = std::ranges::find(clients_, false, &Client::is_cut);
    if (clients_.size() >= kMaxClients && oldest != clients_.end()) cut(*oldest);
    (void)::MHD_add_connection(daemon_.get(), fd, address, size);  // if it fails, it has closed it
  }

  // libmicrohttpd notices, and closes the connection.
  static void cut(Client& client) {
    (void)::shutdown(client.fd, SHUT_RDWR);
    client.is_cut = true;
    client.until = Clock::time_point::max();
  }

  void check_due() {
    const auto now = Clock::now();
    if (listen_again_at_ && now >= *listen_again_at_) try_to_listen();
    if (accept_at_ && now >= *accept_at_) {
      accept_at_.reset();
      if (listen_fd_ && !loop_.listen(listen_fd_.get(), EPOLLIN)) accept_at_ = now + kAcceptAgain;
    }
    for (Client& client : clients_) {
      if (now >= client.until) cut(client);
    }
  }

  // Until check_due() or libmicrohttpd has something to do; nothing: for ever.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> time_left() const {
    auto due = Clock::time_point::max();
    for (const auto& at : {accept_at_, listen_again_at_}) due = std::min(due, at.value_or(due));
    for (const Client& client : clients_) due = std::min(due, client.until);
    const auto now = Clock::now();
    MHD_UNSIGNED_LONG_LONG milliseconds = 0;
    if (::MHD_get_timeout(daemon_.get(), &milliseconds) == MHD_YES)
      due = std::min(due, now + std::chrono::milliseconds(milliseconds));
    if (due == Clock::time_point::max()) return std::nullopt;
    return std::max<std::chrono::nanoseconds>(due - now, 0ns);
  }

  // No exception may pass through libmicrohttpd, which is C.

  static void on_connection(void* self, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode code) noexcept {
    Clients& clients = static_cast<Http*>(self)->clients_;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
      const auto* const client = static_cast<const Client*>(*context);
      clients.remove_if([&](const Client& one) { return &one == client; });
      return;
    }
    const int fd = ::MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    try {
      *context = &clients.emplace_back(fd, Clock::now() + kPatience);
    } catch (const std::bad_alloc&) {
      (void)::shutdown(fd, SHUT_RDWR);
    }
  }

  static MHD_Result on_request(void* self, MHD_Connection* connection, const char* url, const char* method,
                               const char* /*version*/, const char* /*upload*/, std::size_t* /*upload_size*/,
                               void** /*context*/) noexcept {
    try {
      return static_cast<Http*>(self)->answer(connection, url, method);
    } catch (const std::bad_alloc&) {
      return MHD_NO;  // it closes the connection
    }
  }

  MHD_Result answer(MHD_Connection* connection, std::string_view url, std::string_view method) {
    if (method != MHD_HTTP_METHOD_GET && method != MHD_HTTP_METHOD_HEAD) {
      const ResponsePtr response = make_response("slurper answers to GET and HEAD\n", "text/plain");
      if (!response) return MHD_NO;
      (void)::MHD_add_response_header(response.get(), MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
      return ::MHD_queue_response(connection, MHD_HTTP_METHOD_NOT_ALLOWED, response.get());
    }
    if (url != "/metrics" && url != "/") {
      const ResponsePtr response = make_response("there are /metrics and /\n", "text/plain");
      return response ? ::MHD_queue_response(connection, MHD_HTTP_NOT_FOUND, response.get()) : MHD_NO;
    }
    Served& served = pages_[url == "/" ? 1 : 0];
    if (!served.response || Clock::now() - served.at >= kFresh) render(served);
    return served.response ? ::MHD_queue_response(connection, served.status, served.response.get()) : MHD_NO;
  }

  static void render(Served& served) {
    const std::optional<std::string> text = served.page.render();
    served.status = text ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    served.response = make_response(text ? *text : served.page.unavailable, served.page.type);
    served.at = Clock::now();
  }

  // A connection is for one request: who asks often has to connect as often, which is bounded.
  static ResponsePtr make_response(std::string_view text, const std::string& type) {
    ResponsePtr response(::MHD_create_response_from_buffer(text.size(), const_cast<char*>(text.data()),
                                                           MHD_RESPMEM_MUST_COPY));
    const std::array<std::pair<const char*, const char*>, 4> headers = {{
        {MHD_HTTP_HEADER_CONTENT_TYPE, type.c_str()},
        {MHD_HTTP_HEADER_CONNECTION, "close"},
        {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
        {"X-Content-Type-Options", "nosniff"},
    }};
    for (const auto& [name, value] : headers) {
      if (response && ::MHD_add_response_header(response.get(), name, value) != MHD_YES) response.reset();
    }
    return response;
  }

  const std::string address_;
  std::array<Served, 2> pages_;  // /metrics and /
  EventListener& events_;
  EventLoop loop_;
  UniqueFd stop_fd_;  // eventfd
  UniqueFd listen_fd_;
  Backoff backoff_{kFirstRetry, kLastRetry};
  std::optional<Clock::time_point> listen_again_at_;
  std::optional<Clock::time_point> accept_at_;  // it accepts no client before
  Clients clients_;                             // oldest first
  DaemonPtr daemon_;                            // after clients_: its end notifies
  std::jthread thread_;                         // last: it uses all of the above
};

MetricsServer::MetricsServer(std::unique_ptr<Http> http) : http_(std::move(http)) {}
MetricsServer::~MetricsServer() = default;

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(const std::string& address, Pages pages,
                                                            EventListener& events) {
  Result<EventLoop> loop = EventLoop::create();
  if (!loop) return std::unexpected(loop.error());
  Result<UniqueFd> stop_fd = make_eventfd();
  if (!stop_fd) return std::unexpected(stop_fd.error());
  auto http =
      std::make_unique<Http>(address, std::move(pages), events, std::move(*loop), std::move(*stop_fd));
  if (Status started = http->start(); !started) return std::unexpected(started.error());
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(http)));
}

}  // namespace slurper
