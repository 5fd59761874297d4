// The incident that slurper trace was made for, with its own cast: a web server in front of an application
// that closes a connection before it has read all of the request.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

#include "recorder/recording.h"
#include "support/daemon.h"
#include "support/files.h"
#include "support/temp_dir.h"
#include "support/wait.h"

namespace slurper::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// What a busy machine may need for downloads and requests.
constexpr std::chrono::minutes kLong{10};

// A port on which nothing listens at the moment.
std::uint16_t free_port() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  EXPECT_EQ(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

bool accepts(std::uint16_t port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

// Debian's packages, unpacked and not installed.
const fs::path& packages() {
  static const fs::path folder = [] {
    Child fetching({.argv = {SLURPER_FETCH_PACKAGES, SLURPER_PACKAGES, "apache2-bin", "apache2-utils",
                             "nginx-core", "uwsgi-core", "uwsgi-plugin-python3"},
                    .env = {}});
    EXPECT_TRUE(fetching.exits_with(0, kLong)) << fetching.err();
    return fs::path(SLURPER_PACKAGES);
  }();
  return folder;
}

std::string child_of(const fs::path& folder, const std::regex& name) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (std::regex_match(entry.path().filename().native(), name)) return entry.path().filename();
  }
  ADD_FAILURE() << folder;
  return {};
}

Program packaged(std::vector<std::string> argv) {
  const fs::path libraries = packages() / "usr/lib";
  argv.front() = packages() / argv.front();
  return {
      .argv = std::move(argv),
      .env = {"LD_LIBRARY_PATH=" + (libraries / child_of(libraries, std::regex(".*-linux-gnu"))).native()}};
}

class Incident : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = no_recorder("bpf"); !why.empty()) GTEST_SKIP() << why;
    ASSERT_EQ(::chmod(folder_.path().c_str(), 0777), 0);  // the servers' children are another user's
  }

  void start_responder() { start_application({.argv = {SLURPER_RESPONDER, socket_}, .env = {}}); }

  void start_uwsgi() {
    write_file(folder_ / "app.py",
               "def application(environ, start_response):\n"
               "    start_response('200 OK', [('Content-Type', 'text/plain')])\n"
               "    return [b'answered\\n']\n");
    const std::string plugins = packages() / "usr/lib/uwsgi/plugins";
    const std::string plugin = child_of(plugins, std::regex("python3.*_plugin\\.so"));
    start_application(packaged({"usr/bin/uwsgi-core", "--plugins-dir", plugins, "--plugin",
                                plugin.substr(0, plugin.find('_')), "--fastcgi-socket", socket_,
                                "--wsgi-file", folder_ / "app.py"}));
  }

  // Apache with the event MPM, as the incident had it, in one process.
  void start_httpd() {
    const std::string modules = packages() / "usr/lib/apache2/modules";
    std::string config = "ServerRoot " + folder_.path() + "\nListen 127.0.0.1:" + std::to_string(port_) +
                         "\nServerName localhost\nPidFile " + (folder_ / "pid") + "\nErrorLog " + log_ +
                         "\nMutex file:" + folder_.path() + "\nUser nobody\nGroup nogroup\n";
    for (const char* name : {"mpm_event", "authz_core", "proxy", "proxy_fcgi"})
      config += std::string("LoadModule ") + name + "_module " + modules + "/mod_" + name + ".so\n";
    config += "ProxyPass / unix:" + socket_ + "|fcgi://localhost/\n";
    write_file(folder_ / "httpd.conf", config);
    start_server({"usr/sbin/apache2", "-X", "-f", folder_ / "httpd.conf"});
  }

  void start_nginx() {
    std::string config = "daemon off; master_process off; events { }\npid " + (folder_ / "pid") +
                         "; error_log " + log_ + ";\nhttp { access_log off;\n";
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
      config += std::string(kind) + "_temp_path " + (folder_ / kind) + ";\n";
    config += "server { listen 127.0.0.1:" + std::to_string(port_) +
              "; location / { fastcgi_pass unix:" + socket_ +
              ";\nfastcgi_param REQUEST_METHOD GET; fastcgi_param PATH_INFO /; fastcgi_param SERVER_NAME x;\n"
              "fastcgi_param SERVER_PORT 80; fastcgi_param SERVER_PROTOCOL HTTP/1.1; } } }\n";
    write_file(folder_ / "nginx.conf", config);
    start_server({"usr/sbin/nginx", "-e", log_, "-c", folder_ / "nginx.conf"});
  }

  // How many of 1,000 requests were not answered with 200.
  int run_ab() {
    Child ab(packaged(
        {"usr/bin/ab", "-q", "-n", "1000", "-c", "5", "http://127.0.0.1:" + std::to_string(port_) + "/"}));
    EXPECT_TRUE(ab.exits_with(0, kLong)) << ab.err();
    const std::string out = ab.out();
    EXPECT_THAT(out, HasSubstr("Complete requests:      1000"));
    std::smatch found;
    return std::regex_search(out, found, std::regex("Non-2xx responses: +([0-9]+)")) ? std::stoi(found[1])
                                                                                     : 0;
  }

  // What slurper says of the capture. (Where a thread gets the number of a descriptor that another one is
  // still closing, sysdig 0.29.3 loses it.)
  [[nodiscard]] std::vector<std::string> shown(const std::string& format, const std::string& filter) const {
    return slurper(capture_, {"-p", format, filter});
  }

  // Looks up with sysdig what --explain says of a refused write.
  void check_explanation(const std::string& application, const std::string& server) const {
    const std::regex refusal(
        R"("pattern":"refused-write".*"size":8,"error":"EPIPE","event":(\d+).*"before":(\d+),"closed":(\d+))"
        R"(.*an empty FCGI_STDIN record)");
    std::smatch found;
    const std::vector<std::string> findings = slurper(capture_, {"--explain", "--json"});
    const bool is_found = std::ranges::any_of(
        findings, [&](const std::string& line) { return std::regex_search(line, found, refusal); });
    ASSERT_TRUE(is_found) << testing::PrintToString(findings);
    const auto event = [this](const std::string& number) {
      const std::vector<std::string> lines = sysdig(
          capture_, {"-p", "*%evt.rawtime %evt.dir %proc.pid %evt.type %evt.res", "evt.num=" + number});
      return lines.size() == 1 ? lines.front() : std::string("0");
    };
    const std::string refused = event(found[1]);
    const std::string closed = event(found[3]);
    EXPECT_THAT(refused, testing::EndsWith(" < " + server + " writev EPIPE"));
    EXPECT_THAT(closed, testing::EndsWith(" > " + application + " close <NA>"));
    EXPECT_EQ(std::stoull(refused) - std::stoull(closed), std::stoull(found[2]));
  }

  // Where no request failed, no finding of harm may say so: what was left unread was of no use.
  void check_that_none_was_hurt(bool leaves_bytes) const {
    EXPECT_THAT(slurper(capture_, {"--explain"}), testing::Each(testing::Not(testing::StartsWith("Harm:"))));
    const std::vector<std::string> closes = slurper(capture_, {"evt.type=close and fd.type=unix"});
    const auto thrown_away = std::ranges::count_if(
        closes, [](const std::string& line) { return line.contains(" unread 8 bytes thrown away"); });
    EXPECT_EQ(thrown_away > 0, leaves_bytes) << thrown_away;
  }

  [[nodiscard]] std::string both() const {
    return std::to_string(application_->pid()) + "," + std::to_string(server_->pid());
  }

  TempDir folder_;
  const std::string socket_ = folder_ / "app.s";
  const std::string capture_ = folder_ / "incident.scap";
  const std::string log_ = folder_ / "log";
  const std::uint16_t port_ = free_port();
  std::optional<Child> application_;
  std::optional<Child> server_;

 private:
  void start_application(const Program& program) {
    application_.emplace(program);
    ASSERT_TRUE(eventually([&] { return fs::exists(socket_); })) << application_->err();
    ASSERT_EQ(::chmod(socket_.c_str(), 0777), 0);
  }
  void start_server(std::vector<std::string> argv) {
    write_file(log_, "");
    ASSERT_EQ(::chmod(log_.c_str(), 0666), 0);
    server_.emplace(packaged(std::move(argv)));
    ASSERT_TRUE(eventually([&] { return accepts(port_); })) << server_->err() << read_file(log_);
  }
};

// Whether a request fails is a race, so there are as many as it takes.
TEST_F(Incident, IsCaughtWithBothEndsUnderOneName) {
  start_responder();
  start_httpd();
  Child tracing(
      {.argv = {slurper_binary(), "trace", "-p",
                std::to_string(application_->pid()) + "," + std::to_string(server_->pid()), "--until",
                "evt.res = EPIPE and fd.type = unix", "--before", "10s", "--after", "100ms", "-w", capture_},
       .env = {"SLURPER_TRACE_PROGRAM=" SLURPER_RECORDER}});
  const auto is_caught = [&] { return tracing.err().contains("an event has matched"); };
  for (int i = 0; i < 100 && !is_caught(); ++i) run_ab();
  ASSERT_TRUE(tracing.exits_with(0)) << "100,000 requests, and none failed: " << tracing.err();

  EXPECT_THAT(sysdig(capture_, {"-p", "%proc.name %evt.type", "evt.res = EPIPE"}),
              testing::Contains("apache2 writev"));
  const std::vector<std::string> failed = shown("%proc.name|%fd.name", "evt.res = EPIPE and fd.type = unix");
  ASSERT_FALSE(failed.empty());
  EXPECT_THAT(failed.front(), testing::StartsWith("apache2|"));
  const std::string tuple = failed.front().substr(failed.front().find('|') + 1);
  EXPECT_THAT(tuple, testing::MatchesRegex("[0-9]+->[0-9]+ " + socket_));
  // The expression of the story, letter by letter, and both ends of the conversation under its name.
  const std::string application = std::to_string(application_->pid());
  const std::string server = std::to_string(server_->pid());
  const std::vector<std::string> lines =
      shown("%proc.pid %evt.dir %evt.type %fd.name",
            "(proc.pid=" + application + " or proc.pid=" + server + ") and fd.type=unix");
  EXPECT_THAT(lines,
              testing::IsSupersetOf({server + " < writev " + tuple, application + " < read " + tuple,
                                     application + " < write " + tuple, application + " > close " + tuple}));
  check_explanation(application, server);
}

struct Cast {
  bool has_nginx;
  bool has_uwsgi;
};

class Conversations : public Incident, public testing::WithParamInterface<Cast> {};

// Each connection has one name, and both processes have had it.
TEST_P(Conversations, HaveBothEndsUnderOneName) {
  GetParam().has_uwsgi ? start_uwsgi() : start_responder();
  GetParam().has_nginx ? start_nginx() : start_httpd();
  Child tracing({.argv = {slurper_binary(), "trace", "-p", both(), "-w", capture_},
                 .env = {"SLURPER_TRACE_PROGRAM=" SLURPER_RECORDER}});
  ASSERT_TRUE(eventually([&] { return fs::exists(capture_) && fs::file_size(capture_) > 0; }))
      << tracing.err();
  const int failed = run_ab();
  if (GetParam().has_nginx || GetParam().has_uwsgi) {
    EXPECT_EQ(failed, 0) << "it sends all at once, or reads to the end";
  }
  tracing.signal(SIGTERM);
  ASSERT_TRUE(tracing.exits_with(0)) << tracing.err();
  std::map<std::string, std::set<std::string>> connections;
  for (const std::string& line :
       shown("%proc.pid %fd.name", "fd.type=unix and evt.dir=> and fd.name endswith " + socket_)) {
    const std::size_t blank = line.find(' ');
    if (line.contains("->") && !line.starts_with('#'))
      connections[line.substr(blank + 1)].insert(line.substr(0, blank));
  }
  // On a busy machine some may be, and that is said.
  ASSERT_THAT(tracing.err(), testing::ContainsRegex(" events, [0-9]+ records lost\n"));
  if (tracing.err().contains(" events, 0 records lost")) {
    EXPECT_EQ(connections.size(), 1000U);
    if (failed == 0 && (GetParam().has_nginx || GetParam().has_uwsgi))
      check_that_none_was_hurt(!GetParam().has_uwsgi);
    for (const auto& [name, pids] : connections)
      EXPECT_THAT(pids, testing::UnorderedElementsAre(std::to_string(application_->pid()),
                                                      std::to_string(server_->pid())))
          << name;
  }
  EXPECT_THAT(connections, testing::SizeIs(testing::Ge(1)));
}

INSTANTIATE_TEST_SUITE_P(Casts, Conversations,
                         testing::Values(Cast{false, false}, Cast{false, true}, Cast{true, false},
                                         Cast{true, true}),
                         [](const auto& cast) {
                           return std::string(cast.param.has_nginx ? "Nginx" : "Httpd") +
                                  (cast.param.has_uwsgi ? "AndUwsgi" : "AndResponder");
                         });

}  // namespace
}  // namespace slurper::test
