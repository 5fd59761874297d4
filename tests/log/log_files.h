// What the tests of a log share: a folder of their own, and files as strings.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>

#include "support/files.h"
#include "support/temp_dir.h"

namespace slurper {

using test::read_file;
using test::write_file;

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
  std::mt19937_64 random(42);  // NOLINT(bugprone-random-generator-seed): the same noise in every run
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; i += sizeof(std::uint64_t)) {
    const std::uint64_t piece = random();
    std::memcpy(&bytes[i], &piece, std::min(sizeof piece, size - i));
  }
  return bytes;
}

inline bool exists(const std::string& path) {
  return std::filesystem::symlink_status(path).type() != std::filesystem::file_type::not_found;
}

}  // namespace slurper
