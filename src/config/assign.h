// Assigns values to settings, and says where and why it can't.
#pragma once

#include <string>
#include <string_view>

#include "base/phrase_id.h"
#include "base/setting_value.h"
#include "base/settings.h"
#include "base/settings_keys.h"
#include "slurper/result.h"

namespace slurper {

// `where` is the place of what is assigned, for the message: FILE:LINE:COLUMN, or "--set key=value".

// Fails with Config if the key does not allow the value.
[[nodiscard]] Status assign(const std::string& where, const Key& key, const Value& value, Settings& settings);

// The error Config: what is wrong at `where`, and what to do, in the words of the parser.
[[nodiscard]] std::unexpected<Error> reject_at(const std::string& where, std::string why,
                                               std::string advice = {});

// What such an error says was tried.
[[nodiscard]] Phrase accept_setting(const std::string& where);

// A name as the user wrote it, in quotes, for messages.
[[nodiscard]] std::string shown(std::string_view name);

}  // namespace slurper
