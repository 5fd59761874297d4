// What slurper has said in a test, kept for the check that some test has produced each message.
#pragma once

#include <string_view>

namespace slurper::test {

// Lines of "level: text", with anything before the level. Appends them to a file of this process in the
// folder $SLURPER_SAID; does nothing if that is not set. tests/service/message_coverage.cc reads them.
void keep_said(std::string_view lines);

}  // namespace slurper::test
