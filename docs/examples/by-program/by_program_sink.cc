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

namespace {

using slurper::Delivery;
using slurper::ErrorKind;
using slurper::own_words;
using slurper::Record;
using slurper::Result;

class ByProgramSink : public slurper::Sink {
 public:
  explicit ByProgramSink(slurper::SinkOptions& options) : folder_(options.text("path")) {}

  // A file cannot tell the offset of its last line, so lines in flight are redelivered.
  Result<std::optional<std::uint64_t>> open(const slurper::SinkContext&) override {
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    if (error)
      return slurper::fail(ErrorKind::CantCreate, own_words("make the folder '" + folder_ + "'"),
                           own_words(error.message()));
    return std::nullopt;
  }

  Result<Delivery> deliver(std::span<const Record> batch) override {
    Delivery delivery{.held = batch.back().next_offset(), .rejected = {}};
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const std::string program(batch[i].header().program);
      if (program.empty() || program.front() == '.' ||
          program.find_first_of(std::string_view("/\0", 2)) != program.npos) {
        delivery.rejected.push_back({i, own_words("its program cannot be the name of a file")});
        continue;
      }
      std::ofstream& file = files_[program];
      if (!file.is_open()) file.open(folder_ + '/' + program + ".log", std::ios::app);
      file << batch[i].raw() << '\n';
    }
    // A line is delivered when the kernel has it: from then on it survives slurper.
    for (auto& [program, file] : files_) {
      if (!file.flush())
        return slurper::fail(ErrorKind::Io, own_words("write '" + folder_ + '/' + program + ".log'"),
                             own_words(std::strerror(errno)));
    }
    return delivery;
  }

  void close() override { files_.clear(); }

 private:
  std::string folder_;
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
