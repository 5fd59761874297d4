// LogIds: the ids by which a log's own files know it.
#pragma once

#include "base/uuid.h"

namespace slurper {

struct LogIds {
  LogIds() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): most logs have had one id only.
  LogIds(const Uuid& id_, const Uuid& former_ = {}) : id(id_), former(former_) {}

  // Whether a file that names `found` is this log's.
  [[nodiscard]] bool include(const Uuid& found) const { return found == id || is_former(found); }
  [[nodiscard]] bool is_former(const Uuid& found) const { return former != Uuid{} && found == former; }

  Uuid id{};
  Uuid former{};  // before `slurper identity --new`; all zero: it has always had this one
};

}  // namespace slurper
