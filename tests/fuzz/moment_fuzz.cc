// Any text as a moment on a command line. Every moment reads back from the forms in which slurper prints it.
#include <string>

#include "filter/literal.h"
#include "fuzz/fuzz.h"
#include "record/moment.h"

namespace {

using namespace slurper;  // NOLINT(google-build-using-namespace): one file, one subject

constexpr Timestamp kNow{std::chrono::seconds(1'764'504'000)};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::as_text(data, size));
  const auto begin = parse_moment(text, kNow, Bound::Begin);
  const auto end = parse_moment(text, kNow, Bound::End);
  fuzz::require(begin.has_value() == end.has_value(), "the bound decides which moment, not whether");
  if (!begin) return 0;
  fuzz::require(*begin >= Timestamp{}, "nothing is before 1970");
  fuzz::require(*begin <= *end, "a range of one text is not empty");
  const std::int64_t nanoseconds = begin->time_since_epoch().count();
  const std::string printed = time_literal(nanoseconds);
  // A date alone is local time here, and UTC in a filter.
  if (printed.contains('T'))
    fuzz::require(parse_moment(printed, kNow, Bound::Begin) == begin, "what a filter shows is accepted");
  const std::string fraction = std::to_string(1'000'000'000 + nanoseconds % 1'000'000'000).substr(1);
  const std::string epoch = "@" + std::to_string(nanoseconds / 1'000'000'000) + "." + fraction;
  fuzz::require(parse_moment(epoch, kNow, Bound::End) == begin, "the seconds since 1970 are accepted");
  return 0;
}
