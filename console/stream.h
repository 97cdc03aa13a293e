// The way of a command's reports to its reader: one after the other, each shown when it is written.
//
// Made by the interpreter for one call and used by the call's thread. write() waits while the reader is slow. The forms
// are those of the call: text, JSON (one document a line) or CSV. On a terminal that can move its cursor a redrawn
// report takes the place of the one before. A long list is written a screen at a time, where there is a pager.
#pragma once

#include <chrono>
#include <stop_token>
#include <string_view>
#include <vector>

#include "admin/report/report.h"
#include "console/terminal.h"

namespace sluice::console {

struct Command;

struct Form {
  bool json = false, csv = false, color = true;
  std::vector<report::Filter> filters = {};
};

class Stream {
 public:
  Stream(const Command& command, Form form, const Terminal& terminal, Output& output, std::stop_token stop)
      : command_(command), form_(std::move(form)), terminal_(terminal), output_(output), stop_(std::move(stop)) {}

  // Below what was written before; a report without content is not shown.
  void write(const report::Report& report);
  // Its data as a line of JSON, whatever the form: of commands that write lines.
  void write_line(const report::Report& report);
  // In the place of what was written before, where the terminal can.
  void redraw(const report::Report& report);
  void clear_screen();
  // Returns false where programs read, or filters would have to.
  bool for_people() const { return !form_.json && !form_.csv && form_.filters.empty(); }
  // For what draws by itself.
  Output& output() { return output_; }
  // The next page of the list that was written last. Returns false if there is none.
  bool more();
  // Waits; false once the call was stopped (Ctrl-C, or the client is gone).
  bool wait(std::chrono::milliseconds time) const;

 private:
  std::string shown(const report::Report& report) const;
  // A result that is not as its command declares it is shown all the same, and the log says what is wrong: a mistake
  // here.
  void compare(const report::Report& report, bool whole);
  void begin_pages(const report::Report& report);
  std::string next_page();

  const Command& command_;
  const Form form_;
  const Terminal& terminal_;
  Output& output_;
  const std::stop_token stop_;
  bool written_ = false;
  bool complained_ = false;
};

// Waits; false once stop was requested.
bool sleep_for(std::chrono::milliseconds time, const std::stop_token& stop);

}  // namespace sluice::console
