#include "base/check.h"

#include <cstdlib>

#include "base/log.h"

namespace sluice {

void check_failed(const char* expression, const char* file, int line) {
  log::error("check", "internal error, ending: {} does not hold at {}:{}", expression, file, line);
  std::abort();
}

}  // namespace sluice
