#include "bench/data.h"

#include <fstream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace slurper::bench {

namespace {

using nlohmann::json;

std::string quoted(const std::string& text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string row_of(const Record& record) {
  std::vector<std::string> metrics;
  for (const auto& [name, value] : record.outcome.metrics)
    metrics.push_back(fmt::format("{}: {:.7g}", quoted(name), value));
  return fmt::format(R"({{"scenario": {}, "peer": {}, "repeat": {}, "failure": {}, "metrics": {{{}}}}})",
                     quoted(record.scenario), quoted(record.peer), record.repeat,
                     quoted(record.outcome.failure), fmt::join(metrics, ", "));
}

Record record_of(const json& row) {
  return {.scenario = row.at("scenario").get<std::string>(),
          .peer = row.at("peer").get<std::string>(),
          .repeat = row.at("repeat").get<unsigned>(),
          .outcome = {.metrics = row.at("metrics").get<std::map<std::string, double>>(),
                      .failure = row.at("failure").get<std::string>()}};
}

}  // namespace

std::string to_json(const Data& data) {
  std::vector<std::string> rows;
  rows.reserve(data.runs.size());
  for (const Record& record : data.runs) rows.push_back(row_of(record));
  return fmt::format("{{\"machine\": {}, \"date\": {}, \"runs\": [\n{}\n]}}\n", quoted(data.machine),
                     quoted(data.date), fmt::join(rows, ",\n"));
}

Result<Data> read_data(const std::filesystem::path& file) {
  const std::string what = fmt::format("read the results in '{}'", file.native());
  std::ifstream stream(file);
  if (!stream) return fail(ErrorKind::NoInput, own_words(what), own_words("it cannot be opened"));
  try {
    const json document = json::parse(stream);
    Data data{.machine = document.at("machine").get<std::string>(),
              .date = document.at("date").get<std::string>(),
              .runs = {}};
    for (const json& row : document.at("runs")) data.runs.push_back(record_of(row));
    return data;
  } catch (const json::exception& e) {
    return fail(ErrorKind::Data, own_words(what), own_words(e.what()),
                own_words("Name a file that `scripts/bench --json` wrote"));
  }
}

}  // namespace slurper::bench
