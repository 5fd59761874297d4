#include "trace/page/page_document.h"

#include <array>
#include <charconv>

#include "trace/page/page_assets.h"
#include "trace/view/shown_event.h"

namespace slurper {

namespace {

// As Content-Security-Policy has it (CSP 3, section 2.3.1): base64 of the digest.
std::string source_of(std::string_view hexadecimal) {
  std::string digest;
  for (std::size_t i = 0; i + 1 < hexadecimal.size(); i += 2) {
    unsigned byte = 0;
    (void)std::from_chars(hexadecimal.data() + i, hexadecimal.data() + i + 2, byte, 16);
    digest += static_cast<char>(byte);
  }
  std::string source = "sha256-";
  append_data(source, digest, {.data = DataStyle::Base64});
  return source;
}

}  // namespace

void append_page(std::string& out, std::string_view json) {
  const std::string style_source = source_of(page_style_digest);
  const std::string script_source = source_of(page_script_digest);
  const std::array<std::pair<std::string_view, std::string_view>, 5> parts = {{
      {"{{style-source}}", style_source},
      {"{{script-source}}", script_source},
      {"{{style}}", page_style},
      {"{{capture}}", json},
      {"{{script}}", page_script},
  }};
  std::string_view rest = page_template;
  for (const auto& [mark, text] : parts) {
    const std::size_t at = rest.find(mark);  // the template has them in this order
    out.append(rest.substr(0, at)).append(text);
    rest.remove_prefix(at + mark.size());
  }
  out += rest;
}

}  // namespace slurper
