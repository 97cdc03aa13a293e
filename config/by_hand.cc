#include "config/by_hand.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "base/parse.h"
#include "config/node_value.h"
#include "config/references.h"
#include "config/setting_field.h"
#include "config/validators.h"

namespace sluice::config {
namespace {

// A key of the listing, taken apart: "job[2].every" is the setting job.every of the second section.
struct Place {
  const Setting* setting = nullptr;  // none of that name
  std::size_t at = 0;                // of a repeated section
};

Place place_of(std::string_view key) {
  std::string plain(key);
  Place place;
  if (const auto open = key.find('['), close = key.find(']'); open != key.npos && close != key.npos && open < close) {
    const auto number = parse_integer<std::int64_t>(key.substr(open + 1, close - open - 1));
    if (!number || *number < 1) return place;
    place.at = static_cast<std::size_t>(*number - 1);
    plain = std::string(key.substr(0, open)) + std::string(key.substr(close + 1));
  }
  const auto all = settings();
  const auto found = std::ranges::find(all, plain, &Setting::key);
  if (found != all.end()) place.setting = &*found;
  return place;
}

std::unique_ptr<toml::node> list_of(std::string_view text) {
  toml::array list;
  if (text.starts_with('[')) {
    try {
      const toml::table read = toml::parse(fmt::format("list = {}", text));
      if (const auto* array = read.get_as<toml::array>("list"); array != nullptr && read.size() == 1)
        return std::make_unique<toml::array>(*array);
    } catch (const toml::parse_error&) {
      return std::make_unique<toml::value<std::string>>(std::string(text));  // which is no list, as the reader says
    }
  }
  if (!trimmed(text).empty())
    for (const auto one : split(text, ',')) list.push_back(std::string(trimmed(one)));
  return std::make_unique<toml::array>(std::move(list));
}

// What the file would have: without quotes where its type needs none. A text that does not fit stays one, for the
// reader to refuse.
std::unique_ptr<toml::node> made_node(const Setting& setting, std::string_view text) {
  if (setting.type == Type::strings) return list_of(text);
  if (setting.type == Type::integer) {
    if (const auto number = parse_integer<std::int64_t>(text))
      return std::make_unique<toml::value<std::int64_t>>(*number);
    // Longer than any number; no setting's bounds reach so far.
    const auto digits = text.substr(text.starts_with('-') || text.starts_with('+') ? 1 : 0);
    if (!digits.empty() && digits.find_first_not_of("0123456789") == digits.npos)
      return std::make_unique<toml::value<std::int64_t>>(
          text.starts_with('-') ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max());
  }
  const std::string small = lowered(text);
  if (setting.type == Type::boolean && (small == "true" || small == "false"))
    return std::make_unique<toml::value<bool>>(small == "true");
  return std::make_unique<toml::value<std::string>>(setting.type == Type::choice ? small : std::string(text));
}

// What of the section as a whole only its other settings can tell.
std::string wrong_of(const Pipeline& pipeline, std::string_view section) {
  if (section == "job") return check_last_job(pipeline).second;
  return section == "notify" ? check_last_hook(pipeline) : std::string();
}

// The table's fields reach the last section of a kind, so the one that is meant takes that place meanwhile.
template <class Section>
std::string put(std::vector<Section>& sections, std::size_t at, Pipeline& pipeline, const Setting& setting,
                Value value) {
  Route none;
  std::swap(sections[at], sections.back());
  setting.field.put(setting, pipeline, none, std::move(value));
  std::string wrong = wrong_of(pipeline, setting.section);
  std::swap(sections[at], sections.back());
  return wrong;
}

std::string put(Pipeline& pipeline, const Place& place, Value value) {
  const Setting& setting = *place.setting;
  if (setting.section == "job") return put(pipeline.jobs, place.at, pipeline, setting, std::move(value));
  if (setting.section == "notify") return put(pipeline.hooks, place.at, pipeline, setting, std::move(value));
  Route none;
  setting.field.put(setting, pipeline, none, std::move(value));
  pipeline.referenced.erase(setting.key());
  return {};
}

}  // namespace

std::string not_by_hand(std::string_view key) {
  const Setting* setting = place_of(key).setting;
  if (setting == nullptr) return {};
  const std::string_view then = setting->reloadable ? "'config reload'" : "restart";
  if (setting->secret())
    return fmt::format("{} is a secret, and what is typed here is recorded; change it in the file, then {}", key, then);
  if (!setting->reloadable)
    return fmt::format("{} is not set while the service runs; change it in the file, then {}", key, then);
  if (!setting->file_only.empty())
    return fmt::format("{} {}; change it in the file, then {}", key, setting->file_only, then);
  return {};
}

bool is_live(std::string_view key) {
  return place_of(key).setting != nullptr && not_by_hand(key).empty();
}

std::expected<void, std::string> set_by_hand(Pipeline& pipeline, std::string_view key, std::string_view text) {
  const Place place = place_of(key);
  if (place.setting == nullptr || shown_of(pipeline, key).key.empty())
    return std::unexpected(fmt::format("{}: is not a setting", key));
  if (auto why = not_by_hand(key); !why.empty()) return std::unexpected(std::move(why));
  if (has_reference(text))
    return std::unexpected(fmt::format("{}: has a reference, which only the file may have; write the value", key));
  try {
    auto next = pipeline;
    const auto node = made_node(*place.setting, text);
    if (const auto wrong = put(next, place, value_of(*node, *place.setting)); !wrong.empty())
      return std::unexpected(fmt::format("{}: {}", key, wrong));
    pipeline = std::move(next);
  } catch (const Complaint& complaint) {
    return std::unexpected(fmt::format("{}: {}", key, complaint.text));
  }
  return {};
}

Shown shown_of(const Pipeline& pipeline, std::string_view key) {
  auto all = show(pipeline);
  const auto found = std::ranges::find(all, key, &Shown::key);
  return found == all.end() ? Shown() : std::move(*found);
}

}  // namespace sluice::config
