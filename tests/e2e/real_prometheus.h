// RealPrometheus: Prometheus itself, which scrapes slurper and evaluates its rules.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "support/child.h"
#include "support/files.h"
#include "support/http.h"

namespace slurper::test {

// Debian's package, unpacked in the folder that SLURPER_PROMETHEUS says. It listens at a port of the kernel's
// choice.
class RealPrometheus {
 public:
  static void fetch() {
    Child fetch({.argv = {SLURPER_FETCH_PACKAGES, SLURPER_PROMETHEUS, "prometheus"}, .env = {}});
    ASSERT_TRUE(fetch.exits_with(0, std::chrono::minutes(3))) << fetch.err();
  }
  // promtool, run to its end.
  static void expect_promtool(const std::vector<std::string>& arguments) {
    Program program{.argv = {path_of("promtool")}, .env = {}};
    program.argv.insert(program.argv.end(), arguments.begin(), arguments.end());
    Child promtool(program);
    EXPECT_TRUE(promtool.exits_with(0)) << promtool.out() << promtool.err();
  }

  RealPrometheus(const std::filesystem::path& folder, std::string_view configuration)
      : server_({.argv = {path_of("prometheus"), "--config.file=" + configured(folder, configuration),
                          "--storage.tsdb.path=" + (folder / "data").string(),
                          "--web.listen-address=127.0.0.1:0"},
                 .env = {}}) {
    // "… component=web msg="Listening on" address=127.0.0.1:44191"
    constexpr std::string_view kListening = "msg=\"Listening on\" address=127.0.0.1:";
    // In whichever order.
    EXPECT_TRUE(server_.said(std::string(kListening))) << server_.err();
    EXPECT_TRUE(server_.said("Server is ready to receive web requests")) << server_.err();
    const std::string said = server_.err();
    const std::size_t at = said.find(kListening);
    if (at != std::string::npos)
      port_ = static_cast<std::uint16_t>(std::stoi(said.substr(at + kListening.size())));
    EXPECT_NE(port_, 0) << said;
  }

  // The result of a query now: a list of {"metric": labels, "value": [time, "text"]}.
  [[nodiscard]] nlohmann::json query(std::string_view expression) const {
    return get("/api/v1/query?query=" + encoded(expression)).value("result", nlohmann::json::array());
  }
  // Each with its labels, annotations and state, "pending" or "firing".
  [[nodiscard]] nlohmann::json alerts() const {
    return get("/api/v1/alerts").value("alerts", nlohmann::json::array());
  }
  [[nodiscard]] std::string said() const { return server_.err(); }

 private:
  static std::string path_of(std::string_view program) {
    return fmt::format("{}/usr/bin/{}", SLURPER_PROMETHEUS, program);
  }
  static std::string configured(const std::filesystem::path& folder, std::string_view configuration) {
    std::filesystem::create_directories(folder);
    write_file(folder / "prometheus.yml", configuration);
    return folder / "prometheus.yml";
  }
  static std::string encoded(std::string_view text) {
    std::string out;
    for (const char letter : text) out += fmt::format("%{:02X}", static_cast<unsigned char>(letter));
    return out;
  }
  // The data of an answer; an empty object if the request failed. HTTP/1.0 has no chunks.
  [[nodiscard]] nlohmann::json get(const std::string& target) const {
    const std::string answer = body_of(http_request(port_, "GET " + target + " HTTP/1.0\r\n\r\n"));
    const nlohmann::json found = nlohmann::json::parse(answer, nullptr, false);
    if (found.is_object() && found.value("status", "") == "success") return found.at("data");
    ADD_FAILURE() << target << ": " << answer;
    return nlohmann::json::object();
  }

  Child server_;
  std::uint16_t port_ = 0;
};

}  // namespace slurper::test
