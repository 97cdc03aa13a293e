#include "runtime/control/webhook.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "admin/partition_state.h"
#include "base/event_kind.h"
#include "base/printable.h"
#include "base/time_text.h"

namespace sluice::runtime {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t longest_text = 900;  // Discord takes 2000 characters, and each may need a second one
// Between @ and what follows, so that nobody is called whatever a client makes of the text.
constexpr std::string_view no_mention = "@\u200b";

bool is_kind(const EventRow& event, EventKind kind) {
  return event.kind == name(kind);
}

// What an event says is over or well.
bool is_good(const EventRow& event) {
  return event.to == name(PartitionState::ok) || event.to == event_state::in_time || event.to == event_state::healthy;
}

std::string what_happened(const EventRow& event) {
  const std::string place = event.partition < 0 ? event.topic : fmt::format("{}/{}", event.topic, event.partition);
  if (is_kind(event, EventKind::stopped))
    return fmt::format("{} stopped in state {}: {}", place, event.to, event.reason);
  if (is_kind(event, EventKind::resumed)) return fmt::format("{} resumed after state {}", place, event.from);
  if (is_kind(event, EventKind::dead_letters)) return "new dead letters: " + event.reason;
  if (is_kind(event, EventKind::lag))
    return is_good(event) ? fmt::format("{} has caught up", place) : fmt::format("{} lags: {}", place, event.reason);
  if (is_kind(event, EventKind::unhealthy))
    return is_good(event) ? fmt::format("the instance on {} is healthy again", event.instance)
                          : fmt::format("the instance on {} is unhealthy: {}", event.instance, event.reason);
  if (is_kind(event, EventKind::started))
    return fmt::format("an instance started on {}, version {}", event.instance, event.reason);
  if (is_kind(event, EventKind::ended))
    return fmt::format("the instance on {} ended{}{}", event.instance, event.reason.empty() ? "" : " ", event.reason);
  return fmt::format("{}{}{}", event.kind, event.reason.empty() ? "" : ": ", event.reason);
}

std::string escaped(std::string_view text, auto replacement) {
  std::string out;
  for (const char c : text) {
    if (c == '@')
      out += no_mention;
    else if (const std::string_view other = replacement(c); !other.empty())
      out += other;
    else
      out += c;
  }
  return out;
}

std::string for_slack(std::string_view text) {
  return escaped(text, [](char c) -> std::string_view {
    return c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : "";
  });
}

std::string for_discord(std::string_view text) {
  std::string out;
  for (const char c : escaped(text, [](char) { return std::string_view(); })) {
    if (std::string_view(R"(\*_~`|<>#[]():-)").contains(c)) out += '\\';
    out += c;
  }
  return out;
}

Json json_of(const std::string& pipeline, const EventRow& event, int attempt) {
  const auto text = [](const std::string& value) { return value.empty() ? Json() : Json(valid_utf8(value)); };
  return {{"id", event.id},
          {"at", time_text(event.at)},
          {"pipeline", pipeline},
          {"instance", valid_utf8(event.instance)},
          {"kind", event.kind},
          {"severity", severity_of(event)},
          {"topic", text(event.topic)},
          {"partition", event.partition < 0 ? Json() : Json(event.partition)},
          {"from", text(event.from)},
          {"to", text(event.to)},
          {"reason", text(event.reason)},
          {"text", escape(event_text(pipeline, event))},
          {"attempt", attempt}};
}

}  // namespace

std::string event_text(const std::string& pipeline, const EventRow& event) {
  return fmt::format("[{}] {}", pipeline, what_happened(event));
}

std::string_view severity_of(const EventRow& event) {
  if (is_good(event)) return "info";
  if (event.to == name(PartitionState::paused)) return "warning";  // on purpose
  const auto kinds = event_kinds();
  const auto found = std::ranges::find(kinds, event.kind, &EventKindInfo::name);
  return found == kinds.end() ? "info" : found->severity;
}

std::string payload(config::HookKind kind, const std::string& pipeline, const EventRow& event, int attempt,
                    std::string_view report) {
  const auto line = printable(event_text(pipeline, event), longest_text);
  Json body;
  switch (kind) {
    case config::HookKind::slack:
      body = {{"text", for_slack(line)}, {"mrkdwn", false},       {"parse", "none"},
              {"link_names", false},     {"unfurl_links", false}, {"unfurl_media", false}};
      break;
    case config::HookKind::discord:
      body = {{"content", for_discord(line)}, {"allowed_mentions", {{"parse", Json::array()}}}, {"flags", 4}};
      break;
    case config::HookKind::json:
      body = json_of(pipeline, event, attempt);
      if (!report.empty()) body["report"] = Json::parse(report);
      break;
  }
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace sluice::runtime
