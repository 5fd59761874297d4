// The page: one HTML file that needs no other, and no network.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "trace/page/page_data.h"
#include "trace/page/trace_page.h"

namespace slurper {

// Appends the text as a string of JSON that may stand in an HTML document: no `<`, `>` and `&`. What a
// terminal would obey, what is invisible, and what is no UTF-8 appears as \xNN. Cut, with an ellipsis, at
// about `max` bytes of JSON.
void append_page_text(std::string& out, std::string_view text, std::size_t max = std::string::npos);

// Appends the data as JSON. capture.js reads it.
void append_page_data(std::string& out, const PageRequest& request, const PageData& data,
                      std::span<const PageFinding> findings);

// Appends the document with this JSON in it.
void append_page(std::string& out, std::string_view json);

}  // namespace slurper
