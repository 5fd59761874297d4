// Random filters and records: the answer is that of the plainest evaluation, and a filter that was printed is
// the same filter.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "filter/filter_site.h"
#include "filter/random_filter.h"
#include "filter/regex.h"

namespace slurper {
namespace {

// The header that the parser below gives to every record.
thread_local SyslogHeader header_of_all;
void give_header(std::string_view /*line*/, Timestamp /*arrival*/, SyslogHeader& header) {
  header = header_of_all;
}

TEST(FilterProperty, AnswersAsThePlainestEvaluationDoes) {
  RandomFilters random(11);
  int wanted = 0;
  int unwanted = 0;
  for (int i = 0; i < 4000; ++i) {
    const RandomFilter filter = random.next(4);
    const auto compiled = RecordFilter::compile(filter.text, record_fields());
    ASSERT_TRUE(compiled.has_value()) << filter.text << '\n' << text_of(compiled.error());
    const auto printed = RecordFilter::compile(compiled->text(), record_fields());
    ASSERT_TRUE(printed.has_value()) << compiled->text();
    ASSERT_EQ(printed->text(), compiled->text());
    for (int j = 0; j < 30; ++j) {
      const std::array<std::string, 5> texts = {random.some_text(2), random.some_text(2), random.some_text(2),
                                                random.some_text(12), random.some_text(3)};
      header_of_all = {};
      header_of_all.host = texts[0];
      header_of_all.program = texts[1];
      header_of_all.message_id = texts[2];
      header_of_all.message = texts[3];
      if (const std::size_t severity = random.below(9); severity < 8)
        header_of_all.severity = static_cast<std::uint8_t>(severity);
      const Record record(kSampleLog, 0, 1, texts[4], Part::Whole, kSampleArrival, &give_header);
      const bool plain = filter.wants(header_of_all, texts[4]);
      ASSERT_EQ(compiled->matches(record), plain) << filter.text;
      ASSERT_EQ(printed->matches(record), plain) << compiled->text();
      ++(plain ? wanted : unwanted);
    }
  }
  EXPECT_GT(wanted, 10'000);
  EXPECT_GT(unwanted, 10'000);
}

// Alternatives, repetitions and characters of several bytes, in texts in which they often half match.
TEST(FilterProperty, FindsAlternativesOfAnyCharacters) {
  RandomFilters random(5);
  const std::array<std::string_view, 6> letters = {"a", "ä", "ü", "ß", "語", "\xff"};
  const auto word = [&](std::size_t max) {
    std::string text;
    for (std::size_t i = 1 + random.below(max); i > 0; --i) text += letters[random.below(letters.size())];
    return text;
  };
  int found = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::array<std::string, 3> words = {word(3), word(3), word(3)};
    const auto regex = Regex::compile(words[0] + "|" + words[1] + "|" + words[2]);
    const auto twice = Regex::compile("(?:" + words[0] + "|" + words[1] + "){2}");
    ASSERT_TRUE(regex.has_value() && twice.has_value());
    for (int j = 0; j < 10; ++j) {
      const std::string text = word(8);
      const auto has = [&](const std::string& part) { return text.find(part) != std::string::npos; };
      const bool plain = has(words[0]) || has(words[1]) || has(words[2]);
      ASSERT_EQ(regex->is_in(text), plain)
          << words[0] << '|' << words[1] << '|' << words[2] << " in " << text;
      ASSERT_EQ(twice->is_in(text), has(words[0] + words[0]) || has(words[0] + words[1]) ||
                                        has(words[1] + words[0]) || has(words[1] + words[1]))
          << words[0] << '|' << words[1] << " in " << text;
      found += plain ? 1 : 0;
    }
  }
  EXPECT_GT(found, 5000);
}

}  // namespace
}  // namespace slurper
