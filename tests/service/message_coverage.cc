// message_coverage FOLDER - reads what slurper has said in the tests (support/said.h), and lists the messages
// of the table that none of them has produced, or that lacked one of their arguments. Ends with 1 if there is
// one.
#include <fmt/format.h>
#include <re2/re2.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "service/message_table.h"

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
  pattern += "(?:\\. There were \\d+ more like this)?(?:\\. Further messages like this are rate-limited)?$";
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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    (void)std::fputs("usage: message_coverage FOLDER\n", stderr);
    return 64;
  }
  std::vector<Message> messages;
  for (const MessageEntry& entry : slurper::message_table()) {
    if (entry.shown != slurper::Shown::Never) messages.push_back(message_of(entry));
  }
  for (const auto& file : std::filesystem::directory_iterator(argv[1])) {
    std::ifstream lines(file.path());
    for (std::string line; std::getline(lines, line);) {
      Message* const message = find(messages, line);
      if (message == nullptr) continue;
      message->said = true;
      for (const std::string& placeholder : message->placeholders)
        message->lacked_an_argument = message->lacked_an_argument || line.contains(placeholder);
    }
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
  return missing == 0 ? 0 : 1;
}
