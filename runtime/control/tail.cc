#include "runtime/control/tail.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/interrupt.h"
#include "listener/log_follower.h"
#include "runtime/control/log_record.h"
#include "runtime/pipeline/record_mapper.h"

namespace sluice::runtime {
namespace {

using listener::LogFollower;
using std::chrono::milliseconds;

constexpr std::size_t troubles_at_most = 10;
constexpr std::size_t tailed_at_once = 1 << 20;

class LogTail final : public Tail {
 public:
  LogTail(LogFollower follower, std::unique_ptr<RecordMapper> mapper)
      : follower_(std::move(follower)), mapper_(std::move(mapper)) {}

  Result<TailNews> next(std::size_t at_most, milliseconds within, Rest rest) override {
    TailNews news;
    std::size_t bytes = 0;
    const auto until = interruption().earlier(Clock::now() + within);
    for (auto now = Clock::now(); now < until && !interruption().requested(); now = Clock::now()) {
      if (rest == Rest::left && (news.records.size() >= at_most || bytes >= tailed_at_once)) break;
      const auto event = follower_.poll(std::chrono::ceil<milliseconds>(until - now));
      if (!event) continue;
      if (const auto* record = std::get_if<Record>(&event->what)) {
        bytes += record->value.value_or("").size() + record->key.value_or("").size();
        if (auto done = take(*record, at_most, news); !done) return std::unexpected(done.error());
      } else if (const auto trouble = trouble_of(*event); !trouble.empty() && news.troubles.size() < troubles_at_most) {
        if (std::ranges::find(news.troubles, trouble) == news.troubles.end()) news.troubles.push_back(trouble);
      }
    }
    return news;
  }

 private:
  Result<void> take(const Record& record, std::size_t at_most, TailNews& news) {
    if (mapper_) {
      if (auto done = mapper_->add(record); !done) return done;
      const auto outcome = mapper_->take().outcomes.front();
      if (outcome == Outcome::dead) ++news.not_judged;
      if (outcome == Outcome::dead || outcome == Outcome::skipped) return {};
    }
    if (news.records.size() < at_most)
      news.records.push_back(to_log_record(record));
    else
      ++news.not_shown;
    return {};
  }

  static std::string trouble_of(const LogFollower::Event& event) {
    const auto& at = *event.at;
    if (std::holds_alternative<LogFollower::Gone>(event.what))
      return fmt::format("{}/{}: the log does not hold the place any more; nothing more comes of it", at.topic,
                         at.partition);
    const auto* text = std::get_if<std::string>(&event.what);
    return text == nullptr ? std::string() : fmt::format("{}/{}: {}", at.topic, at.partition, *text);
  }

  LogFollower follower_;
  const std::unique_ptr<RecordMapper> mapper_;  // null without a filter
};

}  // namespace

Result<std::unique_ptr<Tail>> open_tail(const config::Pipeline& pipeline, const std::vector<TopicPartition>& partitions,
                                        const Expression& filter, SchemaSource& schemas) {
  std::map<TopicPartition, Offset> from;
  for (const auto& at : partitions) from.emplace(at, LogFollower::at_end);
  auto follower = LogFollower::open(pipeline.kafka, from);
  if (!follower) return std::unexpected(follower.error());
  std::unique_ptr<RecordMapper> mapper;
  if (!filter.empty()) {
    auto filtered = std::make_shared<config::Pipeline>(pipeline);
    for (auto& route : filtered->routes) route.filter = filter;
    mapper = std::make_unique<RecordMapper>(std::shared_ptr<const config::Pipeline>(std::move(filtered)), schemas);
  }
  return std::make_unique<LogTail>(std::move(*follower), std::move(mapper));
}

}  // namespace sluice::runtime
