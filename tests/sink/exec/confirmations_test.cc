#include "sink/exec/confirmations.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;

// A batch of three lines, whose records end at 10, 20 and 30. All lines are written.
class ConfirmationsTest : public testing::Test {
 protected:
  void begin(Confirm mode, std::size_t window = 128) {
    confirmations_.emplace(mode, window);
    written_ = 0;
    confirmations_->begin_program();
    EXPECT_EQ(answer("OK"), "");  // the first OK
    confirmations_->begin_batch();
    if (mode == Confirm::Transaction) add(0, std::nullopt);
    for (const std::uint64_t record : {0U, 10U, 20U}) add(record + 10, record);
    if (mode == Confirm::Transaction) add(30, std::nullopt);
  }
  std::string answer(std::string_view text) {
    const Phrase wrong = confirmations_->take_answer(text, written_);
    return wrong.empty() ? "" : text_of(wrong);
  }

  std::optional<Confirmations> confirmations_;

 private:
  void add(std::uint64_t next_offset, std::optional<std::uint64_t> record) {
    confirmations_->add_line(next_offset, record);
    ++written_;
  }

  std::size_t written_ = 0;
};

TEST_F(ConfirmationsTest, AnOkConfirmsItsLineAndAllBefore) {
  begin(Confirm::Line);
  EXPECT_EQ(confirmations_->confirmed(), std::nullopt);
  EXPECT_EQ(answer("OK"), "");
  EXPECT_EQ(confirmations_->confirmed(), 10U);
  EXPECT_EQ(answer("...OK"), "");
  EXPECT_EQ(answer("OK"), "");
  EXPECT_EQ(confirmations_->confirmed(), 30U);
  EXPECT_TRUE(confirmations_->all_answered());
  EXPECT_NE(answer("OK"), "") << "no line is left to answer";
}

TEST_F(ConfirmationsTest, ARejectedLineIsDoneWith) {
  begin(Confirm::Line);
  EXPECT_EQ(answer("OK"), "");
  EXPECT_EQ(answer("REJECTED: too long"), "");
  EXPECT_EQ(confirmations_->confirmed(), 20U);
  const std::vector<Rejection> rejected = confirmations_->take_rejections();
  ASSERT_EQ(rejected.size(), 1U);
  EXPECT_EQ(rejected[0].offset, 10U);
  EXPECT_EQ(text_of(rejected[0].reason), "too long");
  EXPECT_TRUE(confirmations_->take_rejections().empty());
}

TEST_F(ConfirmationsTest, ATransactionIsConfirmedByTheAnswerToItsCommit) {
  begin(Confirm::Transaction);
  EXPECT_EQ(answer("OK"), "");
  for (int line = 0; line < 3; ++line) EXPECT_EQ(answer("DEFER_COMMIT"), "");
  EXPECT_EQ(confirmations_->confirmed(), 0U) << "BEGIN alone";
  EXPECT_EQ(answer("OK"), "");
  EXPECT_EQ(confirmations_->confirmed(), 30U);
}

TEST_F(ConfirmationsTest, PreviousCommittedConfirmsTheLinesBefore) {
  begin(Confirm::Transaction);
  for (const char* const text : {"OK", "DEFER_COMMIT", "PREVIOUS_COMMITTED"}) EXPECT_EQ(answer(text), "");
  EXPECT_EQ(confirmations_->confirmed(), 10U);
}

TEST_F(ConfirmationsTest, AMarkTakesOnlyAnOk) {
  for (const char* const text : {"DEFER_COMMIT", "PREVIOUS_COMMITTED", "REJECTED"}) {
    begin(Confirm::Transaction);
    EXPECT_NE(answer(text), "") << text;
  }
}

TEST_F(ConfirmationsTest, LinesOnTheirWayStayWithinTheWindow) {
  begin(Confirm::Line, 2);
  EXPECT_EQ(confirmations_->allowance(0), 2U);
  EXPECT_EQ(confirmations_->allowance(1), 1U);
  EXPECT_EQ(confirmations_->allowance(2), 0U);
  EXPECT_EQ(answer("OK"), "");
  EXPECT_EQ(confirmations_->allowance(2), 1U);
}

TEST_F(ConfirmationsTest, NoLineIsReadyBeforeTheFirstOk) {
  Confirmations waits(Confirm::Line, 1);
  waits.begin_program();
  EXPECT_FALSE(waits.ready());
  EXPECT_FALSE(waits.take_answer("hello", 0).empty());
  EXPECT_TRUE(waits.take_answer("OK", 0).empty());
  EXPECT_TRUE(waits.ready());

  Confirmations never_waits(Confirm::None, 1);
  never_waits.begin_program();
  EXPECT_TRUE(never_waits.ready());
}

}  // namespace
}  // namespace slurper
