#include "cli/status.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "base/screen_text.h"
#include "base/text.h"
#include "base/wrap.h"
#include "cli/asked.h"
#include "cli/command.h"
#include "cli/screens.h"
#include "cli/status_events.h"
#include "cli/status_page.h"
#include "cli/stream_output.h"
#include "control/control_request.h"
#include "service/phrase_table.h"

namespace slurper {

namespace {

using namespace std::chrono_literals;

using Clock = std::chrono::steady_clock;

constexpr auto kInterval = 1s;  // of --watch
constexpr std::size_t kSamples = 300;

class StatusView {
 public:
  StatusView(const StatusRequest& request, int out_fd, std::FILE* err)
      : request_(request), screens_(out_fd), output_(out_fd), err_(err) {}

  int once() {
    const Result<AllAsked> all = ask_instances(request_.instance);
    return all ? show(*all) : fails(all.error());
  }

  int watch() {
    int status = kHealthy;
    bool is_first = true;
    for (auto next = Clock::now();; next = std::max(next + kInterval, Clock::now())) {
      std::this_thread::sleep_until(next);
      const Result<AllAsked> all = ask_instances(request_.instance);
      // One that was seen may start again; of one that was not, there is nothing to watch.
      if (!all && std::exchange(is_first, false)) return fails(all.error());
      is_first = false;
      status = all ? status_of(*all) : exit_status_of(all.error());
      if (!draw(all)) return status;
    }
  }

 private:
  static int status_of(const AllAsked& all) {
    int status = kHealthy;
    for (const Asked& asked : all) status = std::max(status, exit_status_of(asked.answered));
    return status;
  }

  int fails(const Error& error) {
    fmt::print(err_, "{}", message_for(::fileno(err_), to_text(error)));
    return exit_status_of(error);
  }

  int show(const AllAsked& all) {
    const bool has_pages = all.size() == 1 || request_.all;
    bool is_first = true;
    for (const Asked& asked : all) {
      if (!asked.answered) {
        (void)fails(asked.answered.error());
        continue;
      }
      if (has_pages && !request_.json && !std::exchange(is_first, false)) (void)output_.write("\n");
      if (!output_.write(shown(*asked.answered, has_pages))) break;
    }
    return status_of(all);
  }

  [[nodiscard]] std::string shown(const Answered& answered, bool has_room) const {
    if (request_.json) return answered.json + '\n';
    return has_room ? status_page(answered.report) : named_line(answered.report);
  }

  static std::string named_line(const StatusReport& report) {
    return fmt::format("{}\n", in_quotes(report.fifo.path) + ": " + status_line(report));
  }

  // Returns false if nothing more is wanted.
  bool draw(const Result<AllAsked>& all) {
    std::string text;
    if (!all) {
      text = failure_text(all.error());
    } else if (request_.json || !screens_.is_terminal() || (all->size() > 1 && !request_.all)) {
      for (const Asked& asked : *all) text += line_of(asked, all->size() > 1);
    } else {
      for (const Asked& asked : *all) text += page_of(asked);
    }
    if (request_.json || !screens_.is_terminal()) return output_.write(text);
    return screens_.draw(fitted_screen(text, screens_.size()));
  }

  std::string failure_text(const Error& error) const {
    const std::string text = to_text(error);
    if (request_.json) return to_refusal(text) + '\n';
    if (!screens_.is_terminal()) return time_of_day() + ' ' + text + '\n';
    return wrap(time_of_day() + ' ', text, std::min(kColumns, screens_.size().columns)) + '\n';
  }

  std::string line_of(const Asked& asked, bool is_named) const {
    if (!asked.answered) return failure_text(asked.answered.error());
    if (request_.json) return asked.answered->json + '\n';
    const StatusReport& report = asked.answered->report;
    return time_of_day() + ' ' + (is_named ? named_line(report) : status_line(report) + '\n');
  }

  std::string page_of(const Asked& asked) {
    if (!asked.answered) return failure_text(asked.answered.error());
    const StatusReport& report = asked.answered->report;
    std::deque<std::uint64_t>& samples = samples_[asked.path];
    samples.push_back(report.rates.empty() ? 0 : report.rates.front().bytes_per_second);
    if (samples.size() > kSamples) samples.pop_front();
    std::string page = status_page(report, std::min(kColumns, screens_.size().columns));
    const std::size_t first_part = page.find("\n\n") + 1;  // behind what is wrong
    constexpr std::size_t kWidth = 70;
    return page.insert(first_part, fmt::format("bytes/s   {}\n", sparkline(samples, kWidth)));
  }

  const StatusRequest& request_;
  Screens screens_;
  StreamOutput output_;
  std::FILE* const err_;
  std::map<std::string, std::deque<std::uint64_t>> samples_;  // of --watch, by socket
};

}  // namespace

int status_command(const StatusRequest& request, int out_fd, std::FILE* err) {
  if (request.events) return events_command(request.instance, request.json, out_fd, err);
  StatusView shown(request, out_fd, err);
  return request.watch ? shown.watch() : shown.once();
}

Command add_status_command(CLI::App& program) {
  CLI::App* const parser = program.add_subcommand("status", "ask a slurper that runs how it is");
  const auto request = std::make_shared<StatusRequest>();
  CLI::Option* const instance =
      parser->add_option("INSTANCE", request->instance, "its FIFO, its log, or its control socket");
  parser->add_flag("--all", request->all, "a page for each slurper on this machine")->excludes(instance);
  parser->add_flag("--json", request->json, "one line of JSON for each");
  CLI::Option* const watch =
      parser->add_flag("--watch", request->watch, "each second anew; into a pipe, a line a second");
  parser
      ->add_flag("--events", request->events,
                 "what slurper did last: its system calls and messages;\nalso of one that was killed")
      ->excludes(watch);
  parser->footer(
      "Without INSTANCE, it shows the slurper that runs, or a line for each if there are\n"
      "several. The exit status is 0 if all is well, 1 if something is wrong or a slurper\n"
      "does not answer, and 3 if none runs.");
  return {parser, [request] { return status_command(*request, STDOUT_FILENO, stderr); }};
}

}  // namespace slurper
