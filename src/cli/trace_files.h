// CaptureFiles: the files that a recording goes into, one after another.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "trace/scap/capture_output.h"

namespace slurper {

// Removes the file that it created last if that has remained empty. For one thread.
class CaptureFiles {
 public:
  struct Options {
    std::string path;
    // PATH.1, PATH.2 and so on, after the highest number that exists; else PATH alone.
    bool is_numbered = false;
    std::uint64_t keep = 0;  // of the numbered files, the newest; 0: all
    bool may_overwrite = true;
    CaptureOutput::Compression compression = CaptureOutput::Compression::None;
  };

  explicit CaptureFiles(Options options) : options_(std::move(options)) {}
  CaptureFiles(const CaptureFiles&) = delete;
  CaptureFiles& operator=(const CaptureFiles&) = delete;
  ~CaptureFiles();

  // Creates the next file, empty. That it can be created is known before there is anything to write.
  Captured<void> create();
  Captured<void> write(std::string_view bytes) { return output_->write(bytes); }
  // Ends the file, and removes those that are too many.
  Captured<void> finish();

  [[nodiscard]] const std::string& path() const { return path_; }
  // Of the present file, or of the one that was finished last.
  [[nodiscard]] std::uint64_t size() const { return output_ ? output_->size() : finished_size_; }

 private:
  void remove_oldest() const;

  Options options_;
  std::string path_;
  std::optional<CaptureOutput> output_;  // of the present file
  std::uint64_t finished_size_ = 0;
};

}  // namespace slurper
