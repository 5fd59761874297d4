// Two copies of one log, with one folder for their rings: a cloned machine's configuration on its original.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "cli/program.h"
#include "support/child.h"
#include "support/files.h"
#include "support/wait.h"

namespace slurper::test {
namespace {

using testing::HasSubstr;

class CopiedLog : public testing::Test, protected CommandSite {
 protected:
  // A slurper that is installed as `name`, on the log in the folder `of`.
  Child run(const std::string& name, const std::string& of) const {
    const std::string program = folder_ / name;
    if (!std::filesystem::exists(program)) std::filesystem::copy_file(SLURPER_PROGRAM, program);
    const std::string at = folder_ / of;
    std::vector<std::string> argv =
        arguments("run", {"--set", "fifo.path=" + at + "/fifo", "--set", "log.path=" + at + "/log"});
    argv.insert(argv.begin(), program);
    return Child({.argv = std::move(argv), .env = {}});
  }
};

// Under any name: a slurper knows another one, whatever both are called.
TEST_F(CopiedLog, DoesNotUseTheRingOfItsOriginal) {
  for (const std::string name : {"slurper", "relay"}) {
    SCOPED_TRACE(name);
    const std::string original = folder_ / "original";
    std::filesystem::create_directory(original);
    Child first = run(name, "original");
    ASSERT_TRUE(first.said("ready: ")) << first.err();
    std::ofstream(original + "/fifo") << "one" << std::endl;
    ASSERT_TRUE(eventually([&] { return content_of(original + "/log") == "one\n"; }));
    std::filesystem::create_directory(folder_ / "copy");
    for (const char* file : {"/log", "/.log.index"})
      std::filesystem::copy_file(original + file, (folder_ / "copy") + file);
    Child second = run(name, "copy");
    EXPECT_TRUE(second.exits_with(75)) << second.err();
    EXPECT_THAT(second.err(),
                HasSubstr("another slurper uses it. Give each slurper a ring.directory of its own"));
    std::ofstream(original + "/fifo") << "two" << std::endl;
    EXPECT_TRUE(eventually([&] { return content_of(original + "/log") == "one\ntwo\n"; })) << first.err();
    first.signal(SIGTERM);
    EXPECT_TRUE(first.exits_with(0)) << first.err();
    for (const char* folder : {"original", "copy"}) std::filesystem::remove_all(folder_ / folder);
  }
}

}  // namespace
}  // namespace slurper::test
