// The settings of batches that may change while the service runs, as they are in force: [batch] without `bytes`, which
// memory is planned by.
//
// Written by the main thread, for a reload or an order; read by every lane, for a relaxed load each.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>

#include "config/pipeline.h"

namespace sluice::runtime {

class LiveBatch {
 public:
  explicit LiveBatch(const config::Batch& settings) { set(settings); }
  void set(const config::Batch& settings) {
    rows_.store(static_cast<std::size_t>(settings.rows), std::memory_order_relaxed);
    linger_.store(settings.linger, std::memory_order_relaxed);
    adaptive_.store(settings.adaptive, std::memory_order_relaxed);
  }

  std::size_t rows() const { return rows_.load(std::memory_order_relaxed); }
  std::chrono::milliseconds linger() const { return linger_.load(std::memory_order_relaxed); }
  bool adaptive() const { return adaptive_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> rows_{0};
  std::atomic<std::chrono::milliseconds> linger_{};
  std::atomic<bool> adaptive_{false};
};

}  // namespace sluice::runtime
