// JournalReader: finds a sink's own entries in the journal.
#pragma once

#include <systemd/sd-journal.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "slurper/result.h"

namespace slurper {

// Reads the entries that have all of the given fields, newest first. One thread uses it.
class JournalReader {
 public:
  // `matches` has the form "FIELD=value". Fails if the journal can't be opened.
  Status open(const std::vector<std::string>& matches);
  void close() { journal_.reset(); }

  // Calls `take` with the text of `field` of each entry that has it, newest first, until `take` returns
  // false.
  Status read_back(const char* field, const std::function<bool(std::string_view)>& take);

 private:
  struct Close {
    void operator()(sd_journal* journal) const { ::sd_journal_close(journal); }
  };
  std::unique_ptr<sd_journal, Close> journal_;
};

}  // namespace slurper
