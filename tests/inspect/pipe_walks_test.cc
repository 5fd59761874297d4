// What walks of the iterator show, and what slurper makes of their answer.
#include "inspect/pipe_walks.h"

#include <gmock/gmock.h>
#include <sys/sysmacros.h>

#include "inspect/kernel_pipes.h"
#include "inspect/pipe_records.h"

namespace slurper::test {
namespace {

using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

KernelPipe only_pipe(const PipeWalks& walks) {
  const std::optional<KernelLook> look = parse_kernel_look(walks.answer());
  EXPECT_TRUE(look && look->pipes.size() == 1);
  return look && !look->pipes.empty() ? look->pipes.begin()->second : KernelPipe{};
}

TEST(PipeWalks, AreSettledIfEachOpenFileIsADescriptor) {
  PipeWalks walks;
  EXPECT_FALSE(walks.is_settled());
  // Two processes share a writer, which counts once; one has it open for both; O_PATH is not counted.
  walks.add(bytes_of(descriptor(1, O_WRONLY, 2, 2)) + bytes_of(descriptor(1, O_WRONLY, 2, 2)) +
            bytes_of(descriptor(2, O_RDWR | O_NONBLOCK, 2, 2)) + bytes_of(descriptor(3, O_RDONLY, 2, 2)) +
            bytes_of(descriptor(4, O_PATH, 2, 2)));
  EXPECT_TRUE(walks.is_settled());
  EXPECT_EQ(only_pipe(walks).unfound_readers, 0U);
  EXPECT_EQ(only_pipe(walks).unfound_writers, 0U);
}

TEST(PipeWalks, CountWhatNoProcessHas) {
  PipeWalks walks;
  for (int i = 0; i < 3; ++i) walks.add(bytes_of(descriptor(1, O_RDONLY, 3, 1)));
  EXPECT_FALSE(walks.is_settled());
  EXPECT_EQ(only_pipe(walks).readers, 3U);
  EXPECT_EQ(only_pipe(walks).unfound_readers, 2U);
  EXPECT_EQ(only_pipe(walks).unfound_writers, 1U);
}

// A process that came or went during a walk is missing in that walk alone.
TEST(PipeWalks, TakeForMissingOnlyWhatEachOfThemLacks) {
  PipeWalks walks;
  walks.add(bytes_of(descriptor(1, O_RDONLY, 3, 0)));
  walks.add(bytes_of(descriptor(1, O_RDONLY, 2, 1)));
  EXPECT_FALSE(walks.is_settled());
  EXPECT_EQ(only_pipe(walks).unfound_readers, 1U);
  EXPECT_EQ(only_pipe(walks).unfound_writers, 0U) << "it was not counted before";
  walks.add(bytes_of(descriptor(1, O_RDONLY, 1, 0)));
  EXPECT_TRUE(walks.is_settled());
}

TEST(PipeWalks, AnswerWithoutAddresses) {
  const u64 address = 0xffff888012345678;
  PipeRecord record = descriptor(address, O_RDONLY, 1, 0);
  record.object = address + 1;
  PipeWalks walks;
  walks.add(bytes_of(record, "/run/fifo"));
  const std::string answer = walks.answer();
  for (const u64 one : {address, address + 1})
    EXPECT_THAT(answer,
                Not(testing::HasSubstr(std::string(reinterpret_cast<const char*>(&one), sizeof one))));
  EXPECT_EQ(parse_kernel_look(answer)->descriptors.at(0).path, "/run/fifo");
}

TEST(KernelLook, HasWhatTheRecordsSay) {
  PipeRecord wanted = descriptor(7, O_WRONLY | O_NONBLOCK, 1, 2);
  wanted.is_wanted = 1;
  wanted.head = 3;
  wanted.tail = 0xfffffffe;  // both wrap
  wanted.bytes = 12345;
  PipeRecord thread{};
  thread.kind = PipeRecordOpening;
  thread.pid = 30;
  thread.tid = 31;
  const auto look = parse_kernel_look(bytes_of(wanted, "/run/fifo") + bytes_of(thread) + end_of_answer());
  ASSERT_TRUE(look);
  ASSERT_NE(look->wanted(), nullptr);
  EXPECT_EQ(look->wanted()->slots_used(), 5U);
  EXPECT_EQ(look->wanted()->bytes, 12345U);
  EXPECT_EQ(look->wanted()->device, makedev(8, 17));
  EXPECT_EQ(look->wanted()->writers, 2U);
  ASSERT_THAT(look->descriptors, SizeIs(1));
  EXPECT_EQ(look->descriptors[0].flags, O_WRONLY | O_NONBLOCK);
  ASSERT_THAT(look->opening, SizeIs(1));
  EXPECT_EQ(look->opening[0].tid, 31);
}

TEST(KernelLook, IsNoneIfTheAnswerCanNotBe) {
  const std::string good = bytes_of(descriptor(7, O_RDONLY, 1, 0), "/run/fifo");
  EXPECT_TRUE(parse_kernel_look(end_of_answer()));
  EXPECT_FALSE(parse_kernel_look(""));
  EXPECT_FALSE(parse_kernel_look(good)) << "without an end";
  EXPECT_FALSE(parse_kernel_look(good + end_of_answer() + "x")) << "bytes after the end";
  const std::string whole = good + end_of_answer();
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(parse_kernel_look(std::string_view(whole).substr(0, size))) << size;
  const auto is_refused = [](void (*spoil)(PipeRecord&)) {
    PipeRecord record = descriptor(7, O_RDONLY, 1, 0);
    spoil(record);
    return !parse_kernel_look(bytes_of(record) + end_of_answer());
  };
  EXPECT_TRUE(is_refused([](PipeRecord& record) { record.pid = 0; }));
  EXPECT_TRUE(is_refused([](PipeRecord& record) { record.pid = 0x80000000; }));
  EXPECT_TRUE(is_refused([](PipeRecord& record) { record.tid = 0; }));
  EXPECT_TRUE(is_refused([](PipeRecord& record) { record.fd = 0xffffffff; }));
  EXPECT_TRUE(is_refused([](PipeRecord& record) { record.file = 0; }));
  EXPECT_TRUE(is_refused([](PipeRecord& record) { record.object = 0; }));
  EXPECT_TRUE(is_refused([](PipeRecord& record) { record.kind = 9; }));
}

}  // namespace
}  // namespace slurper::test
