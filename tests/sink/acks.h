// What a sink acknowledges, for tests that call it as the runner does.
#pragma once

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "slurper/sink.h"

namespace slurper::test {

class RecordedAcks : public Acknowledgements {
 public:
  void up_to(std::uint64_t offset) override {
    const std::lock_guard lock(mutex_);
    acked_ = std::max(acked_, offset);
  }
  void one(std::uint64_t offset) override {
    const std::lock_guard lock(mutex_);
    ones_.push_back(offset);
  }
  void reject(std::uint64_t offset, Phrase reason) override {
    const std::lock_guard lock(mutex_);
    rejected_.emplace_back(offset, std::move(reason));
  }
  void release(std::uint64_t offset) override {
    const std::lock_guard lock(mutex_);
    released_ = std::max(released_, offset);
  }
  void fail(Error error) override {
    const std::lock_guard lock(mutex_);
    error_ = std::move(error);
  }

  // A new connection, on which nothing was delivered.
  void begin() {
    const std::lock_guard lock(mutex_);
    acked_ = released_ = 0;
    delivered_ = false;
    ones_.clear();
    rejected_.clear();
    error_.reset();
  }
  void delivers(std::uint64_t offset) {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(delivered_, true)) acked_ = std::max(acked_, offset);
  }
  // Everything before it is acknowledged. Before the first delivery's, 0.
  [[nodiscard]] std::uint64_t acked() {
    const std::lock_guard lock(mutex_);
    return acked_;
  }
  [[nodiscard]] std::uint64_t released() {
    const std::lock_guard lock(mutex_);
    return released_;
  }
  [[nodiscard]] std::vector<std::pair<std::uint64_t, Phrase>> take_rejected() {
    const std::lock_guard lock(mutex_);
    return std::exchange(rejected_, {});
  }

 private:
  std::mutex mutex_;
  bool delivered_ = false;
  std::uint64_t acked_ = 0;
  std::uint64_t released_ = 0;
  std::vector<std::uint64_t> ones_;
  std::vector<std::pair<std::uint64_t, Phrase>> rejected_;
  std::optional<Error> error_;
};

inline RecordedAcks& acks_of(const SinkContext& context) {
  return static_cast<RecordedAcks&>(*context.acks);
}

struct Refused {
  std::size_t index;  // in the batch
  Phrase reason;
};

struct Delivered {
  std::uint64_t acked = 0;  // everything before it is
  std::vector<Refused> rejected = {};
};

// The context has RecordedAcks.
inline Result<std::optional<Reached>> open(Sink& sink, const SinkContext& context) {
  acks_of(context).begin();
  return sink.open(context);
}

inline Result<Delivered> deliver(Sink& sink, const SinkContext& context, std::span<const Record> batch) {
  RecordedAcks& acks = acks_of(context);
  acks.delivers(batch.front().offset());
  const Status delivered = sink.deliver(batch);
  Delivered result{.acked = acks.acked()};
  for (auto& [offset, reason] : acks.take_rejected()) {
    const auto record = std::ranges::find(batch, offset, &Record::offset);
    const auto index = static_cast<std::size_t>(record - batch.begin());
    // The runner takes the last word about a record.
    std::erase_if(result.rejected, [&](const Refused& refused) { return refused.index == index; });
    result.rejected.push_back({.index = index, .reason = std::move(reason)});
  }
  std::ranges::sort(result.rejected, {}, &Refused::index);
  if (!delivered) return std::unexpected(delivered.error());
  return result;
}

// Returns the offset before which everything is acknowledged.
inline Result<std::uint64_t> flush(Sink& sink, const SinkContext& context) {
  if (const Status flushed = sink.flush(); !flushed) return std::unexpected(flushed.error());
  return acks_of(context).acked();
}

}  // namespace slurper::test
