#include "sink/sinks.h"

#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "base/phrase_id.h"
#include "base/start_thread.h"
#include "base/text.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto kLook = 5ms;  // between looks at a sink that is about to end
constexpr auto kRetry = 1s;  // after a thread could not be made

}  // namespace

// A sink that was let go, and the thread that waits for its end.
class Sinks::Ending {
 public:
  Ending(Slot slot, Sinks& sinks) : sinks_(sinks), slot_(std::move(slot)) {}
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;
  ~Ending() {
    request_stop();
    if (thread_.joinable()) thread_.join();
  }

  // Fails with Busy if the thread can't be made. Until there is one, nothing sees the sink's end.
  Status watch() {
    Result<std::thread> thread = start_thread<std::thread>("sink-end", [this] {
      (void)::pthread_setname_np(::pthread_self(), "sink-end");
      see_off();
    });
    if (!thread) return std::unexpected(std::move(thread.error()));
    thread_ = std::move(*thread);
    return {};
  }

  [[nodiscard]] const SinkSettings& settings() const { return slot_.settings; }
  [[nodiscard]] bool is_watched() const { return thread_.joinable(); }
  [[nodiscard]] bool has_ended() const { return is_watched() ? has_ended_.load() : slot_.runner->ended(); }
  [[nodiscard]] bool hangs() const { return hangs_; }

  [[nodiscard]] bool shares_with(const Slot& other) const {
    return slot_.settings.name == other.settings.name ||
           std::ranges::find_first_of(slot_.files, other.files) != slot_.files.end();
  }

  // Returns nothing after the end.
  [[nodiscard]] std::optional<SinkStatus> status() const {
    const std::lock_guard lock(mutex_);
    return slot_.runner ? std::optional(slot_.runner->status()) : std::nullopt;
  }

  void request_stop() {
    const std::lock_guard lock(mutex_);
    if (slot_.runner) slot_.runner->request_stop();
  }

 private:
  void see_off() {
    SinkRunner& runner = *slot_.runner;  // this thread alone resets it
    if (!ends_within(sinks_.limits_.patience)) {
      runner.request_stop();
      if (!ends_within(sinks_.limits_.grace)) {
        hangs_ = true;
        sinks_.events_.report(EventId::SinkHangs, {{"sink", Quoted{settings().name}}});
        announce();
      }
    }
    (void)runner.stop(Clock::time_point::max());
    report_end(runner);
    destroy();
    sinks_.events_.report(EventId::SinkGone, {{"sink", Quoted{settings().name}}});
    has_ended_ = true;
    announce();
  }

  void report_end(const SinkRunner& runner) const {
    try {
      (void)sinks_.report_place(EventId::SinkEnded, runner);
    } catch (...) {
      // Memory has run out. The message is lost.
    }
  }

  [[nodiscard]] bool ends_within(milliseconds limit) const {
    for (const auto deadline = Clock::now() + limit; !slot_.runner->ended() && Clock::now() < deadline;)
      std::this_thread::sleep_for(kLook);
    return slot_.runner->ended();
  }

  // Outside of the lock: this may take as long as the sink's destructor.
  void destroy() {
    std::unique_ptr<SinkRunner> runner;
    const std::lock_guard lock(mutex_);
    std::swap(runner, slot_.runner);
  }

  void announce() {
    sinks_.has_news_ = true;
    sinks_.wake_();
  }

  Sinks& sinks_;
  Slot slot_;
  mutable std::mutex mutex_;  // for the pointer to the runner
  std::atomic<bool> hangs_{false};
  std::atomic<bool> has_ended_{false};
  std::thread thread_;
};

Sinks::Sinks(const SinkLog& log, std::vector<ConfiguredSink> sinks, EventListener& events,
             PhraseRenderer render, std::function<void()> wake, Limits limits)
    : log_(log), events_(events), render_(render), wake_(std::move(wake)), limits_(limits) {
  for (ConfiguredSink& sink : sinks) slots_.push_back(make_slot(std::move(sink)));
}

Sinks::~Sinks() = default;

Sinks::Slot Sinks::make_slot(ConfiguredSink sink) {
  for (const Phrase& warning : sink.prepared.warnings)
    events_.report(EventId::SinkSettingWarning, {{"text", &warning}});
  return {.settings = std::move(sink.settings),
          .files = std::move(sink.files),
          .runner = std::make_unique<SinkRunner>(log_, std::move(sink.prepared), events_, render_)};
}

Status Sinks::start() {
  for (Slot& slot : slots_) {
    if (Status started = slot.runner->start(); !started) return started;
    slot.is_started = true;
  }
  return {};
}

Sinks::Changes Sinks::apply(std::vector<ConfiguredSink> sinks) {
  Changes changes;
  std::vector<Slot> next;
  for (ConfiguredSink& sink : sinks) {
    const auto is_it = [&](const Slot& slot) {
      return slot.runner && slot.settings.name == sink.settings.name;
    };
    const auto present = std::ranges::find_if(slots_, is_it);
    if (present != slots_.end() && present->settings == sink.settings) {
      next.push_back(std::move(*present));
      continue;
    }
    const bool is_new = present == slots_.end();
    events_.report(is_new ? EventId::SinkAdded : EventId::SinkChanged,
                   {{"sink", Quoted{sink.settings.name}}});
    (is_new ? changes.added : changes.changed).push_back(sink.settings.name);
    // Reports where the sink begins, on the sink's thread, which alone knows it.
    const auto self = std::make_shared<const SinkRunner*>(nullptr);
    sink.prepared.make = [this, self, is_reported = false, make = std::move(sink.prepared.make)]() mutable {
      is_reported = is_reported || report_place(EventId::SinkStarts, **self);
      return make();
    };
    next.push_back(make_slot(std::move(sink)));
    *self = next.back().runner.get();
    if (!is_new && present->runner->is_paused()) next.back().runner->begin_paused();
  }
  std::swap(slots_, next);
  for (Slot& former : next) {
    if (!former.runner) continue;  // it continues
    const auto is_it = [&](const Slot& slot) { return slot.settings.name == former.settings.name; };
    if (std::ranges::none_of(slots_, is_it)) {
      events_.report(EventId::SinkRemoved, {{"sink", Quoted{former.settings.name}}});
      changes.removed.push_back(former.settings.name);
    }
    let_go(std::move(former));
  }
  start_waiting();
  return changes;
}

void Sinks::let_go(Slot slot) {
  if (slot.is_started) {
    slot.runner->finish();
    endings_.push_back(std::make_unique<Ending>(std::move(slot), *this));
  } else if (in_the_way_of(slot) == nullptr) {
    events_.report(EventId::SinkGone, {{"sink", Quoted{slot.settings.name}}});
  }
}

void Sinks::check_due() {
  const bool is_late = retry_at_ && Clock::now() >= *retry_at_;
  if (!is_late && !has_news_) return;
  has_news_ = false;
  std::erase_if(endings_, [](const auto& ending) { return ending->is_watched() && ending->has_ended(); });
  start_waiting();
}

void Sinks::start_waiting() {
  retry_at_.reset();
  for (const auto& ending : endings_) {
    if (ending->is_watched()) continue;
    if (Status watched = ending->watch(); !watched) retry_later(ending->settings().name, watched.error());
  }
  for (Slot& slot : slots_) {
    if (slot.is_started) continue;
    if (const Ending* const other = in_the_way_of(slot)) {
      if (other->hangs() && !std::exchange(slot.is_told_to_wait, true))
        events_.report(EventId::SinkWaits,
                       {{"sink", Quoted{slot.settings.name}}, {"other", Quoted{other->settings().name}}});
    } else if (Status started = slot.runner->start(); !started) {
      retry_later(slot.settings.name, started.error());
    } else {
      slot.is_started = true;
    }
  }
}

const Sinks::Ending* Sinks::in_the_way_of(const Slot& slot) const {
  const auto found =
      std::ranges::find_if(endings_, [&](const auto& ending) { return ending->shares_with(slot); });
  return found == endings_.end() ? nullptr : found->get();
}

void Sinks::retry_later(const std::string& sink, const Error& error) {
  events_.report(EventId::SinkNotStarted, {{"sink", Quoted{sink}}, {"error", &error}});
  retry_at_ = Clock::now() + kRetry;
}

bool Sinks::report_place(EventId event, const SinkRunner& runner) {
  const SinkStatus status = runner.status();
  if (!status.has_begun) return false;
  const std::uint64_t end = std::max(log_.feed.end().value, status.acked);
  events_.report(event, {{"sink", Quoted{status.name}},
                         {"offset", StreamOffset{status.acked}},
                         {"behind", ByteSize{end - status.acked}}});
  return true;
}

bool Sinks::stop(milliseconds patience, milliseconds grace) {
  std::vector<SinkRunner*> runners;
  for (const Slot& slot : slots_) {
    if (slot.is_started) runners.push_back(slot.runner.get());
  }
  const auto deadline = Clock::now() + patience;
  for (SinkRunner* const runner : runners) runner->finish();
  const auto have_ended = [&] { return std::ranges::all_of(endings_, &Ending::has_ended); };
  const auto all_ended = [&] { return std::ranges::all_of(runners, &SinkRunner::ended) && have_ended(); };
  while (!all_ended() && Clock::now() < deadline) std::this_thread::sleep_for(1ms);
  for (SinkRunner* const runner : runners) runner->request_stop();
  for (const auto& ending : endings_) ending->request_stop();
  const auto last = Clock::now() + grace;
  bool ended = true;
  const auto left_behind = [&](const std::string& sink) {
    ended = false;
    events_.report(EventId::SinkLeftBehind, {{"sink", Quoted{sink}}});
  };
  for (SinkRunner* const runner : runners) {
    if (!runner->stop(last)) left_behind(runner->name());
  }
  while (!have_ended() && Clock::now() < last) std::this_thread::sleep_for(1ms);
  for (const auto& ending : endings_) {
    if (!ending->has_ended()) left_behind(ending->settings().name);
  }
  return ended;
}

Status Sinks::give(std::string_view name, std::shared_ptr<SinkOrder> order) const {
  const auto slot = std::ranges::find_if(slots_, [&](const Slot& one) { return one.settings.name == name; });
  if (slot != slots_.end()) return slot->runner->give(std::move(order));
  const auto ends = [&](const auto& ending) { return ending->settings().name == name; };
  if (std::ranges::any_of(endings_, ends)) return fail(ErrorKind::NoInput, {}, PhraseId::SinkIsEnding);
  std::string names;
  for (const Slot& one : slots_) names += (names.empty() ? "" : ", ") + printable(one.settings.name);
  const Phrase advice = names.empty() ? Phrase() : Phrase(PhraseId::SinksAre, {{"sinks", names}});
  return fail(ErrorKind::NoInput, {}, PhraseId::NoSinkOfThisName, advice);
}

std::vector<SinkStatus> Sinks::status() const {
  std::vector<SinkStatus> all;
  for (const Slot& slot : slots_) all.push_back(slot.runner->status());
  return all;
}

std::vector<SinkStatus> Sinks::ending() const {
  std::vector<SinkStatus> all;
  for (const auto& ending : endings_) {
    if (auto status = ending->status()) all.push_back(std::move(*status));
  }
  return all;
}

void Sinks::resume() {
  for (const Slot& slot : slots_) slot.runner->resume();
}

}  // namespace slurper
