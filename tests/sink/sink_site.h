// What a sink needs to be tested by itself: settings, a context, records.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "record/syslog_header.h"
#include "sink/acks.h"
#include "sink/options.h"
#include "sink/registry.h"
#include "slurper/sink.h"
#include "support/text_of.h"

namespace slurper {

// Makes sinks and feeds them. The log that the records are of begins at offset 0.
class SinkSite {
 public:
  using Pairs = std::vector<std::pair<std::string, std::string>>;

  SinkSite() : stop_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    context_.name = "test";
    context_.log_id.fill(7);
    context_.checksum = &record_checksum;
    context_.acks = acks_;
    context_.wake_fd = stop_fd_.get();  // no sink in these tests writes to it
    context_.stop_fd = stop_fd_.get();
    context_.say = [this](Level, const Phrase& text) { said_ += test::text_of(text) + '\n'; };
    context_.show = [this](const Phrase& text) { shown_ = test::text_of(text); };
    context_.show_problem = [this](const Phrase& text) { shown_ = "problem: " + test::text_of(text); };
  }

  // The sink of these settings, or why there is none.
  Result<std::unique_ptr<Sink>> make(const SinkType& type, const Pairs& pairs) {
    SinkSettings settings{.name = "test", .type = "test", .place = "here:1:1", .options = {}};
    for (const auto& [name, value] : pairs)
      settings.options.push_back({.name = name, .values = {value}, .is_list = false, .place = "here:2:1"});
    ConfiguredOptions options(settings, settings_of(type));
    std::unique_ptr<Sink> sink = type.make(options);
    if (const Status good = options.check(); !good) return std::unexpected(good.error());
    return sink;
  }

  // Records of these lines, which follow those of the calls before. Valid until the next call.
  std::span<const Record> records(std::vector<std::string> lines) {
    lines_ = std::move(lines);
    records_.clear();
    for (const std::string& line : lines_) {
      const std::uint64_t next = offset_ + line.size() + 1;
      records_.emplace_back(context_.log_id, offset_, next, line, Part::Whole, arrival_,
                            &parse_syslog_header);
      offset_ = next;
    }
    return records_;
  }
  std::span<const Record> numbered(int first, int count) {
    std::vector<std::string> lines;
    for (int i = first; i < first + count; ++i)
      lines.push_back(fmt::format("<13>Nov 21 22:14:15 host prog[7]: line {}", i));
    return records(std::move(lines));
  }

  Result<std::optional<Reached>> open(Sink& sink) { return test::open(sink, context_); }
  Result<test::Delivered> deliver(Sink& sink, std::span<const Record> batch) {
    return test::deliver(sink, context_, batch);
  }
  Result<std::uint64_t> flush(Sink& sink) { return test::flush(sink, context_); }
  [[nodiscard]] std::uint64_t acked() const { return acks_->acked(); }
  [[nodiscard]] std::uint64_t released() const { return acks_->released(); }

  [[nodiscard]] const SinkContext& context() const { return context_; }
  [[nodiscard]] const std::string& said() const { return said_; }
  // What the status shows.
  [[nodiscard]] const std::string& shown() const { return shown_; }
  // As `slurper identity --new` does, while the sink is closed.
  void rename_log() {
    context_.former_log_id = context_.log_id;
    ++context_.log_id.front();
  }
  void stop() { (void)::eventfd_write(stop_fd_.get(), 1); }
  void set_arrival(Timestamp arrival) { arrival_ = arrival; }

 private:
  UniqueFd stop_fd_;
  std::shared_ptr<test::RecordedAcks> acks_ = std::make_shared<test::RecordedAcks>();
  SinkContext context_;
  std::string said_;
  std::string shown_;
  std::uint64_t offset_ = 0;
  Timestamp arrival_ = Timestamp(std::chrono::seconds(1'800'000'000));
  std::vector<std::string> lines_;
  std::vector<Record> records_;
};

}  // namespace slurper
