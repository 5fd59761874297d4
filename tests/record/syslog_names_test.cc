#include "record/syslog_names.h"

#define SYSLOG_NAMES
#include <gtest/gtest.h>
#include <syslog.h>

#include <string>

namespace slurper {
namespace {

TEST(SyslogNames, AreReadBack) {
  for (std::uint8_t i = 0; i < kFacilities; ++i) EXPECT_EQ(facility_number(facility_name(i)), i);
  for (std::uint8_t i = 0; i < kSeverities; ++i) EXPECT_EQ(severity_number(severity_name(i)), i);
}

TEST(SyslogNames, AreThoseOfTheSystem) {
  for (const CODE* code = prioritynames; code->c_name != nullptr; ++code) {
    if (code->c_val >= kSeverities) continue;  // "none"
    EXPECT_EQ(severity_number(code->c_name), code->c_val) << code->c_name;
  }
  for (const CODE* code = facilitynames; code->c_name != nullptr; ++code) {
    if (LOG_FAC(code->c_val) >= kFacilities) continue;  // "mark"
    EXPECT_EQ(facility_number(code->c_name), LOG_FAC(code->c_val)) << code->c_name;
  }
}

TEST(SyslogNames, AreReadInAnyCaseAndByTheirOtherNames) {
  EXPECT_EQ(severity_number("WARNING"), 4);
  EXPECT_EQ(severity_number("warn"), 4);
  EXPECT_EQ(severity_number("Error"), 3);
  EXPECT_EQ(severity_number("panic"), 0);
  EXPECT_EQ(facility_number("security"), 4);
  EXPECT_EQ(facility_name(4), "auth");
  EXPECT_EQ(severity_name(4), "warning");
}

TEST(SyslogNames, AreNothingElse) {
  for (const std::string name : {"", "loud", "warnings", "war", "0", "4", "none", "mark"}) {
    EXPECT_EQ(severity_number(name), std::nullopt) << name;
    EXPECT_EQ(facility_number(name), std::nullopt) << name;
  }
}

}  // namespace
}  // namespace slurper
