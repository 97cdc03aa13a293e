#include "runtime/init/sink_columns.h"

#include <algorithm>

namespace sluice::runtime {
namespace {

bool is_in(const std::vector<std::string>& list, const std::string& name) {
  return std::ranges::find(list, name) != list.end();
}

}  // namespace

std::optional<std::string> SinkColumns::field_of(const std::string& name) const {
  const auto found = std::ranges::find(renamed_, name, &std::pair<const std::string, std::string>::second);
  if (found == renamed_.end() && renamed_.contains(name)) return std::nullopt;  // it has another name now
  const std::string& field = found == renamed_.end() ? name : found->first;
  if (is_in(dropped_, field) || (only_ && !is_in(*only_, field))) return std::nullopt;
  return field;
}

void SinkColumns::replace(const std::vector<std::string>& exclude, const std::vector<std::string>& include,
                          const Pairs& renames) {
  const auto leaves = [&](const std::string& name) {
    return is_in(exclude, name) || (!include.empty() && !is_in(include, name));
  };
  std::vector<std::string> out, in;
  for (const auto& name : exclude)
    if (const auto field = field_of(name); field && !added_.contains(name)) out.push_back(*field);
  for (const auto& name : include)
    if (const auto field = field_of(name); field && !is_in(exclude, name) && !added_.contains(name))
      in.push_back(*field);
  Pairs named;
  for (const auto& [from, to] : renames)
    if (const auto field = field_of(from); field && !leaves(from) && !added_.contains(from))
      named.emplace_back(*field, to);
  std::map<std::string, std::string> kept;
  for (const auto& [name, source] : added_) {
    if (leaves(name)) continue;
    const auto other = std::ranges::find(renames, name, &Pairs::value_type::first);
    kept[other == renames.end() ? name : other->second] = source;
  }
  dropped_.insert(dropped_.end(), out.begin(), out.end());
  if (!include.empty()) only_ = std::move(in);
  for (const auto& [field, to] : named) renamed_[field] = to;
  added_ = std::move(kept);
}

}  // namespace sluice::runtime
