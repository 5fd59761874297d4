#include "support/text_of.h"

#include "service/phrase_table.h"
#include "support/said.h"

namespace slurper::test {

std::string text_of(const Error& error) {
  std::string text = to_text(error);
  keep_said("error: " + text + '\n');
  return text;
}

std::string text_of(const Phrase& phrase) {
  std::string text = with_advice(phrase);
  keep_said("error: " + text + '\n');
  return text;
}

std::vector<std::string> texts_of(const std::vector<Phrase>& phrases) {
  std::vector<std::string> texts;
  for (const Phrase& phrase : phrases) texts.push_back(text_of(phrase));
  return texts;
}

}  // namespace slurper::test
