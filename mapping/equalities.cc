#include "mapping/equalities.h"

#include <fmt/format.h>

#include <utility>

namespace sluice::mapping {
namespace {

// No text of PostgreSQL has a NUL.
std::string name_of(const Equality& asked) {
  return fmt::format("{}{}{}{}{}{}{}{}{}", asked.type, '\0', asked.equals, '\0', asked.collation, '\0', asked.one, '\0',
                     asked.other);
}

}  // namespace

void Equalities::set(const Equality& asked, bool equal) {
  if (latest_.size() >= most_answers || bytes_ >= most_bytes) {
    before_ = std::exchange(latest_, {});
    bytes_ = 0;
  }
  auto name = name_of(asked);
  bytes_ += name.size();
  latest_[std::move(name)] = equal;
}

std::optional<bool> Equalities::find(const Equality& asked) {
  const auto name = name_of(asked);
  for (const auto* answers : {&latest_, &before_}) {
    if (const auto found = answers->find(name); found != answers->end()) return found->second;
  }
  return std::nullopt;
}

}  // namespace sluice::mapping
