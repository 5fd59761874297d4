#include "cli/inspect_findings.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/phrase_id.h"
#include "base/text.h"
#include "watch/pipe_users.h"

namespace slurper {

namespace {

std::string name_of(const PipeHolder& holder) {
  return describe_process(holder.open.process, holder.open.command);
}

std::string doing_of(const PipeHolder& holder) {
  const std::string what = text_of(holder.doing);
  return holder.doing.kind == Activity::Kind::Unknown ? "does what slurper can't see" : "is " + what;
}

const char* access_text(Access access) {
  switch (access) {
    case Access::Read:
      return "reading";
    case Access::Write:
      return "writing";
    case Access::ReadWrite:
      return "reading and writing";
    case Access::None:
      break;
  }
  return "neither reading nor writing";
}

// The process that systemd is may hold a FIFO for a socket unit, in any mode; it never reads or writes.
bool is_keeper(const PipeHolder& holder) {
  return holder.is_keep_alive || (holder.open.process.pid == 1 && holder.open.command == "systemd");
}

class Judge {
 public:
  Judge(const PipeFacts& facts, NamedBySyslogd named) : facts_(facts), named_(named) {
    find_readers();
    for (const PipeHolder& holder : facts.holders) {
      const bool is_reader = std::ranges::find(readers_, &holder) != readers_.end();
      const bool may_write = holder.open.access == Access::Write || holder.open.access == Access::ReadWrite;
      if (may_write && !is_reader && !is_keeper(holder)) writers_.push_back(&holder);
    }
    is_full_ = facts.fill.fill && facts.fill.fill->is_full();
  }

  Findings judge() {
    judge_readers();
    judge_fullness();
    judge_replaced();
    judge_writers();
    judge_end_of_file();
    judge_opening();
    judge_size();
    judge_unfound();
    judge_unseen();
    std::ranges::stable_sort(findings_, std::greater(), &Finding::level);
    if (findings_.empty()) findings_.push_back(ok(PhraseId::PipeWorks));
    return std::move(findings_);
  }

 private:
  // One for each open file that is read: processes that have inherited it read in turn, as their program
  // wants it. Who has the pipe open for both (rsyslog, syslog-ng, systemd) is a reader only while it reads.
  void find_readers() {
    for (const PipeHolder& holder : facts_.holders) {
      const bool is_reader = holder.open.access == Access::Read ||
                             (holder.open.access == Access::ReadWrite && holder.doing.reads_it);
      if (!is_reader || is_keeper(holder)) continue;
      const auto same = std::ranges::find_if(readers_, [&](const PipeHolder* other) {
        return other->open.process == holder.open.process ||
               (holder.open_file != 0 && other->open_file == holder.open_file);
      });
      if (same == readers_.end()) {
        readers_.push_back(&holder);
      } else if (holder.doing.reads_it && !(*same)->doing.reads_it) {
        *same = &holder;
      }
    }
    // slurper first, for it is the one that should read; then the one that came first.
    std::ranges::stable_sort(readers_, {}, [](const PipeHolder* reader) {
      return std::pair(!reader->is_slurper, reader->open.process.start_time);
    });
  }

  void add_error(Phrase phrase) { findings_.push_back(error(ErrorKind::Io, std::move(phrase))); }
  void add_warning(Phrase phrase) { findings_.push_back(warning(std::move(phrase))); }

  [[nodiscard]] std::string fill() const { return fill_text(facts_); }
  [[nodiscard]] bool stands_still() const { return facts_.stands_still.value_or(false); }
  // The path, if the pipe is a FIFO that can be opened by one.
  [[nodiscard]] std::optional<QuotedText> path() const {
    return facts_.path.empty() ? std::nullopt : std::optional(QuotedText{facts_.path});
  }

  void judge_readers() {
    for (const PipeHolder* const reader : readers_) {
      if (reader->doing.kind == Activity::Kind::Stopped)
        add_error(
            {PhraseId::ReaderStopped,
             {{"reader", name_of(*reader)}, {"pid", static_cast<std::uint64_t>(reader->open.process.pid)}}});
    }
    if (readers_.empty()) judge_no_reader();
    for (std::size_t i = 1; i < readers_.size(); ++i) {
      const PipeHolder& second = *readers_[i];
      Phrase phrase(PhraseId::PipeReadBeside,
                    {{"second", name_of(second)}, {"first", name_of(*readers_.front())}});
      // Which of two strangers should read, only the operator knows.
      if (readers_.front()->is_slurper && !second.is_slurper)
        phrase.with({"advice", Phrase(PhraseId::EndSecondReader,
                                      {{"second", name_of(second)},
                                       {"pid", static_cast<std::uint64_t>(second.open.process.pid)}})});
      add_error(std::move(phrase));
    }
  }

  void judge_no_reader() {
    if (facts_.unfound_readers() > 0) return;  // who reads is unknown: judge_unfound()
    // Of an end that is open for both, only a look at the moment of a read would tell whether it reads.
    const auto& known = facts_.fill.fill;
    const bool is_empty = known ? known->bytes == 0 : facts_.fill.errnum == 0;
    const bool has_both = std::ranges::any_of(facts_.holders, [](const PipeHolder& holder) {
      return holder.open.access == Access::ReadWrite && !is_keeper(holder);
    });
    const bool has_other = std::ranges::any_of(
        writers_, [](const PipeHolder* writer) { return writer->open.access == Access::Write; });
    if (has_both && has_other && is_empty) return;
    Phrase phrase(facts_.complete() ? PhraseId::PipeHasNoReader : PhraseId::NoReaderSeen, {{"fill", fill()}});
    if (const auto file = path(); file && facts_.complete())
      phrase.with({"advice", Phrase(PhraseId::StartReader, {{"file", *file}})});
    if (facts_.complete() && (!writers_.empty() || !is_empty)) {
      add_error(std::move(phrase));
    } else {
      add_warning(std::move(phrase));
    }
  }

  void judge_fullness() {
    if (is_full_ && !readers_.empty()) judge_full();
    for (const PipeHolder* const writer : writers_) {
      if ((writer->open.flags & O_NONBLOCK) == 0 || !facts_.fill.fill) continue;
      constexpr unsigned kHalf = 50;
      const unsigned percent = facts_.fill.fill->percent();
      if (is_full_) {
        add_error({PhraseId::WriterGetsEagain, {{"writer", name_of(*writer)}}});
      } else if (percent > kHalf) {
        add_warning({PhraseId::WriterNearEagain,
                     {{"writer", name_of(*writer)}, {"percent", std::uint64_t{percent}}}});
      }
    }
    for (const PipeHolder* const writer : writers_) {
      if (!is_full_ || !writer->doing.writes_it || writer->doing.kind != Activity::Kind::Asleep ||
          writer->doing.fd != writer->open.fd)
        continue;
      std::vector<std::string> readers;
      for (const PipeHolder* const reader : readers_)
        readers.push_back(fmt::format("{} {}", name_of(*reader), doing_of(*reader)));
      if (readers.empty()) readers.emplace_back("it has none");
      Phrase phrase(PhraseId::WriterBlocked, {{"writer", name_of(*writer)},
                                              {"call", writer->doing.call},
                                              {"fd", static_cast<std::uint64_t>(writer->doing.fd)},
                                              {"readers", fmt::format("{}", fmt::join(readers, ", "))}});
      stands_still() || readers_.empty() ? add_error(std::move(phrase)) : add_warning(std::move(phrase));
    }
  }

  void judge_full() {
    const PipeHolder& reader = *readers_.front();
    if (reader.doing.kind == Activity::Kind::Stopped) return;  // said already
    if (!stands_still()) {
      add_warning({PhraseId::PipeFullSlowly, {{"fill", fill()}, {"reader", name_of(reader)}}});
      return;
    }
    Phrase phrase(PhraseId::PipeFullUnread,
                  {{"fill", fill()}, {"reader", name_of(reader)}, {"doing", doing_of(reader)}});
    if (const auto file = path(); file && !reader.is_slurper)
      phrase.with(
          {"advice", Phrase(PhraseId::ReplaceReader, {{"reader", name_of(reader)}, {"file", *file}})});
    findings_.insert(findings_.begin(), error(ErrorKind::Io, std::move(phrase)));
  }

  void judge_replaced() {
    std::set<ProcessId> seen;
    for (const OpenDescriptor& open : facts_.of_replaced) {
      if (open.process.pid == 1 || !seen.insert(open.process).second) continue;
      add_error({PhraseId::FifoWasReplaced,
                 {{"process", describe_process(open.process, open.command)},
                  {"file", QuotedText{facts_.path}},
                  {"access", access_text(open.access)}}});
    }
  }

  void judge_writers() {
    if (!writers_.empty() || facts_.unfound_writers() > 0) return;
    if (!facts_.complete()) return add_warning(PhraseId::NoWriterSeen);
    Phrase phrase(PhraseId::PipeHasNoWriter);
    if (named_ == NamedBySyslogd::Yes) phrase.with({"advice", Phrase(PhraseId::RestartSyslogd)});
    if (named_ == NamedBySyslogd::No)
      phrase.with({"advice", Phrase(PhraseId::NameItToSyslogd,
                                    {{"file", QuotedText{facts_.path}}, {"folder", SLURPER_DOC_DIRECTORY}})});
    add_warning(std::move(phrase));
  }

  // What keeps a reader from its end-of-file.
  void judge_end_of_file() {
    for (const PipeHolder* const writer : writers_) {
      if (writer->doing.writes_it) continue;
      const auto fd = static_cast<std::uint64_t>(writer->open.fd);
      if (const PipeHolder* const origin = leaked_from(*writer); origin != nullptr) {
        add_warning({PhraseId::DescriptorLeaked,
                     {{"process", name_of(*writer)},
                      {"fd", fd},
                      {"access", access_text(writer->open.access)},
                      {"from", name_of(*origin)}}});
      } else if (is_waiting_reader(writer->open.process)) {
        add_warning({PhraseId::ReaderWritesItself, {{"reader", name_of(*writer)}, {"fd", fd}}});
      } else if (is_left_running(*writer)) {
        add_warning({PhraseId::LeftRunning, {{"process", name_of(*writer)}, {"fd", fd}}});
      }
    }
  }

  // Above standard error, a program that is given a descriptor on purpose closes those that it is not given.
  [[nodiscard]] const PipeHolder* leaked_from(const PipeHolder& holder) const {
    constexpr int kStandardError = 2;
    if (!holder.inherited_from || holder.open.fd <= kStandardError) return nullptr;
    const auto origin = std::ranges::find_if(facts_.holders, [&](const PipeHolder& other) {
      return other.open.process == *holder.inherited_from && other.open.fd == holder.open.fd &&
             other.open.command != holder.open.command;
    });
    return origin == facts_.holders.end() ? nullptr : &*origin;
  }

  [[nodiscard]] bool is_waiting_reader(const ProcessId& process) const {
    return std::ranges::any_of(readers_, [&](const PipeHolder* reader) {
      return reader->open.process == process && reader->doing.reads_it && !reader->is_slurper;
    });
  }

  // Of a command substitution, $(…): its program has ended, a child of that has not.
  [[nodiscard]] bool is_left_running(const PipeHolder& holder) const {
    return facts_.is_anonymous && holder.open.parent == 1 &&
           std::ranges::any_of(readers_, [](const PipeHolder* reader) { return reader->doing.reads_it; });
  }

  void judge_opening() {
    for (const OpeningProcess& one : facts_.opening) {
      const Access other = one.access == Access::Read ? Access::Write : Access::Read;
      add_warning(
          {PhraseId::WaitsInOpen,
           {{"process", describe_process(one.process, one.command)}, {"access", access_text(other)}}});
    }
  }

  void judge_size() {
    if (facts_.is_anonymous || !facts_.fill.fill) return;
    const PipeFill& fill = *facts_.fill.fill;
    constexpr std::uint64_t kShrunk = 2;  // slots: PIPE_MIN_DEF_BUFFERS of the kernel
    constexpr std::uint64_t kUsual = 65536;
    if (fill.slots() <= kShrunk && facts_.user_pages_soft > 0) {
      add_warning({PhraseId::PipeShrunk,
                   {{"slots", fill.slots()},
                    {"size", ByteSize{fill.capacity}},
                    {"pages", std::uint64_t{facts_.user_pages_soft}}}});
    } else if (fill.capacity <= kUsual) {
      add_warning({PhraseId::PipeIsSmall, {{"size", ByteSize{fill.capacity}}}});
    }
  }

  void judge_unfound() {
    const auto judge = [this](std::uint64_t files, Access access) {
      if (files > 0)
        add_warning({PhraseId::EndsUnfound, {{"access", access_text(access)}, {"files", files}}});
    };
    judge(facts_.unfound_readers(), Access::Read);
    judge(facts_.unfound_writers(), Access::Write);
  }

  // The first of them says what to do.
  void judge_unseen() {
    bool is_advised = false;
    const auto add = [&](Phrase phrase) {
      if (!std::exchange(is_advised, true))
        phrase.with(
            {"advice", Phrase(facts_.is_by_root ? PhraseId::InspectWithTracing : PhraseId::InspectAsRoot)});
      add_warning(std::move(phrase));
    };
    if (facts_.others_hidden) add(PhraseId::ProcessesHidden);
    if (!facts_.unseen.empty()) {
      constexpr std::size_t kNamed = 5;
      const std::size_t named = std::min(facts_.unseen.size(), kNamed);
      const std::string pids = fmt::format("pid {}{}", fmt::join(std::span(facts_.unseen).first(named), ", "),
                                           named < facts_.unseen.size() ? ", …" : "");
      add({PhraseId::ProcessesUnseen,
           {{"processes",
             fmt::format("{} {}", facts_.unseen.size(), facts_.unseen.size() == 1 ? "process" : "processes")},
            {"pids", pids}}});
    }
    if (!facts_.fill.fill && facts_.fill.errnum != 0)
      add({PhraseId::FillUnknown, {{"errno", Errno{facts_.fill.errnum}}}});
  }

  const PipeFacts& facts_;
  const NamedBySyslogd named_;
  std::vector<const PipeHolder*> readers_;
  std::vector<const PipeHolder*> writers_;
  bool is_full_ = false;
  Findings findings_;
};

}  // namespace

std::string fill_text(const PipeFacts& facts) {
  const bool is_unused = facts.fill.errnum == 0 && facts.complete();
  if (!facts.fill.fill) return is_unused ? "nothing" : "an unknown number of bytes";
  const PipeFill& fill = *facts.fill.fill;
  std::string text =
      fmt::format("{} of {}", format_rounded(ByteSize{fill.bytes}), format_rounded(ByteSize{fill.capacity}));
  if (const auto used = fill.slots_used(); used && *used > 0)
    text += fmt::format(", {} of {} slots", *used, fill.slots());
  return text;
}

Findings judge_pipe(const PipeFacts& facts, NamedBySyslogd named) {
  return Judge(facts, named).judge();
}

}  // namespace slurper
