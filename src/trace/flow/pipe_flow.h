// PipeFlow: one pipe, and what is known of those who use it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

#include "trace/flow/pipe_order.h"
#include "trace/flow/transfer.h"

namespace slurper {

// Reports each read with the writes whose bytes it returned, in order of the reads' ends. The memory that it
// needs is bounded by the size of the pipe: of what was written and not read, it keeps what was recorded. For
// one thread.
class PipeFlow {
 public:
  using Report = std::function<void(const PipeFlow& pipe, FlowRead read)>;

  // `id` is of this pipe alone, unlike its name. `is_new`: nothing is in it yet. `sees_all`: every process
  // that uses it is recorded.
  PipeFlow(std::uint64_t id, std::string name, bool is_new, bool sees_all, Report report);

  // `tid` has begun a call, and has ended it. A call that has ended without a beginning may have begun at
  // `begin`. A length of 0: it moved nothing.
  void begin_write(std::int64_t tid, PipeTransfer call);
  void end_write(std::int64_t tid, PipeTransfer call);
  void begin_read(std::int64_t tid, std::uint64_t begin);
  // Empty if it has failed, and does not say that the pipe was empty.
  void end_read(std::int64_t tid, std::optional<PipeTransfer> call);

  // `tid` makes another call, or has ended, and the end of its call on the pipe was not recorded.
  void abandon(std::int64_t tid);
  // Events are missing from here on, and until end_loss().
  void begin_loss();
  void end_loss();
  // A recorded state of the pipe, after all calls so far: it was empty, or has this size.
  void set_empty();
  void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
  // All that used it have closed it: what was in it is gone.
  void renew();
  void set_sees_all(bool sees_all) { sees_all_ = sees_all; }
  // The capture has ended, or the pipe. Reports what was not read, unless `unread` is Fate::Read.
  void flush(Fate unread);

  // The offset of the first byte of the write or the read that has just ended; empty if it is not known yet.
  [[nodiscard]] std::optional<std::uint64_t> last_offset() const {
    return sees_all_ ? last_offset_ : std::nullopt;
  }
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  void lose(Doubt reason);
  void advance(bool force);
  void report_known(bool waits);
  void report(FlowRead read);
  void give_up();
  void find_by_data(PipeTransfer read);
  void keep_for_search(const PipeOrder::Write& write);
  [[nodiscard]] bool is_crowded() const;

  std::uint64_t id_;
  std::string name_;
  bool sees_all_;
  Report report_;
  PipeOrder order_;
  std::unordered_map<std::int64_t, PipeOrder::Write> writing_;
  std::uint64_t capacity_;
  bool is_losing_ = false;
  bool has_lost_ = false;      // so offsets are unknown
  std::uint64_t now_ = 0;      // the last event's number
  std::uint64_t lost_at_ = 0;  // that of the last loss
  Doubt reason_ = Doubt::BeforeTrace;
  int contradictions_ = 0;  // since something was lost
  // A process that is not recorded reads or writes: the order of calls says nothing any more.
  bool is_shared_ = false;
  std::deque<PipeOrder::Write> recent_;  // then: what was written and not found in a read
  std::uint64_t recent_bytes_ = 0;
  std::optional<std::uint64_t> last_offset_;
  std::uint64_t last_write_end_ = 0;
  std::uint64_t last_read_end_ = 0;
  std::uint64_t read_ = 0;    // bytes
  bool has_packets_ = false;  // so more than read_ has left the pipe
};

}  // namespace slurper
