// A border that no exception may pass: the callbacks of libssh, which is C, and a function that promises not to throw.
// Pure; of the thread that calls.
#pragma once

namespace sluice::console {

// Returns what the function returns. If it throws, mostly for want of memory, `broken` is set and the answer is
// `otherwise`.
template <class Function>
auto guarded(bool& broken, Function function, decltype(function()) otherwise) noexcept {
  try {
    return function();
  } catch (...) {
    broken = true;
    return otherwise;
  }
}

}  // namespace sluice::console
