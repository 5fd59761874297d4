#include "sink/letter_reader.h"

#include <fcntl.h>

#include <algorithm>

#include "base/error.h"
#include "base/phrase_id.h"

namespace slurper {

Result<std::optional<std::string_view>> LetterReader::next() {
  constexpr std::size_t kChunk = 65536;
  const auto failed = [&](ssize_t result) {
    return fail_errno(static_cast<int>(-result), about_file(PhraseId::ReadDeadLetters, path_));
  };
  if (!fd_) {
    fd_.reset(os_.open(path_.c_str(), O_RDONLY | O_NOFOLLOW));
    if (!fd_) return failed(fd_.get());
  }
  text_.erase(0, begin_);
  begin_ = 0;
  std::size_t end = text_.find('\n');
  while (end == std::string::npos) {
    const std::size_t before = text_.size();
    text_.resize(before + kChunk);
    const ssize_t got = os_.read(fd_.get(), text_.data() + before, kChunk);
    text_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0) return failed(got);
    if (got == 0) break;
    end = text_.find('\n', before);
  }
  is_ended_ = end != std::string::npos;
  if (!is_ended_ && text_.empty()) return std::nullopt;
  begin_ = is_ended_ ? end + 1 : text_.size();
  return std::string_view(text_).substr(0, is_ended_ ? end : text_.size());
}

void LetterReader::rewind() {
  fd_.reset();
  text_.clear();
  begin_ = 0;
}

}  // namespace slurper
