#include "service/phrase_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>

#include "base/error.h"
#include "base/path_text.h"
#include "base/text.h"
#include "base/uuid.h"
#include "service/placeholders.h"

namespace slurper {

namespace {

constexpr std::array<PhraseEntry, kPhraseIds> kTable = {{
    {.id = PhraseId::None, .words = ""},
    {.id = PhraseId::Text, .words = "{text}"},

    // Reasons and advice of many rooms.
    {.id = PhraseId::Errno, .words = "{errno}"},
    {.id = PhraseId::NotARegularFile, .words = "it is {found}, not a regular file"},
    {.id = PhraseId::OwnedByOther, .words = "it belongs to {user}"},
    {.id = PhraseId::NoProgress, .words = "nothing could be written"},
    {.id = PhraseId::NoMemory, .words = "there is no memory left"},
    {.id = PhraseId::ReplacedAllTheTime,
     .words = "it is replaced again and again",
     .advice = "Find out which process does it"},
    {.id = PhraseId::MoveItAway, .words = "Move it away"},
    {.id = PhraseId::RemoveIt, .words = "Remove it"},
    {.id = PhraseId::RemoveTheLink, .words = "Remove the link"},

    // base/
    {.id = PhraseId::SetUpEventLoop, .words = "set up the event loop"},
    {.id = PhraseId::ReadBootId, .words = "read the boot id {file}"},
    {.id = PhraseId::NotAUuid, .words = "it is not a UUID"},
    {.id = PhraseId::OpenLockFile, .words = "open the lock file {file}"},
    {.id = PhraseId::UseLockFile, .words = "use the lock file {file}"},
    {.id = PhraseId::LockTheFile, .words = "lock the file {file}"},
    {.id = PhraseId::ErrnoOfOther,
     .words = "{errno} (it belongs to {user})",
     .advice = "Let no other user run slurper on this, or give the file to slurper's user with chown(1)"},
    {.id = PhraseId::StartThread, .words = "start the thread {thread}"},
    {.id = PhraseId::NoMoreThreads,
     .words = "a limit on threads and processes, or on memory, is reached",
     .advice = "Raise TasksMax= of the service, or the user's limits (LimitNPROC=, ulimit -u, ulimit -v)"},

    // fifo/

    // ring/

    // log/

    // filter/

    // config/

    // sink/

    // service/

    // What `check` finds.

    // What `verify` and `recover` find.
}};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].id) != i) return false;
  }
  return true;
}
static_assert(is_in_order(), "an entry for each phrase, in the order of PhraseId");

constexpr std::string_view kTooManyFiles =
    "Raise the limit on open files: LimitNOFILE= of the service, or ulimit -n";

std::string render(const PhraseValue& value, std::string_view part) {
  using Kind = PhraseValue::Kind;
  switch (value.kind()) {
    case Kind::Text:
      return value.text();
    case Kind::Quoted:
      return in_quotes(value.text());
    case Kind::Number:
      return part == "octal" ? fmt::format("{:04o}", value.number()) : std::to_string(value.number());
    case Kind::Size:
      return part == "exact" ? format(ByteSize{value.number()}) : format_rounded(ByteSize{value.number()});
    case Kind::Duration:
      return format(std::chrono::milliseconds(value.number()));
    case Kind::Uuid: {
      Uuid uuid{};
      std::ranges::copy(value.text(), uuid.begin());
      return format(uuid);
    }
    case Kind::Errno:
      return errno_text(static_cast<int>(value.number()));
    case Kind::Phrases:
      break;
  }
  std::string text;
  for (const Phrase& phrase : value.phrases()) {
    if (!text.empty()) text += "; ";
    text += to_text(phrase);
  }
  return text;
}

// Renders "{name}" or "{name.part}", passed without the braces.
std::optional<std::string> render_argument(std::string_view placeholder, const Phrase& phrase) {
  const std::size_t dot = placeholder.find('.');
  const auto argument =
      std::ranges::find(phrase.arguments(), placeholder.substr(0, dot), &PhraseArgument::name);
  if (argument == phrase.arguments().end()) return std::nullopt;
  const std::string_view part = dot == std::string_view::npos ? "" : placeholder.substr(dot + 1);
  return render(argument->value, part);
}

std::string render(std::string_view words, const Phrase& phrase) {
  return fill_in(words, [&](std::string_view placeholder) { return render_argument(placeholder, phrase); });
}

const PhraseEntry& entry_of(const Phrase& phrase) {
  return kTable[std::min<std::size_t>(static_cast<std::size_t>(phrase.id()), kTable.size() - 1)];
}

}  // namespace

std::span<const PhraseEntry> phrase_table() {
  return kTable;
}

std::string to_text(const Phrase& phrase) {
  return render(entry_of(phrase).words, phrase);
}

std::string with_advice(const Phrase& phrase) {
  const std::string_view advice = entry_of(phrase).advice;
  return advice.empty() ? to_text(phrase) : as_sentence(to_text(phrase)) + " " + render(advice, phrase);
}

std::string advice_of(const Error& error) {
  if (error.errnum == EMFILE)
    return std::string(kTooManyFiles);  // the caller's advice does not fit this cause
  if (!error.advice.empty()) return to_text(error.advice);
  const std::span<const ErrnoAdvice> known = entry_of(error.what).on_errno;
  if (const auto found = std::ranges::find(known, error.errnum, &ErrnoAdvice::errnum); found != known.end())
    return render(found->advice, error.what);
  return render(entry_of(error.why).advice, error.why);
}

std::string to_text(const Error& error) {
  std::string text = fmt::format("cannot {}: {}", to_text(error.what), to_text(error.why));
  if (const std::string advice = advice_of(error); !advice.empty()) text += ". " + advice;
  return text;
}

std::string Phrase::str() const {
  return to_text(*this);
}
std::string Error::message() const {
  return to_text(*this);
}

}  // namespace slurper
