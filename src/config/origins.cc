#include "config/origins.h"

namespace slurper {

std::vector<std::string> Origins::places_of(const Key& key) const {
  std::vector<std::string> places;
  const auto add = [&](const std::vector<Value>& values) {
    for (const Value& value : values) {
      if (value.key == &key) places.push_back(value.place);
    }
  };
  for (const File& file : files) add(file.values);
  add(overrides);
  return places;
}

}  // namespace slurper
