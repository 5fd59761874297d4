// An example of a plug-in for slurper: writes each line to a file named after its program, FOLDER/sshd.log.
//
//   slurper run … --sink by-program:/var/log/by-program
#include <slurper/sink.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>

namespace {

using slurper::ErrorKind;
using slurper::own_words;
using slurper::Record;
using slurper::Result;
using slurper::Status;

class ByProgramSink : public slurper::Sink {
 public:
  explicit ByProgramSink(slurper::SinkOptions& options) : folder_(options.text("path")) {}

  // A file cannot tell the offset of its last line, so lines in flight are redelivered.
  Result<std::optional<slurper::Reached>> open(const slurper::SinkContext& context) override {
    acks_ = context.acks;
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    if (error)
      return slurper::fail(ErrorKind::CantCreate, own_words("make the folder '" + folder_ + "'"),
                           own_words(error.message()));
    return std::nullopt;
  }

  Status deliver(std::span<const Record> batch) override {
    for (const Record& record : batch) {
      const std::string program(record.header().program);
      if (program.empty() || program.front() == '.' ||
          program.find_first_of(std::string_view("/\0", 2)) != program.npos) {
        acks_->reject(record.offset(), own_words("its program cannot be the name of a file"));
        continue;
      }
      std::ofstream& file = files_[program];
      if (!file.is_open()) file.open(folder_ + '/' + program + ".log", std::ios::app);
      file << record.raw() << '\n';
    }
    // A line is delivered when the kernel has it: from then on it survives slurper.
    for (auto& [program, file] : files_) {
      if (!file.flush())
        return slurper::fail(ErrorKind::Io, own_words("write '" + folder_ + '/' + program + ".log'"),
                             own_words(std::strerror(errno)));
    }
    acks_->up_to(batch.back().next_offset());
    return {};
  }

  void close() override { files_.clear(); }

 private:
  std::string folder_;
  std::shared_ptr<slurper::Acknowledgements> acks_;
  std::map<std::string, std::ofstream> files_;
};

// What a [[sink]] table of this type may have. slurper checks it.
constexpr std::array kSettings = {
    slurper::Setting{.name = "path",
                     .type = slurper::Setting::Type::FolderPath,
                     .help = "the folder to write to",
                     .required = true},
};

}  // namespace

extern "C" const slurper::SinkPlugin* slurper_sink_plugin() {
  static const slurper::SinkPlugin plugin{.api_version = slurper::kSinkApiVersion,
                                          .type = {.name = "by-program",
                                                   .help = "a file for each program",
                                                   .make = &slurper::make_sink_of<ByProgramSink>,
                                                   .settings = kSettings}};
  return &plugin;
}
