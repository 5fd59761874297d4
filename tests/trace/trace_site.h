// Shows captures from memory.
#pragma once

#include <sys/mman.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "trace/capture_builder.h"
#include "trace/view/trace_view.h"

namespace slurper::test {

// A file that has these bytes, and no name.
inline UniqueFd file_of(std::string_view bytes) {
  UniqueFd fd(::memfd_create("capture", MFD_CLOEXEC));
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd.get(), bytes.data(), bytes.size());
    if (count <= 0) return {};
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  (void)::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

// Calls `visit` with each event of a capture, between the model's take() and finish().
template <typename Visit>
void for_each_event(std::string_view capture, Model& model, const Visit& visit) {
  ScapReader reader(CaptureInput(file_of(capture), "capture"), [](const Damage& /*damage*/) {});
  while (const std::optional<Block> block = reader.next()) {
    if (!holds_event(block->type)) {
      (void)model.take_table(*block);
      continue;
    }
    TraceEvent event;
    if (!model.take(*event_in(*block), event)) continue;
    visit(event);
    model.finish(event);
  }
}

struct Shown {
  std::string lines;
  std::vector<Damage> damage;
};

// How a capture is to be shown; the format and the filter as a user writes them.
struct How {
  std::string filter = {};
  std::string format = std::string(kDefaultFormat);
  ViewMode mode = ViewMode::Lines;
  ViewOptions options = {};
  bool with_own_events = true;
  std::uint64_t max_events = UINT64_MAX;
  bool follows_bytes = false;
  MakeReport make_report = {};
};

inline Shown show(std::string_view capture, const How& how = {}) {
  Shown shown;
  ScapReader reader(CaptureInput(file_of(capture), "capture"),
                    [&](const Damage& damage) { shown.damage.push_back(damage); });
  ViewRequest request{.mode = how.mode,
                      .options = how.options,
                      .format = *LineFormat::parse(how.format),
                      .filter = {},
                      .max_events = how.max_events,
                      .follows_bytes = how.follows_bytes,
                      .with_own_events = how.with_own_events,
                      .make_report = how.make_report};
  if (!how.filter.empty())
    request.filter = *TraceFilter::compile(how.filter, trace_fields(), Dialect::Events);
  TraceView view(std::move(request), [&](std::string_view lines) {
    shown.lines += lines;
    return true;
  });
  view.show(reader);
  return shown;
}

inline Shown show(const CaptureBuilder& capture, const How& how = {}) {
  return show(capture.bytes(), how);
}

// The lines of one format, which is shorter to compare with.
inline std::string show_as(const CaptureBuilder& capture, std::string format, std::string filter = {}) {
  return show(capture, {.filter = std::move(filter), .format = std::move(format), .with_own_events = false})
      .lines;
}

}  // namespace slurper::test
