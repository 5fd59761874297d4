#include "sink/loop_error.h"

#include <string>
#include <string_view>
#include <utility>

namespace slurper {

std::unexpected<Error> loop_error(Phrase what, Phrase way, const Record& back, Phrase advice) {
  constexpr std::size_t kShown = 160;
  const std::string_view line = back.raw();
  std::string shown(line.substr(0, kShown));
  if (shown.size() < line.size()) shown += "…";
  way.with({"line", QuotedText{std::move(shown)}});
  return fail(ErrorKind::Loop, std::move(what), std::move(way), std::move(advice));
}

}  // namespace slurper
