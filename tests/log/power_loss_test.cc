// The power goes out at every system call, and the disk keeps what it must, or more: what was called synced
// is there, nothing is garbage or glued, and no offset is given out twice.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <functional>
#include <set>

#include "log/compress.h"
#include "log/log_writer.h"
#include "log/power_loss_os.h"
#include "log/segment_reader.h"
#include "log/verify.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;

class PowerLoss : public testing::TestWithParam<SyncMode> {
 protected:
  PowerLoss() {
    std::filesystem::create_directory(vault_);
    settings_.path = folder_ + "/messages";
    settings_.sync.mode = GetParam();
    settings_.rotate_size.bytes = 60;
  }

  void empty_folders() {
    for (const std::string& folder : {folder_, vault_}) {
      std::filesystem::remove_all(folder);
      std::filesystem::create_directory(folder);
    }
    stream_.clear();
    synced_.clear();
    next_line_ = 0;
  }

  // A boot of the machine: slurper starts, writes lines in pieces that are no lines, syncs at random,
  // rotates, compresses, and is still running at the end.
  void live(Os& os, int pieces) {
    const Uuid boot = new_uuid();
    auto opened = LogWriter::open(os, settings_, boot);
    if (!opened) return;
    std::unique_ptr<LogWriter> writer_owner = std::move(*opened);
    // As the daemon does, with a ring that is as new as the boot.
    if (!writer_owner->reconcile(writer_owner->end(), {}, writer_owner->session() + 1)) return;
    if (!stream_.empty()) {
      EXPECT_GE(writer_owner->end().value, std::prev(stream_.end())->first) << "an offset is given out twice";
    }
    const StreamOffset boot_begin = writer_owner->end();
    std::string pending;
    for (int piece = 0; piece < pieces; ++piece) {
      if (piece == 14) {
        // slurper alone dies, with bytes that it has not synced, and is started again.
        writer_owner.reset();
        opened = LogWriter::open(os, settings_, boot);
        if (!opened) return;
        writer_owner = std::move(*opened);
        promise(boot_begin, writer_owner->synced());
      }
      LogWriter& writer = *writer_owner;
      if (pending.size() < 9) pending += fmt::format("line {} of the log\n", next_line_++);
      const auto written = writer.append(std::string_view(pending).substr(0, 9));
      if (!written) return;
      for (std::size_t i = 0; i < *written; ++i) stream_[(writer.end().value - *written) + i] = pending[i];
      pending.erase(0, *written);
      if (settings_.sync.mode == SyncMode::Always ||
          (settings_.sync.mode == SyncMode::Periodic && piece % 4 == 3)) {
        if (!writer.sync()) return;
        promise(boot_begin, writer.synced());
      }
      if (piece % 7 == 6) compress_oldest(os, writer.indexed_base());
    }
  }
  void promise(StreamOffset from, StreamOffset to) {
    for (auto byte = stream_.lower_bound(from.value); byte != stream_.end() && byte->first < to.value; ++byte)
      synced_.insert(byte->first);
  }
  void compress_oldest(Os& os, StreamOffset before) {
    const auto segments = list_segments(os, LogPaths(settings_.path));
    if (!segments) return;
    for (const Segment& segment : *segments) {
      if (segment.compressed || segment.base >= before) continue;
      (void)compress_segment(os, LogPaths(settings_.path), segment, {});  // the power may be out
      return;
    }
  }

  // Holds what the log has now against all that was ever written.
  void expect_sound() {
    const auto log = verify_log(kernel(), LogPaths(settings_.path));
    ASSERT_TRUE(log) << text_of(log.error());
    // Without any sync a disk may keep the index of a rotation and not its names: all that is left then is
    // that slurper starts, and gives no offset out twice.
    if (GetParam() == SyncMode::None) return;
    for (const auto& problem : log->problems) ADD_FAILURE() << test::text_of(problem);
    std::set<std::uint64_t> there;
    const auto segments = list_segments(kernel(), LogPaths(settings_.path));
    ASSERT_TRUE(segments);
    const auto check = [&](const Segment& segment) {
      auto reader = SegmentReader::open(kernel(), segment);
      ASSERT_TRUE(reader) << text_of(reader.error());
      std::string bytes(reader->size(), '\0');
      const auto size = reader->read(bytes);
      ASSERT_TRUE(size && *size == bytes.size());
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        const std::uint64_t offset = segment.base.value + i;
        const auto expected = stream_.find(offset);
        // A torn line's end is the one thing that was never written.
        if (i + 1 == bytes.size() && bytes[i] == '\n' &&
            (expected == stream_.end() || expected->second != '\n'))
          continue;
        ASSERT_TRUE(expected != stream_.end()) << "garbage at " << offset;
        ASSERT_EQ(bytes[i], expected->second) << "at offset " << offset;
        there.insert(offset);
      }
    };
    for (const Segment& segment : *segments) check(segment);
    check({.base = log->index->active_base,
           .path = settings_.path,
           .stored = 0,
           .compressed = false,
           .mtime = {}});
    for (const std::uint64_t offset : synced_)
      ASSERT_TRUE(there.contains(offset)) << "synced and lost: " << offset;
  }

  test::TempDir directory_ = test::TempDir::in_ram();  // thousands of folders
  const std::string folder_ = directory_ / "log";
  const std::string vault_ = directory_ / "vault";
  LogSettings settings_;
  std::map<std::uint64_t, char> stream_;  // every byte that any reader of the log may have seen
  std::set<std::uint64_t> synced_;        // what was reported as such
  int next_line_ = 0;
};

TEST_P(PowerLoss, LeavesWhatWasSyncedAndNothingElse) {
  constexpr int kPieces = 40;
  std::set<std::string> hit;
  std::size_t losses = 0;
  for (int last_call = 0;; ++last_call) {
    bool was_out = true;
    for (std::size_t folder = 0, folders = 1; folder < folders; ++folder) {
      for (const PowerLossOs::Bytes bytes : PowerLossOs::kAllBytes) {
        empty_folders();
        PowerLossOs os(folder_, vault_, last_call);
        live(os, kPieces);
        was_out = os.is_out();
        if (was_out) hit.insert(os.last());
        folders = os.folders();
        os.rebuild(folder, bytes);
        SCOPED_TRACE(fmt::format("{} calls, then a failing {}; names {}, bytes {}", last_call, os.last(),
                                 folder, static_cast<int>(bytes)));
        // The next boot's power fails, too, somewhere in its start.
        PowerLossOs second(folder_, vault_, (last_call * 7 + static_cast<int>(folder) * 3) % 60);
        live(second, 3);
        second.rebuild(losses % second.folders(), PowerLossOs::kAllBytes[losses % 5]);
        live(kernel(), 12);
        expect_sound();
        ++losses;
        if (HasFailure()) return;
      }
    }
    if (!was_out) break;
  }
  fmt::print("{} losses of power\n", losses);
  EXPECT_THAT(hit, testing::IsSupersetOf({"open", "write", "pwrite", "rename_noreplace"}));
  EXPECT_GT(losses, 500U);
}

INSTANTIATE_TEST_SUITE_P(All, PowerLoss,
                         testing::Values(SyncMode::Periodic, SyncMode::Always, SyncMode::None),
                         [](const auto& param_info) {
                           switch (param_info.param) {
                             case SyncMode::Always:
                               return "Always";
                             case SyncMode::None:
                               return "None";
                             default:
                               return "Periodic";
                           }
                         });

}  // namespace
}  // namespace slurper
