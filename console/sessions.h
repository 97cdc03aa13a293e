// The sessions that there are, to be listed and ended. A value of functions that any thread may call.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "console/login.h"

namespace sluice::console {

struct Sessions {
  using List = std::function<std::vector<SessionInfo>()>;
  // Returns false if nobody has this session. Its client reads the reason.
  using End = std::function<bool(std::int64_t id, const std::string& reason)>;

  template <std::invocable All>
  Sessions(All all, End end_one = {}) : list(std::move(all)), end(std::move(end_one)) {}

  List list;
  End end;
};

}  // namespace sluice::console
