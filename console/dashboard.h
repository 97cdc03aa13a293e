// One frame of `top`: what is seen and what the operator chose, as lines that fit the window.
//
// Pure functions. Every line is escaped and narrower than the window; there are no more of them than it has rows, from
// 5 on. What is less important gives way first: errors, lanes, sums.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "console/keyboard.h"
#include "console/observer.h"

namespace sluice::console {

enum class DashboardOrder : std::uint8_t { lag, name, state, rate };

// What the operator chose.
struct DashboardView {
  DashboardOrder order = DashboardOrder::lag;
  std::string filter = {};  // a part of the partition's name; empty: all
  bool typing = false;      // the filter
  bool help = false;        // in the place of the rest
  bool still = false;       // what is shown stays, until the same key again
  bool leave = false;
  std::size_t first = 0;      // of the partitions in their order
  std::string interval = {};  // as text
};

struct DashboardPlace {
  WindowSize size = {};
  bool utf8 = true, color = false;
};

// Also puts `first` back to where there are partitions.
std::vector<std::string> dashboard(std::string_view pipeline, const Observation& seen, DashboardView& view,
                                   const DashboardPlace& place);
// Does what a key means. Returns false if it means nothing.
bool press(DashboardView& view, const std::string& key, int rows);

}  // namespace sluice::console
