#include "log/file_change.h"

namespace slurper {

bool needs_bytes(const FileFacts& facts) {
  return facts.has_name && facts.found > facts.written && facts.written > 0;
}

FileChange classify_change(const FileFacts& facts) {
  if (!facts.has_name) return FileChange::Unlinked;
  if (facts.found == facts.written) return FileChange::None;
  if (facts.found == 0) return FileChange::Emptied;
  return needs_bytes(facts) && facts.ends_alike ? FileChange::Appended : FileChange::Altered;
}

}  // namespace slurper
