#include "sink/journald/journal_reader.h"

#include <algorithm>

#include "base/error.h"
#include "base/phrase_id.h"

namespace slurper {

Status JournalReader::open(const std::vector<std::string>& matches) {
  sd_journal* journal = nullptr;
  int error = ::sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);
  journal_.reset(journal);
  // Watch the journal from the start, so that a later rotation is followed.
  if (error >= 0) error = ::sd_journal_get_fd(journal);
  for (const std::string& match : matches) {
    if (error >= 0) error = ::sd_journal_add_match(journal, match.data(), match.size());
  }
  if (error < 0) return fail_errno(-error, PhraseId::ReadJournal);
  return {};
}

Status JournalReader::read_back(const char* field, const std::function<bool(std::string_view)>& take) {
  sd_journal* const journal = journal_.get();
  int error = ::sd_journal_process(journal);
  if (error >= 0) error = ::sd_journal_seek_tail(journal);
  while (error >= 0 && (error = ::sd_journal_previous(journal)) > 0) {
    const void* data = nullptr;
    std::size_t size = 0;
    if (::sd_journal_get_data(journal, field, &data, &size) < 0) continue;  // it is missing or damaged
    std::string_view text(static_cast<const char*>(data), size);
    text.remove_prefix(std::min(text.find('=') + 1, text.size()));
    if (!take(text)) break;
  }
  if (error < 0) return fail_errno(-error, PhraseId::ReadJournal);
  return {};
}

}  // namespace slurper
