// Paths with fields: which files lines get, whatever their fields contain.
#include "sink/file/path_template.h"

#include <gmock/gmock.h>

#include <set>
#include <string>
#include <vector>

#include "record/syslog_header.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;
using testing::HasSubstr;

std::string complaint(const std::string& path) {
  const auto parsed = PathTemplate::parse(path);
  return parsed ? "no error" : text_of(parsed.error());
}

// The path for a line with these fields.
std::string path_of(const PathTemplate& paths, std::string_view host, std::string_view program = "prog") {
  static constexpr LogId kLog{};
  SyslogHeader header;
  header.facility = 4;
  header.severity = 6;
  header.host = host;
  header.program = program;
  const Record record(kLog, 0, 2, "x", Part::Middle, Timestamp(), header);
  std::string path;
  return paths.make_path(record, path) ? path : "";
}

std::string file_of(std::string_view host) {
  static const auto paths = PathTemplate::parse("/l/{host}.log");
  const std::string path = path_of(*paths, host);
  EXPECT_TRUE(path.empty() || paths->matches(path)) << path;
  return path;
}

TEST(PathTemplate, WithoutFieldsIsAPath) {
  const auto plain = PathTemplate::parse("/var/log/a{{b}}");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->has_fields());
  EXPECT_EQ(plain->other_path(), "/var/log/a{b}");
  EXPECT_EQ(plain->folder(), "/var/log");
}

TEST(PathTemplate, HasTheFieldsOfTheLine) {
  const auto paths = PathTemplate::parse("/var/log/hosts/by-{facility}/{host}/{program}-{severity}.log");
  ASSERT_TRUE(paths);
  EXPECT_EQ(paths->folder(), "/var/log/hosts");
  EXPECT_EQ(paths->depth(), 2);
  EXPECT_EQ(path_of(*paths, "web", "cron"), "/var/log/hosts/by-auth/web/cron-info.log");
  EXPECT_EQ(paths->other_path(), "/var/log/hosts/by-_other/_other/_other-_other.log");
  EXPECT_TRUE(paths->matches("/var/log/hosts/by-auth/web/cron-info.log"));
  EXPECT_FALSE(paths->matches("/var/log/hosts/by-auth/cron-info.log"));
  EXPECT_FALSE(paths->matches("/var/log/hosts/auth/web/cron-info.log"));
  EXPECT_EQ(PathTemplate::parse("/{host}.log")->folder(), "/");
  EXPECT_EQ(PathTemplate::parse("/l/x-{host}.log")->folder(), "/l");
}

TEST(PathTemplate, TextIsNoPattern) {
  const auto paths = PathTemplate::parse("/l/[a]*?\\{host}.log");
  ASSERT_TRUE(paths);
  EXPECT_TRUE(paths->matches("/l/[a]*?\\web.log"));
  EXPECT_FALSE(paths->matches("/l/axx\\web.log"));
}

TEST(PathTemplate, WhatIsWrongIsSaid) {
  EXPECT_EQ(complaint("/l/{hots}.log"), "has an unknown field 'hots' as character 5; did you mean 'host'?");
  EXPECT_THAT(complaint("/l/{host.log"), HasSubstr("has a '{' as character 4 that nothing closes"));
  EXPECT_THAT(complaint("/l/host}.log"), HasSubstr("has a '}' as character 8 that nothing opens"));
  for (const std::string path : {"/l/{host}", "/l/x{host}", "/l/.{host}.log", "/l/{host}/.log",
                                 "/l/.a/../.{host}.log", "/l/{host}.0", "/l/{host}.zst", "/l/{host}.tmp"}) {
    EXPECT_EQ(complaint(path),
              "must end with text after its last field, such as \".log\", and the file's name must not begin "
              "with a '.'")
        << path;
  }
}

TEST(PathTemplate, AnEscapedValueStaysInItsFolder) {
  EXPECT_EQ(file_of("web-1.example"), "/l/web-1.example.log");
  EXPECT_EQ(file_of("m\xc3\xbcnchen"), "/l/m\xc3\xbcnchen.log");
  EXPECT_EQ(file_of(""), "/l/_none.log");
  EXPECT_EQ(file_of("."), "/l/%2E.log");
  EXPECT_EQ(file_of(".."), "/l/%2E..log");
  EXPECT_EQ(file_of("../../etc/passwd"), "/l/%2E.%2F..%2Fetc%2Fpasswd.log");
  EXPECT_EQ(file_of(".hidden"), "/l/%2Ehidden.log");
  EXPECT_EQ(file_of("_other"), "/l/%5Fother.log");
  EXPECT_EQ(file_of("_none"), "/l/%5Fnone.log");
  EXPECT_EQ(file_of("a%2Fb"), "/l/a%252Fb.log");
  EXPECT_EQ(file_of(std::string_view("a\0b\n\x7f", 5)), "/l/a%00b%0A%7F.log");
  EXPECT_EQ(file_of("\xc2\x85\xff\xe2\x80\xae"), "/l/%C2%85%FF%E2%80%AE.log");  // C1, invalid, right to left
  EXPECT_EQ(file_of("a.00000000000000000042"), "/l/a.00000000000000000042.log");
}

TEST(PathTemplate, ANameThatIsTooLongHasNoFile) {
  // The file's name has at most 226 bytes, since those beside it are longer.
  EXPECT_EQ(file_of(std::string(222, 'x')), "/l/" + std::string(222, 'x') + ".log");
  EXPECT_EQ(file_of(std::string(223, 'x')), "");
  EXPECT_EQ(file_of(std::string(75, '/')), "");
  const auto folders = PathTemplate::parse("/l/{host}/{program}.log");
  EXPECT_NE(path_of(*folders, std::string(255, 'x')), "");
  EXPECT_EQ(path_of(*folders, std::string(256, 'x')), "");
}

TEST(PathTemplate, OtherValuesHaveOtherFiles) {
  std::set<std::string> files;
  std::size_t values = 0;
  const std::string_view bytes("./%_0a2F\n\0\xc3\xbc", 12);
  for (const char a : bytes) {
    for (const char b : bytes) {
      for (const char c : bytes) {
        files.insert(file_of(std::string{a, b, c}));
        ++values;
      }
    }
  }
  EXPECT_EQ(files.size(), values);
}

}  // namespace
}  // namespace slurper
