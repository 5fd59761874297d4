// A filter, and behind its first NUL lines to ask it about. What is refused is explained in a way that can be
// shown; what is taken answers the same when it was printed, and whatever the lines are.
#include <algorithm>
#include <string>
#include <string_view>

#include "base/text.h"
#include "filter/filter_site.h"
#include "fuzz/fuzz.h"

using slurper::fuzz::require;

namespace {

bool is_plain(std::string_view text) {
  return slurper::is_utf8(text) &&
         std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

void check(const slurper::FilterError& error, std::string_view filter) {
  require(!error.why.empty(), "an error says why");
  const std::string text = slurper::text_of(error);
  require(is_plain(text), "messages are one line without orders to a terminal");
  require(text.size() < 1000, "messages are short");
  require(error.line >= 1 && error.line <= 1 + slurper::count_lines(filter), "the line is there");
  require(error.column >= 1 && error.column <= filter.size() + 1, "the column is there");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = slurper::fuzz::as_text(data, size);
  const std::string_view text = input.substr(0, input.find('\0'));
  std::string_view lines = input.substr(std::min(text.size() + 1, input.size()));

  const auto filter = slurper::RecordFilter::compile(text, slurper::record_fields());
  if (!filter) {
    check(filter.error(), text);
    return 0;
  }
  const auto printed = slurper::RecordFilter::compile(filter->text(), slurper::record_fields());
  require(printed.has_value(), "what is printed compiles");
  require(printed->text() == filter->text(), "it is printed the same way again");
  const auto inverse =
      slurper::RecordFilter::compile("not (" + filter->text() + ")", slurper::record_fields());
  do {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    lines.remove_prefix(std::min(line.size() + 1, lines.size()));
    const bool wanted = filter->matches(slurper::sample_record(line));
    require(printed->matches(slurper::sample_record(line)) == wanted, "what is printed wants the same");
    require(!inverse || inverse->matches(slurper::sample_record(line)) != wanted, "not is the opposite");
  } while (!lines.empty());
  return 0;
}
