#include "runtime/demo/screen.h"

#include "base/clock.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

namespace sluice::runtime::demo {
namespace {

using std::chrono::milliseconds;

// A screen that is too short shows the top; scrolling would tear the screen.
std::string clipped(std::string screen) {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 2) return screen;
  std::size_t end = 0;
  for (int row = 1; row < size.ws_row; ++row) {
    const auto newline = screen.find('\n', end);
    if (newline == std::string::npos) return screen;
    end = newline + 1;
  }
  screen.resize(end);
  return screen;
}

}  // namespace

Screen::Screen() : terminal_(isatty(STDOUT_FILENO) == 1) {}

void Screen::show(const Progress& progress) {
  const auto now = Clock::now();
  if (now < next_) return;
  next_ = now + (terminal_ ? milliseconds(250) : milliseconds(1000));
  if (terminal_) {
    if (!std::exchange(open_, true)) std::fputs("\x1b[?1049h\x1b[?25l\x1b[?7l", stdout);
    fmt::print("\x1b[H{}\x1b[J", clipped(render_screen(progress)));
  } else {
    fmt::print("{}\n", render_line(progress));
  }
  std::fflush(stdout);
}

void Screen::close() {
  if (std::exchange(open_, false)) std::fputs("\x1b[?7h\x1b[?25h\x1b[?1049l", stdout);
  std::fflush(stdout);
}

}  // namespace sluice::runtime::demo
