// PipeOrder: in which order the calls on one pipe took place, and so whose bytes each read has returned.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "trace/flow/transfer.h"

namespace slurper {

// Calls that do not overlap took place one after the other. For those that do, it pursues every order in
// which the bytes that were written are the bytes that were read, and is sure of what all of them have in
// common. For one thread.
class PipeOrder {
 public:
  using Write = std::shared_ptr<PipeTransfer>;

  // Forgets all calls that have ended, and knows no more when those under way take place. At most `unknown`
  // bytes are in the pipe, and `reason` is why nothing is known of them.
  void start(std::uint64_t unknown, Doubt reason);

  void begin_write(Write write);
  // It has ended: `end`, `length` and `data` are set. A length of 0: it wrote nothing.
  void end_write(const Write& write);
  // It has ended, and nothing is known of that.
  void drop_write(const Write& write) { std::erase(pending_writes_, write); }
  // A call that has begun to read. The key tells it from others.
  void begin_read(std::uint64_t key, std::uint64_t begin);
  // `read` is empty if it returned no bytes, and may not have found the pipe empty.
  void end_read(std::uint64_t key, std::optional<PipeTransfer> read);

  // Places what can be placed. False if the calls contradict each other: bytes came from elsewhere, or went
  // elsewhere. `force`: does not wait for the end of calls under way; from then on, nothing is sure until
  // start().
  [[nodiscard]] bool advance(bool force);
  // The next read of which all is known that will be known, in order of their ends.
  // `waits`: a later read may still tell orders apart.
  std::optional<FlowRead> next(bool waits);
  // The bytes that are in no read that was placed, as far as all orders agree on that.
  [[nodiscard]] std::vector<FlowPiece> unread_pieces() const;
  // All reads that were not returned, when the order was lost. What is not known has the doubt `reason`.
  std::vector<FlowRead> give_up(Doubt reason);

  // Bytes in writes that have ended and in no read that has; at most that many are in the pipe.
  [[nodiscard]] std::uint64_t unread() const {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(balance(), 0));
  }
  [[nodiscard]] std::size_t reads_under_way() const { return pending_reads_.size(); }
  // The offset behind the last byte that was written; empty while unknown bytes may be in the pipe.
  [[nodiscard]] std::optional<std::uint64_t> end() const;
  // What is known of the pipe: it is empty, and no call on it is under way.
  void set_empty();
  [[nodiscard]] bool is_idle() const {
    return pending_writes_.empty() && pending_reads_.empty() && reads_.empty();
  }
  // Reads that next() has not returned, and what was recorded of them, in bytes.
  [[nodiscard]] std::size_t held() const { return reads_.size(); }
  [[nodiscard]] std::uint64_t held_data() const { return held_data_; }
  // Whether there were too many possible orders to pursue, when advance() returned false.
  [[nodiscard]] bool has_too_many() const { return has_too_many_; }
  [[nodiscard]] const std::vector<Write>& pending_writes() const { return pending_writes_; }

 private:
  static constexpr std::size_t kMost = 64;  // orders that are pursued at once

  using Answer = std::shared_ptr<const std::vector<FlowPiece>>;
  struct Placed {
    std::uint64_t read = 0;
    Answer answer;
    bool is_ambiguous = false;
  };
  // One possible order up to here.
  struct Order {
    // The writes that have ended and come before this one, by their ends, are in the reads as a whole.
    std::uint64_t base = 0;
    // Of other writes: how many bytes are in the reads.
    std::vector<std::pair<Write, std::uint64_t>> taken;
    std::uint64_t unknown = 0;  // bytes that may still be in front of all writes
    std::uint64_t offset = 0;
    std::vector<Placed> placed;  // in order of their ends
  };
  struct HeldRead {
    std::uint64_t id = 0;
    PipeTransfer call;
    Doubt doubt = Doubt::None;  // of all its pieces
    // Those that were under way when it ended, as ids, in order of their ends: of each thread, one at most.
    std::vector<std::uint64_t> later;
  };
  // Up to where a read was placed, and which bytes are left then.
  struct State {
    std::uint64_t position = 0;
    std::uint64_t base = 0;
    std::uint64_t offset = 0;
    const PipeTransfer* interrupted = nullptr;
    std::vector<std::pair<const PipeTransfer*, std::uint64_t>> taken;
    auto operator<=>(const State&) const = default;
  };
  // The next bytes of a read.
  struct Step {
    Write write;
    std::uint64_t count = 0;
    std::uint64_t gone = 0;  // with what is left of a packet
    bool divides = false;    // bytes of another write follow
  };
  struct PendingRead {
    std::uint64_t key = 0;
    std::uint64_t begin = 0;
    bool is_old = false;
  };
  struct Ended {
    Write write;
    std::vector<Write> later;  // as those of a read
  };

  // Bytes that were written less those that were read, by calls that have ended.
  [[nodiscard]] std::int64_t balance() const;
  void find_drained();
  // Whether all calls are known that may have come before the next read. `is_patient`: waits for the end of
  // the only write under way, although nothing else can have come before it.
  [[nodiscard]] bool is_ready(bool is_patient);
  [[nodiscard]] bool may_precede(const Order& order, const HeldRead& first, std::uint64_t end) const;
  [[nodiscard]] const HeldRead* first_unplaced(const Order& order) const;
  static bool has_placed(const Order& order, const HeldRead& read);
  [[nodiscard]] std::uint64_t taken_of(const Order& order, const Write& write) const;
  [[nodiscard]] std::vector<Write> candidates(const Order& order) const;
  [[nodiscard]] const Ended* first_left(const Order& order) const;
  // Bytes of the writes that have ended and are in no read that was placed.
  [[nodiscard]] std::uint64_t left(const Order& order) const;
  void place(const Order& order, const HeldRead& read, std::vector<Order>& found);
  // Of one that has not ended, what it has asked for.
  static std::uint64_t size_at_most(const PipeTransfer& write);
  static void add_answer(Order& order, const HeldRead& read, std::vector<FlowPiece> pieces);
  [[nodiscard]] std::vector<Step> next_steps(const Order& order, const HeldRead& read, std::uint64_t position,
                                             const PipeTransfer* interrupted);
  [[nodiscard]] bool is_known(const Order& order, std::uint64_t position, const PipeTransfer* interrupted);
  void go(const Step& step, Order& order, std::vector<FlowPiece>& pieces) const;
  void fill(Order order, const HeldRead& read, std::vector<FlowPiece>& pieces, std::uint64_t position,
            const PipeTransfer* interrupted, std::vector<Order>& found);
  void fill_unknown(const Order& order, const HeldRead& read, std::vector<Order>& found);
  [[nodiscard]] bool leaves_enough_empty(const Order& order, const PipeTransfer& read,
                                         const std::vector<FlowPiece>& pieces) const;
  void take(Order& order, const Write& write, std::uint64_t count) const;
  void merge(std::vector<Order>& orders) const;
  void forget_taken();
  void forget_reads();

  std::vector<Order> orders_;
  std::deque<Ended> ended_;  // in order of their ends
  std::uint64_t first_rank_ = 0;
  std::vector<Write> pending_writes_;
  std::deque<HeldRead> reads_;    // in order of their ends
  std::uint64_t next_read_ = 0;   // its id
  std::uint64_t held_bytes_ = 0;  // that reads_ have read
  std::uint64_t held_data_ = 0;   // of these, recorded
  std::vector<PendingRead> pending_reads_;
  std::optional<std::uint64_t> awaited_;  // the key of one, without whose end no read can be placed
  Doubt unknown_reason_ = Doubt::BeforeTrace;
  std::uint64_t written_ = 0;  // by the writes in ended_
  bool has_too_many_ = false;
  std::set<State> states_;    // in which the present read has been
  bool has_met_ = false;      // in one of them more than once
  std::uint64_t effort_ = 0;  // that may still be made for the next read
  bool is_forced_ = false;    // since then, calls under way may contradict
};

}  // namespace slurper
