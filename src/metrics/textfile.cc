#include "metrics/textfile.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>
#include <array>

#include <cerrno>
#include <new>
#include <utility>

#include "base/error.h"
#include "base/phrase_id.h"
#include "base/start_thread.h"

namespace slurper {

namespace {

constexpr mode_t kMode = 0644;
constexpr std::string_view kBeginning = "# HELP slurper_";  // of each text

// Returns 0 or an errno.
int write_all(Os& os, int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = os.write(fd, text.data(), text.size());
    if (put < 0) return static_cast<int>(-put);
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return 0;
}

// Whether nothing stands at `path`, or a file that write_textfile() has made: whatever else it is, a log for
// example, must stay. Opens no other file: an open of a FIFO would let its writers in.
bool may_replace(const std::string& path) {
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0) return errno == ENOENT;
  if (S_ISLNK(st.st_mode)) return true;  // what it leads to stays
  if (!S_ISREG(st.st_mode)) return false;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  std::array<char, kBeginning.size()> bytes{};
  const ssize_t got = fd ? ::read(fd.get(), bytes.data(), bytes.size()) : -1;
  return got >= 0 && kBeginning.starts_with(std::string_view(bytes.data(), static_cast<std::size_t>(got)));
}

int write_file(Os& os, const std::string& path, std::string_view text) {
  if (may_replace(path)) (void)os.unlink(path.c_str());  // a killed slurper may have left one
  // O_EXCL follows no link that another user of the folder puts there.
  const int opened = os.open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL, kMode);
  if (opened < 0) return -opened;
  const UniqueFd fd(opened);
  if (const int failed = os.fchmod(fd.get(), kMode); failed < 0) return -failed;  // despite the umask
  return write_all(os, fd.get(), text);
}

}  // namespace

Status write_textfile(Os& os, const std::string& path, std::string_view text) {
  const std::string temporary = path + ".tmp";
  int failed = may_replace(path) ? write_file(os, temporary, text) : EEXIST;
  if (failed == 0) failed = -os.rename(temporary.c_str(), path.c_str());
  if (failed == 0) return {};
  if (failed != EEXIST) (void)os.unlink(temporary.c_str());
  return fail_errno(failed, about_file(PhraseId::WriteTextfile, path));
}

Result<std::unique_ptr<Textfile>> Textfile::start(Os& os, std::string path,
                                                  std::chrono::milliseconds interval, Render render,
                                                  EventListener& events) {
  std::unique_ptr<Textfile> textfile(new Textfile(os, std::move(path), interval, std::move(render), events));
  Result<std::thread> thread =
      start_thread<std::thread>("textfile", [self = textfile.get()] { self->run(); });
  if (!thread) return std::unexpected(thread.error());
  textfile->thread_ = std::move(*thread);
  return textfile;
}

Textfile::Textfile(Os& os, std::string path, std::chrono::milliseconds interval, Render render,
                   EventListener& events)
    : os_(os), path_(std::move(path)), interval_(interval), render_(std::move(render)), events_(events) {}

Textfile::~Textfile() {
  (void)stop(std::chrono::milliseconds(0));
  if (thread_.joinable()) thread_.join();
}

bool Textfile::stop(std::chrono::milliseconds patience) {
  {
    std::unique_lock lock(mutex_);
    stops_ = true;
    changed_.notify_all();
    if (thread_.joinable() && !changed_.wait_for(lock, patience, [this] { return ended_; })) return false;
  }
  if (thread_.joinable()) thread_.join();
  return true;
}

void Textfile::run() {
  (void)::pthread_setname_np(::pthread_self(), "textfile");
  std::unique_lock lock(mutex_);
  while (!stops_) {
    lock.unlock();
    write();
    lock.lock();
    (void)changed_.wait_for(lock, interval_, [this] { return stops_; });
  }
  lock.unlock();
  if (is_written_) (void)os_.unlink(path_.c_str());  // it may have been removed
  lock.lock();
  ended_ = true;
  changed_.notify_all();
}

void Textfile::write() {
  try {
    const std::optional<std::string> text = render_();
    if (!text) return;
    const Status written = write_textfile(os_, path_, *text);
    if (!written) {
      if (!std::exchange(is_failing_, true))
        events_.report(EventId::TextfileFailed, {{"error", &written.error()}});
      return;
    }
    is_written_ = true;
    if (std::exchange(is_failing_, false))
      events_.report(EventId::TextfileWritten, {{"file", Quoted{path_}}});
  } catch (const std::bad_alloc&) {
    // The file stays as it is until the next time.
  }
}

}  // namespace slurper
