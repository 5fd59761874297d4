// What the tests of a log share: a folder of their own, and files as strings.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>

#include "support/temp_dir.h"

namespace slurper {

inline void write_file(const std::string& path, std::string_view content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();
  ASSERT_TRUE(file) << path;
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

// `size` bytes of numbered lines, as a log holds them: they compress, and no two parts are the same.
inline std::string numbered_lines(std::size_t size) {
  std::string lines;
  for (std::size_t i = 0; lines.size() < size; ++i)
    lines += "Nov 21 19:40:00 host program[" + std::to_string(i * 7919 % 32768) + "]: line " +
             std::to_string(i) + "\n";
  lines.resize(size);
  if (size > 0) lines.back() = '\n';
  return lines;
}

// `size` bytes that do not compress.
inline std::string noise(std::size_t size) {
  std::mt19937 random(42);  // NOLINT(bugprone-random-generator-seed): the same noise in every run
  std::string bytes(size, '\0');
  std::ranges::generate(bytes, [&] { return static_cast<char>(random()); });
  return bytes;
}

inline bool exists(const std::string& path) {
  return std::filesystem::symlink_status(path).type() != std::filesystem::file_type::not_found;
}

}  // namespace slurper
