// The words of slurper's failures and findings, in one long file, so that all can be read in one sitting.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/phrase_id.h"
#include "slurper/result.h"

namespace slurper {

// What to do about an errno.
struct ErrnoAdvice {
  int errnum;
  std::string_view advice;
};

// `words` and `advice` name the phrase's arguments: "{path}". "{size.exact}" is a size that parse_byte_size()
// reads back, "{mode.octal}" the bits of a mode, "{lines.line}" a number of lines ("1 line", "2 lines").
// Several phrases in one argument are separated by semicolons.
struct PhraseEntry {
  PhraseId id;
  std::string_view words;
  std::string_view advice = {};                // of a reason or a finding: what to do about it
  std::span<const ErrnoAdvice> on_errno = {};  // of what was tried: what to do if it failed with these
};

// All entries, in the order of PhraseId.
[[nodiscard]] std::span<const PhraseEntry> phrase_table();

// The words of `phrase`, without its advice. A placeholder without an argument stays as it is written.
[[nodiscard]] std::string to_text(const Phrase& phrase);
// What to do about it; may be empty. As with an Error, the advice that is passed comes first (an argument
// "advice"), then that of its arguments "what" and "reason", then its own.
[[nodiscard]] std::string advice_of(const Phrase& phrase);
// The words with the advice as a sentence of its own: for a finding.
[[nodiscard]] std::string with_advice(const Phrase& phrase);
// "cannot WHAT: WHY. ADVICE" on one line, without a newline at its end.
[[nodiscard]] std::string to_text(const Error& error);
// What to do about it; may be empty.
[[nodiscard]] std::string advice_of(const Error& error);

}  // namespace slurper
