// StreamConnection: a connection by TCP, TLS or a local stream.
#pragma once

#include "base/phrase_id.h"
#include "sink/net/connection.h"
#include "sink/net/tls.h"

namespace slurper {

class StreamConnection final : public Connection {
 public:
  StreamConnection(UniqueFd fd, const Target& target, const ConnectionSettings& settings, int stop_fd);
  StreamConnection(const StreamConnection&) = delete;
  StreamConnection& operator=(const StreamConnection&) = delete;
  ~StreamConnection() override;

  // If the transport is TLS, call this before anything is sent.
  [[nodiscard]] Status start_tls(const std::string& host, Deadline deadline);

  [[nodiscard]] bool is_stream() const override { return true; }
  [[nodiscard]] Phrase peer() const override;
  [[nodiscard]] Result<std::vector<std::size_t>> send(const Frames& frames) override;
  [[nodiscard]] std::uint64_t sent() const override { return sent_; }
  [[nodiscard]] Result<std::uint64_t> drained() override;
  [[nodiscard]] Result<bool> drain(Deadline deadline) override;

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] Status write_all(std::string_view bytes, Deadline deadline);
  [[nodiscard]] Status flush_tls(Deadline deadline);
  [[nodiscard]] Status wait_writable(Deadline deadline);
  [[nodiscard]] Status receive();
  [[nodiscard]] Status look();
  [[nodiscard]] Status check_progress();
  [[nodiscard]] std::unexpected<Error> broken(Phrase why, Phrase advice = {}) const;
  [[nodiscard]] std::unexpected<Error> broken_by(int errnum) const;
  [[nodiscard]] Phrase sending() const { return {PhraseId::SendTo, {{"target", peer_}}}; }
  [[nodiscard]] Phrase talking_tls() const { return {PhraseId::TalkTls, {{"target", peer_}}}; }

  const ConnectionSettings& settings_;
  const int stop_fd_;
  const QuotedText peer_;
  const bool is_tcp_;
  UniqueFd fd_;
  std::unique_ptr<Tls> tls_;
  bool tls_established_ = false;
  std::uint64_t sent_ = 0;
  std::uint64_t drained_ = 0;
  Clock::time_point moved_at_ = Clock::now();  // when bytes last drained or began to wait
};

}  // namespace slurper
