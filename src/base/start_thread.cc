#include "base/start_thread.h"

#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>

#include "base/error.h"

namespace slurper {

std::unexpected<Error> no_thread(const std::string& name, const std::system_error& error) {
  const int errnum = error.code().value();
  std::unexpected<Error> failure =
      fail_errno(errnum, {PhraseId::StartThread, {{"thread", QuotedText{name}}}});
  failure.error().kind = ErrorKind::Busy;
  if (errnum == EAGAIN) failure.error().why = PhraseId::NoMoreThreads;
  return failure;
}

WhatWasThrown::WhatWasThrown() noexcept {
  const auto copy = [this](const char* what) { (void)std::snprintf(text_, sizeof text_, "%s", what); };
  try {
    throw;
  } catch (const std::bad_alloc&) {
    is_shortage_ = true;
    copy("memory has run out");
  } catch (const std::system_error& error) {
    is_shortage_ = error.code().value() == EAGAIN || error.code().value() == ENOMEM;
    copy(error.what());
  } catch (const std::exception& error) {
    copy(error.what());
  } catch (...) {
    // the text is already set
  }
}

namespace {

// Uses one writev(2): neither a buffer nor a lock that another thread may hold.
[[noreturn]] void end_process(const char* thread, const WhatWasThrown& thrown) noexcept {
  const std::array<const char*, 5> texts = {"slurper: the thread '", thread,
                                            "' cannot go on: ", thrown.text(),
                                            ". slurper ends at once; what the log does not have yet is in "
                                            "the ring and the pipe, and the next start "
                                            "goes on there\n"};
  std::array<iovec, texts.size()> pieces{};
  for (std::size_t i = 0; i < texts.size(); ++i)
    pieces[i] = {.iov_base = const_cast<char*>(texts[i]), .iov_len = std::strlen(texts[i])};
  (void)::writev(STDERR_FILENO, pieces.data(), static_cast<int>(pieces.size()));
  ::_exit(static_cast<int>(thrown.is_shortage() ? ErrorKind::Busy : ErrorKind::Internal));
}

}  // namespace

void run_or_end_process(const char* thread, const std::function<void()>& body) noexcept {
  try {
    body();
  } catch (...) {
    end_process(thread, WhatWasThrown());
  }
}

}  // namespace slurper
