#include "cli/trace_page.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "base/wrap.h"
#include "cli/stream_output.h"
#include "cli/trace_print.h"
#include "trace/page/trace_page.h"
#include "trace/scap/private_file.h"

namespace slurper {

namespace {

void say(std::FILE* err, std::string_view text) {
  fmt::print(err, "{}", message_for(::fileno(err), text));
}

int write_page(const std::string& path, std::string_view page, std::FILE* err) {
  const auto fd = create_private_file(path);
  if (!fd) {
    say(err, fmt::format("cannot create the page {}: {}", in_quotes(path), fd.error()));
    return std::to_underlying(ErrorKind::CantCreate);
  }
  StreamOutput file(fd->get());
  if (!file.write(page)) {
    say(err,
        fmt::format("cannot write the page {}: {}. It is incomplete. Make room, or name another file, and "
                    "run the command again",
                    in_quotes(path), errno_text(file.errnum())));
    return std::to_underlying(ErrorKind::Io);
  }
  return 0;
}

}  // namespace

int page_command(const TraceOptions& options, const std::string& filter, std::FILE* err) {
  Result<ViewRequest> request = view_request(options, err);
  if (!request) return report_to(err, request.error());
  request->mode = ViewMode::Report;
  request->make_report = [&](const Model& model, const ViewOptions& view) {
    return std::make_unique<TracePage>(PageRequest{.capture = options.read_file, .filter = filter}, model,
                                       view);
  };
  Result<CaptureInput> input = CaptureInput::open(options.read_file);
  if (!input) return report_to(err, input.error());
  // The file is touched only when there is something to write.
  std::string page;
  const auto keep = [&page](std::string_view part) {
    page += part;
    return true;
  };
  const int status = print_capture(std::move(*input), options.read_file, std::move(*request), keep, err);
  if (page.empty()) return status;
  const int written = write_page(options.html_file, page, err);
  return written != 0 ? written : status;
}

}  // namespace slurper
