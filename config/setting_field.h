// Where a setting lands: in<&Pipeline::kafka, &Kafka::group>() is the Field that writes and reads that member.
//
// Internal to this folder: for the files that hold the table of settings. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/hooks.h"
#include "config/row_history.h"
#include "config/settings.h"
#include "config/start_rule.h"

namespace sluice::config {

// Parts of the table that have files of their own.
std::vector<Setting> route_source();
std::vector<Setting> route_effects();
std::vector<Setting> route_policy();
std::vector<Setting> route_values();
std::vector<Setting> route_child();
std::vector<Setting> route_columns();
std::vector<Setting> registry();
std::vector<Setting> limits();
std::vector<Setting> dead_letters();
std::vector<Setting> consistency();
std::vector<Setting> jobs();
std::vector<Setting> surroundings();
std::vector<Setting> hooks();

// A section that may appear many times: [[route]], [[notify]], [[job]].
bool is_repeated(std::string_view section);

template <class T>
void assign(const Setting& setting, T& to, Value&& value) {
  if constexpr (std::is_same_v<T, Expression>) {
    const auto& text = std::get<std::string>(value);
    to = text.empty() ? Expression() : Expression::parse(text).value();
  } else if constexpr (std::is_same_v<T, DeleteRule>) {
    to = parse_delete(std::get<std::string>(value));
  } else if constexpr (std::is_same_v<T, StartRule>) {
    to = parse_start(std::get<std::string>(value));
  } else if constexpr (std::is_same_v<T, VersionPath>) {
    to = VersionPath::parse(std::get<std::string>(value));
  } else if constexpr (std::is_same_v<T, Secret>) {
    to = Secret(std::get<std::string>(std::move(value)));
  } else if constexpr (std::is_same_v<T, std::map<std::string, Secret>>) {
    to.clear();
    for (auto& [name, text] : std::get<Properties>(value)) to.emplace(name, Secret(std::move(text)));
  } else if constexpr (std::is_enum_v<T>) {
    to = static_cast<T>(std::ranges::find(setting.choices, std::get<std::string>(value)) - setting.choices.begin());
  } else if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
    to = T(std::get<std::int64_t>(value));
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    to = static_cast<T>(std::get<std::int64_t>(value));
  } else {
    to = std::get<T>(std::move(value));
  }
}

template <class T>
Value read(const Setting& setting, const T& from) {
  if constexpr (std::is_same_v<T, Expression> || std::is_same_v<T, VersionPath>) {
    return from.text();
  } else if constexpr (std::is_same_v<T, DeleteRule>) {
    return delete_text(from);
  } else if constexpr (std::is_same_v<T, StartRule>) {
    return start_text(from);
  } else if constexpr (std::is_same_v<T, Secret>) {
    return from.reveal();
  } else if constexpr (std::is_same_v<T, std::map<std::string, Secret>>) {
    Properties properties;
    for (const auto& [name, secret] : from) properties.emplace(name, secret.reveal());
    return properties;
  } else if constexpr (std::is_enum_v<T>) {
    return std::string(setting.choices.at(static_cast<std::size_t>(from)));
  } else if constexpr (std::is_same_v<T, std::chrono::milliseconds>) {
    return std::int64_t{from.count()};
  } else if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    return static_cast<std::int64_t>(from);
  } else {
    return from;
  }
}

template <class Owner, class Member>
Owner owner_of(Member Owner::*);

template <auto first, auto... rest>
auto& follow(auto& object) {
  if constexpr (sizeof...(rest) == 0)
    return object.*first;
  else
    return follow<rest...>(object.*first);
}

template <auto first, auto... rest>
auto& reach(auto& pipeline, auto& route) {
  if constexpr (std::is_same_v<decltype(owner_of(first)), Route>)
    return follow<first, rest...>(route);
  else
    return follow<first, rest...>(pipeline);
}

// Where a setting lands: the members on the way from the Pipeline, or from a Route.
template <auto... path>
constexpr Field in() {
  return {[](const Setting& setting, Pipeline& pipeline, Route& route, Value value) {
            assign(setting, reach<path...>(pipeline, route), std::move(value));
          },
          [](const Setting& setting, const Pipeline& pipeline, const Route& route) {
            return read(setting, reach<path...>(pipeline, route));
          }};
}

}  // namespace sluice::config
