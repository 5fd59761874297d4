#include "record/framer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/text.h"
#include "record/cut_stream.h"
#include "record/syslog_header.h"

namespace slurper {
namespace {

using namespace std::string_view_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class FramerTest : public testing::Test {
 protected:
  // "whole 0..2 'a'", one a line.
  static std::string shown(const std::vector<Piece>& pieces) { return testing::PrintToString(pieces); }

  std::vector<std::string> raws() const {
    std::vector<std::string> texts;
    texts.reserve(records_.size());
    for (const Record& record : records_) texts.emplace_back(record.raw());
    return texts;
  }

  LogId log_id_{{1, 2, 3}};
  std::vector<Record> records_;
};

TEST_F(FramerTest, CutsLines) {
  EXPECT_THAT(cut_stream({}, "a\nbc\n\nd\n"),
              ElementsAre(Piece{0, 2, "a", Part::Whole}, Piece{2, 5, "bc", Part::Whole},
                          Piece{5, 6, "", Part::Whole}, Piece{6, 8, "d", Part::Whole}));
  EXPECT_THAT(cut_stream({}, ""), IsEmpty());
}

TEST_F(FramerTest, RecordsSayWhereTheyAre) {
  Framer framer(log_id_, {}, StreamOffset{1000});
  const Timestamp arrival{std::chrono::seconds(77)};
  EXPECT_EQ(framer.cut("<13>x\ny\nz", {.time = arrival}, 10, records_), 8);
  ASSERT_EQ(records_.size(), 2);
  EXPECT_EQ(records_[0].offset(), 1000);
  EXPECT_EQ(records_[0].next_offset(), 1006);
  EXPECT_EQ(records_[1].next_offset(), 1008);
  EXPECT_EQ(framer.offset(), StreamOffset{1008});
  EXPECT_EQ(&records_[0].log_id(), &log_id_);
  EXPECT_EQ(records_[0].arrival(), arrival);
  EXPECT_EQ(records_[0].header().message, "x");
}

TEST_F(FramerTest, ALineWithoutAnEndIsNoRecord) {
  Framer framer(log_id_, {}, StreamOffset{0});
  EXPECT_EQ(framer.cut("abc", {}, 10, records_), 0);
  EXPECT_THAT(raws(), IsEmpty());
  EXPECT_EQ(framer.cut("abcd", {}, 10, records_), 0);
  EXPECT_EQ(framer.cut("abcd\n", {}, 10, records_), 5);
  EXPECT_THAT(raws(), ElementsAre("abcd"));
}

TEST_F(FramerTest, CarriageReturnsAreBytesOrLineEnds) {
  const std::string_view text = "a\r\nb\n\r\n\rc\r\r\n";
  EXPECT_THAT(cut_stream({.crlf = false}, text),
              ElementsAre(Piece{0, 3, "a\r", Part::Whole}, Piece{3, 5, "b", Part::Whole},
                          Piece{5, 7, "\r", Part::Whole}, Piece{7, 12, "\rc\r\r", Part::Whole}));
  EXPECT_THAT(cut_stream({.crlf = true}, text),
              ElementsAre(Piece{0, 3, "a", Part::Whole}, Piece{3, 5, "b", Part::Whole},
                          Piece{5, 7, "", Part::Whole}, Piece{7, 12, "\rc\r", Part::Whole}));
}

TEST_F(FramerTest, ALongLineComesInParts) {
  const FramerSettings four{.max_line = 4};
  EXPECT_THAT(cut_stream(four, "abcd\n"), ElementsAre(Piece{0, 5, "abcd", Part::Whole}));
  EXPECT_THAT(cut_stream(four, "abcde\nx\n"),
              ElementsAre(Piece{0, 4, "abcd", Part::First}, Piece{4, 6, "e", Part::Last},
                          Piece{6, 8, "x", Part::Whole}));
  EXPECT_THAT(cut_stream(four, "abcdefgh\n"),
              ElementsAre(Piece{0, 4, "abcd", Part::First}, Piece{4, 9, "efgh", Part::Last}));
  EXPECT_THAT(cut_stream(four, "abcdefghi\n"),
              ElementsAre(Piece{0, 4, "abcd", Part::First}, Piece{4, 8, "efgh", Part::Middle},
                          Piece{8, 10, "i", Part::Last}));
}

TEST_F(FramerTest, PartsComeBeforeTheLineHasItsEnd) {
  Framer framer(log_id_, {.max_line = 4}, StreamOffset{0});
  EXPECT_EQ(framer.cut("abcde", {}, 10, records_), 0) << "CR and LF may still come";
  EXPECT_EQ(framer.cut("abcdef", {}, 10, records_), 4);
  EXPECT_EQ(framer.cut("efghij", {}, 10, records_), 4);
  EXPECT_EQ(framer.cut("ij\nk\n", {}, 10, records_), 5);
  EXPECT_THAT(raws(), ElementsAre("abcd", "efgh", "ij", "k"));
  EXPECT_EQ(records_[1].part(), Part::Middle);
  EXPECT_EQ(records_[2].part(), Part::Last);
  EXPECT_EQ(records_[3].part(), Part::Whole);
}

TEST_F(FramerTest, APartNeverDividesALineEnd) {
  const FramerSettings four{.max_line = 4, .crlf = true};
  EXPECT_THAT(cut_stream(four, "abcd\r\n"), ElementsAre(Piece{0, 6, "abcd", Part::Whole}));
  EXPECT_THAT(cut_stream(four, "abc\r\n"), ElementsAre(Piece{0, 5, "abc", Part::Whole}));
  EXPECT_THAT(cut_stream(four, "abcd\rx\r\n"),
              ElementsAre(Piece{0, 4, "abcd", Part::First}, Piece{4, 8, "\rx", Part::Last}));
  EXPECT_THAT(cut_stream(four, "abcdefgh\r\n"),
              ElementsAre(Piece{0, 4, "abcd", Part::First}, Piece{4, 10, "efgh", Part::Last}));
}

TEST_F(FramerTest, APartNeverDividesACharacter) {
  const FramerSettings eight{.max_line = 8};
  for (const std::string character : {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"}) {
    for (std::size_t before = 9 - character.size(); before < 8; ++before) {
      const std::string line(before, 'x');
      const std::vector<Piece> pieces = cut_stream(eight, line + character + "yyyyyyyy\n");
      EXPECT_EQ(pieces.front().raw, line) << character;
    }
    const std::string fits(8 - character.size(), 'x');
    EXPECT_EQ(cut_stream(eight, fits + character + "y\n").front().raw, fits + character);
  }
  // Bytes that are not UTF-8 are cut at max_line.
  for (const std::string& bytes :
       {std::string(20, '\x80'), std::string(20, '\xff'), "xxxxxx\xc3\xa9\xa9\xa9" + std::string(9, 'y'),
        "xxxxxx\xff\x80\x80\x80" + std::string(9, 'y'), "xxxxxxx\xc3" + std::string(9, 'y')})
    EXPECT_EQ(cut_stream(eight, bytes + "\n").front().raw.size(), 8) << testing::PrintToString(bytes);
}

TEST_F(FramerTest, AVerySmallMaxLineStillGoesOn) {
  for (std::size_t max_line = 1; max_line < 5; ++max_line) {
    const std::string stream = "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\n\xe2\x82\xac\r\n";
    for (const bool crlf : {false, true}) {
      const FramerSettings settings{.max_line = max_line, .crlf = crlf};
      EXPECT_EQ(fault_in(cut_stream(settings, stream), settings, stream, 0), "") << max_line;
    }
  }
}

TEST_F(FramerTest, StopsAtTheLimitAndGoesOnThere) {
  Framer framer(log_id_, {.max_line = 4}, StreamOffset{0});
  const std::string_view text = "a\nb\nabcdefghijk\nc\n";
  std::size_t used = 0;
  for (std::size_t taken = 1; taken <= 6; ++taken) used += framer.cut(text.substr(used), {}, taken, records_);
  EXPECT_THAT(raws(), ElementsAre("a", "b", "abcd", "efgh", "ijk", "c"));
  EXPECT_EQ(used, text.size());
  EXPECT_EQ(framer.cut("d\n", {}, 6, records_), 0);
  EXPECT_EQ(framer.cut("d\n", {}, 7, records_), 2);
}

TEST_F(FramerTest, StopsWhereTheArrivalEnds) {
  Framer framer(log_id_, {}, StreamOffset{100});
  const std::string_view text = "a\nbbbb\nc\n";
  const Timestamp early{std::chrono::seconds(1)};
  const Timestamp late{std::chrono::seconds(2)};
  EXPECT_EQ(framer.cut(text, {.time = early, .until = StreamOffset{100}}, 9, records_), 0);
  EXPECT_EQ(framer.cut(text, {.time = early, .until = StreamOffset{102}}, 9, records_), 2);
  EXPECT_EQ(framer.cut(text.substr(2), {.time = early, .until = StreamOffset{104}}, 9, records_), 5);
  EXPECT_EQ(framer.cut(text.substr(7), {.time = late}, 9, records_), 2);
  ASSERT_THAT(raws(), ElementsAre("a", "bbbb", "c"));
  EXPECT_EQ(records_[1].arrival(), early) << "it began before";
  EXPECT_EQ(records_[2].arrival(), late);
}

TEST_F(FramerTest, AGapEndsALine) {
  Framer framer(log_id_, {.max_line = 4, .crlf = true}, StreamOffset{0});
  EXPECT_EQ(framer.cut("abc", {}, 9, records_), 0);
  framer.flush("abc", {}, records_);
  EXPECT_EQ(framer.offset(), StreamOffset{3});
  framer.seek(StreamOffset{50});
  EXPECT_EQ(framer.cut("def\nabcd\r", {}, 9, records_), 4);
  framer.flush("abcd\r", {}, records_);
  framer.seek(StreamOffset{90});
  EXPECT_EQ(framer.cut("abcdef", {}, 9, records_), 4);
  framer.flush("ef", {}, records_);
  framer.seek(StreamOffset{100});
  EXPECT_EQ(framer.cut("g\n", {}, 9, records_), 2);
  ASSERT_THAT(raws(), ElementsAre("abc", "def", "abcd", "\r", "abcd", "ef", "g"));
  EXPECT_EQ(records_[0].next_offset(), 3);
  EXPECT_EQ(records_[1].offset(), 50);
  EXPECT_EQ(records_[2].part(), Part::First);
  EXPECT_EQ(records_[3].part(), Part::Last);
  EXPECT_EQ(records_[5].part(), Part::Last);
  EXPECT_EQ(records_[6].part(), Part::Whole);
  EXPECT_EQ(records_[6].offset(), 100);
}

TEST_F(FramerTest, AGapRightBehindAPartLeavesItWithoutALast) {
  Framer framer(log_id_, {.max_line = 4}, StreamOffset{0});
  EXPECT_EQ(framer.cut("abcdef", {}, 1, records_), 4);
  framer.flush("", {}, records_);
  EXPECT_EQ(framer.cut("x\n", {}, 9, records_), 2);
  EXPECT_EQ(records_.back().part(), Part::Whole);
}

// A restart: the same records from any of them on, if the framer knows the header of a line that it continues
// in the middle of.
TEST_F(FramerTest, GoesOnAtAnyRecord) {
  const std::string_view stream = "a\nbb\nabcdefghijk\nc\n";
  const auto cut_from = [&](std::uint64_t begin, bool in_line) {
    Framer framer(log_id_, {.max_line = 4}, StreamOffset{begin});
    SyslogHeader header;
    header.program = "p";
    if (in_line) framer.go_on(StreamOffset{begin}, header);
    records_.clear();
    (void)framer.cut(stream.substr(begin), {}, SIZE_MAX, records_);
    std::vector<Piece> pieces;
    for (const Record& record : records_)
      pieces.push_back({record.offset(), record.next_offset(), std::string(record.raw()), record.part()});
    for (std::size_t i = 0; in_line && (i == 0 || records_[i].part() == Part::Middle); ++i)
      EXPECT_EQ(records_[i].header().program, "p") << pieces[i];
    return pieces;
  };
  const std::vector<Piece> all = cut_from(0, false);
  ASSERT_EQ(all.size(), 6U);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::vector<Piece> wanted(all.begin() + static_cast<std::ptrdiff_t>(i), all.end());
    const bool in_line = all[i].part == Part::Middle || all[i].part == Part::Last;
    EXPECT_EQ(cut_from(all[i].offset, in_line), wanted);
  }
}

TEST_F(FramerTest, AllPartsHaveTheHeaderOfTheLine) {
  const std::string head = "<34>1 2003-10-11T22:14:15.003Z host prog 77 ID [a b=\"c\"] ";
  const std::string line = head + std::string(1000, 'x');
  const std::string stream = "plain\n" + line + "\n<13>" + std::string(200, 'y') + '\n' + line + "\nplain\n";
  const FramerSettings settings{.max_line = 100};
  std::mt19937_64 random(9);
  for (int round = 0; round < 200; ++round) {
    // Records are looked at when they have all been cut, and a buffer is gone with them: what points to
    // another batch's is found by the address sanitizer, and by the pattern that is written over it.
    Framer framer(log_id_, settings, StreamOffset{0});
    std::string_view left = stream;
    std::size_t parts = 0;
    while (!left.empty()) {
      std::string buffer(left);
      std::size_t used = 0;
      records_.clear();
      for (std::size_t limit = 1 + random() % 4; limit > records_.size();) {
        const std::size_t cut =
            framer.cut(std::string_view(buffer).substr(used), {}, 1 + records_.size(), records_);
        used += cut;
        if (cut == 0) break;
      }
      for (const Record& record : records_) {
        const SyslogHeader& header = record.header();
        if (record.raw() == "plain") {
          EXPECT_EQ(header.facility, std::nullopt);
        } else if (record.raw().ends_with('y')) {
          EXPECT_EQ(header.format, HeaderFormat::None);
          EXPECT_EQ(header.facility, 1);
          EXPECT_EQ(header.program, "");
        } else {
          EXPECT_EQ(header.format, HeaderFormat::Rfc5424);
          EXPECT_EQ(header.facility, 4);
          EXPECT_EQ(header.severity, 2);
          EXPECT_TRUE(header.timestamp);
          EXPECT_EQ(header.host, "host");
          EXPECT_EQ(header.program, "prog");
          EXPECT_EQ(header.pid, "77");
          EXPECT_EQ(header.message_id, "ID");
          EXPECT_EQ(header.structured_data, "[a b=\"c\"]");
        }
        const bool begins = record.part() == Part::Whole || record.part() == Part::First;
        if (!begins) {
          EXPECT_EQ(header.message, record.raw());
          ++parts;
        } else if (record.raw().starts_with(head)) {
          EXPECT_EQ(header.message, record.raw().substr(head.size()));
        }
      }
      left.remove_prefix(used);
      buffer.assign(buffer.size(), '#');
    }
    EXPECT_EQ(parts, 22U);
  }
}

// What has been searched once is not searched again: a line that comes byte by byte costs what it costs at
// once. Searching from the line's beginning would take 2^31 steps here.
TEST_F(FramerTest, SearchesEachByteOnce) {
  Framer framer(log_id_, {}, StreamOffset{0});
  const std::string line(64 << 10, 'x');
  for (std::size_t size = 0; size <= line.size(); ++size) {
    // Bytes that were seen before are not looked at: a newline among them would end the line.
    std::string bytes = line.substr(0, size);
    if (size > 1000) bytes[500] = '\n';
    ASSERT_EQ(framer.cut(bytes, {}, 9, records_), 0) << size;
    if (size == 1100) size = line.size() - 100;
  }
}

TEST_F(FramerTest, HoldsForAnyBytesInAnyPieces) {
  std::mt19937_64 random(7);
  const auto below = [&](std::size_t end) { return static_cast<std::size_t>(random() % end); };
  static constexpr std::string_view kBytes = "\n\r\0ab\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xff"sv;
  for (int round = 0; round < 3000; ++round) {
    const FramerSettings settings{.max_line = 1 + below(round % 2 == 0 ? 12 : 200), .crlf = below(2) == 0};
    std::string stream;
    const std::size_t newlines = 1 + below(60);
    for (std::size_t size = below(1200); size > 0; --size)
      stream += below(newlines) == 0 ? '\n' : kBytes[below(kBytes.size())];
    const std::uint64_t begin = random() >> (1 + below(63));
    const std::vector<Piece> at_once =
        cut_stream(settings, stream, begin, [] { return SIZE_MAX; }, [] { return SIZE_MAX; });
    ASSERT_EQ(fault_in(at_once, settings, stream, begin), "") << shown(at_once);
    const std::vector<Piece> pieces =
        cut_stream(settings, stream, begin, [&] { return below(40); }, [&] { return below(5) + 1; });
    ASSERT_EQ(pieces, at_once);
  }
}

// No character is cut in a stream of valid UTF-8.
TEST_F(FramerTest, PartsOfUtf8AreUtf8) {
  std::mt19937_64 random(8);
  static constexpr std::array<std::string_view, 6> kCharacters = {
      "a", "\n", "\r\n", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
  for (int round = 0; round < 500; ++round) {
    std::string stream;
    for (int i = 0; i < 300; ++i) {
      const std::size_t choice = random() % 40;
      stream += kCharacters.at(choice < kCharacters.size() ? choice : 3 + choice % 3);
    }
    const FramerSettings settings{.max_line = 4 + random() % 40, .crlf = random() % 2 == 0};
    for (const Piece& piece : cut_stream(settings, stream)) ASSERT_TRUE(is_utf8(piece.raw)) << piece;
  }
}

}  // namespace
}  // namespace slurper
