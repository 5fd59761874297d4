#include "record/newlines.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace slurper {
namespace {

std::vector<std::size_t> found(std::string_view text, std::size_t begin) {
  Newlines newlines(text, begin);
  std::vector<std::size_t> places;
  for (std::size_t at = newlines.next(); at < text.size(); at = newlines.next()) places.push_back(at);
  EXPECT_EQ(newlines.next(), text.size()) << "it stays at the end";
  return places;
}

std::vector<std::size_t> wanted(std::string_view text, std::size_t begin) {
  std::vector<std::size_t> places;
  for (std::size_t at = text.find('\n', begin); at != text.npos; at = text.find('\n', at + 1))
    places.push_back(at);
  return places;
}

TEST(Newlines, AreFoundAtEveryPlaceOfTextsOfEverySize) {
  for (std::size_t size = 0; size < 200; ++size) {
    const std::vector<char> bytes(size, 'x');  // of exactly this size, for the sanitizer
    EXPECT_TRUE(found({bytes.data(), size}, 0).empty());
    for (std::size_t at = 0; at < size; ++at) {
      std::vector<char> text = bytes;
      text[at] = '\n';
      ASSERT_EQ(found({text.data(), size}, 0), std::vector{at}) << size;
    }
  }
}

TEST(Newlines, AreFoundWhereThereIsNothingElse) {
  for (const std::size_t size : {1U, 63U, 64U, 65U, 2048U, 5000U}) {
    const std::string text(size, '\n');
    EXPECT_EQ(found(text, 0), wanted(text, 0)) << size;
  }
}

TEST(Newlines, AreNoOtherBytes) {
  std::string text;
  for (int i = 0; i < 256; ++i) text.append(3, static_cast<char>(i));
  EXPECT_EQ(found(text, 0), wanted(text, 0));
  EXPECT_EQ(found(text, 0).size(), 3);
}

// Short and long lines take turns, so that the way of searching does, too.
TEST(Newlines, AreFoundInLinesOfAnySizes) {
  std::mt19937_64 random(9);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    while (text.size() < 40'000) {
      const std::size_t longest = std::size_t{1} << (random() % 14);
      for (std::size_t lines = random() % 50; lines > 0; --lines)
        text.append(random() % longest, 'x').push_back('\n');
    }
    text.append(random() % 3000, 'x');
    const std::size_t begin = random() % 5000;
    ASSERT_EQ(found(text, begin), wanted(text, begin));
  }
}

}  // namespace
}  // namespace slurper
