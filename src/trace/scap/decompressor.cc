#include <zlib.h>
#include <zstd.h>

#include <limits>

#include "trace/scap/capture_input.h"

namespace slurper {

namespace {

class Gunzip : public Decompressor {
 public:
  Gunzip() { inflateInit2(&stream_, 16 + MAX_WBITS); }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;
  ~Gunzip() override { inflateEnd(&stream_); }

  bool run(std::string_view& in, char* out, std::size_t room, std::size_t& written) override {
    if (complete_) {  // gzip files may follow each other
      if (!in.starts_with('\x1f')) return false;
      inflateReset(&stream_);
      complete_ = false;
    }
    // zlib takes a pointer to what it only reads.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(room, std::numeric_limits<uInt>::max()));
    const uInt before = stream_.avail_out;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    written = before - stream_.avail_out;
    in.remove_prefix(in.size() - stream_.avail_in);
    complete_ = result == Z_STREAM_END;
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
  }
  [[nodiscard]] bool complete() const override { return complete_; }

 private:
  z_stream stream_{};
  bool complete_ = false;
};

class Unzstd : public Decompressor {
 public:
  bool run(std::string_view& in, char* out, std::size_t room, std::size_t& written) override {
    ZSTD_inBuffer source{.src = in.data(), .size = in.size(), .pos = 0};
    ZSTD_outBuffer target{.dst = out, .size = room, .pos = 0};
    const std::size_t left = ZSTD_decompressStream(stream_.get(), &target, &source);
    in.remove_prefix(source.pos);
    written = target.pos;
    complete_ = left == 0;
    return ZSTD_isError(left) == 0;
  }
  [[nodiscard]] bool complete() const override { return complete_; }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };
  std::unique_ptr<ZSTD_DStream, Free> stream_{ZSTD_createDStream()};
  bool complete_ = false;
};

}  // namespace

std::unique_ptr<Decompressor> Decompressor::for_bytes(std::string_view begin) {
  if (begin.starts_with("\x1f\x8b")) return std::make_unique<Gunzip>();
  if (begin.starts_with("\x28\xb5\x2f\xfd")) return std::make_unique<Unzstd>();
  return nullptr;
}

}  // namespace slurper
