// Sinks that come, change and go while slurper runs.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "support/daemon.h"
#include "support/files.h"
#include "support/lines.h"

namespace slurper::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class ChangingSinks : public testing::Test {
 protected:
  // The file of the sinks `sinks`, each a table.
  void configure(const std::string& sinks) const {
    write_file(file_,
               fmt::format("[fifo]\npath = \"{}\"\n[ring]\ndirectory = \"{}\"\n[log]\npath = \"{}\"\n{}",
                           site_.fifo, site_.ram.path(), site_.disk / "messages", sinks));
  }
  [[nodiscard]] std::string file_sink(const std::string& name, const std::string& more = {}) const {
    return file_sink_at(name, name, more);
  }
  [[nodiscard]] std::string file_sink_at(const std::string& name, const std::string& file,
                                         const std::string& more) const {
    return fmt::format("[[sink]]\nname = \"{}\"\ntype = \"file\"\npath = \"{}\"\n{}\n", name,
                       site_.disk / file, more);
  }
  Child start() {
    Child slurper({.argv = {slurper_binary(), "run", "-c", file_}, .env = {}});
    EXPECT_TRUE(slurper.said("ready: ")) << slurper.err();
    return slurper;
  }
  void reload(Child& slurper) {
    slurper.signal(SIGHUP);
    ASSERT_TRUE(slurper.said("settings reloaded", ++reloads_)) << slurper.err();
  }
  static void stop(Child& slurper) {
    slurper.signal(SIGTERM);
    EXPECT_TRUE(slurper.exits_with(0)) << slurper.err();
  }
  [[nodiscard]] bool has(const std::string& file, const std::string& content) const {
    return eventually([&] { return content_of(site_.disk / file) == content; });
  }

  Site site_;
  const std::string file_ = site_.disk / "slurper.toml";
  int reloads_ = 0;
};

TEST_F(ChangingSinks, EachBeginsEndsAndResumesWhereItSays) {
  configure(file_sink("first"));
  Child slurper = start();
  ASSERT_TRUE(site_.holder.write("one\n"));
  ASSERT_TRUE(site_.log.reaches(4));
  configure(file_sink("first") + file_sink("second"));
  reload(slurper);
  ASSERT_TRUE(site_.holder.write("two\n"));
  EXPECT_TRUE(slurper.said("added the sink 'second'"));
  EXPECT_TRUE(slurper.said("the sink 'second' starts at offset 4; ")) << slurper.err();
  EXPECT_TRUE(has("second", "two\n"));
  configure(file_sink("second", "sync = \"always\""));
  reload(slurper);
  EXPECT_TRUE(slurper.said("changed the sink 'second'"));
  EXPECT_TRUE(slurper.said("removed the sink 'first'"));
  EXPECT_TRUE(slurper.said("the sink 'first' has ended at offset 8, 0B before the log's end"))
      << slurper.err();
  EXPECT_TRUE(has("first", "one\ntwo\n"));
  EXPECT_TRUE(std::filesystem::exists(site_.disk / ".messages.cursor-first"));
  ASSERT_TRUE(site_.holder.write("three\n"));
  EXPECT_TRUE(has("second", "two\nthree\n"));
  configure(file_sink("first") + file_sink("second", "sync = \"always\""));
  reload(slurper);
  EXPECT_TRUE(slurper.said("the sink 'first' starts at offset 8; 6B wait for it")) << slurper.err();
  EXPECT_TRUE(has("first", "one\ntwo\nthree\n"));
  stop(slurper);
  EXPECT_THAT(slurper.err(), Not(HasSubstr("restart")));
}

TEST_F(ChangingSinks, AFileThatMovesToAnotherSinkHasEachLineOnce) {
  configure(file_sink_at("old", "copy", ""));
  Child slurper = start();
  ASSERT_TRUE(site_.holder.write("one\n"));
  configure(file_sink_at("new", "copy", ""));
  reload(slurper);
  ASSERT_TRUE(site_.holder.write("two\n"));
  EXPECT_TRUE(has("copy", "one\ntwo\n")) << slurper.err();
  stop(slurper);
  EXPECT_THAT(slurper.err(), Not(HasSubstr("fails")));
  EXPECT_EQ(content_of(site_.disk / "copy"), "one\ntwo\n");
}

TEST_F(ChangingSinks, WhatCannotBeUnderstoodChangesNothing) {
  configure(file_sink("kept"));
  Child slurper = start();
  int refusals = 0;
  const auto is_refused = [&](const std::string& sinks, const std::string& why) {
    configure(file_sink("kept", "sync = \"always\"") + file_sink("never") + sinks);
    slurper.signal(SIGHUP);
    EXPECT_TRUE(slurper.said("The settings are unchanged", ++refusals)) << slurper.err();
    EXPECT_THAT(slurper.err(), HasSubstr(why));
  };
  is_refused("[[sink]]\nname = \"unknown\"\ntype = \"made-up\"\n", "there is no sink of the type 'made-up'");
  is_refused("[[sink]\n", "It must be TOML");
  is_refused(file_sink("wrong", "sync = \"soon\""), "sync");
  is_refused(file_sink_at("double", "never", ""), "is what the sink 'never' writes to");
  EXPECT_THAT(slurper.err(), Not(HasSubstr("added")));
  EXPECT_THAT(slurper.err(), Not(HasSubstr("changed the sink")));
  ASSERT_TRUE(site_.holder.write("one\n"));
  EXPECT_TRUE(has("kept", "one\n"));
  EXPECT_FALSE(std::filesystem::exists(site_.disk / "never"));
  stop(slurper);
}

// The log keeps its path until a restart, whatever the settings name instead.
TEST_F(ChangingSinks, TheLogInForceIsNoSinksFile) {
  configure("");
  Child slurper = start();
  write_file(file_, fmt::format("[fifo]\npath = \"{}\"\n[ring]\ndirectory = \"{}\"\n[log]\npath = \"{}\"\n{}",
                                site_.fifo, site_.ram.path(), site_.disk / "elsewhere",
                                file_sink_at("copy", "messages", "")));
  slurper.signal(SIGHUP);
  EXPECT_TRUE(slurper.said("is the log itself")) << slurper.err();
  EXPECT_TRUE(slurper.said("The settings are unchanged")) << slurper.err();
  stop(slurper);
}

// What only the sink's own thread can find out fails that sink alone.
TEST_F(ChangingSinks, APlugInThatDoesNotLoadFailsAlone) {
  configure("");
  Child slurper = start();
  configure(file_sink("good") + fmt::format("[[sink]]\nname = \"bad\"\ntype = \"own\"\nplugin = \"{}\"\n",
                                            site_.disk / "missing.so"));
  reload(slurper);
  EXPECT_TRUE(slurper.said("the sink 'bad' fails: ")) << slurper.err();
  ASSERT_TRUE(site_.holder.write("one\n"));
  EXPECT_TRUE(has("good", "one\n"));
  stop(slurper);
}

// The log's bytes from the first of a piece that a program has read on. Programs get whole lines.
struct Piece {
  std::size_t begin = 0;
  std::size_t end = 0;
};

std::vector<Piece> pieces_in(const std::filesystem::path& folder, std::string_view log) {
  std::vector<Piece> pieces;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("out-")) continue;
    const std::string bytes = content_of(entry.path());
    if (bytes.empty()) continue;
    const std::size_t begin = log.find(bytes.substr(0, bytes.find('\n') + 1));
    EXPECT_EQ(log.substr(std::min(begin, log.size()), bytes.size()), bytes) << entry.path();
    pieces.push_back({.begin = begin, .end = begin + bytes.size()});
  }
  std::ranges::sort(pieces, {}, &Piece::begin);
  return pieces;
}

// 200 reloads under load, each with other sinks: every file has each line once, as long as its sink has a
// cursor, and the program has each at least once.
TEST_F(ChangingSinks, LoseAndDoubleNothingUnderLoad) {
  const std::uint64_t seed = seed_from_env();
  SCOPED_TRACE(fmt::format("SLURPER_SEED={}", seed));
  std::mt19937_64 random(seed);
  const auto chance = [&](int of_ten) { return static_cast<int>(random() % 10) < of_ten; };
  const auto one_of = [&](const std::vector<std::string>& choices) {
    return choices[random() % choices.size()];
  };
  const std::string programs = site_.disk / "programs";
  std::filesystem::create_directory(programs);
  const auto file_settings = [&] {
    return fmt::format("batch_lines = {}\nbatch_time = \"{}\"\nsync = \"{}\"", one_of({"1", "100", "1000"}),
                       one_of({"0", "5ms", "50ms"}), one_of({"none", "1s"}));
  };
  const auto program_sink = [&] {
    return fmt::format(
        "[[sink]]\nname = \"program\"\ntype = \"exec\"\npath = \"{}\"\nargs = [\"{}\", \"confirm\"]\n"
        "confirm = \"line\"\nwindow_lines = {}\n",
        SLURPER_LINE_PROGRAM, programs, one_of({"10", "1000"}));
  };
  const auto all_sinks = [&](const std::string& name_of_moved) {
    return file_sink("whole", "start = \"beginning\"") + file_sink("tail") +
           file_sink_at(name_of_moved, "moved", "") + program_sink();
  };

  configure("");
  Child slurper = start();
  std::vector<LineWriter> writers;
  for (unsigned writer = 0; writer < 2; ++writer)
    writers.emplace_back(site_.fifo, LineWriter::Plan{.writer = writer, .per_second = 4000});
  const auto written = [&] {
    std::uint64_t bytes = 0;
    for (const LineWriter& writer : writers) bytes += writer.bytes();
    return bytes;
  };
  const std::uint64_t reloads = count_from_env("SLURPER_RELOADS", 200, 60);
  for (std::uint64_t i = 0; i < reloads; ++i) {
    std::string sinks;
    if (chance(7)) sinks += file_sink("whole", "start = \"beginning\"\n" + file_settings());
    if (chance(7)) sinks += file_sink("tail", file_settings());
    if (chance(7)) sinks += file_sink_at(one_of({"left", "right"}), "moved", file_settings());
    if (chance(7)) sinks += program_sink();
    configure(sinks);
    reload(slurper);
    const std::uint64_t before = written();
    const std::uint64_t more = chance(3) ? 100'000 : 1000;
    ASSERT_TRUE(eventually([&] { return written() >= before + more; }));
  }
  configure(all_sinks("left"));
  reload(slurper);
  for (LineWriter& writer : writers) EXPECT_TRUE(writer.finish());
  ASSERT_TRUE(site_.log.reaches(written()));
  const std::string log = site_.log.bytes();
  const std::string_view last_line = std::string_view(log).substr(log.rfind('\n', log.size() - 2) + 1);
  const auto has_all = [&](const std::filesystem::path& file) {
    return eventually_by_progress([&] { return content_of(file).size(); },
                                  [&] { return content_of(file).ends_with(last_line); });
  };
  for (const char* file : {"whole", "tail", "moved"}) {
    EXPECT_TRUE(has_all(site_.disk / file)) << file;
  }
  const auto program_has_all = [&] {
    const std::vector<Piece> pieces = pieces_in(programs, log);
    return !pieces.empty() && std::ranges::max(pieces, {}, &Piece::end).end == log.size();
  };
  EXPECT_TRUE(eventually(program_has_all));
  stop(slurper);

  LineChecker checker;
  checker.feed(log);
  const LineReport report =
      checker.finish(std::vector<std::uint64_t>{writers[0].lines(), writers[1].lines()});
  EXPECT_TRUE(report.clean()) << report.text();
  EXPECT_TRUE(content_of(site_.disk / "whole") == log) << difference(log, content_of(site_.disk / "whole"));
  for (const char* file : {"tail", "moved"}) {
    const std::string content = content_of(site_.disk / file);
    ASSERT_LE(content.size(), log.size()) << file;
    const std::size_t begin = log.size() - content.size();
    EXPECT_TRUE(std::string_view(log).substr(begin) == content)
        << file << ": " << difference(log.substr(begin), content);
    EXPECT_TRUE(begin == 0 || log[begin - 1] == '\n') << file << " begins within a line";
  }
  std::size_t end = 0;
  for (const Piece& piece : pieces_in(programs, log)) {
    EXPECT_TRUE(end == 0 || piece.begin <= end) << "the program lacks " << end << " to " << piece.begin;
    end = std::max(end, piece.end);
  }
  EXPECT_EQ(end, log.size());
  EXPECT_THAT(slurper.err(), Not(HasSubstr("fails")));
  EXPECT_THAT(slurper.err(), Not(HasSubstr("does not end")));
}

}  // namespace
}  // namespace slurper::test
