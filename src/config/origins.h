// Where settings come from.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/settings_keys.h"

namespace slurper {

// In the order in which everything was read.
struct Origins {
  struct Value {
    const Key* key;
    std::string place;  // FILE:LINE:COLUMN, or "--set key=value"
  };
  struct File {
    std::string name;
    std::vector<Value> values;
    std::size_t sinks = 0;  // how many it adds; Settings::sinks has them in the order of the files
  };
  std::vector<File> files;
  std::vector<Value> overrides;
  std::size_t sink_urls = 0;  // how many sinks these add, after those of the files

  // Returns every place that sets `key`; the last of them wins.
  [[nodiscard]] std::vector<std::string> places_of(const Key& key) const;
};

}  // namespace slurper
