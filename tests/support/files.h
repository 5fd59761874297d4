// Whole files, at once: byte by byte, sanitizers take seconds for a ring.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

#include "support/wait.h"

namespace slurper::test {

// "" if there is no such file, or not yet.
inline std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content;
  for (std::array<char, 65536> piece; file.read(piece.data(), piece.size()), file.gcount() > 0;)
    content.append(piece.data(), static_cast<std::size_t>(file.gcount()));
  return content;
}

inline std::string read_file(const std::filesystem::path& path) {
  EXPECT_TRUE(std::filesystem::exists(path)) << path;
  return content_of(path);
}

inline void write_file(const std::filesystem::path& path, std::string_view content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();
  ASSERT_TRUE(file) << path;
}

// Removes a folder in which another process may still create files: while it does, a removal fails.
inline void remove_while_used(const std::filesystem::path& folder) {
  std::error_code busy;
  EXPECT_TRUE(eventually([&] {
    std::filesystem::remove_all(folder, busy);
    return !std::filesystem::exists(folder);
  })) << folder
      << ": " << busy.message();
}

}  // namespace slurper::test
