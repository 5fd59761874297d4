// SinkRunner: runs one sink in a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/event.h"
#include "base/fd.h"
#include "base/histogram.h"
#include "log/log_feed.h"
#include "sink/ack_queue.h"
#include "sink/dead_letters.h"
#include "sink/delivery_window.h"
#include "sink/record_source.h"
#include "sink/runner_options.h"
#include "sink/sink_health.h"
#include "sink/sink_log.h"
#include "sink/sink_order.h"
#include "sink/sink_progress.h"
#include "sink/sink_status.h"
#include "slurper/sink.h"

namespace slurper {

// A sink with parsed settings; nothing is open.
struct PreparedSink {
  std::string name;
  std::string type;
  RunnerOptions options;
  // Makes the sink, on the sink's own thread. After an error it is called again, since a plug-in may be
  // installed meanwhile.
  std::function<Result<std::unique_ptr<Sink>>()> make;
  std::vector<Phrase> warnings = {};  // about its settings, for the operator
  std::string dead_letters = {};      // the file for what is refused; empty: the one beside the log
  // Returns a refused record as its dead letter shows it, valid until the next call; empty: as it is.
  std::function<Record(const Record&)> origin_of = {};
};

// Reads the log from the sink's cursor, hands records to the sink in batches, and moves the cursor as far as
// the destination has acknowledged them. It retries what fails for as long as it takes. What the destination
// refuses for good goes to the dead letters; if it refuses all lines, the sink waits instead.
//
// A fault of a sink affects this sink alone: a type that does not exist or a cursor that can't be used is a
// failure like any other, visible in status() and retried.
class SinkRunner {
 public:
  // Opens and starts nothing. `events` outlives it, and receives what its thread reports. `render` words the
  // reasons in the dead letters.
  SinkRunner(const SinkLog& log, PreparedSink sink, EventListener& events, PhraseRenderer render);
  SinkRunner(const SinkRunner&) = delete;
  SinkRunner& operator=(const SinkRunner&) = delete;
  ~SinkRunner();

  // Fails with Busy if its thread can't be made.
  [[nodiscard]] Status start();

  // The thread ends when the destination has everything that the log has now, or when the sink fails.
  void finish();
  // Interrupts every wait of the sink; returns at once.
  void request_stop();
  // Any thread: makes a sink that has stopped because of a loop try again.
  void resume();
  // Any thread: has the sink do what `order` says, on its own thread, as soon as it is in no call of its own.
  // One at a time: fails with Busy if another is not done yet, or if the sink has ended.
  [[nodiscard]] Status give(std::shared_ptr<SinkOrder> order);
  // Before start(): it begins paused, as its predecessor was.
  void begin_paused() { paused_ = true; }
  // Calls request_stop(); returns whether the thread has ended before `deadline`.
  bool stop(std::chrono::steady_clock::time_point deadline);

  // Any thread:
  [[nodiscard]] SinkStatus status() const;
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool ended() const { return ended_.load(); }
  [[nodiscard]] bool is_paused() const { return paused_.load(); }

 private:
  using Clock = std::chrono::steady_clock;

  // What was handed over in one call, until it is acknowledged.
  struct Handed {
    StreamOffset end;
    Clock::time_point at;
    Timestamp arrival;                         // of the first record
    std::optional<Clock::time_point> arrived;  // the same, by the steady clock, and more precise
    std::size_t records;
  };

  void run();
  Status turn();
  void tear_down() noexcept;
  void close_sink() noexcept;
  Status open_sink();
  Status step();
  Status read_log();
  Status deliver();
  Status flush();
  Status take_acks();
  Status settle();
  Status keep_refused(const DeliveryWindow::Settled& record);
  Status note_position();
  void note_handed(const std::vector<Record>& batch);
  bool wait_for_resume();
  void serve_order();
  void pause(std::shared_ptr<SinkOrder> order);
  [[nodiscard]] SinkOrder::Done resume_now();
  [[nodiscard]] Result<SinkOrder::Done> rewind(const RewindTo& to);
  [[nodiscard]] SinkOrder::Done place() const;
  void finish_order(SinkOrder& order, Result<SinkOrder::Done> outcome);
  void abandon_orders() noexcept;
  Status leave_off();
  void rest();
  void wait(Clock::time_point deadline, StreamOffset wanted);
  void say(Level level, const Phrase& text) const;
  void show(const Phrase& text, bool is_problem);
  [[nodiscard]] bool window_is_full() const { return window_.size() >= options_.window_bytes; }
  [[nodiscard]] bool has_finished_reading() const;
  [[nodiscard]] bool is_done() const;

  const SinkLog log_;
  const std::string name_;
  const RunnerOptions options_;
  const std::function<Result<std::unique_ptr<Sink>>()> make_sink_;
  EventListener& events_;
  const PhraseRenderer render_;
  UniqueFd stop_fd_;  // eventfd
  UniqueFd wake_fd_;  // the same

  std::atomic<bool> finishing_{false};
  std::atomic<std::uint64_t> finish_at_{~std::uint64_t{0}};  // set before finishing_
  std::atomic<bool> stopping_{false};
  std::atomic<bool> ended_{false};
  std::atomic<bool> resumed_{false};
  std::atomic<bool> paused_{false};     // written by the thread, once it runs
  std::atomic<bool> has_order_{false};  // that it has not begun
  std::mutex order_mutex_;
  std::shared_ptr<SinkOrder> order_;  // until it is done; under the mutex
  bool takes_orders_ = true;          // under the mutex
  std::atomic<std::uint64_t> records_{0};
  std::atomic<std::uint64_t> bytes_{0};
  std::atomic<std::uint64_t> in_flight_{0};
  std::atomic<std::chrono::milliseconds::rep> latency_{0};
  Histogram latencies_;
  mutable std::mutex shown_mutex_;
  std::string shown_;           // by the sink, under the mutex
  bool shows_problem_ = false;  // under the mutex

  // The thread's own state:
  std::unique_ptr<LogFeed::Listener> listener_;
  RecordSource source_;
  SinkProgress progress_;
  SinkHealth health_;
  std::unique_ptr<Sink> sink_;
  DeadLetters dead_letters_;
  std::function<Record(const Record&)> origin_of_;
  DeliveryWindow window_;
  std::shared_ptr<AckQueue> acks_;  // while the sink is open
  SinkContext context_;
  bool is_open_ = false;
  bool is_stopped_ = false;             // by a loop, until it is resumed
  bool is_resting_ = false;             // it is paused, and that is reported
  std::shared_ptr<SinkOrder> pausing_;  // what is finished when it rests
  Clock::time_point pause_due_;         // what is not acknowledged by then is given back
  std::uint64_t given_back_ = 0;
  bool has_waited_ = false;
  bool is_flushed_ = false;   // since the last delivery
  bool has_borders_ = false;  // see Sink::border()
  Clock::time_point flush_due_;
  Clock::time_point next_delivery_;  // as max_rate has it
  std::deque<Handed> handed_;
  std::optional<StreamOffset> line_;  // the beginning of the split line in which the last batch ended
  std::uint64_t refused_in_a_row_ = 0;
  std::optional<Clock::time_point> linger_until_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace slurper
