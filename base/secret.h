// A string that cannot be printed by accident: passwords and connection strings.
//
// There is one way to read it, reveal(), used where it is handed to the library that needs it. Everything that prints
// settings, errors or logs sees the mask.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace sluice {

class Secret {
 public:
  static constexpr std::string_view mask = "********";

  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

}  // namespace sluice
