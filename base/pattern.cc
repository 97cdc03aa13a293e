#include "base/pattern.h"

#include <re2/re2.h>

#include <algorithm>

namespace sluice {
namespace {

// RE2 appends the part that it does not understand, which may be anything: only a short and printable one is shown.
std::string reason(const re2::RE2& refused) {
  const auto& part = refused.error_arg();
  auto text = refused.error();
  const bool shown = part.size() <= 20 && std::ranges::all_of(part, [](char c) { return c >= ' ' && c <= '~'; });
  if (!shown && text.ends_with(": " + part)) text.resize(text.size() - part.size() - 2);
  return text;
}

}  // namespace

std::expected<Pattern, std::string> Pattern::parse(std::string text) {
  Pattern pattern(std::move(text));
  if (!pattern.text_.starts_with('^')) return pattern;
  re2::RE2::Options options;
  options.set_log_errors(false);
  auto compiled = std::make_shared<const re2::RE2>(pattern.text_, options);
  if (!compiled->ok()) return std::unexpected(reason(*compiled));
  pattern.expression_ = std::move(compiled);
  return pattern;
}

unsigned Pattern::groups() const {
  return is_name() ? 0 : static_cast<unsigned>(expression_->NumberOfCapturingGroups());
}

bool Pattern::matches(std::string_view topic) const {
  if (is_name()) return topic == text_;
  const re2::StringPiece subject(topic.data(), topic.size());
  return expression_->Match(subject, 0, subject.size(), re2::RE2::UNANCHORED, nullptr, 0);
}

std::optional<std::vector<std::string>> Pattern::captures(std::string_view topic) const {
  if (is_name()) return topic == text_ ? std::optional(std::vector<std::string>{}) : std::nullopt;
  const re2::StringPiece subject(topic.data(), topic.size());
  std::vector<re2::StringPiece> found(groups() + 1);
  if (!expression_->Match(subject, 0, subject.size(), re2::RE2::UNANCHORED, found.data(),
                          static_cast<int>(found.size())))
    return std::nullopt;
  std::vector<std::string> texts;
  for (const auto& one : found) texts.emplace_back(one.data() == nullptr ? "" : one.as_string());
  return texts;
}

}  // namespace sluice
