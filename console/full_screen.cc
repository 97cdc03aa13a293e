#include "console/full_screen.h"

#include <fmt/format.h>

#include <utility>

namespace sluice::console {

FullScreen::FullScreen(Output& output) : output_(output) {
  output_.out("\x1b[?1049h\x1b[?25l");
}

FullScreen::~FullScreen() {
  output_.out("\x1b[0m\x1b[?1049l\x1b[?25h");
}

bool FullScreen::show(std::vector<std::string> lines, const WindowSize& size) {
  if (!output_.all_taken()) return false;
  lines.resize(static_cast<std::size_t>(size.rows));
  const bool whole = size != size_;
  std::string frame = whole ? "\x1b[H\x1b[2J" : "";
  for (std::size_t row = 0; row < lines.size(); ++row)
    if (whole ? !lines[row].empty() : lines[row] != lines_[row])
      frame += fmt::format("\x1b[{};1H{}\x1b[K", row + 1, lines[row]);
  if (!frame.empty()) output_.out(frame);
  lines_ = std::move(lines);
  size_ = size;
  return true;
}

}  // namespace sluice::console
