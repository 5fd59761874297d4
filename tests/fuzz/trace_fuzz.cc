// A capture. Whatever its bytes are, it is shown in every way, and each line is one that can be shown.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "fuzz/fuzz.h"
#include "trace/model/event_window.h"
#include "trace/page/trace_page.h"
#include "trace/view/trace_view.h"

using slurper::fuzz::require;

namespace {

// One file for all inputs: to make one costs more than to fill it.
int capture_file() {
  static const int fd = ::memfd_create("capture", MFD_CLOEXEC);
  return fd;
}

slurper::UniqueFd file_of(std::string_view bytes) {
  const int fd = capture_file();
  require(::ftruncate(fd, 0) == 0, "the file is empty");
  require(::pwrite(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
          "the file is written");
  require(::lseek(fd, 0, SEEK_SET) == 0, "the file begins");
  return slurper::UniqueFd(::dup(fd));
}

void show(std::string_view bytes, slurper::ViewMode mode, std::string_view format) {
  std::uint64_t last = 0;
  slurper::ScapReader reader(
      slurper::CaptureInput(file_of(bytes), "capture"), [&](const slurper::Damage& damage) {
        require(damage.offset >= last || damage.kind == slurper::DamageKind::BadCompression,
                "damage is told in order");
        last = damage.offset;
      });
  slurper::ViewRequest request{.mode = mode, .options = {}, .format = *slurper::LineFormat::parse(format)};
  request.make_report = [](const slurper::Model& model, const slurper::ViewOptions& options) {
    return std::make_unique<slurper::TracePage>(slurper::PageRequest{}, model, options);
  };
  slurper::TraceView view(std::move(request), [](std::string_view lines) {
    require(lines.ends_with('\n'), "whole lines are passed on");
    require(
        std::ranges::none_of(lines, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; }),
        "no line gives orders to a terminal");
    return true;
  });
  view.show(reader);
}

// What a window of the last events writes is a capture of whole blocks, whatever it was made of.
void show_end(std::string_view bytes) {
  slurper::ScapReader reader(slurper::CaptureInput(file_of(bytes), "capture"), [](const slurper::Damage&) {});
  slurper::EventWindow window({.time = 1'000'000, .memory = 1'000});
  while (const auto block = reader.next()) window.take(*block);
  std::string written;
  require(window.write([&](std::string_view part) {
    written += part;
    return true;
  }),
          "it is written to its end");
  slurper::ScapReader again(slurper::CaptureInput(file_of(written), "capture"),
                            [](const slurper::Damage&) { require(false, "what was written is no damage"); });
  while (again.next()) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = slurper::fuzz::as_text(data, size);
  show(bytes, slurper::ViewMode::Lines, slurper::kDefaultFormat);
  show(bytes, slurper::ViewMode::Lines,
       "*%fd.num %fd.name %fd.directory %fd.filename %fd.cip %fd.sip %fd.cport %fd.sport %fd.peer.pid "
       "%proc.cwd "
       "%proc.cmdline %proc.pname %user.name %group.name %evt.buffer %evt.buflen %evt.category %evt.arg[1]");
  show(bytes, slurper::ViewMode::Calls, slurper::kDefaultFormat);
  show(bytes, slurper::ViewMode::Json, slurper::kDefaultFormat);
  show(bytes, slurper::ViewMode::Summary, slurper::kDefaultFormat);
  show(bytes, slurper::ViewMode::Report, slurper::kDefaultFormat);
  show(bytes, slurper::ViewMode::Bytes, slurper::kDefaultFormat);
  show_end(bytes);
  return 0;
}
