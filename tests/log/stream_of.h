// A log's stream as its files and its index tell it, for tests that damage logs.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>

#include "log/log_files.h"
#include "log/log_index.h"
#include "log/segment_name.h"

namespace slurper {

// Every piece of the stream that the log holds, by its offset: each segment's own bytes. Adds a test failure
// if two segments hold the same offset, or if a gap between two of them is not noted in the index.
inline std::map<std::uint64_t, std::string> pieces_of(const LogPaths& paths) {
  std::map<std::uint64_t, std::string> pieces;
  const auto index = read_index(kernel(), paths);
  const auto segments = list_segments(kernel(), paths);
  EXPECT_TRUE(index && index->record && segments);
  if (!index || !index->record || !segments) return pieces;
  const IndexRecord& record = *index->record;
  const auto add = [&](StreamOffset base, const std::string& path) {
    std::string bytes = read_file(path);
    bytes.resize(record.own_bytes(base, bytes.size()));
    const auto last = pieces.empty() ? pieces.end() : std::prev(pieces.end());
    if (last != pieces.end()) {
      std::uint64_t end = last->first + last->second.size();
      EXPECT_LE(end, base.value) << path << " begins before the one before it ends";
      for (const StreamNote& note : record.notes) {
        if (note.kind != NoteKind::None && note.offset.value <= end) end = std::max(end, note.end().value);
      }
      EXPECT_GE(end, base.value) << path << ": what is before it is not noted";
    }
    if (!bytes.empty()) pieces[base.value] = bytes;
  };
  for (const Segment& segment : *segments) add(segment.base, segment.path);
  if (exists(paths.active())) add(record.active_base, paths.active());
  return pieces;
}

// Whether every piece is what `stream` holds there.
inline void expect_pieces_of(std::string_view stream, const std::map<std::uint64_t, std::string>& pieces) {
  for (const auto& [offset, bytes] : pieces) {
    ASSERT_LE(offset + bytes.size(), stream.size());
    EXPECT_EQ(bytes, stream.substr(offset, bytes.size())) << "at offset " << offset;
  }
}

}  // namespace slurper
