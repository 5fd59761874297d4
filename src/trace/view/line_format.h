// LineFormat: the format of -p, as sysdig has it: "*%evt.num %proc.name %fd.name".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "slurper/result.h"
#include "trace/view/fields.h"

namespace slurper {

inline constexpr std::string_view kDefaultFormat =
    "*%evt.num %evt.outputtime %evt.cpu %proc.name (%thread.tid) %evt.dir %evt.type %evt.info";

class LineFormat {
 public:
  // `%name` and `%name[argument]` stand for fields, `%%` for a percent sign. With a `*` in front, an event
  // that lacks a field is shown with <NA> in its place; without it, such an event is not shown.
  [[nodiscard]] static Result<LineFormat> parse(std::string_view text);

  // Appends the line, without its end. False, and nothing, if the event lacks a field that it must have.
  bool append(std::string& out, const ShownEvent& event) const;
  // The same as a JSON object. A field that the event lacks is left out.
  bool append_json(std::string& out, const ShownEvent& event) const;

 private:
  struct Part {
    const Field* field = nullptr;  // a literal if there is none
    std::string text;              // the literal, or the field's argument
    std::string key;               // of a field, as it was written
  };
  [[nodiscard]] static std::size_t take_field(std::string_view text, Part& part);

  bool shows_missing_ = false;
  std::vector<Part> parts_;
};

}  // namespace slurper
