// The application of the incident: fastcgi_responder SOCKET. It answers each request as soon as it has the
// parameters' end, and closes the connection. It never reads the empty FCGI_STDIN record that follows:
// whether the web server still can write that is a race. Record types and their header: the FastCGI
// specification 1.0.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

namespace {

constexpr std::uint8_t kEndRequest = 3;
constexpr std::uint8_t kParams = 4;
constexpr std::uint8_t kStdout = 6;

struct Header {
  std::uint8_t version = 1;
  std::uint8_t type = 0;
  std::uint8_t id[2] = {0, 1};
  std::uint8_t length[2] = {0, 0};
  std::uint8_t padding = 0;
  std::uint8_t reserved = 0;
  [[nodiscard]] std::size_t size() const { return (std::size_t{length[0]} << 8) + length[1] + padding; }
};
static_assert(sizeof(Header) == 8);

bool read_all(int fd, void* data, std::size_t size) {
  for (auto* at = static_cast<char*>(data); size > 0;) {
    const ssize_t count = ::read(fd, at, size);
    if (count <= 0) return false;
    at += count;
    size -= static_cast<std::size_t>(count);
  }
  return true;
}

void append(std::string& out, std::uint8_t type, std::string_view content) {
  Header header;
  header.type = type;
  header.length[1] = static_cast<std::uint8_t>(content.size());
  out.append(reinterpret_cast<const char*>(&header), sizeof header).append(content);
}

void answer(int fd) {
  Header header;
  do {
    char content[65536 + 255];
    if (!read_all(fd, &header, sizeof header) || !read_all(fd, content, header.size())) return;
  } while (header.type != kParams || header.size() != 0);
  std::string out;
  append(out, kStdout, "Content-Type: text/plain\r\n\r\nanswered\n");
  append(out, kStdout, "");
  append(out, kEndRequest, std::string(8, '\0'));
  if (::write(fd, out.data(), out.size()) < 0) std::perror("write");
}

}  // namespace

int main(int argc, char** argv) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, argc > 1 ? argv[1] : "", sizeof address.sun_path - 1);
  const int listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listening, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listening, 100) != 0) {
    std::perror("fastcgi_responder");
    return 1;
  }
  while (true) {
    const int fd = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return 1;
    answer(fd);
    ::close(fd);
  }
}
