#include "daemon/start.h"

#include <sys/stat.h>

#include <span>
#include <utility>

#include "base/uuid.h"
#include "daemon/ring_choice.h"
#include "daemon/run_daemon.h"
#include "intake/path_keeper.h"
#include "ring/ring_directory.h"

namespace slurper {

namespace {

class Start {
 public:
  Start(Os& os, const Settings& settings, FdStore& fd_store, EventListener& events)
      : os_(os), settings_(settings), fd_store_(fd_store), events_(events) {}

  Result<Stages> open() {
    if (Status fits = check_passed(); !fits) return std::unexpected(fits.error());
    if (Status opened = open_existing_fifo(); !opened) return std::unexpected(opened.error());
    if (Status opened = open_log_and_ring(); !opened) return std::unexpected(opened.error());
    if (!stages_.fifo.read_fd) {
      if (Status made = open_the_fifo(); !made) return std::unexpected(made.error());
    }
    if (stages_.fifo.created) events_.report(EventId::FifoCreated, {{"fifo", Quoted{settings_.fifo.path}}});
    report_opened(stages_.fifo, events_);
    return std::move(stages_);
  }

 private:
  // If a FIFO is being replaced, or a socket unit is being restarted, the second check may succeed.
  Status check_passed() {
    Status fits = fd_store_.check();
    if (fits) return fits;
    events_.report(EventId::StartRepeated, {{"error", &fits.error()}});
    delay_next_start();
    return fd_store_.check();
  }

  Status open_the_fifo() {
    Result<Fifo> fifo = open_fifo(os_, settings_.fifo);
    if (!fifo) return std::unexpected(fifo.error());
    stages_.fifo = std::move(*fifo);
    fd_store_.keep(stages_.fifo);
    return {};
  }

  Status open_existing_fifo() {
    struct stat st{};
    const bool exists = os_.lstat(settings_.fifo.path.c_str(), &st) == 0;
    return exists || !settings_.fifo.create ? open_the_fifo() : can_create_fifo(settings_.fifo);
  }

  // Uses the default folder if the configured folder is another user's, so that lines don't wait for an
  // administrator.
  Result<Ring::Opened> open_ring(const Uuid& boot, const std::string& chosen) {
    const LogWriter& writer = *stages_.writer;
    const auto open_in = [&](const std::string& directory) {
      return Ring::open(os_, directory, settings_.ring, writer.log_id(), boot,
                        {.readable_from = writer.readable_from().value,
                         .end = writer.end().value,
                         .session = writer.session()});
    };
    Result<Ring::Opened> opened = open_in(chosen);
    if (opened || opened.error().kind != ErrorKind::NoPermission || settings_.ring.directory.empty())
      return opened;
    Settings usual = settings_;
    usual.ring.directory.clear();
    const Result<std::string> usual_directory = ring_directory(usual);
    if (!usual_directory || *usual_directory == chosen) return opened;
    Result<Ring::Opened> instead = open_in(*usual_directory);
    if (!instead) return opened;
    events_.report(EventId::RingElsewhere,
                   {{"error", &opened.error()}, {"folder", Quoted{*usual_directory}}});
    return instead;
  }

  void report_ring(const Ring::Opened& opened) {
    if (!opened.quarantined.empty()) {
      events_.report(EventId::RingQuarantined, {{"ring", Quoted{opened.path}},
                                                {"reason", &opened.quarantine_reason},
                                                {"quarantined", Quoted{opened.quarantined}},
                                                {"recover", recover_arguments(settings_, opened.path)}});
    }
    for (const Phrase& finding : opened.findings)
      events_.report(EventId::RingMended, {{"finding", &finding}});
    if (!opened.in_ram) events_.report(EventId::RingNotInRam, {{"ring", Quoted{opened.path}}});
    if (opened.size_differs)
      events_.report(EventId::RingKeepsSize, {{"size", ByteSize{opened.ring->size()}}});
  }

  Status open_log_and_ring() {
    const Result<Uuid> boot = read_boot_id(os_);
    if (!boot) return std::unexpected(boot.error());
    const Result<ChosenRing> chosen = choose_ring(os_, settings_, *boot);
    if (!chosen) return std::unexpected(chosen.error());
    if (chosen->refusal) {
      events_.report(EventId::RingElsewhere,
                     {{"error", &*chosen->refusal}, {"folder", Quoted{chosen->directory}}});
    }
    Result<std::unique_ptr<LogWriter>> opened_log =
        LogWriter::open(os_, settings_.log, *boot, chosen->witness);
    if (!opened_log) return std::unexpected(opened_log.error());
    stages_.writer = std::move(*opened_log);

    Result<Ring::Opened> opened = open_ring(*boot, chosen->directory);
    if (!opened) return std::unexpected(opened.error());
    report_ring(*opened);
    stages_.ring = std::move(opened->ring);
    stages_.ring->note_log(absolute_log_path(settings_.log.path));
    stages_.ring_path = opened->path;
    link_ring_directory(settings_, chosen->directory);

    // The log's own size shows what the log has, except for external changes since.
    LogWriter& writer = *stages_.writer;
    Ring& ring = *stages_.ring;
    const std::span<const char> pending = ring.bytes(ring.tail(), ring.head());
    if (Status agreed = writer.reconcile(ring.tail(), pending, ring.session()); !agreed) return agreed;
    ring.release(writer.end());
    stages_.times = TimeIndex::open(os_, writer.paths(), writer.log_ids(), writer.access(),
                                    {.log_end = writer.end(), .head = ring.head()});
    for (const Phrase& finding : writer.take_findings())
      events_.report(EventId::LogFinding, {{"log", Quoted{settings_.log.path}}, {"text", &finding}});
    if (ring.used() > 0) events_.report(EventId::RingRecovered, {{"size", ByteSize{ring.used()}}});
    return {};
  }

  Os& os_;
  const Settings& settings_;
  FdStore& fd_store_;
  EventListener& events_;
  Stages stages_;
};

}  // namespace

Result<Stages> open_stages(Os& os, const Settings& settings, FdStore& fd_store, EventListener& events) {
  return Start(os, settings, fd_store, events).open();
}

}  // namespace slurper
