// A command's hold on the whole screen: the alternate one of the terminal, without a cursor, until it is given back.
//
// Of a command's thread. A frame is written in one piece, and only the lines that differ from the frame before; while
// the reader has not taken that one, show() does nothing: a slow reader misses frames and costs no memory. Lines are
// shorter than the window is wide, so that no terminal wraps them.
#pragma once

#include <string>
#include <vector>

#include "console/keyboard.h"
#include "console/terminal.h"

namespace sluice::console {

class FullScreen {
 public:
  explicit FullScreen(Output& output);
  ~FullScreen();
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;

  // Returns false if the frame was dropped.
  bool show(std::vector<std::string> lines, const WindowSize& size);
  // The next frame is written whole, whatever the terminal shows.
  void forget() { size_ = {0, 0}; }

 private:
  Output& output_;
  WindowSize size_{0, 0};
  std::vector<std::string> lines_;
};

}  // namespace sluice::console
