// docs/messages.md is the table of messages, as a page.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "service/message_table.h"
#include "service/phrase_table.h"
#include "support/files.h"

namespace slurper {
namespace {

constexpr const char* kBeginning = R"(# Messages

slurper writes its own messages to standard error, which is the journal in a service. This page lists each of them: when
it comes, and what to do. Find a message by its words; `…` stands for what differs.

`systemctl status slurper` and SIGUSR2 show what is wrong at the moment, in capitals. A failure that lasts is reported
once, and its end once; what repeats is reported a few times a minute at most.

)";

std::string with_dots(std::string_view words) {
  std::string text;
  while (!words.empty()) {
    const std::size_t open = words.find('{');
    text += words.substr(0, open);
    if (open == std::string_view::npos) break;
    const std::size_t close = words.find('}', open);
    text += "…";
    if (words[close - 1] == '.') text += '.';
    words.remove_prefix(close + 1);
  }
  return text;
}

std::string section(const MessageEntry& entry) {
  constexpr std::array kLevels = {"debug", "info", "warning", "error", "critical"};
  std::string text = fmt::format("## {}\n\n> {}\n\nLevel: {}.", entry.name, with_dots(entry.words),
                                 kLevels[static_cast<std::size_t>(entry.level)]);
  if (entry.raises) text += fmt::format(" Raises the alert {}.", title(*entry.raises));
  if (entry.clears) text += fmt::format(" Clears the alert {}.", title(*entry.clears));
  text += '\n';
  if (!entry.cause.empty()) text += fmt::format("\n- Cause: {}\n", entry.cause);
  if (!entry.remedy.empty()) text += fmt::format("- What to do: {}\n", entry.remedy);
  return text + '\n';
}

constexpr const char* kPhrases = R"(## What failed, and why

A failure is reported as `cannot WHAT: WHY. ADVICE`, by the commands as well as in the messages above. These are the
parts, in alphabetical order, with the advice that comes with each; `check`, `verify` and `recover` report theirs as
sentences.

)";

// A list rather than a table: a terminal shows it as well.
std::string phrases() {
  std::vector<std::string> items;
  for (const PhraseEntry& entry : phrase_table()) {
    if (entry.words.empty() || (entry.words.starts_with('{') && entry.words.ends_with('}'))) continue;
    std::string item = "- " + with_dots(entry.words);
    if (!entry.advice.empty()) item += ". *" + with_dots(entry.advice) + ".*";
    for (const ErrnoAdvice& known : entry.on_errno)
      items.push_back(fmt::format("- {} ({}). *{}.*\n", strerrordesc_np(known.errnum),
                                  strerrorname_np(known.errnum), with_dots(known.advice)));
    items.push_back(item + '\n');
  }
  std::ranges::sort(items);
  const auto same = std::ranges::unique(items);
  items.erase(same.begin(), same.end());
  std::string text = kPhrases;
  for (const std::string& item : items) text += item;
  return text;
}

std::string page() {
  std::string text = kBeginning;
  for (const MessageEntry& entry : message_table()) {
    if (entry.shown != Shown::Never) text += section(entry);
  }
  return text + phrases();
}

// SLURPER_WRITE_PAGES=1 writes the page anew.
TEST(MessagePage, IsTheTable) {
  const std::filesystem::path path = std::filesystem::path(SLURPER_SOURCE_DIR) / "docs/messages.md";
  if (std::getenv("SLURPER_WRITE_PAGES") != nullptr) test::write_file(path, page());
  EXPECT_TRUE(test::read_file(path) == page())
      << "docs/messages.md is not what the table says. Run: SLURPER_WRITE_PAGES=1 service_test "
         "--gtest_filter='MessagePage.*'";
}

}  // namespace
}  // namespace slurper
