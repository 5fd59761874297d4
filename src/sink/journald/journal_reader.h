// JournalReader: what of a sink's own the journal has.
#pragma once

#include <systemd/sd-journal.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "slurper/result.h"

namespace slurper {

// Reads the entries that bear all of some fields, newest first. One thread.
class JournalReader {
 public:
  // `matches`: "FIELD=value". Errors: the journal can't be opened.
  Status open(const std::vector<std::string>& matches);
  void close() { journal_.reset(); }

  // Calls `take` with the text of `field` of each entry that has it, newest first, until it says false.
  Status read_back(const char* field, const std::function<bool(std::string_view)>& take);

 private:
  struct Close {
    void operator()(sd_journal* journal) const { ::sd_journal_close(journal); }
  };
  std::unique_ptr<sd_journal, Close> journal_;
};

}  // namespace slurper
