#include "bench/surroundings.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace slurper::bench {

namespace fs = std::filesystem;

Folders::Folders(const Places& places) : disk_(places.disk / "run"), ram_(places.ram / "run") {
  remove();
  fs::create_directories(disk_);
  fs::create_directories(ram_);
}

void Folders::remove() {
  std::error_code ignored;  // the folder above them is removed at the very end, and complains then
  fs::remove_all(disk_, ignored);
  fs::remove_all(ram_, ignored);
}

std::string filled_in(std::string text, const Filling& filling) {
  const std::array<std::pair<std::string_view, std::string>, 5> values = {
      {{"{fifo}", filling.fifo},
       {"{out}", filling.out},
       {"{disk}", filling.disk},
       {"{ram}", filling.ram},
       {"{port}", std::to_string(filling.port)}}};
  for (const auto& [name, value] : values) {
    for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += value.size())
      text.replace(at, name.size(), value);
  }
  return text;
}

std::uint64_t size_of(const fs::path& file) {
  struct stat st{};
  return ::stat(file.c_str(), &st) == 0 ? static_cast<std::uint64_t>(st.st_size) : 0;
}

double busy_seconds() {
  std::ifstream stat("/proc/stat");
  std::string cpu;
  std::uint64_t user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
  stat >> cpu >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal;
  return static_cast<double>(user + nice + system + irq + softirq + steal) /
         static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::string complaint(const fs::path& directory) {
  std::ifstream file(directory / "stderr");
  std::string last;
  for (std::string line; std::getline(file, line);) last = line;
  return last.empty() ? "" : fmt::format(" ('{}')", printable(last));
}

}  // namespace slurper::bench
