#include "trace/generic_calls.h"

#include <algorithm>
#include <array>

namespace slurper {

namespace {

struct Arguments {
  std::uint16_t number;
  std::string_view names;
};

constexpr std::array kArguments = {
    Arguments{74, "fd"},                        // fsync
    Arguments{75, "fd"},                        // fdatasync
    Arguments{77, "fd length"},                 // ftruncate
    Arguments{113, "ruid euid"},                // setreuid
    Arguments{114, "rgid egid"},                // setregid
    Arguments{122, "fsuid"},                    // setfsuid
    Arguments{123, "fsgid"},                    // setfsgid
    Arguments{213, "size"},                     // epoll_create
    Arguments{233, "epfd op fd"},               // epoll_ctl
    Arguments{276, "fd_in fd_out size flags"},  // tee
    Arguments{278, "fd iov count flags"},       // vmsplice
    Arguments{281, "epfd events maxevents"},    // epoll_pwait
    Arguments{285, "fd mode offset length"},    // fallocate
    Arguments{291, "flags"},                    // epoll_create1
    Arguments{436, "first last flags"},         // close_range
};

}  // namespace

std::string_view generic_arguments(std::uint16_t number) {
  const auto found = std::ranges::find(kArguments, number, &Arguments::number);
  return found == kArguments.end() ? std::string_view() : found->names;
}

}  // namespace slurper
