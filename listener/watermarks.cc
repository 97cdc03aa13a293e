#include "listener/watermarks.h"

#include "base/clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace sluice::listener {
namespace {

std::unexpected<Error> no_answer(const TopicPartition& at, rd_kafka_resp_err_t error) {
  return fail(ErrorClass::retry, fmt::format("{}/{}: Kafka did not return the log's first and last offset: {}",
                                             at.topic, at.partition, rd_kafka_err2str(error)));
}

// rd_kafka_query_watermark_offsets() would wait for a request that is out as long as the socket allows.
// rd_kafka_offsets_for_times() keeps its time-out and takes many partitions at once; the two logical offsets pass for
// times.
rd_kafka_resp_err_t ask_offsets(rd_kafka_t* client, rd_kafka_topic_partition_list_t* list, Offset which,
                                Clock::time_point until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
  if (left.count() <= 0) return RD_KAFKA_RESP_ERR__TIMED_OUT;
  for (auto& one : std::span(list->elems, static_cast<std::size_t>(list->cnt))) one.offset = which;
  return rd_kafka_offsets_for_times(client, list, static_cast<int>(left.count()));
}

ListHandle list_of_places(const std::vector<TopicPartition>& of) {
  ListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(of.size())));
  for (const auto& at : of) rd_kafka_topic_partition_list_add(list.get(), at.topic.c_str(), at.partition);
  return list;
}

}  // namespace

Result<WatermarksOfMany> query_watermarks(rd_kafka_t* client, const std::vector<TopicPartition>& of,
                                          std::chrono::milliseconds timeout) {
  WatermarksOfMany found;
  if (of.empty()) return found;
  const auto until = Clock::now() + timeout;
  const auto lows = list_of_places(of), highs = list_of_places(of);
  auto error = ask_offsets(client, lows.get(), RD_KAFKA_OFFSET_BEGINNING, until);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = ask_offsets(client, highs.get(), RD_KAFKA_OFFSET_END, until);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(ErrorClass::retry, rd_kafka_err2str(error));
  for (std::size_t i = 0; i < of.size(); ++i) {
    const auto& low = lows->elems[i];
    const auto& high = highs->elems[i];
    const auto own = low.err != RD_KAFKA_RESP_ERR_NO_ERROR ? low.err : high.err;
    if (own != RD_KAFKA_RESP_ERR_NO_ERROR) {
      found.emplace(of[i], no_answer(of[i], own));
    } else if (low.offset < 0 || high.offset < 0) {
      found.emplace(of[i], no_answer(of[i], RD_KAFKA_RESP_ERR__NO_OFFSET));
    } else {
      found.emplace(of[i], Watermarks{low.offset, high.offset});
    }
  }
  return found;
}

Result<Watermarks> query_watermarks(rd_kafka_t* client, const TopicPartition& at, std::chrono::milliseconds timeout) {
  const auto found = query_watermarks(client, std::vector{at}, timeout);
  if (found) return found->at(at);
  return fail(found.error().next, fmt::format("{}/{}: Kafka did not return the log's first and last offset: {}",
                                              at.topic, at.partition, found.error().message));
}

}  // namespace sluice::listener
