#include "config/sinks.h"

#include <gmock/gmock.h>

#include "config/config.h"
#include "support/text_of.h"

namespace slurper {
namespace {

using test::text_of;

using testing::AllOf;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Result<Settings> parse(const std::string& text, const std::vector<std::string>& urls = {}) {
  return parse_settings(
      {{{.name = "x.toml", .text = "fifo.path = \"/run/f\"\nlog.path = \"/var/log/m\"\n" + text}}}, {}, urls);
}

std::string complaint(const Result<Settings>& settings) {
  return settings ? "no error" : text_of(settings.error());
}

// "key=value|value" for each option.
std::vector<std::string> options_of(const SinkSettings& sink) {
  std::vector<std::string> all;
  for (const SinkOption& option : sink.options) {
    std::string text = option.name;
    for (const std::string& value : option.values)
      text += (&value == option.values.data() ? '=' : '|') + value;
    all.push_back(text);
  }
  return all;
}

std::vector<std::string> options_of(const std::string& url) {
  const auto sink = parse_sink_url(url);
  return sink ? options_of(*sink) : std::vector<std::string>{text_of(sink.error())};
}

TEST(SinkUrl, HasATypeATransportATargetAPathAndKeys) {
  EXPECT_EQ(parse_sink_url("journald:")->type, "journald");
  EXPECT_THAT(options_of("journald:"), ElementsAre());
  EXPECT_THAT(options_of("file:/var/log/auth.log?format=json"),
              ElementsAre("path=/var/log/auth.log", "format=json"));
  EXPECT_THAT(options_of("file:///var/log/auth.log"), ElementsAre("path=/var/log/auth.log"));
  EXPECT_THAT(options_of("syslog+tls://logs.example:6514?ca=/etc/ca.pem"),
              ElementsAre("transport=tls", "target=logs.example:6514", "ca=/etc/ca.pem"));
  EXPECT_THAT(options_of("syslog+udp://[::1]:514"), ElementsAre("transport=udp", "target=[::1]:514"));
  EXPECT_THAT(options_of("syslog+unix:/dev/log"), ElementsAre("transport=unix", "path=/dev/log"));
}

TEST(SinkUrl, AKeyThatComesAgainMakesAList) {
  EXPECT_THAT(options_of("exec:/bin/prog?args=-x&args=a=b&confirm=true"),
              ElementsAre("path=/bin/prog", "args=-x|a=b", "confirm=true"));
  EXPECT_THAT(options_of("syslog+tcp://one:1?target=two:2"),
              ElementsAre("transport=tcp", "target=one:1|two:2"));
}

TEST(SinkUrl, PercentStandsForAByteAndPlusForItself) {
  EXPECT_THAT(options_of("file:/a%3Fb?filter=msg%20contains%20%22a+b%26c%22&filter2=severity <= err"),
              ElementsAre("path=/a?b", "filter=msg contains \"a+b&c\"", "filter2=severity <= err"));
}

TEST(SinkUrl, WhatIsNoneIsToldSo) {
  for (const char* url : {"", ":", "file", "/var/log/x", "File:/x", "a b:/x", "+tls://x", "?x=y"})
    EXPECT_THAT(complaint(parse("", {url})), HasSubstr("does not begin with a type")) << url;
  EXPECT_THAT(complaint(parse("", {"syslog+://x"})), HasSubstr("no transport behind the '+'"));
  EXPECT_THAT(complaint(parse("", {"file:/x?format"})), HasSubstr("'format' is not KEY=VALUE"));
  EXPECT_THAT(complaint(parse("", {"file:/x?=json"})), HasSubstr("'=json' is not KEY=VALUE"));
  for (const char* url : {"file:/x%", "file:/x%4", "file:/x%4x", "file:/x?a=%zz"})
    EXPECT_THAT(complaint(parse("", {url})), HasSubstr("two hexadecimal digits")) << url;
}

TEST(SinkUrl, APasswordIsRefusedAndNeverShown) {
  for (const char* url :
       {"syslog+tls://user:hunter2@logs.example:6514", "syslog+tls://user:hunter2@[::1]",
        "syslog+tls://user%3Ahunter2%40logs.example", "syslog+tls://user:hun/ter2@logs.example",
        "syslog+tls://user:hun?ter2@logs.example?ca_file=/x", "syslog://:hunter2@logs.example",
        "syslog+tls://user:hunter2@logs.example?name=x&verify=none",
        // Without the slashes, too.
        "syslog+tls:user:hunter2@logs.example", "syslog+tls:/user:hunter2@logs.example:6514",
        "syslog+tls:user:hun/ter2@logs.example", "syslog+tls:user:hun?ter2@logs.example",
        "syslog+tls:user%3Ahunter2@logs.example?name=x"}) {
    const std::string said = complaint(parse("", {url}));
    EXPECT_THAT(said, HasSubstr("has a password in it. Write the server without it")) << url;
    EXPECT_THAT(said, Not(AnyOf(HasSubstr("hunter2"), HasSubstr("ter2"), HasSubstr("hun/")))) << url;
  }
  EXPECT_THAT(complaint(parse("", {"syslog://one:1?target=user:hunter2@two"})),
              AllOf(HasSubstr("target has a password in it"), Not(HasSubstr("hunter2"))));
  // A misspelt key has a secret all the same.
  for (const char* url : {"syslog+tls://x?key_pasword=hunter2", "syslog+tls://x?KEY_PASSWORD=hunter2",
                          "syslog+tls://x?keypwd=hunter2"})
    EXPECT_THAT(parse_sink_url(url)->place, testing::EndsWith("=(not shown)")) << url;
  EXPECT_THAT(parse_sink_url("syslog+tls://x?key_password=/etc/key.pass")->place,
              testing::EndsWith("?key_password=/etc/key.pass"));
  for (const char* url : {"syslog+tcp://user@logs.example:514", "syslog+udp://[::1]:514?program=a:b@c",
                          "file:///var/log/a:b@c", "syslog+unix:/run/a:b@c"})
    EXPECT_EQ(complaint(parse("", {url})), "no error") << url;
}

TEST(SinkUrl, ASecretIsRefusedAndNeverShown) {
  for (const char* url :
       {"syslog+tls://logs.example?key_password=hunter2", "syslog+tls://x?key%5Fpassword=hunter2",
        "syslog+tls://x?key_password=%68unter2", "x:?token=hunter2&secret=/ok&format=json",
        "x:?key_password=credential:", "x:?key_password=/ok&key_password=hunter2"}) {
    const std::string said = complaint(parse("", {url}));
    EXPECT_THAT(said,
                AllOf(HasSubstr("(not shown) must name the place of a secret, and not be the secret. Write "
                                "the absolute path of a file that contains it, or \"credential:NAME\""),
                      HasSubstr("=(not shown)"), Not(HasSubstr("unter2"))))
        << url;
  }
  EXPECT_THAT(complaint(parse("", {"x:?key_password=hunter2%"})),
              AllOf(HasSubstr("a % in 'key_password'"), Not(HasSubstr("hunter2"))));
  const auto good = parse("", {"x:?key_password=/etc/slurper/key.pass&token=credential:token-1"});
  ASSERT_TRUE(good) << complaint(good);
  EXPECT_THAT(to_toml(*good), AllOf(HasSubstr("key_password = \"/etc/slurper/key.pass\""),
                                    HasSubstr("token = \"credential:token-1\"")));
}

// Where no key and '=' announce it.
TEST(SinkUrl, AMisplacedSecretIsRefusedAndNeverShown) {
  for (const char* url :
       {"syslog+tls://logs.example;key_password=hunter2", "syslog+tls://logs.example/;key_password=hunter2",
        "syslog+tls://logs.example?key_password/hunter2", "syslog+tls://logs.example?key_password:hunter2",
        "syslog+tls://logs.example/key_password/hunter2",
        "syslog+tls://logs.example;key%5Fpassword%3Dhunter2",
        "syslog+tls://logs.example?ca_file=/x;key_password=hunter2",
        "syslog+tls://logs.example?name=a&key_password/hunter2=1", "syslog+tls://x?key_password%20hunter2",
        "syslog+tls:logs.example,key_password=hunter2", "syslog+tls:key_password=hunter2"}) {
    const std::string said = complaint(parse("", {url}));
    EXPECT_THAT(said,
                AllOf(HasSubstr("password(not shown)"),
                      HasSubstr("it seems to have a secret in it. Write the secret into a file, and its "
                                "absolute path here, such as ?key_password=/etc/slurper/key.pass: other "
                                "users can read a secret there"),
                      Not(HasSubstr("hunter2"))))
        << url;
  }
  for (const char* url :
       {"file:/var/log/passwords/auth?filter=msg contains \"password=\"", "exec:/bin/x?args=--token=t",
        "file:/srv/token?name=x", "file:///srv/db_password/a:b"})
    EXPECT_EQ(complaint(parse("", {url})), "no error") << url;
  EXPECT_THAT(parse_sink_url("exec:/bin/x?args=--token=hunter2")->place, Not(HasSubstr("hunter2")));
}

TEST(SinkTables, ASecretIsRefusedAndNeverShown) {
  const auto refusal = [](const std::string& setting) {
    return complaint(parse("[[sink]]\nname = \"s\"\ntype = \"syslog\"\n" + setting));
  };
  EXPECT_EQ(
      refusal("key_password = \"hunter2\""),
      "cannot accept 'x.toml:6:16': key_password (not shown) must name the place of a secret, and not be "
      "the secret. Write the absolute path of a file that contains it, or \"credential:NAME\"");
  EXPECT_EQ(
      refusal("target = [\"one\", \"user:hunter2@logs.example\"]"),
      "cannot accept 'x.toml:6:10': target has a password in it. Write the server without it: other users "
      "can read a password there");
  EXPECT_THAT(refusal("path = \"user:hunter2@logs.example\""),
              AllOf(HasSubstr("path has a password in it"), Not(HasSubstr("hunter2"))));
}

TEST(SinkTables, AreTakenInTheirOrder) {
  const auto settings = parse(R"([[sink]]
name = "auth"
type = "file"
path = "/var/log/auth.log"
batch_lines = 500
sync = true
mode = 0o640
[[sink]]
type = "exec"
args = ["-x", 7]
)",
                              {"journald:"});
  ASSERT_TRUE(settings) << complaint(settings);
  ASSERT_EQ(settings->sinks.size(), 3U);
  EXPECT_EQ(settings->sinks[0].name, "auth");
  EXPECT_EQ(settings->sinks[0].type, "file");
  EXPECT_THAT(options_of(settings->sinks[0]),
              ElementsAre("path=/var/log/auth.log", "batch_lines=500", "sync=true", "mode=0640"));
  EXPECT_EQ(settings->sinks[0].options[1].place, "x.toml:7:15");
  EXPECT_EQ(settings->sinks[1].name, "exec");
  EXPECT_THAT(options_of(settings->sinks[1]), ElementsAre("args=-x|7"));
  EXPECT_TRUE(settings->sinks[1].options[0].is_list);
  EXPECT_EQ(settings->sinks[2].name, "journald");
}

TEST(SinkTables, ArePrintedAsTheyAreRead) {
  const auto settings = parse("", {"exec:/bin/p%22rog?args=one&args=t%0awo&odd%20key=1", "file:/x"});
  ASSERT_TRUE(settings) << complaint(settings);
  const std::string text = to_toml(*settings);
  EXPECT_THAT(text, HasSubstr("args = [\"one\", \"t\\u000awo\"]"));
  const auto again = parse_settings({{{.name = "again", .text = text}}}, {});
  ASSERT_TRUE(again) << complaint(again);
  EXPECT_EQ(*again, *settings);
}

TEST(SinkTables, NamesComeFromWhereASinkGoes) {
  const auto settings = parse("", {"file:/var/log/auth.log", "syslog+tls://logs.example:6514",
                                   "stdout:", "file:/very" + std::string(200, 'x'), "file:/y?name=mine"});
  ASSERT_TRUE(settings) << complaint(settings);
  EXPECT_EQ(settings->sinks[0].name, "file-var-log-auth.log");
  EXPECT_EQ(settings->sinks[1].name, "syslog-logs.example-6514");
  EXPECT_EQ(settings->sinks[2].name, "stdout");
  EXPECT_EQ(settings->sinks[3].name.size(), 64U);
  EXPECT_EQ(settings->sinks[4].name, "mine");
}

TEST(SinkTables, WhatIsWrongIsToldWithItsPlace) {
  EXPECT_THAT(complaint(parse("[sink]\ntype = \"file\"")), HasSubstr("Write [[sink]] on a line of its own"));
  EXPECT_THAT(complaint(parse("[[sink]]\npath = \"/x\"")), HasSubstr("x.toml:3:1': this sink has no type"));
  EXPECT_THAT(complaint(parse("[[sink]]\ntype = \"file\"\nx = 1.5")),
              HasSubstr("x.toml:5:5': \"x\" is a number with a fraction"));
  EXPECT_THAT(complaint(parse("[[sink]]\ntype = \"file\"\nx = [\"a\", {}]")), HasSubstr("x.toml:5:11"));
  EXPECT_THAT(complaint(parse("[[sink]]\ntype = [\"file\"]")), HasSubstr("type must be one string"));
  EXPECT_THAT(complaint(parse("[[sink]]\ntype = \"file\"\nname = \"\"")),
              HasSubstr("name must be one string"));
  for (const char* name : {"a/b", ".x", "a b", "\\u0000"})
    EXPECT_THAT(complaint(parse(std::string("[[sink]]\ntype = \"file\"\nname = \"") + name + '"')),
                HasSubstr("a sink can't be called"))
        << name;
  EXPECT_THAT(complaint(parse("[[sinks]]\ntype = \"file\"")), HasSubstr("Did you mean [[sink]]?"));
}

// What a type's settings mean, the type knows: here all types are alike, also those that do not exist.
TEST(SinkTables, NoTypeIsSpecial) {
  const auto as_type = [](const std::string& type) {
    const auto settings = parse("[[sink]]\ntype = \"" + type + "\"\npath = \"/var/log/m\"\nmode = \"9\"",
                                {type + "+tls://host:1/path?sync=never"});
    EXPECT_TRUE(settings) << complaint(settings);
    std::vector<std::vector<std::string>> all;
    for (const SinkSettings& sink : settings->sinks) {
      EXPECT_EQ(sink.type, type);
      all.push_back(options_of(sink));
      all.push_back({sink.name.substr(type.size())});
    }
    return all;
  };
  const auto made_up = as_type("made-up");
  EXPECT_THAT(made_up, ElementsAre(ElementsAre("path=/var/log/m", "mode=9"), ElementsAre("-var-log-m"),
                                   ElementsAre("transport=tls", "target=host:1", "path=/path", "sync=never"),
                                   ElementsAre("-host-1-path")));
  for (const char* const type : {"exec", "file", "journald", "stdout", "syslog"})
    EXPECT_EQ(as_type(type), made_up) << type;
}

// C's strings end there: '/x' would be opened for "/x\0y", and a server's name be checked up to it only.
TEST(SinkTables, ANulStandsInNoSetting) {
  const std::string told = complaint(parse("", {"file:/x%00y"}));
  EXPECT_THAT(told,
              HasSubstr("accept '--sink file:/x%00y': path of the sink 'file-x-y' has a NUL byte in it"));
  for (const char* url : {"exec:/bin/x?args=a&args=b%00", "syslog+tls://a?server_name=a%00b",
                          "x:?plugin=/a%00", "file:/x?format={msg}%00", "file:/x?pa%00th=/y"})
    EXPECT_THAT(complaint(parse("", {url})), HasSubstr("has a NUL byte in it")) << url;
  for (const char* table : {"type = \"fi\\u0000le\"", "type = \"file\"\npath = \"/a\\u0000\"",
                            "type = \"exec\"\npath = \"/a\"\nargs = [\"x\", \"\\u0000\"]",
                            "type = \"file\"\n\"pa\\u0000th\" = \"/a\""})
    EXPECT_THAT(complaint(parse(std::string("[[sink]]\n") + table)), HasSubstr("has a NUL byte in it"))
        << table;
}

TEST(SinkTables, TwoOfOneNameAreRefused) {
  EXPECT_THAT(complaint(parse("", {"stdout:", "stdout:"})),
              HasSubstr("the sink of '--sink stdout:' is called 'stdout', too. Give each a name: name = "));
  EXPECT_EQ(complaint(parse("[[sink]]\ntype = \"stdout\"\nname = \"a\"", {"stdout:?name=a"})),
            "cannot accept '--sink stdout:?name=a': the sink of 'x.toml:3:1' is called 'a', too. "
            "Give each a name of its own");
}

}  // namespace
}  // namespace slurper
