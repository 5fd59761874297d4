// FailedCalls: the calls of a capture that have failed, each kind with the story of its descriptor.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "trace/view/shown_event.h"

namespace slurper {

// "app (5)"
[[nodiscard]] std::string process_of(const TraceEvent& event);

// One thread uses it.
class FailedCalls {
 public:
  // Both outlive it.
  FailedCalls(const Model& model, const ViewOptions& options) : model_(model), options_(options) {}

  // The exit of a call that has failed.
  void take(const TraceEvent& exit);
  // The result of such a call, which sysdig knows by name only.
  void take_result(const TraceEvent& result);
  // What the stories tell of: the state of a pipe, behind the call that failed on it; any close; the end of
  // any process.
  void take_pipe(const TraceEvent& event);
  void take_close(const TraceEvent& exit);
  void take_end(const TraceEvent& event);

  // At most 50, in the order in which they failed first.
  void append(std::string& out) const;

 private:
  struct Closed {
    std::uint64_t time = 0;
    std::int64_t pid = 0;
    std::string by;
  };
  using Connection = std::pair<std::uint64_t, std::uint64_t>;  // both its numbers, the smaller one first
  // Calls of one process on one descriptor, or on one path, with one result.
  struct Failure {
    std::string text;  // the first one
    std::string story;
    Connection peer;          // to learn who closed it
    bool is_missing = false;  // ENOENT
    bool is_broken = false;   // for the other end is closed
    // The story has the state of the pipe: of the first call of which that is recorded.
    bool has_pipe = false;
    std::uint64_t time = 0;
    std::int64_t tid = 0;  // of the last one
    std::int64_t pid = 0;
    std::int64_t fd = -1;
    std::uint64_t count = 1;
    std::uint64_t last_time = 0;
  };

  // The failure of that kind, if it is none of the first: counted, and done with.
  bool is_known(const std::string& kind, const TraceEvent& event);
  [[nodiscard]] std::vector<const Failure*> most_telling() const;
  void add(const TraceEvent& event, std::int64_t result, std::string text);
  void append_closed(std::string& out, const Failure& failure) const;
  void note_closed(const TraceEvent& event, std::int64_t fd, const OpenFile& file, std::string_view how);
  static Connection connection_of(const OpenFile* file);
  [[nodiscard]] std::string story_of(const TraceEvent& event) const;

  const Model& model_;
  const ViewOptions& options_;
  std::string scratch_;
  std::vector<Failure> failures_;
  std::unordered_map<std::string, std::size_t> places_;  // in failures_, by kind
  std::size_t last_ = 0;                                 // the place of the one that was taken last
  std::uint64_t left_out_ = 0;                           // calls of more kinds
  std::map<std::uint64_t, Closed> pipes_closed_;         // by inode: the last close
  std::map<Connection, std::vector<Closed>> closed_;     // the ends of a connection that were closed
};

}  // namespace slurper
