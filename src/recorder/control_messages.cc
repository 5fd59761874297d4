#include "recorder/control_messages.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

namespace slurper {

namespace {

constexpr std::uint64_t kMostMessages = 1024;  // UIO_MAXIOV, which sendmmsg(2) cuts the count to
constexpr std::size_t kMostInMessage = 253;    // SCM_MAX_FD: the kernel refuses more
constexpr std::size_t kMostInCall = 2048;      // all that is traced stands still meanwhile

void add_descriptors(std::string_view control, std::vector<int>& descriptors) {
  while (control.size() >= sizeof(cmsghdr)) {
    cmsghdr head{};
    std::memcpy(&head, control.data(), sizeof head);
    if (head.cmsg_len < sizeof head || head.cmsg_len > control.size()) return;
    std::string_view rights = control.substr(sizeof head, head.cmsg_len - sizeof head);
    const bool has_descriptors = head.cmsg_level == SOL_SOCKET && head.cmsg_type == SCM_RIGHTS;
    if (rights.size() > kMostInMessage * sizeof(int)) return;
    for (int fd = -1; has_descriptors && rights.size() >= sizeof fd; rights.remove_prefix(sizeof fd)) {
      std::memcpy(&fd, rights.data(), sizeof fd);
      descriptors.push_back(fd);
    }
    control.remove_prefix(std::min<std::size_t>(CMSG_ALIGN(head.cmsg_len), control.size()));
  }
}

}  // namespace

ControlMessages read_control_messages(const TracedMemory& memory, std::uint64_t address, std::uint64_t count,
                                      bool is_array) {
  ControlMessages messages;
  for (std::uint64_t i = 0; i < std::min(count, kMostMessages) && messages.descriptors.size() < kMostInCall;
       ++i) {
    msghdr message{};
    if (!memory.read_value(address + i * (is_array ? sizeof(mmsghdr) : sizeof message), message)) break;
    const std::string control =
        memory.bytes(reinterpret_cast<std::uint64_t>(message.msg_control), message.msg_controllen);
    add_descriptors(control, messages.descriptors);
    messages.is_cut = messages.is_cut || (message.msg_flags & MSG_CTRUNC) != 0;
  }
  return messages;
}

}  // namespace slurper
