// Writes the sample file, the reference page and the masked listing, all from the table of settings.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/crc32c.h"
#include "base/units.h"
#include "config/load.h"
#include "config/references.h"
#include "config/setting_field.h"
#include "config/settings.h"
#include "config/spelling.h"
#include "config/validators.h"

namespace sluice::config {

namespace {

// Breaks a text at spaces so that prefix and line fit into 100 columns.
std::string wrapped(std::string_view text, std::string_view prefix) {
  constexpr std::size_t columns = 100;
  std::string result;
  while (!text.empty()) {
    std::size_t length = text.size();
    if (prefix.size() + length > columns) length = text.rfind(' ', columns - prefix.size());
    result += fmt::format("{}{}\n", prefix, text.substr(0, length));
    text.remove_prefix(std::min(text.size(), length + 1));
  }
  return result;
}

std::string default_text(const Setting& setting) {
  static const Pipeline defaults;
  static const Route route;
  return toml_text(setting, setting.field.get(setting, defaults, route));
}

std::string type_name(const Setting& setting) {
  switch (setting.type) {
    case Type::string:
      return "string";
    case Type::expression:
      return "expression";
    case Type::connection:
    case Type::urls:
      return "string, secret";
    case Type::choice:
      return "word";
    case Type::integer:
      return "integer";
    case Type::boolean:
      return "boolean";
    case Type::duration:
      return "duration";
    case Type::size:
      return "size";
    case Type::strings:
      return "list of strings";
    case Type::pairs:
      return "table of strings";
    case Type::properties:
      return "table of strings, secret";
  }
  std::unreachable();
}

// A computed default, and a section that need not be there and has none, or would name somebody's own tables, are shown
// as comments.
bool is_optional(std::string_view section) {
  return section == "notify" || section == "route.child" || section == "job";
}

bool only_comment(const Setting& setting) {
  return !setting.computed.empty() || is_optional(setting.section);
}

std::string sample_of(const Setting& setting) {
  if (setting.type == Type::properties)
    return fmt::format("\n{}[{}]\n# {}\n", wrapped(setting.help, "# "), setting.key(), setting.example);
  const std::string value = setting.example.empty() ? default_text(setting) : std::string(setting.example);
  const std::string allowed = accepted(setting);
  return fmt::format("{}{}{} = {}{}{}\n", wrapped(setting.help, "# "), only_comment(setting) ? "# " : "", setting.name,
                     value, allowed.empty() ? "" : "  # ", allowed);
}

std::string reference_of(const Setting& setting) {
  std::string text = fmt::format("### `{}`\n\n{}\n", setting.key(), wrapped(setting.help, ""));
  text += fmt::format("* type: {}\n", type_name(setting));
  if (setting.required)
    text += "* default: none, it is required\n";
  else if (!setting.computed.empty())
    text += fmt::format("* default: `{}`\n", quoted(setting.computed));
  else
    text += fmt::format("* default: `{}`\n", default_text(setting));
  if (const std::string allowed = accepted(setting); !allowed.empty()) text += fmt::format("* allowed: {}\n", allowed);
  if (!setting.example.empty()) text += fmt::format("* example: `{}`\n", setting.example);
  if (setting.reloadable) text += "* reloadable: SIGHUP takes a change over\n";
  return text + '\n';
}

constexpr std::string_view reference_head = R"(# Configuration

This page is made by `sluice config reference` from the table of settings, `config/settings.cc`; a test compares the two.
`sluice config sample` prints a file with every setting, `sluice check --config FILE` reports what is wrong with yours.

The file is TOML. A setting that does not exist is an error that names the nearest one. Durations and sizes carry a
unit: `"50ms"`, `"5s"`, `"2m"`, `"1h"`, `"90d"`; `"64KiB"`, `"8MiB"`, `"1GiB"`, `"8MB"`; a bare number there is an error. In
any string `${env:NAME}`, `${file:/path}` and `${credential:NAME}` (systemd credentials) are replaced by the environment
variable, the file's content or the credential; in `postgres.url`, and in user and password of `registry.url`, such
content is encoded where it stands, so that a password may hold any character. Secret values never appear in logs, listings or errors; listings mask whatever a
reference brings, but for host, port, database, user and sslmode of the connection string.
An error is one line, `FILE:LINE:COLUMN: KEY: what is wrong; what to do`, and the exit code 2.

)";

constexpr std::string_view refused_head = R"(## Refused properties

Properties of librdkafka that `kafka.properties` must not hold, and why:

)";

std::uint32_t digest_of(const Value& value) {
  return std::visit(
      [](const auto& held) -> std::uint32_t {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, Properties>) {
          std::uint32_t crc = 0;
          for (const auto& [name, text] : held) crc = crc32c(fmt::format("{}={}\n", name, text), crc);
          return crc;
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          return crc32c(fmt::format("{}", fmt::join(held, "\n")));
        } else {
          return crc32c(fmt::format("{}", held));
        }
      },
      value);
}

}  // namespace

std::string toml_text(const Setting& setting, const Value& value) {
  switch (setting.type) {
    case Type::string:
    case Type::expression:
    case Type::choice:
      return quoted(is_key(std::get<std::string>(value)) ? Secret::mask : std::get<std::string>(value));
    case Type::connection:
    case Type::urls:
      return quoted(std::get<std::string>(value).empty() ? std::string_view() : Secret::mask);
    case Type::integer:
      return fmt::to_string(std::get<std::int64_t>(value));
    case Type::boolean:
      return std::get<bool>(value) ? "true" : "false";
    case Type::duration:
      if (setting.may_be_empty && std::get<std::int64_t>(value) == 0) return quoted("");
      return quoted(duration_text(std::get<std::int64_t>(value)));
    case Type::size:
      if (setting.may_be_empty && std::get<std::int64_t>(value) == 0) return quoted("");
      return quoted(size_text(std::get<std::int64_t>(value)));
    case Type::strings:
    case Type::pairs:
    case Type::properties:
      break;
  }
  std::string items;
  if (setting.type == Type::strings) {
    for (const std::string& item : std::get<std::vector<std::string>>(value))
      items += (items.empty() ? "" : ", ") + quoted(item);
    return '[' + items + ']';
  }
  for (const auto& property : std::get<Properties>(value))
    items += fmt::format("{}{} = {}", items.empty() ? " " : ", ", quoted(property.first),
                         quoted(setting.type == Type::pairs ? property.second : Secret::mask));
  return items.empty() ? "{}" : '{' + items + " }";
}

std::string accepted(const Setting& setting) {
  if (setting.type == Type::integer) return fmt::format("{} to {} {}", setting.least, setting.most, setting.unit);
  if (setting.type == Type::duration)
    return fmt::format("{}{} to {}", setting.may_be_empty ? "empty, or " : "", duration_text(setting.least),
                       duration_text(setting.most));
  if (setting.type == Type::size)
    return fmt::format("{}{} to {}", setting.may_be_empty ? "empty, or " : "", size_text(setting.least),
                       size_text(setting.most));
  return fmt::format("{}", fmt::join(setting.choices, " | "));
}

std::string sample() {
  std::string text = "# Sluice: every setting with its default, or with an example where it has none.\n\n";
  std::string_view section;
  for (const Setting& setting : settings()) {
    if (setting.section != section) {
      section = setting.section;
      const std::string_view brackets = is_optional(section)   ? "# [[{}]]\n"
                                        : is_repeated(section) ? "[[{}]]\n"
                                                               : "[{}]\n";
      text += '\n' + wrapped(section_help(section), "# ") + fmt::format(fmt::runtime(brackets), section);
    }
    text += sample_of(setting);
  }
  return text;
}

std::string reference() {
  std::string text(reference_head);
  std::string_view section = "none yet";
  for (const Setting& setting : settings()) {
    if (setting.section != section) {
      section = setting.section;
      const std::string_view title = section.empty()        ? "## Top of the file\n\n"
                                     : is_repeated(section) ? "## `[[{}]]`\n\n{}\n"
                                                            : "## `[{}]`\n\n{}\n";
      text += fmt::format(fmt::runtime(title), section, wrapped(section_help(section), ""));
    }
    text += reference_of(setting);
  }
  text += refused_head;
  for (const Refused& refused : refused_properties())
    text += fmt::format("* `{}{}`: {}\n", refused.property, refused.property.ends_with('.') ? "*" : "", refused.reason);
  return text;
}

std::vector<Shown> show(const Pipeline& pipeline) {
  static const Pipeline defaults;
  static const Route untouched;
  std::vector<Shown> shown;
  const auto add = [&](const Pipeline& of, const Setting& setting, std::string key, const Route& route) {
    const Value value = setting.field.get(setting, of, route);
    Value fallback = setting.field.get(setting, defaults, untouched);
    if (!setting.computed.empty()) {
      std::string text(setting.computed);
      const auto at = text.find("PIPELINE");
      if (at != std::string::npos) text.replace(at, 8, pipeline.name);
      fallback = std::move(text);
    }
    const auto& masked = setting.section.starts_with("route") ? route.referenced : of.referenced;
    std::string text = toml_text(setting, value);
    if (masked.contains(setting.key())) text = quoted(Secret::mask);
    if (setting.type == Type::connection && !pipeline.postgres.shown_url.empty())
      text = quoted(pipeline.postgres.shown_url);
    shown.push_back({std::move(key), std::move(text), setting.required ? std::string() : toml_text(setting, fallback),
                     value != fallback, setting.reloadable, digest_of(value)});
  };
  // The table's fields reach the last hook and the last job, so each is shown by itself.
  const auto add_each = [&](std::string_view section, auto member) {
    const auto& all = pipeline.*member;
    for (std::size_t at = 0; at < all.size(); ++at) {
      Pipeline one;
      one.*member = {all[at]};
      one.referenced = pipeline.referenced;
      for (const Setting& setting : settings())
        if (setting.section == section)
          add(one, setting, fmt::format("{}[{}].{}", section, at + 1, setting.name), untouched);
    }
  };
  std::string_view last = "none yet";
  for (const Setting& setting : settings()) {
    const bool begins = std::exchange(last, setting.section) != setting.section;
    if (!is_repeated(setting.section)) {
      add(pipeline, setting, setting.key(), untouched);
    } else if (begins && setting.section == "route") {
      const auto add_all = [&](std::string_view section, const std::string& name, const Route& route) {
        for (const Setting& one : settings())
          if (one.section == section) add(pipeline, one, fmt::format("{}.{}", name, one.name), route);
      };
      for (std::size_t at = 0; at < pipeline.routes.size(); ++at) {
        const auto& route = pipeline.routes[at];
        const std::string name = fmt::format("route[{}]", at + 1);
        add_all("route", name, route);
        for (std::size_t child = 0; child < route.children.size(); ++child)
          add_all("route.child", fmt::format("{}.child[{}]", name, child + 1), route.children[child]);
      }
    } else if (begins && setting.section == "notify") {
      add_each("notify", &Pipeline::hooks);
    } else if (begins && setting.section == "job") {
      add_each("job", &Pipeline::jobs);
    }
  }
  return shown;
}

std::vector<Difference> differences(const Pipeline& before, const Pipeline& after) {
  const auto old_ones = show(before), new_ones = show(after);
  std::vector<Difference> found;
  for (const auto& one : new_ones) {
    const auto was = std::ranges::find(old_ones, one.key, &Shown::key);
    if (was == old_ones.end()) {
      found.push_back({one.key, {}, one.value, one.reloadable});
    } else if (was->digest != one.digest) {
      found.push_back({one.key, was->value, one.value, one.reloadable});
    }
  }
  for (const auto& one : old_ones)
    if (std::ranges::find(new_ones, one.key, &Shown::key) == new_ones.end())
      found.push_back({one.key, one.value, {}, one.reloadable});
  return found;
}

void take_reloadable(Pipeline& into, const Pipeline& from) {
  Route none;
  for (const Setting& setting : settings())
    if (setting.reloadable && !is_repeated(setting.section))
      setting.field.put(setting, into, none, setting.field.get(setting, from, none));
  into.hooks = from.hooks;
  into.jobs = from.jobs;
}

std::string fingerprint(const Pipeline& pipeline) {
  std::uint32_t crc = 0;
  for (const auto& one : show(pipeline)) crc = crc32c(fmt::format("{}={}\n", one.key, one.value), crc);
  return fmt::format("{:08x}", crc);
}

}  // namespace sluice::config
