#include "sink/dead_letter.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "record/syslog_header.h"
#include "sink/dead_letters.h"
#include "support/files.h"
#include "support/temp_dir.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using testing::ElementsAre;

constexpr Timestamp kArrival{std::chrono::milliseconds(1'700'000'000'123)};

std::string letter_of(std::string_view raw, std::string_view reason = "it is bad") {
  const LogId log{7};
  const Record record(log, 10, 10 + raw.size() + 1, raw, Part::Whole, kArrival, &parse_syslog_header);
  return format_dead_letter("mail", record, reason);
}

std::string without_newline(std::string text) {
  EXPECT_TRUE(text.ends_with('\n'));
  text.pop_back();
  return text;
}

TEST(DeadLetter, HasAllBytesOfTheLine) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    if (byte != '\n') all += static_cast<char>(byte);
  }
  for (const std::string& line :
       {std::string(), std::string("<13>Oct 11 22:14:15 host prog[7]: hello"), std::string("\0", 1),
        std::string("quote \" backslash \\ tab \t escape \x1b delete \x7f"),
        std::string("caf\u00e9 \u0085 \u2028 \U0001f600"), std::string("a\xff"), std::string("ab\xff"),
        std::string("abc\xff"), all,
        std::string(
            R"({"sink":"x","reason":"y","line":"z","record":{"arrival":"2001-01-01T00:00:00.000Z"}})")}) {
    const std::string text = without_newline(letter_of(line, "with \"quotes\""));
    const auto letter = parse_dead_letter(text);
    ASSERT_TRUE(letter) << text;
    EXPECT_EQ(letter->line, line);
    EXPECT_EQ(letter->arrival, kArrival) << text;
    EXPECT_TRUE(nlohmann::json::accept(text)) << text;
  }
}

TEST(DeadLetter, KeepsItsPlace) {
  const LogId log{0xab, 1};
  for (const Part part : {Part::Whole, Part::First, Part::Middle, Part::Last}) {
    const std::string raw = R"(in the text: "offset":1,"part":"last")";
    const Record record(log, 1ULL << 40, (1ULL << 40) + 9, raw, part, kArrival, &parse_syslog_header);
    const auto letter = parse_dead_letter(without_newline(format_dead_letter("mail", record, "bad")));
    ASSERT_TRUE(letter && letter->place);
    EXPECT_EQ(letter->place->log_id, log);
    EXPECT_EQ(letter->place->offset, 1ULL << 40);
    EXPECT_EQ(letter->place->part, part);
  }
  EXPECT_FALSE(parse_dead_letter(R"({"sink":"a","reason":"b","line":"c","record":{"offset":1}})")->place);
}

TEST(DeadLetter, IsReadAsItWasWritten) {
  EXPECT_EQ(letter_of("hello"),
            R"({"sink":"mail","reason":"it is bad","line":"hello","record":{"msg":"hello",)"
            R"("arrival":"2023-11-14T22:13:20.123000Z","log_id":"07000000-0000-0000-0000-000000000000",)"
            R"("offset":10}})"
            "\n");
  EXPECT_TRUE(letter_of("\xff").contains(R"("line_base64":"/w==","record":{)")) << letter_of("\xff");
}

// What a crash cut short, and what others wrote.
TEST(DeadLetter, WhatIsNoneIsNotUnderstood) {
  const std::string whole = without_newline(letter_of("hello \\ there\t"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string_view torn = std::string_view(whole).substr(0, size);
    EXPECT_FALSE(parse_dead_letter(torn)) << size;
    EXPECT_EQ(is_torn_dead_letter(torn), size > 0) << size;
  }
  EXPECT_FALSE(is_torn_dead_letter(whole));
  EXPECT_FALSE(is_torn_dead_letter("a note"));
  for (const char* text : {"hello", "{}", R"({"sink":"a","reason":"b","record":{}})",
                           R"({"sink":"a","reason":"b","line":"a\nb","record":{}})",
                           R"({"sink":"a","reason":"b","line":"\u000a","record":{}})",
                           R"({"sink":"a","reason":"b","line":"\u00g0","record":{}})",
                           R"({"sink":"a","reason":"b","line":"\u+0a0","record":{}})",
                           R"({"sink":"a","reason":"b","line_base64":"a","record":{}})",
                           R"({"sink":"a","reason":"b","line_base64":"ab=c","record":{}})",
                           R"({"sink":"a","reason":"b","line_base64":"====","record":{}})",
                           R"({"sink":"a","reason":"b","line":"c","more":{}})"})
    EXPECT_FALSE(parse_dead_letter(text)) << text;
  EXPECT_FALSE(parse_dead_letter(R"({"sink":"a","reason":"b","line":"c","record":{}})")->arrival);
}

class DeadLetterFile : public testing::Test {
 protected:
  DeadLetters letters(Os& os = kernel()) {
    return {os, path_, {}, [](const Phrase& phrase) { return test::text_of(phrase); }};
  }

  test::TempDir directory_;
  std::string path_ = directory_ / "letters";
};

TEST_F(DeadLetterFile, BeginAfterWhatAKillCutShort) {
  // Longer than the part of the file that is read at once.
  const std::string long_letter = letter_of(std::string(100'000, 'x'));
  for (const std::string& before : {std::string(), letter_of("hello"), std::string("a note\n")}) {
    for (const std::string& torn :
         {long_letter.substr(0, 5), long_letter.substr(0, 90'000), without_newline(letter_of("a")) + "x"}) {
      test::write_file(path_, before + torn);
      DeadLetters writer = letters();
      ASSERT_TRUE(writer.append_line("one\n"));
      ASSERT_TRUE(writer.append_line("two\n"));
      EXPECT_EQ(test::read_file(path_), before + "one\ntwo\n");
    }
  }
  // No letter is that long, so it is not read to its beginning.
  const std::string no_letter = long_letter.substr(0, 20) + std::string(9 << 20, 'x');
  for (const std::string& kept :
       {std::string("a note"), without_newline(letter_of("hello")), long_letter, no_letter}) {
    test::write_file(path_, "first\n" + kept);
    DeadLetters writer = letters();
    ASSERT_TRUE(writer.append_line("one\n"));
    EXPECT_EQ(test::read_file(path_), "first\n" + kept + (kept.ends_with('\n') ? "" : "\n") + "one\n");
  }
}

TEST_F(DeadLetterFile, AFullDiskLeavesNoTornLetter) {
  class Full : public Os {
   public:
    ssize_t write(int fd, const void* data, std::size_t size) override {
      return Os::write(fd, data, is_full ? size / 2 : size);
    }
    bool is_full = false;
  };
  Full os;
  DeadLetters writer = letters(os);
  ASSERT_TRUE(writer.append_line(letter_of("one")));
  os.is_full = true;
  const Status written = writer.append_line(letter_of("two"));
  ASSERT_FALSE(written);
  EXPECT_EQ(test::text_of(written.error()), "cannot write to the dead letters '" + path_ +
                                                "': No space left on device. Make room on its file system");
  os.is_full = false;
  ASSERT_TRUE(writer.append_line(letter_of("two")));
  EXPECT_EQ(test::read_file(path_), letter_of("one") + letter_of("two"));
}

// What looks torn may be a write that is under way in another process.
TEST_F(DeadLetterFile, ALockKeepsTheEndAndStopsNoLetter) {
  test::write_file(path_, letter_of("hello").substr(0, 20));
  const UniqueFd other_fd(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(other_fd.get(), LOCK_EX), 0);
  DeadLetters writer = letters();
  ASSERT_TRUE(writer.append_line("one\n"));
  EXPECT_EQ(test::read_file(path_), letter_of("hello").substr(0, 20) + "\none\n");
}

// Counts how often it would have waited for a lock.
class WaitingOs : public Os {
 public:
  int flock(int fd, int operation) override {
    ++attempts;
    return Os::flock(fd, operation);
  }
  int attempts = 0;
};

TEST_F(DeadLetterFile, ALockThatAnotherProcessKeepsDelaysTheFirstLetterOnly) {
  test::write_file(path_, "");
  const UniqueFd other_fd(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(other_fd.get(), LOCK_EX), 0);
  WaitingOs os;
  DeadLetters writer = letters(os);
  ASSERT_TRUE(writer.append_line("one\n"));
  os.attempts = 0;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(writer.append_line("more\n"));
  EXPECT_EQ(os.attempts, 100) << "one look for each letter";
  ASSERT_EQ(::flock(other_fd.get(), LOCK_UN), 0);
  ASSERT_TRUE(writer.append_line("last\n"));
  EXPECT_EQ(os.attempts, 102) << "locked, and unlocked again";
}

// `slurper replay` moves the file away between two of them.
TEST_F(DeadLetterFile, FollowThePath) {
  DeadLetters writer = letters();
  ASSERT_TRUE(writer.append_line("one\n"));
  std::filesystem::rename(path_, path_ + ".moved");
  ASSERT_TRUE(writer.append_line("two\n"));
  std::filesystem::remove(path_);
  ASSERT_TRUE(writer.append_line("three\n"));
  EXPECT_EQ(test::read_file(path_ + ".moved"), "one\ntwo\n");
  EXPECT_EQ(test::read_file(path_), "three\n");
}

// It is moved after the write: the process that moved it may have read it before.
TEST_F(DeadLetterFile, WhatWasWrittenToAFileThatMovesIsWrittenAgain) {
  class Moves : public Os {
   public:
    explicit Moves(std::string path) : path_(std::move(path)) {}
    ssize_t write(int fd, const void* data, std::size_t size) override {
      const ssize_t written = Os::write(fd, data, size);
      if (times > 0 && --times >= 0) std::filesystem::rename(path_, path_ + ".moved");
      return written;
    }
    int times = 1;

   private:
    std::string path_;
  };
  Moves os(path_);
  DeadLetters writer = letters(os);
  ASSERT_TRUE(writer.append_line("one\n"));
  EXPECT_EQ(test::read_file(path_ + ".moved"), "one\n");
  EXPECT_EQ(test::read_file(path_), "one\n");
  os.times = 1000;
  const Status written = writer.append_line("two\n");
  ASSERT_FALSE(written);
  EXPECT_EQ(test::text_of(written.error()),
            "cannot write to the dead letters '" + path_ +
                "': it is replaced again and again. Find out which process does it");
}

}  // namespace
}  // namespace slurper
