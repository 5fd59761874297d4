#include "inspect/pipe_walks.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

namespace slurper {

namespace {

// The open files of one pipe, by their addresses.
struct OpenFiles {
  std::set<std::uint64_t> reading;
  std::set<std::uint64_t> writing;
  std::uint32_t readers = 0;
  std::uint32_t writers = 0;
};

void add_descriptor(OpenFiles& files, const PipeRecord& record) {
  files.readers = record.readers;
  files.writers = record.writers;
  if ((record.flags & O_PATH) != 0) return;  // the kernel does not count it
  const auto access = record.flags & O_ACCMODE;
  if (access != O_WRONLY) files.reading.insert(record.file);
  if (access != O_RDONLY) files.writing.insert(record.file);
}

std::uint32_t beyond(std::uint32_t count, const std::set<std::uint64_t>& found) {
  return count > found.size() ? count - static_cast<std::uint32_t>(found.size()) : 0;
}

// A number from 1 for each address, in the order in which they come.
std::uint64_t number_of(std::map<std::uint64_t, std::uint64_t>& numbers, std::uint64_t address) {
  return numbers.emplace(address, numbers.size() + 1).first->second;
}

void append(std::string& bytes, const PipeRecord& record, std::string_view path) {
  bytes.append(reinterpret_cast<const char*>(&record), sizeof record).append(path);
}

}  // namespace

std::optional<PipeRecordView> take_pipe_record(std::string_view& bytes) {
  PipeRecordView view{};
  if (bytes.size() < sizeof view.record) return std::nullopt;
  std::memcpy(&view.record, bytes.data(), sizeof view.record);
  const std::size_t size = view.record.path_size;
  if (size > PipeMaxPath || bytes.size() - sizeof view.record < size) return std::nullopt;
  view.path = bytes.substr(sizeof view.record, size);
  bytes.remove_prefix(sizeof view.record + size);
  return view;
}

void PipeWalks::add(std::string_view walk) {
  last_ = walk;
  std::map<std::uint64_t, OpenFiles> pipes;
  while (const auto view = take_pipe_record(walk))
    if (view->record.kind == PipeRecordDescriptor) add_descriptor(pipes[view->record.object], view->record);
  std::map<std::uint64_t, Unfound> unfound;
  for (const auto& [object, files] : pipes) {
    Unfound now{.readers = beyond(files.readers, files.reading),
                .writers = beyond(files.writers, files.writing)};
    if (!is_first_) {
      const auto before = unfound_.find(object);
      const Unfound known = before == unfound_.end() ? Unfound{} : before->second;
      now = {.readers = std::min(now.readers, known.readers),
             .writers = std::min(now.writers, known.writers)};
    }
    if (now.readers > 0 || now.writers > 0) unfound.emplace(object, now);
  }
  unfound_ = std::move(unfound);
  is_first_ = false;
}

bool PipeWalks::is_settled() const {
  return !is_first_ && unfound_.empty();
}

std::string PipeWalks::answer() const {
  std::string answer;
  std::map<std::uint64_t, std::uint64_t> files;
  std::map<std::uint64_t, std::uint64_t> objects;
  std::string_view rest = last_;
  while (auto view = take_pipe_record(rest)) {
    PipeRecord& record = view->record;
    const auto found = unfound_.find(record.object);
    const Unfound unfound = found == unfound_.end() ? Unfound{} : found->second;
    record.unfound_readers = unfound.readers;
    record.unfound_writers = unfound.writers;
    if (record.kind == PipeRecordDescriptor) {
      record.file = number_of(files, record.file);
      record.object = number_of(objects, record.object);
    }
    append(answer, record, view->path);
  }
  PipeRecord end{};
  end.kind = PipeRecordEnd;
  append(answer, end, {});
  return answer;
}

}  // namespace slurper
