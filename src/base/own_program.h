// Where slurper's other programs are.
#pragma once

#include <string>

namespace slurper {

// The path of a program of slurper's that this one runs: what the environment's `variable` names, or else
// `installed`, the path for which slurper was built, or else where it lies if slurper was installed below
// another folder (../libexec/slurper) or was not installed (beside this program). `installed` if it is
// nowhere.
[[nodiscard]] std::string find_own_program(const char* variable, const std::string& installed);

}  // namespace slurper
