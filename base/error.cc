#include "base/error.h"

namespace sluice {

const char* name(ErrorClass next) {
  switch (next) {
    case ErrorClass::retry:
      return "retry";
    case ErrorClass::reclaim:
      return "reclaim";
    case ErrorClass::fenced:
      return "fenced";
    case ErrorClass::reject:
      return "reject";
    case ErrorClass::unclear:
      return "unclear";
    case ErrorClass::stop_partition:
      return "stop_partition";
    case ErrorClass::stop_service:
      return "stop_service";
  }
  return "unknown";
}

std::string with_sqlstate(std::string_view sqlstate, std::string_view text) {
  std::string whole(sqlstate);
  if (!whole.empty()) whole += ' ';
  return whole.append(text);
}

std::string with_sqlstate(const Error& error) {
  return with_sqlstate(error.sqlstate, error.message);
}

}  // namespace sluice
