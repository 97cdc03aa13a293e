// The client's side of a command: what it can show, and where output goes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::console {

class Keyboard;
struct Pager;

// What an operator has set for a session, with `set`. Written by the thread of a command, read between two.
struct SessionSettings {
  std::optional<bool> color;   // nothing: as the client's side can
  std::optional<int> columns;  // nothing: as wide as the window
  bool page = true;            // long lists stop at the end of the screen
};

// What the client's side can show. Without a pty there are no colours and lines end with \n; with one the transport
// turns \n into \r\n.
struct Terminal {
  bool pty = false;
  bool color = false;
  bool cursor = false;  // understands the sequences that move the cursor and erase
  bool utf8 = true;
  int columns = 80, rows = 24;
  Pager* pager = nullptr;                             // of an interactive session: long lists stop there
  SessionSettings* settings = nullptr;                // of an interactive session
  const std::vector<std::string>* history = nullptr;  // of an interactive session, the newest line last
  Keyboard* keyboard = nullptr;                       // for commands that listen to keys, and to the window's changes
};

// Where a command's result goes. Any thread; never blocks for long: the transport queues, bounded.
class Output {
 public:
  virtual ~Output() = default;
  virtual void out(std::string_view text) = 0;
  virtual void err(std::string_view text) = 0;
  // Returns true if the reader has taken everything so far: whoever may leave something out asks before.
  virtual bool all_taken() const { return true; }
};

}  // namespace sluice::console
