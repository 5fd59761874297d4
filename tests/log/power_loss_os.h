// PowerLossOs: a kernel over one folder that knows what a loss of power would leave of it.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/os.h"
#include "log/log_files.h"

namespace slurper {

// Of the files, what no fsync(2) or fdatasync(2) has reached may be lost, and of the folder the names that
// were made, changed or removed since its last fsync(2). After the call numbered `last_call` the power is
// out: every call fails. Then rebuild() makes the folder what a disk may hold. Files keep their inodes.
// Nothing is really synced.
class PowerLossOs : public Os {
 public:
  // `folder` is taken as synced; `vault`, on the same file system, keeps files that have lost their name.
  PowerLossOs(std::string folder, std::string vault, int last_call)
      : folder_(std::move(folder)), vault_(std::move(vault)), last_call_(last_call) {
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      const ino_t inode = keep(entry.path());
      now_[entry.path().filename()] = inode;
      files_[inode].synced = read_file(entry.path());
    }
    names_ = {now_};
  }

  // What survives of the bytes that were not synced.
  enum class Bytes { None, All, Half, OfTheIndex, OfTheLog };
  static constexpr Bytes kAllBytes[] = {Bytes::None, Bytes::All, Bytes::Half, Bytes::OfTheIndex,
                                        Bytes::OfTheLog};
  // How many folders may be left: as last synced, and after each change since.
  [[nodiscard]] std::size_t folders() const { return names_.size(); }
  [[nodiscard]] bool is_out() const { return calls_ > last_call_; }
  [[nodiscard]] const std::string& last() const { return last_; }  // the call that the power went out at

  void rebuild(std::size_t folder, Bytes bytes) {
    for (const auto& [name, inode] : now_) std::filesystem::remove(folder_ + "/" + name);
    for (const auto& [name, inode] : names_.at(folder)) {
      const std::string path = folder_ + "/" + name;
      std::filesystem::create_hard_link(vaulted(inode), path);
      const bool is_index = name.ends_with(".index");
      Bytes which = bytes;
      if (bytes == Bytes::OfTheIndex) which = is_index ? Bytes::All : Bytes::None;
      if (bytes == Bytes::OfTheLog) which = is_index ? Bytes::None : Bytes::All;
      write_file(path, surviving(files_[inode], which));  // the same inode
    }
  }

  int open(const char* path, int flags, mode_t mode) override {
    if (out("open")) return -EIO;
    const int fd = Os::open(path, flags, mode);
    if (fd >= 0 && (flags & O_CREAT) != 0) {
      now_[std::filesystem::path(path).filename()] = keep(path);
      names_.push_back(now_);
    }
    return fd;
  }
  ssize_t write(int fd, const void* data, std::size_t size) override {
    if (out("write")) return -EIO;
    const off_t end = stat_of(fd).st_size;  // O_APPEND
    const ssize_t written = Os::write(fd, data, size);
    note(fd, end, data, written, false);
    return written;
  }
  ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) override {
    if (out("pwrite")) return -EIO;
    const ssize_t written = Os::pwrite(fd, data, size, offset);
    note(fd, offset, data, written, true);
    return written;
  }
  int fsync(int fd) override { return sync(fd, "fsync"); }
  int fdatasync(int fd) override { return sync(fd, "fdatasync"); }
  int rename(const char* from, const char* to) override {
    if (out("rename")) return -EIO;
    return renamed(Os::rename(from, to), from, to);
  }
  int rename_noreplace(const char* from, const char* to) override {
    if (out("rename_noreplace")) return -EIO;
    return renamed(Os::rename_noreplace(from, to), from, to);
  }
  int unlink(const char* path) override {
    if (out("unlink")) return -EIO;
    const int result = Os::unlink(path);
    if (result == 0) {
      now_.erase(std::filesystem::path(path).filename());
      names_.push_back(now_);
    }
    return result;
  }
  int ftruncate(int fd, off_t size) override { return out("ftruncate") ? -EIO : Os::ftruncate(fd, size); }
  int fchmod(int fd, mode_t mode) override { return out("fchmod") ? -EIO : Os::fchmod(fd, mode); }
  int fstat(int fd, struct stat* st) override { return out("fstat") ? -EIO : Os::fstat(fd, st); }
  int lstat(const char* path, struct stat* st) override { return out("lstat") ? -EIO : Os::lstat(path, st); }

 private:
  struct Write {
    std::size_t offset;
    std::string bytes;
    bool atomic;  // a sector of the index: whole or not at all
  };
  struct File {
    std::string synced;
    std::vector<Write> since;
  };
  using Names = std::map<std::string, ino_t>;

  bool out(const char* call) {
    if (calls_++ < last_call_) return false;
    if (last_.empty()) last_ = call;
    return true;
  }
  static struct stat stat_of(int fd) {
    struct stat st{};
    (void)::fstat(fd, &st);  // an open file's own
    return st;
  }
  [[nodiscard]] std::string vaulted(ino_t inode) const { return vault_ + "/" + std::to_string(inode); }
  ino_t keep(const std::filesystem::path& path) {
    struct stat st{};
    EXPECT_EQ(::lstat(path.c_str(), &st), 0);
    if (!exists(vaulted(st.st_ino))) std::filesystem::create_hard_link(path, vaulted(st.st_ino));
    return st.st_ino;
  }
  void note(int fd, off_t offset, const void* data, ssize_t written, bool atomic) {
    if (written <= 0) return;
    files_[stat_of(fd).st_ino].since.push_back(
        {static_cast<std::size_t>(offset),
         std::string(static_cast<const char*>(data), static_cast<std::size_t>(written)), atomic});
  }
  int sync(int fd, const char* call) {
    if (out(call)) return -EIO;
    const struct stat st = stat_of(fd);
    if (S_ISDIR(st.st_mode)) {
      names_ = {now_};
    } else {
      File& file = files_[st.st_ino];
      file = {.synced = surviving(file, Bytes::All), .since = {}};
    }
    return 0;
  }
  int renamed(int result, const std::filesystem::path& from, const std::filesystem::path& to) {
    if (result == 0) {
      now_[to.filename()] = now_.at(from.filename());
      now_.erase(from.filename());
      names_.push_back(now_);
    }
    return result;
  }
  static std::string surviving(const File& file, Bytes bytes) {
    std::string content = file.synced;
    std::size_t left = 0;
    for (const Write& write : file.since) left += write.bytes.size();
    if (bytes == Bytes::None) left = 0;
    if (bytes == Bytes::Half) left = left * 2 / 3;  // rather in mid-line than at the end of one
    for (const Write& write : file.since) {
      if (left == 0 || (write.atomic && left < write.bytes.size())) break;
      const std::string part = write.bytes.substr(0, left);
      left -= part.size();
      content.resize(std::max(content.size(), write.offset + part.size()));
      content.replace(write.offset, part.size(), part);
    }
    return content;
  }

  const std::string folder_;
  const std::string vault_;
  const int last_call_;
  int calls_ = 0;
  std::string last_;
  std::map<ino_t, File> files_;
  Names now_;
  std::vector<Names> names_;  // as synced, and after each change since
};

}  // namespace slurper
