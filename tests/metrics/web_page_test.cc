#include "metrics/web_page.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "metrics/hostile_report.h"
#include "support/local_zone.h"
#include "support/some_report.h"

namespace slurper {
namespace {

using test::hostile_report;
using test::some_report;
using testing::HasSubstr;
using testing::Not;

// The text of the page, one line for each element that has any.
std::string text_in(const std::string& page) {
  std::string text;
  bool is_markup = false;
  for (std::size_t i = page.find("<body>"); i < page.size(); ++i) {
    if (page[i] == '<') {
      is_markup = true;
      if (!text.empty() && text.back() != '\n') text += '\n';
    } else if (page[i] == '>') {
      is_markup = false;
    } else if (!is_markup && (page[i] != '\n' || (!text.empty() && text.back() != '\n'))) {
      text += page[i];
    }
  }
  return text;
}

TEST(WebPage, SaysFirstWhatIsWrong) {
  const std::string page = web_page(some_report());
  EXPECT_THAT(page, HasSubstr("<title>DEGRADED: /var/log/slurper/messages</title>"));
  const std::string text = text_in(page);
  const std::size_t about = text.find("\nas of ");
  ASSERT_NE(about, std::string::npos) << text;
  EXPECT_EQ(text.substr(0, about), "DEGRADED\nslurper 1.2.3, process 4711, running for 3 d 4 h");
  EXPECT_EQ(text.substr(text.find('\n', about + 1) + 1),
            R"(THE LOG CAN&#39;T BE WRITTEN: No space left on device
Rate
over
bytes/s
lines/s
now
1.46KiB
12
1 min
1.00MiB
9000
5 min
0B
0
15 min
10B
1
FIFO
path
&#39;/run/slurper/fifo&#39;
pipe
25%: 256KiB of 1.00MiB, at most 1.00MiB
full 3 times, for 1.5 s in all
ring
0%: 2.00KiB of 64.0MiB, at most 12.0MiB
writers
&#39;rsyslogd&#39; (pid 12), &#39;logger&#39; (pid 13)
readers
&#39;cat&#39; (pid 14); 1 second reader since the start, which took at least 4.88KiB (2 reads cut short)
Log
path
&#39;/var/log/slurper/messages&#39;
end
offset 123456, 56B not synced yet, last sync 0.3 s ago
segments
3 rotated segments of 12.0MiB, 4 rotations since the start
ledger
125504 in = 123456 log + 2048 ring + 0 dropped (bytes since the start; it balances)
Sinks
relp
 
failing
cursor
100000
behind
22.9KiB
for
1 min 12 s
lines
900
7 retries, last error 2.0 s ago: cannot connect to &#39;log.example:2514&#39;: Connection refused
)");
}

TEST(WebPage, SaysWhenItWasMadeByTheLocalClock) {
  in_zone("<-0330>+3:30", [] {
    StatusReport report = some_report();
    report.now = 951'782'400'999;  // 2000-02-29 00:00:00 UTC
    EXPECT_THAT(web_page(report), HasSubstr("as of 2000-02-28 20:30:00 -03:30<"));
  });
}

TEST(WebPage, NeedsNoBoxesForWhatIsWell) {
  StatusReport report = some_report();
  report.alerts.clear();
  report.sinks.clear();
  const std::string page = web_page(report);
  EXPECT_THAT(page, HasSubstr("<title>healthy: "));
  EXPECT_THAT(page, HasSubstr("<h1 class=\"healthy\">healthy</h1>"));
  EXPECT_THAT(page, Not(HasSubstr("id=\"alerts\"")));
  EXPECT_THAT(page, Not(HasSubstr("Sinks")));
}

TEST(WebPage, HasTheBarThatTheFiguresMake) {
  StatusReport report = some_report();
  report.ring = {.folder = {}, .size = 1000, .held = 2000, .most_held = 2000};
  report.fifo.pipe_size = 0;
  const std::string page = web_page(report);
  EXPECT_THAT(page, HasSubstr(R"(<div class="full" style="width: 100%">)"));  // no longer than the whole
  EXPECT_THAT(page, HasSubstr(R"(<div class="low" style="width: 0%">)"));
  report.ring.held = 500;
  EXPECT_THAT(web_page(report), HasSubstr(R"(<div class="high" style="width: 50%">)"));
}

// Names and paths are whatever an attacker, or a sink's destination, made them.
TEST(WebPage, EscapesEveryText) {
  const std::string page = web_page(hostile_report());
  EXPECT_TRUE(is_utf8(page));
  EXPECT_TRUE(
      std::ranges::none_of(page, [](char c) { return (c >= 0 && c < ' ' && c != '\n') || c == 0x7f; }));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, HasSubstr("&lt;/title&gt;&lt;script&gt;"));
  // It has as many elements as with harmless texts.
  const auto elements = [](const std::string& text) { return std::ranges::count(text, '<'); };
  StatusReport harmless = hostile_report();
  test::replace_texts(harmless, "x");
  EXPECT_EQ(elements(page), elements(web_page(harmless)));
}

TEST(WebPage, IsADocumentWithoutAStateToo) {
  const std::string page = web_page_of_failure("the thread <hangs>\x1b");
  EXPECT_THAT(page, HasSubstr("<title>slurper does not answer</title>"));
  EXPECT_THAT(page, HasSubstr("<p>the thread &lt;hangs&gt;\\x1b</p>"));
  EXPECT_TRUE(page.ends_with("</html>\n"));
}

}  // namespace
}  // namespace slurper
