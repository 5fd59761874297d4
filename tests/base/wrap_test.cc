#include "base/wrap.h"

#include <gtest/gtest.h>
#include <pty.h>

#include "base/fd.h"

namespace slurper {
namespace {

TEST(Wrap, AMessageIsOneLineExceptOnATerminal) {
  int terminal = -1;
  int program = -1;
  ASSERT_EQ(::openpty(&terminal, &program, nullptr, nullptr, nullptr), 0);
  const UniqueFd of_user(terminal);
  const UniqueFd of_program(program);
  const std::string text = "cannot do this: " + std::string(60, 'x') + " is in the way. Move it";
  EXPECT_EQ(message_for(-1, text), "slurper: " + text + "\n");
  EXPECT_EQ(message_for(program, text), "slurper: cannot do this:\n         " + std::string(60, 'x') +
                                            " is in the\n         way. Move it\n");
  EXPECT_EQ(message_for(program, "no"), "slurper: no\n");
}

}  // namespace
}  // namespace slurper
