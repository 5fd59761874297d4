#include "cli/check_sinks.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "base/fd.h"
#include "base/file_kind.h"
#include "base/secret_place.h"
#include "base/text.h"
#include "cli/who.h"
#include "sink/file/path_template.h"
#include "sink/net/tls.h"

namespace slurper {

namespace {

std::vector<std::string> values_of(const SinkSettings& sink, std::string_view name) {
  const auto found = std::ranges::find(sink.options, name, &SinkOption::name);
  return found == sink.options.end() ? std::vector<std::string>{} : found->values;
}

std::string value_of(const SinkSettings& sink, std::string_view name) {
  const std::vector<std::string> values = values_of(sink, name);
  return values.empty() ? "" : values.front();
}

class Look {
 public:
  Look(const SinkSettings& sink, Findings& findings) : sink_(sink), findings_(findings) {}

  // Checks what the settings alone show.
  void at_words() {
    const std::string path = value_of(sink_, "path");
    if (sink_.type == "file" && !path.empty() && !path.starts_with('/')) {
      warn({PhraseId::SinkPathIsRelative, {{"file", QuotedText{path}}}});
    }
    if (sink_.type != "syslog") return;
    for (const std::string& target : values_of(sink_, "target")) at_target(target);
  }

  void at_file() {
    const std::string path = value_of(sink_, "path");
    if (path.empty()) return;
    const std::string folder = folder_needed_for(path);
    struct stat st{};
    if (::stat(folder.c_str(), &st) != 0) {
      const int errnum = errno;
      return warn({PhraseId::SinkFolderMissing,
                   {{"folder", QuotedText{folder}}, {"errno", Errno{errnum}}, {"user", who_runs()}}});
    }
    if (!S_ISDIR(st.st_mode)) return warn({PhraseId::SinkFolderIsNone, {{"folder", QuotedText{folder}}}});
    if (const int refused = refusal(folder, W_OK | X_OK); refused != 0)
      return warn(cannot_write(folder, st, refused));
    if (::lstat(path.c_str(), &st) == 0) {
      if (!S_ISREG(st.st_mode)) {
        Phrase finding(PhraseId::SinkFileIsOther,
                       {{"file", QuotedText{path}}, {"found", what_stands_at(path, st.st_mode)}});
        if (S_ISLNK(st.st_mode))
          finding.with({"advice", Phrase(PhraseId::NameTheFileItself, {{"end", end_of_links(path)}})});
        return warn(std::move(finding));
      }
      if (const int refused = refusal(path, R_OK | W_OK); refused != 0)
        return warn(cannot_write(path, st, refused));
    }
    struct statvfs fs{};
    if (::statvfs(folder.c_str(), &fs) == 0 && fs.f_bavail == 0)
      return warn({PhraseId::SinkDiskFull, {{"folder", QuotedText{folder}}}});
    ok({PhraseId::SinkMayWrite, {{"file", QuotedText{path}}}});
  }

  void at_program() {
    const std::string path = value_of(sink_, "path");
    struct stat st{};
    if (path.empty()) return;
    if (::stat(path.c_str(), &st) != 0) {
      const int errnum = errno;
      return warn({PhraseId::SinkProgramMissing, {{"file", QuotedText{path}}, {"errno", Errno{errnum}}}});
    }
    if (!S_ISREG(st.st_mode)) return warn({PhraseId::SinkProgramIsOther, {{"file", QuotedText{path}}}});
    if (const int refused = refusal(path, X_OK); refused != 0) {
      return warn(denied(PhraseId::SinkProgramDenied, path, st, refused));
    }
    ok({PhraseId::SinkMayRun, {{"file", QuotedText{path}}}});
  }

  void at_syslog(std::size_t before) {
    if (value_of(sink_, "transport") == "unix") {
      for (const std::string& path : values_of(sink_, "path")) at_socket(path);
    }
    for (const char* const key : {"ca_file", "certificate", "key", "key_password"}) {
      const std::string path = value_of(sink_, key);
      if (path.starts_with(kCredentialPrefix)) ok({PhraseId::SinkSecretNotChecked, {{"setting", key}}});
      if (path.empty() || path.starts_with(kCredentialPrefix)) continue;
      if (const int refused = refusal(path, R_OK); refused != 0) {
        fail(kind_of_errno(refused), {PhraseId::SinkKeyDenied,
                                      {{"setting", key},
                                       {"file", QuotedText{path}},
                                       {"user", who_runs()},
                                       {"errno", Errno{refused}}}});
      }
    }
    if (findings_.size() == before && value_of(sink_, "transport") == "tls") at_tls_files();
    if (findings_.size() == before) ok(PhraseId::SinkHasWhatItNeeds);
  }

 private:
  void add(Finding::Level level, Phrase phrase, ErrorKind kind = ErrorKind::Internal) {
    phrase.with({"sink", QuotedText{sink_.name}});
    findings_.push_back({.level = level, .phrase = std::move(phrase), .kind = kind});
  }
  void warn(Phrase phrase) { add(Finding::Level::Warning, std::move(phrase)); }
  // Reports that the sink can't work regardless of its destination.
  void fail(ErrorKind kind, Phrase phrase) { add(Finding::Level::Error, std::move(phrase), kind); }
  void ok(Phrase phrase) { add(Finding::Level::Ok, std::move(phrase)); }

  static int refusal(const std::string& path, int mode) {
    return ::faccessat(AT_FDCWD, path.c_str(), mode, AT_EACCESS) == 0 ? 0 : errno;
  }

  static Phrase denied(PhraseId id, const std::string& path, const struct stat& st, int refused) {
    return {id,
            {{"user", who_runs()},
             {"file", QuotedText{path}},
             {"errno", Errno{refused}},
             {"mode", std::uint64_t{st.st_mode & 07777U}},
             {"owner", owner_of(st)}}};
  }

  static Phrase cannot_write(const std::string& path, const struct stat& st, int refused) {
    Phrase phrase = denied(PhraseId::SinkWriteDenied, path, st, refused);
    if (refused == EROFS) phrase.with({"advice", Phrase(PhraseId::MountReadWrite)});
    return phrase;
  }

  void at_socket(const std::string& path) {
    struct stat st{};
    if (::stat(path.c_str(), &st) != 0) {
      const int errnum = errno;
      return warn({PhraseId::SinkSocketMissing, {{"file", QuotedText{path}}, {"errno", Errno{errnum}}}});
    }
    if (!S_ISSOCK(st.st_mode)) return warn({PhraseId::SinkSocketIsOther, {{"file", QuotedText{path}}}});
    if (const int refused = refusal(path, W_OK); refused != 0) {
      return warn(denied(PhraseId::SinkSocketDenied, path, st, refused));
    }
    // The peer of a datagram socket does not notice this connect(2); that of a stream answers EPROTOTYPE
    // before a connection exists.
    const UniqueFd socket_fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    if (!socket_fd || path.size() >= sizeof address.sun_path) return;
    path.copy(address.sun_path, path.size());
    if (::connect(socket_fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
        errno == ECONNREFUSED) {
      warn({PhraseId::SinkSocketIsDead, {{"file", QuotedText{path}}}});
    }
  }

  // Looks into files that can be read: a wrong passphrase shows only there.
  void at_tls_files() {
    TlsSettings tls;
    tls.ca_file = value_of(sink_, "ca_file");
    tls.certificate = value_of(sink_, "certificate");
    tls.key = value_of(sink_, "key");
    tls.key_password = value_of(sink_, "key_password");
    tls.verify = value_of(sink_, "verify") != "none";
    for (UnsafeFile& file : unsafe_files(tls))
      warn({PhraseId::SinkFileUnsafe, {{"setting", file.setting}, {"reason", std::move(file.finding)}}});
    if (Phrase reason = Tls::why_certificate_is_refused(tls); !reason.empty())
      warn({PhraseId::SinkFileUnsafe, {{"setting", "certificate"}, {"reason", std::move(reason)}}});
    if (tls.key_password.starts_with(kCredentialPrefix)) return;
    if (const auto unusable = Tls::find_unusable_file(tls)) {
      fail(unusable->error.kind,
           as_phrase(unusable->error, PhraseId::SinkFileUnusable).with({"setting", unusable->setting}));
    }
  }

  // 2001:db8::1:514 is an address as a whole, but most people who write it mean a port.
  void at_target(const std::string& target) {
    if (target.starts_with('[') || std::ranges::count(target, ':') < 2) return;
    const std::size_t colon = target.rfind(':');
    const std::string port = target.substr(colon + 1);
    const bool may_be_port = !port.empty() && port.size() <= 5 &&
                             std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
    if (!may_be_port || port.size() < 3) return;
    const std::initializer_list<PhraseArgument> named = {{"target", QuotedText{target}},
                                                         {"address", printable(target)},
                                                         {"host", printable(target.substr(0, colon))},
                                                         {"port", port}};
    in6_addr address{};
    if (::inet_pton(AF_INET6, target.c_str(), &address) == 1) {
      warn({PhraseId::SinkTargetWithoutPort, named});
    } else {
      warn({PhraseId::SinkTargetIsNoAddress, named});
    }
  }

  const SinkSettings& sink_;
  Findings& findings_;
};

}  // namespace

Findings check_sink_words(std::span<const SinkSettings> sinks) {
  Findings findings;
  for (const SinkSettings& sink : sinks) Look(sink, findings).at_words();
  return findings;
}

Findings check_sinks(std::span<const SinkSettings> sinks) {
  Findings findings;
  for (const SinkSettings& sink : sinks) {
    Look look(sink, findings);
    const std::size_t before = findings.size();
    look.at_words();
    if (sink.type == "file") look.at_file();
    if (sink.type == "exec") look.at_program();
    if (sink.type == "syslog") look.at_syslog(before);
  }
  return findings;
}

}  // namespace slurper
