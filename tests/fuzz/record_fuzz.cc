// The records of an engine: each as a u32 length and its bytes. Whatever they say, their events are a capture
// of whole blocks, in the order of time, and the model takes it.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "fuzz/fuzz.h"
#include "trace/engine/record_converter.h"
#include "trace/model/model.h"
#include "trace/scap/scap_reader.h"

using slurper::fuzz::require;

namespace {

// Above each real one: nothing of this machine shall matter.
constexpr std::uint32_t kNoProcess = 1U << 30;

class Records {
 public:
  Records() : connections_(), processes_({}), converter_(queue_, processes_, connections_) {
    converter_.set_clock_offset(1'000'000'000);
    converter_.set_attached_at(1);
  }

  void take(std::string_view bytes) {
    bytes = bytes.substr(0, sizeof record_);
    std::memcpy(record_, bytes.data(), bytes.size());
    if (bytes.size() >= sizeof(slurper::TraceRecord)) {
      auto* const record = reinterpret_cast<slurper::TraceRecord*>(record_);
      record->pid |= kNoProcess;
      record->tid |= kNoProcess;
    }
    const std::string_view record(record_, bytes.size());
    converter_.convert(record);
    const slurper::RecordView view = slurper::view_of(record);
    if (view.record == nullptr || view.record->kind != slurper::RecordFile) return;
    slurper::note_listening(view, converter_.ports());
    files_.push_back(slurper::fd_entry(view, connections_, converter_.ports()));
  }

  std::string capture() {
    std::string bytes;
    slurper::append_section(bytes, {});
    slurper::append_fds(bytes, 1, files_);
    converter_.add_end(~0ULL >> 1);
    queue_.take_all(bytes);
    return bytes;
  }

 private:
  slurper::EventQueue queue_;
  slurper::UnixConnections connections_;
  slurper::ProcessBook processes_;
  slurper::RecordConverter converter_;
  std::vector<slurper::ScapFd> files_;
  alignas(slurper::TraceRecord) char record_[sizeof(slurper::TraceRecord) + slurper::TraceMaxBytes];
};

slurper::UniqueFd file_of(const std::string& bytes) {
  slurper::UniqueFd fd(::memfd_create("capture", MFD_CLOEXEC));
  require(::pwrite(fd.get(), bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
          "the file is written");
  return fd;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = slurper::fuzz::as_text(data, size);
  Records records;
  for (std::uint32_t length = 0; rest.size() > sizeof length;) {
    std::memcpy(&length, rest.data(), sizeof length);
    rest.remove_prefix(sizeof length);
    const std::string_view record = rest.substr(0, length);
    records.take(record);
    rest.remove_prefix(record.size());
  }
  const std::string capture = records.capture();
  slurper::ScapReader reader(slurper::CaptureInput(file_of(capture), "capture"),
                             [](const slurper::Damage&) { require(false, "what was written is no damage"); });
  slurper::Model model;
  std::uint64_t last = 0;
  while (const auto block = reader.next()) {
    if (!slurper::holds_event(block->type)) {
      require(model.take_table(*block), "a table does not contradict itself");
      continue;
    }
    const auto raw = slurper::event_in(*block);
    require(raw.has_value(), "an event has the size that it says");
    require(raw->time >= last, "events are in the order of time");
    last = raw->time;
    slurper::TraceEvent event;
    require(model.take(*raw, event), "each type of event is known");
    model.finish(event);
  }
  return 0;
}
