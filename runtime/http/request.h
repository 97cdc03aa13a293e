// The head of an HTTP request, as far as a server of three read-only pages has to understand it.
//
// Pure functions of any thread. What arrives is judged as it grows: a head is either not complete yet, understood, or
// refused with the status that the answer has. Sizes are bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::runtime {

inline constexpr std::size_t longest_head = 4096;
inline constexpr int most_headers = 64;

struct Request {
  int status = 200;   // else the request is refused, with the reason in `path`
  bool head = false;  // the answer has no body
  std::string path;   // without query
};

// Nothing while the head is not complete. `received` may hold more than the head, which is not looked at: the answer
// closes the connection.
std::optional<Request> parse_request(std::string_view received);

std::string_view status_text(int status);

}  // namespace sluice::runtime
