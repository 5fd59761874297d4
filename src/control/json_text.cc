#include "control/json_text.h"

namespace slurper {

void JsonText::separate() {
  if (!text_.ends_with('{') && !text_.ends_with('[')) text_ += ',';
}

void JsonText::name(std::string_view name) {
  separate();
  string(name);
  text_ += ':';
}

}  // namespace slurper
