#include "config/column_source.h"

#include <fmt/format.h>

namespace sluice::config {

std::expected<ColumnSource, std::string> parse_column_source(std::string_view text) {
  constexpr std::string_view header = "header:";
  constexpr auto known = "write @offset, @partition, @topic, @timestamp, @key, @op, @source.FIELD, or header:NAME";
  if (text.starts_with(header)) {
    if (text.size() == header.size()) return std::unexpected("has no name behind header:; write header:NAME");
    return ColumnSource{RecordFact::header, {}, std::string(text.substr(header.size()))};
  }
  if (!text.starts_with('@')) return std::unexpected(fmt::format("is not a fact of the record; {}", known));
  // A fact alone is no condition to the parser of expressions.
  const auto parsed = Expression::parse(fmt::format("{} is null", text));
  if (!parsed)
    return std::unexpected(
        fmt::format("cannot be read: {}; write for example @offset, @source.lsn or header:NAME", parsed.error().text));
  const ExpressionNode& node = parsed->nodes().front();
  if (parsed->nodes().size() != 2 || node.kind != ExpressionNode::Kind::fact)
    return std::unexpected(fmt::format("is more than one fact of the record; {}", known));
  return ColumnSource{node.fact, node.path, {}};
}

}  // namespace sluice::config
