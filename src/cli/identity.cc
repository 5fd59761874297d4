#include "cli/identity.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/phrase_id.h"
#include "base/uuid.h"
#include "base/wrap.h"
#include "cli/command.h"
#include "daemon/ring_choice.h"
#include "log/log_extent.h"
#include "log/log_index.h"
#include "log/new_identity.h"
#include "ring/ring.h"
#include "ring/ring_directory.h"
#include "service/phrase_table.h"
#include "sink/sink_log.h"

namespace slurper {

namespace {

// A copy of a log may have its ring in its default folder, although another one is named.
Result<std::vector<std::string>> ring_folders(const LogPaths& paths, const std::string& ring) {
  Settings settings;
  settings.log.path = paths.active();
  Result<std::vector<std::string>> folders = ring_directories(settings);
  if (ring.empty()) return folders;
  if (!folders) return std::vector{ring};
  folders->push_back(ring);
  return folders;
}

// The next start continues with a ring of the log's id only. So a ring that has lines must be written first:
// it could not be given the new id in the same step as the log.
Status check_rings_are_empty(const LogPaths& paths, const std::string& ring, const Uuid& log_id) {
  const Result<Uuid> boot = read_boot_id(kernel());
  if (!boot) return std::unexpected(boot.error());
  const auto folders = ring_folders(paths, ring);
  if (!folders) return std::unexpected(folders.error());
  for (const std::string& folder : *folders) {
    const std::string path = folder + "/ring";
    const auto view = inspect_ring_file(kernel(), path);
    if (view && *view && !owner_elsewhere(kernel(), **view, paths.active()).empty()) continue;
    const Result<Ring::Salvaged> found = Ring::salvage(kernel(), path);
    // The next start quarantines what is no ring.
    if (!found && (found.error().errnum == ENOENT || found.error().kind == ErrorKind::Data)) continue;
    if (!found) {
      // A slurper that uses the ring is most likely the log's own, which has the log's lock, too.
      const Result<LogIndex> index = LogIndex::open(kernel(), paths, {});
      return std::unexpected(index ? found.error() : index.error());
    }
    if (found->log_id != log_id || found->boot_id != *boot || found->ring->used() == 0) continue;
    return fail(
        ErrorKind::Busy, about_file(PhraseId::GiveNewIdentity, paths.active()),
        {PhraseId::RingHoldsLines, {{"ring", QuotedText{path}}, {"size", ByteSize{found->ring->used()}}}});
  }
  return {};
}

Result<LogIds> ids_of(const LogPaths& paths, const std::string& ring, bool is_new) {
  const Result<LogExtent> log = read_extent(kernel(), paths);
  if (!log) return std::unexpected(log.error());
  if (!is_new) return log->ids;
  if (Status empty = check_rings_are_empty(paths, ring, log->ids.id); !empty)
    return std::unexpected(std::move(empty.error()));
  return give_new_identity(kernel(), paths);
}

std::string text_of(const Uuid& id) {
  return id == Uuid{} ? "unknown" : format(id);
}

}  // namespace

int identity_command(const std::string& log_path, const std::string& ring, bool is_new, std::FILE* out,
                     std::FILE* err) {
  const LogPaths paths(std::filesystem::absolute(log_path).lexically_normal().string());
  const Result<LogIds> ids = ids_of(paths, ring, is_new);
  if (!ids) {
    fmt::print(err, "{}", message_for(::fileno(err), to_text(ids.error())));
    return std::to_underlying(ids.error().kind);
  }
  fmt::print(out, "log      {}\n", format(ids->id));
  if (ids->former != Uuid{}) fmt::print(out, "former   {}\n", format(ids->former));
  fmt::print(out, "machine  {}\n", text_of(sink_machine_id()));
  return 0;
}

Command add_identity_command(CLI::App& program) {
  CLI::App* const parser = program.add_subcommand("identity", "show a log's id, or give the log a new one");
  const auto log_path = std::make_shared<std::string>();
  const auto ring = std::make_shared<std::string>();
  const auto is_new = std::make_shared<bool>(false);
  parser->add_option("LOG", *log_path, "the log's active segment")->required();
  parser->add_flag("--new", *is_new, "give the log a new id; slurper must not be running");
  parser->add_option("--ring", *ring, "the folder of the ring (the setting ring.directory)")
      ->type_name("DIR");
  parser->footer(
      "A destination knows a line by the log's id and the line's offset. The log of a\n"
      "cloned machine, and one that was restored from a backup, has the id of another\n"
      "log that has other lines at the same offsets. With a new id, each sink resumes\n"
      "where it was, and its destination takes the lines for new ones.");
  return {parser,
          [log_path, ring, is_new] { return identity_command(*log_path, *ring, *is_new, stdout, stderr); }};
}

}  // namespace slurper
