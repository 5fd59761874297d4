// What tests of filters share: records, and the answer of a filter to them.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>

#include "record/record_fields.h"
#include "record/syslog_header.h"
#include "support/text_of.h"

namespace slurper {

inline constexpr LogId kSampleLog{};
inline constexpr Timestamp kSampleArrival{std::chrono::seconds(1'800'000'000)};  // 2027-01-15T08:00:00Z

inline Record sample_record(std::string_view line, Part part = Part::Whole) {
  return {kSampleLog, 4096, 4096 + line.size() + 1, line, part, kSampleArrival, &parse_syslog_header};
}

// The finding and its advice: "at column …".
inline std::string text_of(const FilterError& error) {
  std::string text = test::text_of(error.finding());
  if (!error.advice.empty()) text += ". " + test::text_of(error.advice);
  return text;
}

// Whether the filter wants the line. That it compiles is part of the test.
inline bool wants(std::string_view filter, std::string_view line) {
  const auto compiled = RecordFilter::compile(filter, record_fields());
  if (!compiled) {
    ADD_FAILURE() << filter << '\n' << text_of(compiled.error());
    return false;
  }
  return compiled->matches(sample_record(line));
}

// "at column …"; "compiles" if it does.
inline std::string complaint(std::string_view filter) {
  const auto compiled = RecordFilter::compile(filter, record_fields());
  if (compiled) return "compiles: " + compiled->text();
  return text_of(compiled.error());
}

}  // namespace slurper
