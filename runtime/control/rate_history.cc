#include "runtime/control/rate_history.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

namespace sluice::runtime {
namespace {

constexpr std::size_t seconds_kept = 60, tens_kept = 90;
constexpr int seconds_in_ten = 10;
constexpr std::chrono::seconds ten{seconds_in_ten};

void keep(std::vector<float>& values, float value, std::size_t most) {
  if (values.size() == most) values.erase(values.begin());
  values.push_back(value);
}

// The mean of the last `count` values is added, if there are so many.
void add_mean(std::optional<double>& sum, const std::vector<float>& values, std::size_t count) {
  if (values.size() < count) return;
  const auto last = std::span(values).last(count);
  sum = sum.value_or(0) + std::accumulate(last.begin(), last.end(), 0.0) / static_cast<double>(count);
}

// Both end now; what is not known of the one counts as nothing.
void add_history(std::vector<double>& sum, const std::vector<float>& values, std::size_t most) {
  const auto last = std::span(values).last(std::min(most, values.size()));
  if (sum.size() < last.size()) sum.insert(sum.begin(), last.size() - sum.size(), 0.0);
  for (std::size_t back = 1; back <= last.size(); ++back)
    sum[sum.size() - back] += static_cast<double>(last[last.size() - back]);
}

}  // namespace

void RateHistory::Series::add(float rate) {
  keep(seconds, rate, seconds_kept);
  sum += rate;
  if (++summed < seconds_in_ten) return;
  keep(tens, std::exchange(sum, 0.0F) / static_cast<float>(std::exchange(summed, 0)), tens_kept);
}

// A claim reads the pointer anew, and what an order moved was not applied: such a second has no rate of its own.
void RateHistory::sample(const std::vector<PartitionSnapshot>& partitions, double seconds) {
  const MutexLock lock(mutex_);
  std::map<TopicPartition, Track> kept;
  for (const auto& one : partitions) {
    if (kept.size() == most_partitions) break;
    auto found = tracks_.extract(one.at);
    const bool is_new = found.empty();
    Track& track = is_new ? kept[one.at] : kept.insert(std::move(found)).position->second;
    if (!is_new && seconds > 0) {
      const bool same = track.epoch == one.epoch && one.next >= track.next;
      track.applied.add(same ? static_cast<float>(static_cast<double>(one.next - track.next) / seconds) : 0);
      const bool grew = track.end >= 0 && one.end > track.end;
      track.arrived.add(grew ? static_cast<float>(static_cast<double>(one.end - track.end) / seconds) : 0);
    }
    track.next = one.next;
    track.end = one.end;
    track.epoch = one.epoch;
  }
  tracks_ = std::move(kept);
}

RateReport RateHistory::rates(const std::vector<TopicPartition>& partitions, std::chrono::seconds over) const {
  const bool fine = over <= std::chrono::seconds(seconds_kept);
  RateReport report;
  if (!fine) report.step = ten;
  const auto most = static_cast<std::size_t>(std::max<std::int64_t>(1, over / report.step));
  const MutexLock lock(mutex_);
  for (const auto& at : partitions) {
    const auto track = tracks_.find(at);
    if (track == tracks_.end()) continue;
    for (const auto& [series, sum] :
         {std::pair(&track->second.applied, &report.applied), std::pair(&track->second.arrived, &report.arrived)}) {
      add_mean(sum->second, series->seconds, 1);
      add_mean(sum->ten_seconds, series->seconds, seconds_in_ten);
      add_mean(sum->minute, series->seconds, seconds_kept);
      add_mean(sum->five_minutes, series->tens, 300 / seconds_in_ten);
      add_history(sum->history, fine ? series->seconds : series->tens, most);
    }
  }
  return report;
}

std::map<TopicPartition, double> RateHistory::applied() const {
  const MutexLock lock(mutex_);
  std::map<TopicPartition, double> rates;
  for (const auto& [at, track] : tracks_) {
    std::optional<double> mean;
    add_mean(mean, track.applied.seconds, std::clamp<std::size_t>(track.applied.seconds.size(), 1, seconds_in_ten));
    if (mean) rates.emplace(at, *mean);
  }
  return rates;
}

}  // namespace sluice::runtime
