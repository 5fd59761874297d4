#include "proc/control_group.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace slurper {

namespace {

constexpr std::size_t kIdDigits = 64;
constexpr std::size_t kShownDigits = 12;  // as `docker ps` shows them

bool is_id(std::string_view text) {
  return text.size() == kIdDigits &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_unit(std::string_view name) {
  constexpr std::array<std::string_view, 4> kKinds = {".service", ".scope", ".socket", ".mount"};
  return std::ranges::any_of(
      kKinds, [&](std::string_view kind) { return name.size() > kind.size() && name.ends_with(kind); });
}

// "docker-0123….scope", "0123…" below "docker" or "kubepods", "lxc.payload.web", "machine-web.scope"
// ("\x2d" for each hyphen in the name stays as it is written).
std::string container_in(std::string_view part) {
  std::string_view name = part;
  if (name.ends_with(".scope")) name.remove_suffix(std::string_view(".scope").size());
  const std::string_view id = name.substr(name.rfind('-') + 1);  // npos + 1 == 0
  if (is_id(id)) return std::string(id.substr(0, kShownDigits));
  constexpr std::array<std::string_view, 2> kNamed = {"lxc.payload.", "machine-"};
  for (const std::string_view begin : kNamed) {
    const bool is_scope = begin != "machine-" || part.ends_with(".scope");
    if (is_scope && name.starts_with(begin) && name.size() > begin.size())
      return std::string(name.substr(begin.size()));
  }
  return {};
}

// The path in "4:memory:/a/b" if units or containers stand in that hierarchy; the named one of systemd and
// version 2 come first.
std::string_view path_in(std::string_view text) {
  std::string_view best;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string_view::npos || second == std::string_view::npos) continue;
    const std::string_view path = line.substr(second + 1);
    const bool has_units = line.starts_with("0::") || line.contains(":name=systemd:");
    if (best.empty() || (has_units && path.size() > 1)) best = path;
  }
  return best;
}

}  // namespace

ControlGroup parse_control_group(std::string_view text) {
  ControlGroup group;
  std::string_view path = path_in(text);
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    if (std::string container = container_in(part); !container.empty()) {
      group.container = std::move(container);
      group.unit.clear();  // the container's scope says no more
    } else if (is_unit(part)) {
      group.unit = part;
    }
  }
  return group;
}

}  // namespace slurper
