// The head of an HTTP request: however it is cut into pieces it is judged once, and the same way.
#include "runtime/http/request.h"

#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::runtime;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::optional<Request> first;
  for (std::size_t taken = 0; taken <= size; ++taken) {
    const auto request = parse_request(text.substr(0, taken));
    if (!first) {
      first = request;
      continue;
    }
    REQUIRE(request && request->status == first->status && request->path == first->path);
  }
  REQUIRE(first || size < longest_head);
  return 0;
}
