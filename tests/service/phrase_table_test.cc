#include "service/phrase_table.h"

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace slurper {
namespace {

using std::chrono_literals::operator""ms;

TEST(PhraseTable, HasWordsForEachPhrase) {
  for (const PhraseEntry& entry : phrase_table().subspan(1)) {
    const auto number = static_cast<int>(entry.id);
    EXPECT_FALSE(entry.words.empty()) << number;
    // A message joins them, so they neither end nor begin like a sentence of their own.
    for (const std::string_view words : {entry.words, entry.advice}) {
      EXPECT_FALSE(words.ends_with('.') || words.ends_with(' ') || words.starts_with(' ')) << words;
      EXPECT_EQ(std::ranges::count(words, '{'), std::ranges::count(words, '}')) << words;
    }
    for (const ErrnoAdvice& known : entry.on_errno) EXPECT_FALSE(known.advice.ends_with('.')) << known.advice;
  }
}

TEST(PhraseTable, RendersEachKindOfArgument) {
  const auto shown = [](PhraseValue value) {
    return to_text(Phrase(PhraseId::Text, {{"text", std::move(value)}}));
  };
  EXPECT_EQ(shown("as it is"), "as it is");
  EXPECT_EQ(shown(QuotedText{"a\nb"}), "'a\\x0ab'");
  EXPECT_EQ(shown(std::uint64_t{42}), "42");
  EXPECT_EQ(shown(ByteSize{1500}), "1.46KiB");
  EXPECT_EQ(shown(1500ms), "1500ms");
  EXPECT_EQ(shown(std::array<std::uint8_t, 16>{0x6b, 0xa7, 0xb8, 0x10}),
            "6ba7b810-0000-0000-0000-000000000000");
  EXPECT_EQ(shown(Errno{ENOENT}), "No such file or directory");
  EXPECT_EQ(shown(Phrase(PhraseId::NotAUuid)), "it is not a UUID");
  EXPECT_EQ(shown(std::vector{Phrase(PhraseId::NotAUuid), own_words("two")}), "it is not a UUID; two");
}

TEST(PhraseTable, AnUnknownPlaceholderStaysAsItIsWritten) {
  EXPECT_EQ(to_text(Phrase(PhraseId::OpenLockFile)), "open the lock file {file}");
}

TEST(PhraseTable, AnErrorIsWhatWhyAndAdvice) {
  const Phrase what = about_file(PhraseId::OpenLockFile, "/run/x");
  EXPECT_EQ(to_text(fail(ErrorKind::Io, what, PhraseId::NotAUuid).error()),
            "cannot open the lock file '/run/x': it is not a UUID");
  const Error with_advice = fail(ErrorKind::Io, what, PhraseId::ReplacedAllTheTime).error();
  EXPECT_EQ(
      to_text(with_advice),
      "cannot open the lock file '/run/x': it is replaced again and again. Find out which process does it");
  // The caller's advice comes first.
  EXPECT_EQ(advice_of(fail(ErrorKind::Io, what, PhraseId::ReplacedAllTheTime, PhraseId::MoveItAway).error()),
            "Move it away");
  EXPECT_EQ(to_text(fail_errno(EACCES, what).error()),
            "cannot open the lock file '/run/x': Permission denied");
}

TEST(PhraseTable, ALimitOnFilesIsTheAdviceWhateverFailed) {
  const Error error = fail_errno(EMFILE, PhraseId::SetUpEventLoop, PhraseId::MoveItAway).error();
  EXPECT_EQ(
      to_text(error),
      "cannot set up the event loop: Too many open files. Raise the limit on open files: LimitNOFILE= of "
      "the service, or ulimit -n");
}

TEST(PhraseTable, AFindingIsASentenceBeforeItsAdvice) {
  EXPECT_EQ(with_advice(Phrase(PhraseId::NotAUuid)), "it is not a UUID");
  EXPECT_EQ(with_advice(Phrase(PhraseId::ReplacedAllTheTime)),
            "it is replaced again and again. Find out which process does it");
}

TEST(PhraseTable, AFindingHasTheAdviceOfWhatItNames) {
  const Error error = fail_errno(EACCES, PhraseId::SetUpEventLoop, PhraseId::MoveItAway).error();
  EXPECT_EQ(with_advice(as_phrase(error)), to_text(error));
  const auto unusable = [](Phrase reason) {
    return Phrase(PhraseId::IndexUnusable, {{"file", QuotedText{"x"}}, {"reason", std::move(reason)}});
  };
  EXPECT_EQ(advice_of(unusable(PhraseId::NotAUuid)), "Check the disk") << "its own";
  EXPECT_EQ(advice_of(unusable(PhraseId::ReplacedAllTheTime)), "Find out which process does it");
  Phrase advised = unusable(PhraseId::ReplacedAllTheTime);
  EXPECT_EQ(advice_of(advised.with({"advice", Phrase(PhraseId::MoveItAway)})), "Move it away");
  EXPECT_EQ(advice_of(as_phrase(fail_errno(EMFILE, PhraseId::SetUpEventLoop).error())),
            "Raise the limit on open files: LimitNOFILE= of the service, or ulimit -n");
}

}  // namespace
}  // namespace slurper
