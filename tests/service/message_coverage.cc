// message_coverage FOLDER - reads what slurper has said in the tests (support/said.h), and lists the messages
// and phrases of the tables that none of them has produced, or that lacked one of their arguments. Ends with
// 1 if there is one.
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "service/message_table.h"
#include "service/phrase_table.h"

namespace {

using slurper::MessageEntry;

struct Message {
  const MessageEntry* entry;
  std::unique_ptr<RE2> pattern;
  std::size_t literal = 0;                // characters of its own
  std::vector<std::string> placeholders;  // "{room}"
  bool said = false;
  bool lacked_an_argument = false;  // render() leaves its placeholder as it is
};

// "{error.} The settings are unchanged" is any line of its level that ends so.
Message message_of(const MessageEntry& entry) {
  constexpr std::array kLevels = {"debug", "info", "warning", "error", "critical"};
  Message message{.entry = &entry, .pattern = nullptr, .placeholders = {}};
  std::string pattern = fmt::format("(?:^|[ \\]]){}: ", kLevels[static_cast<std::size_t>(entry.level)]);
  for (std::string_view words = entry.words; !words.empty();) {
    const std::size_t open = words.find('{');
    pattern += RE2::QuoteMeta(words.substr(0, open));
    message.literal += words.substr(0, open).size();
    if (open == std::string_view::npos) break;
    pattern += ".*";
    const std::size_t end = words.find('}', open) + 1;
    message.placeholders.emplace_back(words.substr(open, end - open));
    words.remove_prefix(end);
  }
  pattern +=
      "(?:\\. There (?:was|were) \\d+ more like this)?(?:\\. Further messages like this are rate-limited)?$";
  message.pattern = std::make_unique<RE2>(pattern);
  return message;
}

// The one whose own words are the most of it: "the sink 'x' works again" is no message of the sink's own.
Message* find(std::vector<Message>& messages, const std::string& line) {
  Message* best = nullptr;
  for (Message& message : messages) {
    if (RE2::PartialMatch(line, *message.pattern) && (best == nullptr || message.literal > best->literal))
      best = &message;
  }
  return best;
}

// What one process has said, with its line breaks and indents as single blanks: `check` wraps its findings.
std::string in_one_line(const std::string& said) {
  std::string text;
  for (const char byte : said) {
    if (byte != ' ' && byte != '\n')
      text += byte;
    else if (!text.empty() && text.back() != ' ')
      text += ' ';
  }
  return text;
}

// The words between the placeholders.
std::vector<std::string_view> literals_of(std::string_view words) {
  std::vector<std::string_view> literals;
  while (!words.empty()) {
    const std::size_t open = std::min(words.find('{'), words.size());
    if (open > 0) literals.push_back(words.substr(0, open));
    words.remove_prefix(std::min(words.find('}', open), words.size() - 1) + 1);
  }
  return literals;
}

// Whether `text` has `literals` in this order, each near the one before.
bool has(std::string_view text, std::span<const std::string_view> literals) {
  constexpr std::size_t kNear = 2000;  // a path may be long
  if (literals.empty()) return true;
  for (std::size_t at = text.find(literals.front()); at != std::string_view::npos;
       at = text.find(literals.front(), at + 1)) {
    const std::string_view rest = text.substr(at + literals.front().size(), kNear);
    if (has(rest, literals.subspan(1))) return true;
  }
  return false;
}

// Lists the phrases that no test has produced, and those that lacked an argument. Returns how many there are.
int count_bad_phrases(const std::vector<std::string>& texts) {
  int unsaid = 0;
  int lacking = 0;
  for (const slurper::PhraseEntry& entry : slurper::phrase_table()) {
    const std::vector<std::string_view> literals = literals_of(entry.words);
    const auto says_it = [&](const std::string& text) { return has(text, literals); };
    const auto lacks = [&](const std::string& text) { return text.contains(entry.words); };
    if (!literals.empty() && std::ranges::none_of(texts, says_it)) {
      ++unsaid;
      fmt::print("no test has produced the phrase {}: {}\n", static_cast<int>(entry.id), entry.words);
    }
    if (!literals.empty() && entry.words.contains('{') && std::ranges::any_of(texts, lacks)) {
      ++lacking;
      fmt::print("without one of its arguments: {}\n", entry.words);
    }
  }
  fmt::print("{} of {} phrases were produced by tests\n",
             slurper::phrase_table().size() - static_cast<std::size_t>(unsaid),
             slurper::phrase_table().size());
  return unsaid + lacking;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    (void)std::fputs("usage: message_coverage FOLDER\n", stderr);
    return 64;
  }
  std::vector<Message> messages;
  std::vector<std::string> texts;
  for (const MessageEntry& entry : slurper::message_table()) {
    if (entry.shown != slurper::Shown::Never) messages.push_back(message_of(entry));
  }
  for (const auto& file : std::filesystem::directory_iterator(argv[1])) {
    std::ifstream lines(file.path());
    std::string all;
    for (std::string line; std::getline(lines, line);) {
      all += line + '\n';
      Message* const message = find(messages, line);
      if (message == nullptr) continue;
      message->said = true;
      for (const std::string& placeholder : message->placeholders)
        message->lacked_an_argument = message->lacked_an_argument || line.contains(placeholder);
    }
    texts.push_back(in_one_line(all));
  }
  int missing = 0;
  for (const Message& message : messages) {
    if (message.said && !message.lacked_an_argument) continue;
    ++missing;
    fmt::print("{} {}: {}\n", message.said ? "without one of its arguments:" : "no test has produced",
               message.entry->name, message.entry->words);
  }
  fmt::print("{} of {} messages were produced by tests\n",
             messages.size() - static_cast<std::size_t>(missing), messages.size());
  const int bad_phrases = count_bad_phrases(texts);
  if (std::filesystem::exists(std::filesystem::path(argv[1]) / "without-systemd")) {
    fmt::print("Nothing of this is a failure: the cases that need a systemd were skipped.\n");
    return 0;
  }
  return missing == 0 && bad_phrases == 0 ? 0 : 1;
}
