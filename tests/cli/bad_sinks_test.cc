// Sinks that can't be. Settings that can't be understood are refused by `slurper check` and `slurper run`
// alike, with the place and the reason, and nothing is touched. A type that does not exist and a plug-in that
// does not load are that sink's failure: `check` shows it, and `run` starts.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "cli/program.h"

namespace slurper::test {
namespace {

using testing::HasSubstr;

class BadSinks : public testing::Test, protected CommandSite {
 protected:
  // With all of `parts` in its one message.
  void expect_refusal(const std::vector<std::string>& more, const std::vector<std::string>& parts) const {
    for (const std::string command : {"check", "run"}) {
      const std::string before = snapshot(folder_.path()) + snapshot(ring_.path());
      const Outcome outcome = run_slurper(arguments(command, more));
      EXPECT_EQ(outcome.status, 78) << outcome.err;
      EXPECT_EQ(outcome.out, "");
      EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
      EXPECT_THAT(outcome.err, HasSubstr("cannot accept '"));
      for (const std::string& part : parts) EXPECT_THAT(outcome.err, HasSubstr(part)) << command;
      EXPECT_EQ(snapshot(folder_.path()) + snapshot(ring_.path()), before) << command;
    }
  }
  // `slurper check` has an error with all of `parts` in it, by URL and by the table that is the same. What it
  // says is wrapped: no part may hold a blank.
  void expect_error(const std::string& url, const std::string& table,
                    const std::vector<std::string>& parts) const {
    SCOPED_TRACE(url);
    const std::string path = folder_ / "slurper.toml";
    std::ofstream(path) << table;
    for (const std::vector<std::string>& more : {std::vector<std::string>{"--sink", url}, {"-c", path}}) {
      const std::string before = snapshot(folder_.path()) + snapshot(ring_.path());
      const Outcome outcome = run_slurper(arguments("check", more));
      EXPECT_EQ(outcome.status, 78) << outcome.err;
      EXPECT_THAT(outcome.out, HasSubstr("[[sink]]"));
      EXPECT_THAT(outcome.err, HasSubstr("error    the sink '"));
      for (const std::string& part : parts) EXPECT_THAT(unwrapped(outcome.err), HasSubstr(part));
      EXPECT_EQ(snapshot(folder_.path()) + snapshot(ring_.path()), before);
    }
  }
  static std::string unwrapped(std::string text) {
    const std::string gap = "\n         ";
    for (auto at = text.find(gap); at != std::string::npos; at = text.find(gap, at))
      text.replace(at, gap.size(), " ");
    return text;
  }
  // By URL, and by the table that is the same.
  void expect_refusal(const std::string& url, const std::string& table,
                      const std::vector<std::string>& parts) const {
    SCOPED_TRACE(url);
    std::vector<std::string> with_place = parts;
    with_place.push_back("'--sink " + url + "'");
    expect_refusal({"--sink", url}, with_place);
    const std::string path = folder_ / "slurper.toml";
    std::ofstream(path) << "[log]\nsync = \"1s\"\n" << table;
    with_place.back() = path + ":";
    expect_refusal({"-c", path}, with_place);
  }
};

TEST_F(BadSinks, AnUnknownType) {
  expect_error("flie:/x", "[[sink]]\ntype = \"flie\"\npath = \"/x\"\n",
               {"there is no sink of the type 'flie'", "The types are exec, file,", "stdout, syslog",
                "slurper starts all the same"});
}

// As in [log]: TOML reads 640 as a decimal number.
TEST_F(BadSinks, AModeThatIsNotOctal) {
  const std::string path = folder_ / "slurper.toml";
  std::ofstream(path) << "[[sink]]\ntype = \"file\"\npath = \"/x\"\nmode = 640\n";
  expect_refusal({"-c", path}, {path + ":4:", "640, but must be an octal mode from", "such as \"0640\""});
}

// What every sink has is understood without its type.
TEST_F(BadSinks, AnUnknownTypeWithABadFilter) {
  expect_refusal("flie:?filter=severty%20=%201", "[[sink]]\ntype = \"flie\"\nfilter = \"severty = 1\"\n",
                 {"filter of the sink 'flie'", "Did you mean 'severity'?"});
}

TEST_F(BadSinks, NoTypeAtAll) {
  expect_refusal({"--sink", "/var/log/x"}, {"'--sink /var/log/x'", "does not begin with a type"});
}

TEST_F(BadSinks, AnUnknownKey) {
  expect_refusal("file:/x?frmat=json", "[[sink]]\ntype = \"file\"\npath = \"/x\"\nfrmat = \"json\"\n",
                 {"a sink of the type file has no key 'frmat'", "Did you mean 'format'?"});
}

TEST_F(BadSinks, AKeyOfAnotherType) {
  expect_refusal("stdout:?target=a", "[[sink]]\ntype = \"stdout\"\ntarget = \"a\"\n",
                 {"a sink of the type stdout has no key 'target'", "It has: "});
}

TEST_F(BadSinks, AMissingPath) {
  expect_refusal("file:", "[[sink]]\ntype = \"file\"\n",
                 {"the sink 'file' needs 'path'", "the path of a file"});
  expect_refusal("exec:", "[[sink]]\ntype = \"exec\"\n", {"the sink 'exec' needs 'path'"});
  expect_refusal("exec:program", "[[sink]]\ntype = \"exec\"\npath = \"program\"\n",
                 {"must be the absolute path of a program"});
  expect_refusal("syslog+tls:", "[[sink]]\ntype = \"syslog\"\ntransport = \"tls\"\n", {"needs 'target'"});
  expect_refusal("syslog+unix:", "[[sink]]\ntype = \"syslog\"\ntransport = \"unix\"\n", {"needs 'path'"});
}

TEST_F(BadSinks, ABadFilter) {
  expect_refusal("stdout:?filter=severty%20=%201", "[[sink]]\ntype = \"stdout\"\nfilter = \"severty = 1\"\n",
                 {"filter of the sink 'stdout'", "at column 1", "Did you mean 'severity'?"});
  expect_refusal("stdout:?filter=program%20=", "[[sink]]\ntype = \"stdout\"\nfilter = \"program =\"\n",
                 {"filter of the sink 'stdout'", "at column 10"});
}

TEST_F(BadSinks, ABadTemplate) {
  expect_refusal("stdout:?format={nope}", "[[sink]]\ntype = \"stdout\"\nformat = \"{nope}\"\n",
                 {"format of the sink 'stdout'", "'nope'"});
  expect_refusal("stdout:?format={msg", "[[sink]]\ntype = \"stdout\"\nformat = \"{msg\"\n",
                 {"format of the sink 'stdout'"});
}

TEST_F(BadSinks, ABadValue) {
  expect_refusal("stdout:?batch_lines=0", "[[sink]]\ntype = \"stdout\"\nbatch_lines = 0\n",
                 {"batch_lines of the sink 'stdout'", "must be a number from 1"});
  expect_refusal("stdout:?start=middle", "[[sink]]\ntype = \"stdout\"\nstart = \"middle\"\n",
                 {"start of the sink 'stdout'", "must be \"end\" or \"beginning\""});
}

TEST_F(BadSinks, TwoOfOneName) {
  expect_refusal({"--sink", "stdout:", "--sink", "stdout:?format=json"},
                 {"the sink of '--sink stdout:' is called 'stdout', too"});
}

TEST_F(BadSinks, PlugInsThatAreNone) {
  const auto refuse = [&](const std::string& plugin, const std::string& why) {
    expect_error("stubborn:/x?plugin=" + plugin,
                 "[[sink]]\ntype = \"stubborn\"\npath = \"/x\"\nplugin = \"" + plugin + "\"\n",
                 {"the plug-in '" + plugin + "' can't be used: ", why, "docs/plugins.md"});
  };
  refuse(folder_ / "none.so", "No such file or directory");
  std::ofstream(folder_ / "text.so") << std::string(10'000, 'x');
  refuse(folder_ / "text.so", "invalid ELF header");
  refuse(SLURPER_NO_SINK, "it does not export slurper_sink_plugin()");
  refuse(SLURPER_OTHER_VERSION_SINK, "it is of version 9999 of the interface, and this slurper has version");
  const std::string stubborn = SLURPER_STUBBORN_SINK;
  expect_error("unwilling:/x?plugin=" + stubborn,
               "[[sink]]\ntype = \"unwilling\"\npath = \"/x\"\nplugin = \"" + stubborn + "\"\n",
               {"it is a sink of the type 'stubborn', not 'unwilling'"});
  expect_refusal("stubborn:?plugin=", "[[sink]]\ntype = \"stubborn\"\nplugin = \"\"\n",
                 {"plugin must be the path of one shared object"});
}

// What can be accepted and is hardly meant: check and run say it, with its place, and go on.
class DoubtfulSinks : public BadSinks {
 protected:
  void expect_warning(const std::string& url, const std::vector<std::string>& parts) const {
    SCOPED_TRACE(url);
    const std::vector<std::string> arguments = {"--fifo", folder_ / "fifo",
                                                "--log",  folder_ / "log",
                                                "--set",  "ring.directory=" + (ring_ / "r"),
                                                "--sink", url};
    std::vector<std::string> check = {"check"};
    check.insert(check.end(), arguments.begin(), arguments.end());
    const Outcome outcome = run_slurper(check);
    std::string words = outcome.err;  // a finding is wrapped
    for (std::size_t at = 0; (at = words.find("\n         ", at)) != std::string::npos;)
      words.replace(at, 10, " ");
    for (const std::string& part : parts) EXPECT_THAT(words, HasSubstr(part));
    EXPECT_THAT(words, HasSubstr("warning  '--sink " + url + "': "));

    std::vector<std::string> run = {"run"};
    run.insert(run.end(), arguments.begin(), arguments.end());
    Slurper slurper(run);
    EXPECT_TRUE(slurper.says("ready")) << slurper.err();
    for (const std::string& part : parts) EXPECT_THAT(slurper.err(), HasSubstr(part));
    slurper.signal(SIGTERM);
    EXPECT_EQ(slurper.wait(), 0) << slurper.err();
  }
};

TEST_F(DoubtfulSinks, ATemplateOfJsonWithoutEscapes) {
  expect_warning(R"(stdout:?format={{"m":"{msg}"}})",
                 {"format of the sink 'stdout' looks like JSON", R"(Write '{{"m":"{msg:json}"}}')"});
}

TEST_F(DoubtfulSinks, AFilterThatIsNeverTrue) {
  expect_warning("stdout:?filter=length > 9 and length < 5",
                 {"filter of the sink 'stdout' is doubtful: at column 25 this is never true together with"});
}

TEST_F(BadSinks, APlugInThatAnotherUserMayWriteTo) {
  const std::string plugin = folder_ / "stubborn.so";
  std::filesystem::copy_file(SLURPER_STUBBORN_SINK, plugin);
  const auto refuse = [&](const std::string& why) {
    expect_error("stubborn:/x?plugin=" + plugin,
                 "[[sink]]\ntype = \"stubborn\"\npath = \"/x\"\nplugin = \"" + plugin + "\"\n",
                 {"the plug-in '" + plugin + "' can't be used: ", why, "chmod go-w"});
  };
  for (const mode_t mode : {mode_t{0775}, mode_t{0757}}) {
    ASSERT_EQ(::chmod(plugin.c_str(), mode), 0);
    refuse("other users may write to it");
  }
  ASSERT_EQ(::chmod(plugin.c_str(), 0755), 0);
  if (::geteuid() != 0) return;
  ASSERT_EQ(::chown(plugin.c_str(), 65534, 65534), 0);
  refuse("it belongs to the user nobody (uid 65534)");
}

}  // namespace
}  // namespace slurper::test
