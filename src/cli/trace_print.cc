#include "cli/trace_print.h"

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/phrase_id.h"
#include "base/wrap.h"
#include "cli/stream_output.h"
#include "service/phrase_table.h"

namespace slurper {

namespace {

int say(const Error& error, std::FILE* err) {
  fmt::print(err, "{}", message_for(::fileno(err), to_text(error)));
  return std::to_underlying(error.kind);
}

Phrase phrase_of(const Damage& damage, const std::string& name) {
  Phrase phrase;
  switch (damage.kind) {
    case DamageKind::BadLength:
      phrase = about_file(PhraseId::CaptureDamaged, name);
      phrase.with({"size", ByteSize{damage.skipped}});
      break;
    case DamageKind::CutShort:
      phrase = about_file(PhraseId::CaptureCutShort, name);
      break;
    case DamageKind::BadCompression:
      phrase = about_file(PhraseId::CaptureNotUnpacked, name);
      break;
    case DamageKind::BadEntry:
    case DamageKind::BadEvent:
      phrase = about_file(PhraseId::CaptureBadEntry, name);
      break;
  }
  return phrase.with({"offset", damage.offset});
}

// The width of the terminal; 80 if it is none.
std::size_t columns_of(int fd) {
  constexpr std::size_t kUsual = 80;
  constexpr std::size_t kNarrow = 40;
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsual;
  return std::max<std::size_t>(size.ws_col, kNarrow);
}

}  // namespace

int print_capture(CaptureInput input, const std::string& name, ViewRequest request, const LineOutput& output,
                  std::FILE* err) {
  bool damaged = false;
  ScapReader reader(std::move(input), [&](const Damage& damage) {
    damaged = true;
    fmt::print(err, "{}", message_for(::fileno(err), to_text(phrase_of(damage, name))));
  });
  if (!reader.is_capture()) {
    if (!reader.input().status()) return say(reader.input().status().error(), err);
    const bool is_empty = !reader.input().has_buffered();
    return say({.kind = ErrorKind::Data,
                .what = about_file(PhraseId::ReadCapture, name),
                .why = is_empty ? PhraseId::CaptureIsEmpty : PhraseId::NotACapture},
               err);
  }
  TraceView view(std::move(request), output);
  reader.before_wait([&] { view.flush(); });
  view.show(reader);
  if (!reader.input().status()) return say(reader.input().status().error(), err);
  return damaged ? std::to_underlying(ErrorKind::Data) : 0;
}

int print_capture(CaptureInput input, const std::string& name, ViewRequest request, int out_fd,
                  std::FILE* err) {
  StreamOutput output(out_fd);
  request.options.columns = columns_of(out_fd);
  const int status = print_capture(
      std::move(input), name, std::move(request), [&](std::string_view lines) { return output.write(lines); },
      err);
  if (output.errnum() == 0) return status;
  return say(fail_errno(output.errnum(), PhraseId::WriteStandardOutput).error(), err);
}

}  // namespace slurper
