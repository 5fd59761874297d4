// A plug-in that hangs in deliver(), whatever slurper asks of it: the file that its setting `path` names must
// go first.

#include <slurper/sink.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <thread>

namespace {

class StubbornSink : public slurper::Sink {
 public:
  explicit StubbornSink(slurper::SinkOptions& options) : path_(options.text("path")) {}

  slurper::Result<std::optional<slurper::Reached>> open(const slurper::SinkContext& context) override {
    acks_ = context.acks;
    return std::nullopt;
  }
  slurper::Status deliver(std::span<const slurper::Record> batch) override {
    while (::access(path_.c_str(), F_OK) == 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    acks_->up_to(batch.back().next_offset());
    return {};
  }
  void close() override {}

 private:
  const std::string path_;
  std::shared_ptr<slurper::Acknowledgements> acks_;
};

constexpr std::array kSettings = {
    slurper::Setting{.name = "path", .help = "the file that must go first"},
};

}  // namespace

#ifndef SLURPER_TEST_API_VERSION
#define SLURPER_TEST_API_VERSION slurper::kSinkApiVersion
#endif

extern "C" const slurper::SinkPlugin* slurper_sink_plugin() {
  static const slurper::SinkPlugin plugin{.api_version = SLURPER_TEST_API_VERSION,
                                          .type = {.name = "stubborn",
                                                   .help = "nowhere",
                                                   .make = &slurper::make_sink_of<StubbornSink>,
                                                   .settings = kSettings}};
  return &plugin;
}
