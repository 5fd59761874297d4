#include "sink/net/look_up.h"

#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/fd.h"
#include "sink/net/connect.h"
#include "sink/net/no_network.h"

namespace slurper {

bool Address::operator==(const Address& other) const {
  return size == other.size && std::memcmp(&storage, &other.storage, size) == 0;
}

// Shared by the look-up's thread and its owner; the last of the two frees it.
struct LookUp::Shared {
  Endpoint endpoint;
  int flags = 0;
  int type = 0;
  UniqueFd done_fd;  // eventfd, of a look-up that takes time
  std::atomic<bool> done = false;
  int error = 0;  // EAI_…
  int errnum = 0;
  std::vector<Address> addresses;

  void run() {
    const addrinfo hints{.ai_flags = flags | AI_NUMERICSERV,
                         .ai_family = AF_UNSPEC,
                         .ai_socktype = type,
                         .ai_protocol = 0,
                         .ai_addrlen = 0,
                         .ai_addr = nullptr,
                         .ai_canonname = nullptr,
                         .ai_next = nullptr};
    addrinfo* found = nullptr;
    error = ::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found);
    errnum = errno;
    for (const addrinfo* info = error == 0 ? found : nullptr; info != nullptr; info = info->ai_next) {
      Address& address = addresses.emplace_back();
      address.size = info->ai_addrlen;
      std::memcpy(&address.storage, info->ai_addr, info->ai_addrlen);
    }
    if (error == 0) ::freeaddrinfo(found);
    end_with(error);
  }
  void end_with(int result) {
    error = result;
    done.store(true, std::memory_order_release);
    if (done_fd) (void)::eventfd_write(done_fd.get(), 1);  // can't fail: this is the only write
  }
};

Result<LookUp> LookUp::begin(const Endpoint& endpoint, bool is_stream) {
  const auto make = [&](int flags) {
    auto shared = std::make_shared<Shared>();
    shared->endpoint = endpoint;
    shared->flags = flags;
    shared->type = is_stream ? SOCK_STREAM : SOCK_DGRAM;
    return shared;
  };
  auto in_figures = make(AI_NUMERICHOST);
  in_figures->run();
  if (in_figures->error == 0) return LookUp(std::move(in_figures), false);
  auto by_name = make(0);
  Result<UniqueFd> done_fd = make_eventfd();
  if (!done_fd) return std::unexpected(done_fd.error());
  by_name->done_fd = std::move(*done_fd);
  try {
    std::thread([by_name] {
      try {
        by_name->run();
      } catch (const std::bad_alloc&) {
        by_name->end_with(EAI_MEMORY);
      }
    }).detach();
  } catch (const std::system_error& error) {
    return fail_errno(error.code().value(), {PhraseId::FindAddress, {{"host", QuotedText{endpoint.host}}}});
  }
  return LookUp(std::move(by_name), true);
}

bool LookUp::is_done() const {
  return shared_->done.load(std::memory_order_acquire);
}

Woken LookUp::wait(Deadline deadline, int stop_fd) const {
  return is_done() ? Woken::Ready : wait_for(shared_->done_fd.get(), POLLIN, deadline, stop_fd);
}

Result<std::vector<Address>> LookUp::addresses(Deadline deadline, int stop_fd) {
  const Phrase what(PhraseId::FindAddress, {{"host", QuotedText{shared_->endpoint.host}}});
  const auto failed = [&](Phrase why, int errnum, Phrase advice) {
    Phrase remedy = network_remedy(errnum);
    return fail(ErrorKind::Io, what, std::move(why), remedy.empty() ? std::move(advice) : std::move(remedy));
  };
  switch (wait(deadline, stop_fd)) {
    case Woken::Stopped:
      return fail_stopped(what);
    case Woken::TimedOut:
      return failed(PhraseId::DnsSilent, 0, {});
    case Woken::Ready:
      break;
  }
  if (!is_done()) return failed(PhraseId::DnsSilent, 0, {});
  if (shared_->error == 0) return std::move(shared_->addresses);
  const bool is_errno = shared_->error == EAI_SYSTEM;
  return failed(is_errno ? Phrase(PhraseId::Errno, {{"errno", Errno{shared_->errnum}}})
                         : own_words(::gai_strerror(shared_->error)),
                is_errno ? shared_->errnum : 0, PhraseId::CheckTheTarget);
}

}  // namespace slurper
