// The result of a call that can fail. Part of the plug-in API: uses standard headers only.
#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <expected>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slurper {

// The kind of a failure. Its value is the exit status with which the program ends if no caller can handle the
// failure: sysexits.h, the convention of sendmail and of many Unix daemons since.
enum class ErrorKind : int {
  Usage = 64,         // the command line is wrong
  Data = 65,          // the input is damaged
  NoInput = 66,       // the FIFO, or a file to read, is missing or is not what it should be
  Internal = 70,      // a bug in slurper
  CantCreate = 73,    // a file can't be created
  Io = 74,            // the kernel failed to read or write
  Busy = 75,          // another process holds it; may work later
  Loop = 76,          // from a sink: its own output comes back to it. It stops until the operator resumes it
  NoPermission = 77,  // the kernel denied permission
  Config = 78,        // the configuration is wrong
};

// A path, or any other name from outside: messages show it in quotes, with unprintable bytes escaped.
struct QuotedText {
  std::string text;
};

// A number of bytes; messages show it with its unit.
struct ByteSize {
  std::uint64_t bytes = 0;
  auto operator<=>(const ByteSize&) const = default;
};

// The errno of a system call; messages show its text.
struct Errno {
  int value = 0;
};

class Phrase;

// What a phrase names, of one of these kinds. (Not a std::variant: GCC 12 warns of its copies.)
class PhraseValue {
 public:
  enum class Kind : std::uint8_t { Text, Quoted, Number, Size, Duration, Uuid, Errno, Phrases };

  // NOLINTBEGIN(google-explicit-constructor): an argument is written as the value that it is.
  PhraseValue(std::string text);  // shown as it is
  PhraseValue(const char* text);
  PhraseValue(std::string_view text);
  PhraseValue(QuotedText name);
  PhraseValue(std::uint64_t number);
  PhraseValue(ByteSize size);
  PhraseValue(std::chrono::milliseconds time);
  PhraseValue(const std::array<std::uint8_t, 16>& uuid);
  PhraseValue(Errno error);
  PhraseValue(std::vector<Phrase> phrases);
  PhraseValue(Phrase phrase);
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] const std::string& text() const { return text_; }  // of a Uuid: its 16 bytes
  [[nodiscard]] std::uint64_t number() const { return number_; }   // of a Duration: milliseconds
  [[nodiscard]] const std::vector<Phrase>& phrases() const { return phrases_; }
  [[nodiscard]] bool operator==(const PhraseValue& other) const;

 private:
  Kind kind_ = Kind::Text;
  std::string text_;
  std::uint64_t number_ = 0;
  std::vector<Phrase> phrases_;
};

struct PhraseArgument;

// Which words. slurper's own are in one table, src/service/phrase_table.cc.
enum class PhraseId : std::uint16_t;

// A part of a message, as data: which words, and what they name. It becomes text where it is shown.
class Phrase {
 public:
  Phrase();  // none
  // NOLINTBEGIN(google-explicit-constructor): a phrase without arguments is written as its id.
  Phrase(PhraseId id, std::initializer_list<PhraseArgument> arguments = {});
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] PhraseId id() const { return id_; }
  [[nodiscard]] const std::vector<PhraseArgument>& arguments() const { return arguments_; }
  [[nodiscard]] bool empty() const { return id_ == PhraseId{}; }
  // Adds what the words name, too.
  Phrase& with(PhraseArgument argument);
  [[nodiscard]] bool operator==(const Phrase& other) const;

 private:
  PhraseId id_{};
  std::vector<PhraseArgument> arguments_;
};

struct PhraseArgument {
  std::string_view name;  // a literal
  PhraseValue value;
  [[nodiscard]] bool operator==(const PhraseArgument& other) const = default;
};

inline PhraseValue::PhraseValue(std::string text) : text_(std::move(text)) {}
inline PhraseValue::PhraseValue(const char* text) : text_(text) {}
inline PhraseValue::PhraseValue(std::string_view text) : text_(text) {}
inline PhraseValue::PhraseValue(QuotedText name) : kind_(Kind::Quoted), text_(std::move(name.text)) {}
inline PhraseValue::PhraseValue(std::uint64_t number) : kind_(Kind::Number), number_(number) {}
inline PhraseValue::PhraseValue(ByteSize size) : kind_(Kind::Size), number_(size.bytes) {}
inline PhraseValue::PhraseValue(std::chrono::milliseconds time)
    : kind_(Kind::Duration), number_(static_cast<std::uint64_t>(time.count())) {}
inline PhraseValue::PhraseValue(const std::array<std::uint8_t, 16>& uuid)
    : kind_(Kind::Uuid), text_(uuid.begin(), uuid.end()) {}
inline PhraseValue::PhraseValue(Errno error)
    : kind_(Kind::Errno), number_(static_cast<std::uint64_t>(error.value)) {}
inline PhraseValue::PhraseValue(std::vector<Phrase> phrases)
    : kind_(Kind::Phrases), phrases_(std::move(phrases)) {}
inline PhraseValue::PhraseValue(Phrase phrase) : kind_(Kind::Phrases) {
  phrases_.push_back(std::move(phrase));
}
inline Phrase::Phrase() = default;
inline Phrase::Phrase(PhraseId id, std::initializer_list<PhraseArgument> arguments)
    : id_(id), arguments_(arguments) {}
inline Phrase& Phrase::with(PhraseArgument argument) {
  arguments_.push_back(std::move(argument));
  return *this;
}

inline bool PhraseValue::operator==(const PhraseValue& other) const {
  return kind_ == other.kind_ && number_ == other.number_ && text_ == other.text_ &&
         phrases_ == other.phrases_;
}
inline bool Phrase::operator==(const Phrase& other) const {
  return id_ == other.id_ && arguments_ == other.arguments_;
}

// The phrase of a plug-in's own words, or of what a library or another program has said.
[[nodiscard]] inline Phrase own_words(std::string text) {
  return {PhraseId{1}, {{"text", std::move(text)}}};
}

// A failure. The operator is shown "cannot open the FIFO '/run/x': it is a directory. Name a FIFO, or …"
struct Error {
  ErrorKind kind = ErrorKind::Internal;
  int errnum = 0;      // errno, or 0 if no system call failed
  Phrase what;         // what was tried, and on what: "open the FIFO '/run/x'"
  Phrase why;          // the reason
  Phrase advice = {};  // what to do about it, if the words of `why` do not say so

  [[nodiscard]] bool operator==(const Error& other) const = default;
};

template <typename T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(ErrorKind kind, Phrase what, Phrase why, Phrase advice = {}) {
  return std::unexpected(Error{kind, 0, std::move(what), std::move(why), std::move(advice)});
}

}  // namespace slurper
