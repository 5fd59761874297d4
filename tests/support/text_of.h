// The words of errors and phrases, for tests.
#pragma once

#include <string>
#include <vector>

#include "slurper/result.h"

namespace slurper::test {

// As an operator reads it. The test counts as one that has produced its phrases (support/said.h).
[[nodiscard]] std::string text_of(const Error& error);
[[nodiscard]] std::string text_of(const Phrase& phrase);
[[nodiscard]] std::vector<std::string> texts_of(const std::vector<Phrase>& phrases);

}  // namespace slurper::test
