// `sluice explain`: events from stdin, or one record of the topic, explained as the console's `explain` does.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>

#include "admin/report/explanation.h"
#include "base/log.h"
#include "base/printable.h"
#include "listener/registry/schema_registry.h"
#include "listener/topics.h"
#include "mapping/mapper.h"
#include "runtime/control/explain.h"
#include "runtime/load_config.h"
#include "runtime/place.h"
#include "runtime/publish_line.h"
#include "runtime/subcommands.h"
#include "sink/schema_copies.h"

namespace sluice::runtime {
namespace {

// The topic that is meant; without a name the only one that the routes name.
std::optional<std::string> topic_of(const config::Pipeline& pipeline, const std::string& given) {
  if (!given.empty()) return given;
  const auto names = listener::topics_of(pipeline);
  if (names.size() != 1 || names.front().starts_with('^')) return std::nullopt;
  return names.front();
}

void print_explanation(const Explanation& explanation) {
  fmt::print("{}", report::as_text(report::report_of(explanation, true), {}, {}));
  std::fflush(stdout);
}

int explain_refused(std::string_view text) {
  fmt::print(stderr, "sluice explain: {}\n", escape(text));
  return wrong_usage;
}

int explain_stdin(const std::shared_ptr<const config::Pipeline>& pipeline, const TopicPartition& at, bool dry,
                  SchemaSource& schemas) {
  PublishLineParser parser("", true);
  std::string line;
  Offset offset = 0;
  for (int number = 1; std::getline(std::cin, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const auto parsed = parser.parse(line);
    if (!parsed) return explain_refused(fmt::format("stdin:{}: {}", number, parsed.error()));
    Record record;
    record.at = &at;
    record.offset = offset++;
    record.timestamp_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    record.key = parsed->key;
    record.value = parsed->value;
    record.headers = parsed->headers;
    const auto explained = explain(pipeline, record, !dry, schemas);
    if (!explained) {
      fmt::print(stderr, "error: {}\n", escape(explained.error().message));
      return 1;
    }
    print_explanation(*explained);
  }
  return offset > 0 ? 0 : explain_refused(R"(no event on stdin; write {"key":…,"value":…}, or name one with --at)");
}

}  // namespace

int explain_event(const ExplainOptions& options) {
  const auto pipeline = load_config(options.config);
  if (!pipeline) return wrong_usage;
  log::setup("error", "text");
  const auto topic = topic_of(*pipeline, options.topic);
  if (!topic) return explain_refused("the routes take more than one topic; name one with --topic");
  if (mapping::Mapper(pipeline).routes(*topic).empty())
    return explain_refused(fmt::format("no route takes topic {}; correct --topic, or add a route", *topic));
  listener::SchemaRegistry schemas(
      pipeline->registry, std::make_unique<sink::SchemaCopies>(pipeline->postgres, sink::SchemaCopies::Access::read));
  if (options.at.empty()) return explain_stdin(pipeline, {*topic, 0}, options.dry, schemas);
  const auto place = parse_place(options.at);
  if (!place)
    return explain_refused(fmt::format("--at {}: write it as PARTITION:OFFSET, for example 3:4711", options.at));
  const auto explained = explain(pipeline, {*topic, place->first}, place->second, !options.dry, schemas);
  if (!explained) {
    fmt::print(stderr, "error: {}\n", escape(explained.error().message));
    return 1;
  }
  print_explanation(*explained);
  return 0;
}

}  // namespace sluice::runtime
