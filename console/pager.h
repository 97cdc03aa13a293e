// The rest of a list that did not fit on the screen, until `more` asks for it.
//
// Owned by the shell of an interactive session, which runs one command at a time; the command's thread uses it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace sluice::console {

struct Pager {
  std::string header;              // above each page
  std::string total;               // below each page
  std::vector<std::string> lines;  // with their ends, as the terminal takes them
  std::size_t shown = 0;           // of those

  bool has_more() const { return shown < lines.size(); }
};

}  // namespace sluice::console
