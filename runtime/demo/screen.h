// The live screen of the demo: one screen redrawn on a terminal, a line a second elsewhere.
//
// Main thread only. The terminal is as it was before once close() has run, or the destructor.
#pragma once

#include <chrono>

#include "runtime/demo/progress.h"

namespace sluice::runtime::demo {

class Screen {
 public:
  Screen();
  ~Screen() { close(); }

  void show(const Progress& progress);
  void close();

 private:
  const bool terminal_;
  bool open_ = false;
  std::chrono::steady_clock::time_point next_{};
};

}  // namespace sluice::runtime::demo
