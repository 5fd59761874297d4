#include "bench/surroundings.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace slurper::bench {

namespace fs = std::filesystem;

namespace {

// ", ext4", or nothing for one that is not listed here.
std::string file_system(const fs::path& folder) {
  struct statfs fs{};
  if (::statfs(folder.c_str(), &fs) != 0) return "";
  switch (fs.f_type) {
    case EXT4_SUPER_MAGIC:
      return ", ext4";
    case XFS_SUPER_MAGIC:
      return ", xfs";
    case BTRFS_SUPER_MAGIC:
      return ", btrfs";
    case OVERLAYFS_SUPER_MAGIC:
      return ", overlayfs";
    case TMPFS_MAGIC:
      return ", tmpfs";
    default:
      return "";
  }
}

}  // namespace

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
  const std::array<std::pair<std::string_view, std::string>, 7> values = {
      {{"{fifo}", filling.fifo},
       {"{out}", filling.out},
       {"{disk}", filling.disk},
       {"{ram}", filling.ram},
       {"{port}", std::to_string(filling.port)},
       {"{pid}", std::to_string(filling.pid)},
       {"{log}", filling.log.native()}}};
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

std::string machine(const fs::path& disk) {
  std::string processor = "unknown processor";
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    const std::size_t colon = line.find(": ");
    if (!line.starts_with("model name") || colon == std::string::npos) continue;
    processor = line.substr(colon + 2);
    break;
  }
  struct utsname kernel{};
  ::uname(&kernel);
  std::string release = kernel.release;
  release.erase(std::min(release.find_first_not_of("0123456789."), release.size()));
  release.erase(std::min(release.find('.', release.find('.') + 1), release.size()));  // 6.18, not 6.18.44
  return fmt::format("{}, {} processors, Linux {}{}", processor, ::sysconf(_SC_NPROCESSORS_ONLN), release,
                     file_system(disk));
}

std::string complaint(const fs::path& directory) {
  std::ifstream file(directory / "stderr");
  std::string last;
  for (std::string line; std::getline(file, line);) last = line;
  return last.empty() ? "" : fmt::format(" ('{}')", printable(last));
}

}  // namespace slurper::bench
