// Connections that time out or are not accepted, and files that another user has opened.
#include <cerrno>
#include <set>

#include "trace/explain/recogniser.h"
#include "trace/explain/tell.h"
#include "trace/model/tuple.h"

namespace slurper {

namespace {

constexpr std::uint16_t kConnect = 23;  // its exit
constexpr std::size_t kMaxSeen = 10'000;

class Sockets : public Recogniser {
 public:
  using Recogniser::Recogniser;

  void take(const TraceEvent& event) override {
    const bool is_of_file = !event.is_own && event.is_exit() && event.has_result() && event.file != nullptr;
    if (!is_of_file || event.result() >= 0) return;
    const bool connects = event.raw.type == kConnect;
    if (event.result() == -ETIMEDOUT && is_ip(event.file->type) &&
        (connects || event.shape->reads || event.shape->writes))
      take_timeout(event);
    if (event.result() == -EAGAIN && connects && event.file->type == FdType::Unix) take_queue(event);
  }

 private:
  void take_timeout(const TraceEvent& event) {
    TraceFinding finding = finding_of(event, Pattern::TimedOut);
    finding.is_harm = true;
    // A connection that has not come to be has no name yet.
    if (event.raw.type == kConnect && event.enter != nullptr && event.enter->param_count > 1) {
      finding.file.clear();
      append_sockaddr(finding.file, event.enter->event(event.raw.tid).param(1));
    }
    finding.story.push_back({.saying = Saying::TimedOut,
                             .arguments = {{"call", std::string(event_name(event))},
                                           {"span", Span{event.latency()}},
                                           {"event", EventNumber{event.number}}}});
    finding.advice.saying = Saying::DoTryPeer;
    output_(std::move(finding));
  }

  void take_queue(const TraceEvent& event) {
    TraceFinding finding = finding_of(event, Pattern::FullQueue);
    finding.is_harm = true;
    const std::string path = event.file->name.substr(event.file->name.rfind(' ') + 1);
    finding.story.push_back(
        {.saying = Saying::QueueIsFull,
         .arguments = {{"path", text_of_file(*event.file)}, {"event", EventNumber{event.number}}}});
    if (const Deed accept = history_.last_accept(path)) {
      finding.story.push_back({.saying = Saying::AcceptedLast,
                               .arguments = {{"server", accept.who},
                                             {"before", span_between(accept.time, event.raw.time)},
                                             {"event", EventNumber{accept.number}}}});
    } else {
      finding.story.push_back({.saying = Saying::NeverAccepted});
    }
    finding.advice.saying = Saying::DoAccept;
    output_(std::move(finding));
  }
};

class Identities : public Recogniser {
 public:
  using Recogniser::Recogniser;

  void take(const TraceEvent& event) override {
    if (event.is_own) return;
    if (event.raw.type == kProcessExit) {
      seen_.erase(seen_.lower_bound({event.thread->pid, nullptr}),
                  seen_.lower_bound({event.thread->pid + 1, nullptr}));
      return;
    }
    if (!event.is_exit() || event.file == nullptr || !(event.shape->reads || event.shape->writes)) return;
    const OpenFile& file = *event.file;
    const std::uint32_t uid = event.thread->identity.euid;
    if (!file.was_opened_here || file.opener_uid == uid || uid == kNoId || file.opener_uid == kNoId) return;
    if (seen_.size() >= kMaxSeen) seen_.clear();
    if (!seen_.emplace(event.thread->pid, event.file).second) return;
    TraceFinding finding = finding_of(event, Pattern::OtherIdentity);
    finding.story.push_back(
        {.saying = Saying::OpenedByOther,
         .arguments = {{"who", finding.who},
                       {"uid", std::uint64_t{uid}},
                       {"event", EventNumber{event.number}},
                       {"opener", Actor{.pid = file.opener_pid, .tid = 0, .name = file.opener}},
                       {"open_uid", std::uint64_t{file.opener_uid}},
                       {"before", span_between(file.opened_at, event.raw.time)}}});
    finding.advice.saying = Saying::DoNothingIdentity;
    output_(std::move(finding));
  }

 private:
  std::set<std::pair<std::int64_t, OpenFilePointer>> seen_;
};

}  // namespace

std::unique_ptr<Recogniser> recognise_sockets(History& history, const FindingOutput& output) {
  return std::make_unique<Sockets>(history, output);
}

std::unique_ptr<Recogniser> recognise_identities(History& history, const FindingOutput& output) {
  return std::make_unique<Identities>(history, output);
}

}  // namespace slurper
