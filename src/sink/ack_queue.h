// AckQueue: carries what a sink reports from any thread to the sink's runner.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "sink/delivery_window.h"
#include "slurper/sink.h"

namespace slurper {

// Any thread reports, the thread that created it takes. It belongs to one life of the sink, from open() to
// close(): what another thread still reports after close() goes nowhere.
class AckQueue final : public Acknowledgements {
 public:
  // A report from another thread makes `wake_fd`, an eventfd(2), readable. It stays open until detach().
  explicit AckQueue(int wake_fd) : wake_fd_(wake_fd) {}

  void up_to(std::uint64_t offset) override;
  void one(std::uint64_t offset) override;
  void reject(std::uint64_t offset, Phrase reason) override;
  void release(std::uint64_t offset) override;
  void fail(Error error) override;

  // Moves to `window` what was reported since the last call. Fails with the error that was reported, if any.
  [[nodiscard]] Status take(DeliveryWindow& window);
  // Nothing that is reported from here on has an effect.
  void detach();

 private:
  struct Rejection {
    StreamOffset offset;
    Phrase reason;
  };

  template <typename Note>
  void note(Note note);

  const std::thread::id owner_ = std::this_thread::get_id();
  std::mutex mutex_;
  // Under the mutex:
  int wake_fd_;
  bool any_ = false;
  std::uint64_t up_to_ = 0;
  std::uint64_t release_ = 0;
  std::vector<StreamOffset> ones_;
  std::vector<Rejection> rejections_;
  std::optional<Error> error_;
};

}  // namespace slurper
