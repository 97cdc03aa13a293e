// What PostgreSQL has answered on values that may be equal although their bytes differ.
//
// Answers stay for as long as a batch may need them: records are mapped again while it is taken apart, when nobody can
// be asked. Owned by a mapper.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/equality.h"

namespace sluice::mapping {

class Equalities {
 public:
  void set(const Equality& asked, bool equal);
  std::optional<bool> find(const Equality& asked);

 private:
  // The latest, and those before: far more records than a batch has.
  static constexpr std::size_t most_answers = 1u << 16, most_bytes = 16u << 20;
  std::unordered_map<std::string, bool> latest_, before_;
  std::size_t bytes_ = 0;  // of the latest
};

}  // namespace sluice::mapping
