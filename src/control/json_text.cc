#include "control/json_text.h"

#include "sink/format/json_writer.h"

namespace slurper {

void JsonText::begin(char bracket) {
  text_ += bracket;
}

void JsonText::end(char bracket) {
  text_ += bracket;
}

void JsonText::separate() {
  if (!text_.ends_with('{') && !text_.ends_with('[')) text_ += ',';
}

void JsonText::name(std::string_view name) {
  separate();
  string(name);
  text_ += ':';
}

void JsonText::string(std::string_view text) {
  const std::size_t begin = text_.size();
  text_.resize(begin + text.size() * kMaxJsonGrowth + 3);
  JsonWriter writer(text_.data() + begin);
  writer.string("\"", text);
  text_.resize(static_cast<std::size_t>(writer.at() - text_.data()) - 1);  // without the comma
}

void JsonText::base64(std::string_view bytes) {
  const std::size_t begin = text_.size();
  text_.resize(begin + bytes.size() * 2 + 8);
  JsonWriter writer(text_.data() + begin);
  writer.bytes("\"");
  writer.base64(bytes);
  writer.bytes("\"");
  text_.resize(static_cast<std::size_t>(writer.at() - text_.data()));
}

}  // namespace slurper
