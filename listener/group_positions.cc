#include "listener/group_positions.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <stop_token>
#include <string_view>
#include <thread>
#include <utility>

#include "base/interrupt.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "listener/client_config.h"
#include "listener/handles.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;
using Standing = GroupPositions::Standing;

constexpr milliseconds question_time{5000}, answer_lasts{1000}, glance{50}, pause{200};

using OptionsHandle = std::unique_ptr<rd_kafka_AdminOptions_t, Releaser<rd_kafka_AdminOptions_destroy>>;
using EventHandle = std::unique_ptr<rd_kafka_event_t, Releaser<rd_kafka_event_destroy>>;
using OffsetsHandle =
    std::unique_ptr<rd_kafka_ListConsumerGroupOffsets_t, Releaser<rd_kafka_ListConsumerGroupOffsets_destroy>>;

std::unexpected<Error> group_unanswered(const std::string& group, std::string_view why) {
  return fail(ErrorClass::retry, fmt::format("Kafka did not tell where group {} has committed: {}", group, why));
}

// What a broker says of itself while it takes over the group, as after a start, or loads what it knows of it.
bool passes(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT:
      return true;
    default:
      return false;
  }
}

std::unexpected<Error> refused(const std::string& group, rd_kafka_resp_err_t code, std::string_view why) {
  auto error = group_unanswered(group, why);
  if (!passes(code)) error.error().next = ErrorClass::stop_partition;
  return error;
}

// A client with a queue for its answers, and the time that is left for them.
class Asking {
 public:
  static Result<Asking> begin(const config::Kafka& settings, const std::string& group, Clock::time_point deadline) {
    auto conf = client_conf(settings);
    if (!conf) return std::unexpected(conf.error());
    static constexpr Setting ours[] = {{"allow.auto.create.topics", "false"}};
    if (auto done = require(conf->get(), ours); !done) return std::unexpected(done.error());
    auto client = make_client(RD_KAFKA_CONSUMER, std::move(*conf));
    if (!client) return std::unexpected(client.error());
    return Asking(std::move(*client), group, deadline);
  }

  rd_kafka_t* client() const { return client_.get(); }
  rd_kafka_queue_t* queue() const { return queue_.get(); }
  const std::string& group() const { return group_; }

  Result<OptionsHandle> options(rd_kafka_admin_op_t of) const {
    OptionsHandle options(rd_kafka_AdminOptions_new(client_.get(), of));
    const auto left = std::chrono::duration_cast<milliseconds>(deadline_ - Clock::now());
    char why[256];
    if (rd_kafka_AdminOptions_set_request_timeout(options.get(), std::max(1, static_cast<int>(left.count())), why,
                                                  sizeof why) != RD_KAFKA_RESP_ERR_NO_ERROR)
      return group_unanswered(group_, why);
    return options;
  }

  Result<EventHandle> answer() const {
    for (;;) {
      EventHandle event(rd_kafka_queue_poll(queue_.get(), static_cast<int>(glance.count())));
      if (event && rd_kafka_event_error(event.get()) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return refused(group_, rd_kafka_event_error(event.get()), rd_kafka_event_error_string(event.get()));
      if (event) return event;
      if (interruption().requested()) return group_unanswered(group_, cancelled);
      if (Clock::now() >= interruption().earlier(deadline_)) return group_unanswered(group_, "no answer in time");
    }
  }

 private:
  Asking(ClientHandle client, std::string group, Clock::time_point deadline)
      : client_(std::move(client)),
        queue_(rd_kafka_queue_new(client_.get())),
        group_(std::move(group)),
        deadline_(deadline) {}

  ClientHandle client_;
  QueueHandle queue_;
  std::string group_;
  Clock::time_point deadline_;
};

// A group of Kafka's newer protocol is none to the question that tells the members, but it is in the list of groups.
Result<void> look_into_list(const Asking& asking, GroupPositions& found) {
  const auto options = asking.options(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS);
  if (!options) return std::unexpected(options.error());
  rd_kafka_ListConsumerGroups(asking.client(), options->get(), asking.queue());
  const auto event = asking.answer();
  if (!event) return std::unexpected(event.error());
  const auto* result = rd_kafka_event_ListConsumerGroups_result(event->get());
  std::size_t count = 0;
  const auto* groups = rd_kafka_ListConsumerGroups_result_valid(result, &count);
  for (const auto* one : std::span(groups, count)) {
    if (rd_kafka_ConsumerGroupListing_group_id(one) != asking.group()) continue;
    const auto state = rd_kafka_ConsumerGroupListing_state(one);
    if (state == RD_KAFKA_CONSUMER_GROUP_STATE_DEAD) continue;
    found.standing = state == RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY ? Standing::empty : Standing::active;
    return {};
  }
  const auto* errors = rd_kafka_ListConsumerGroups_result_errors(result, &count);
  if (count > 0) return refused(asking.group(), rd_kafka_error_code(errors[0]), rd_kafka_error_string(errors[0]));
  return {};
}

Result<void> look_at_group(const Asking& asking, GroupPositions& found) {
  const auto options = asking.options(RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
  if (!options) return std::unexpected(options.error());
  const char* name = asking.group().c_str();
  rd_kafka_DescribeConsumerGroups(asking.client(), &name, 1, options->get(), asking.queue());
  const auto event = asking.answer();
  if (!event) return std::unexpected(event.error());
  std::size_t count = 0;
  const auto* groups =
      rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event->get()), &count);
  if (count != 1) return group_unanswered(asking.group(), "the answer is about another group");
  const auto* error = rd_kafka_ConsumerGroupDescription_error(groups[0]);
  const auto code = error == nullptr ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND)
    return refused(asking.group(), code, rd_kafka_error_string(error));
  const auto state = rd_kafka_ConsumerGroupDescription_state(groups[0]);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR || state == RD_KAFKA_CONSUMER_GROUP_STATE_DEAD)
    return look_into_list(asking, found);
  found.members = rd_kafka_ConsumerGroupDescription_member_count(groups[0]);
  const bool empty = state == RD_KAFKA_CONSUMER_GROUP_STATE_EMPTY && found.members == 0;
  found.standing = empty ? Standing::empty : Standing::active;
  return {};
}

// Positions within a transaction that is not committed yet are an error, and asked for again.
Result<void> look_at_positions(const Asking& asking, const std::vector<TopicPartition>& of, GroupPositions& found) {
  if (of.empty()) return {};
  const auto options = asking.options(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
  if (!options) return std::unexpected(options.error());
  const ErrorHandle problem(rd_kafka_AdminOptions_set_require_stable_offsets(options->get(), 1));
  if (problem) return group_unanswered(asking.group(), rd_kafka_error_string(problem.get()));
  const ListHandle list(rd_kafka_topic_partition_list_new(static_cast<int>(of.size())));
  for (const auto& at : of) rd_kafka_topic_partition_list_add(list.get(), at.topic.c_str(), at.partition);
  const OffsetsHandle question(rd_kafka_ListConsumerGroupOffsets_new(asking.group().c_str(), list.get()));
  auto* one = question.get();
  rd_kafka_ListConsumerGroupOffsets(asking.client(), &one, 1, options->get(), asking.queue());
  const auto event = asking.answer();
  if (!event) return std::unexpected(event.error());
  std::size_t count = 0;
  const auto* groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
      rd_kafka_event_ListConsumerGroupOffsets_result(event->get()), &count);
  if (count != 1) return group_unanswered(asking.group(), "the answer is about another group");
  if (const auto* error = rd_kafka_group_result_error(groups[0]))
    return refused(asking.group(), rd_kafka_error_code(error), rd_kafka_error_string(error));
  const auto* all = rd_kafka_group_result_partitions(groups[0]);
  if (all == nullptr) return group_unanswered(asking.group(), "the answer has no partitions");
  for (const auto& partition : std::span(all->elems, static_cast<std::size_t>(all->cnt))) {
    if (partition.err != RD_KAFKA_RESP_ERR_NO_ERROR)
      return refused(asking.group(), partition.err,
                     fmt::format("{}/{}: {}", partition.topic, partition.partition, rd_kafka_err2str(partition.err)));
    if (partition.offset >= 0) found.committed[{partition.topic, partition.partition}] = partition.offset;
  }
  return {};
}

}  // namespace

std::string obstacle(const std::string& group, const GroupPositions& positions) {
  switch (positions.standing) {
    case Standing::missing:
      return fmt::format(
          "there is no consumer group {} to take over from; correct kafka.start, or set it to \"earliest\" "
          "to begin at the first records",
          group);
    case Standing::active: {
      const auto members = positions.members == 0   ? std::string("is in use")
                           : positions.members == 1 ? std::string("has a member")
                                                    : fmt::format("has {} members", positions.members);
      return fmt::format(
          "the consumer group {} {} and is still committing; stop its consumers, for Kafka Connect its "
          "connector, and the take-over begins",
          group, members);
    }
    case Standing::empty:
      return {};
  }
  return {};
}

Result<GroupPositions> group_positions(const config::Kafka& settings, const std::string& group,
                                       const std::vector<TopicPartition>& of, Clock::time_point deadline) {
  const auto asking = Asking::begin(settings, group, deadline);
  if (!asking) return std::unexpected(asking.error());
  for (;;) {
    GroupPositions found;
    auto done = look_at_group(*asking, found);
    if (done && found.standing != Standing::missing) done = look_at_positions(*asking, of, found);
    if (done) return found;
    const bool again = done.error().next == ErrorClass::retry && !interruption().requested() &&
                       Clock::now() + pause < interruption().earlier(deadline);
    if (!again) return std::unexpected(done.error());
    std::this_thread::sleep_for(pause);
  }
}

struct GroupLookup::State {
  struct Topic {
    int partitions = 0;
    std::optional<Result<GroupPositions>> answer;
    Clock::time_point until{};  // of the answer
  };

  explicit State(const config::Kafka& kafka) : settings(kafka) {}
  void run();

  const config::Kafka settings;
  std::stop_source stop;
  Mutex mutex;
  std::map<std::string, Topic> topics GUARDED_BY(mutex);  // of the routes that have no pointers yet
  bool running GUARDED_BY(mutex) = false;
  Thread thread;  // started and joined by whoever holds `starting`
  Mutex starting;
};

// Asks until every topic has its answer.
void GroupLookup::State::run() {
  const InterruptScope scope(stop.get_token());
  for (;;) {
    std::vector<TopicPartition> of;
    std::string name;
    {
      const MutexLock lock(mutex);
      for (const auto& [topic, one] : topics) {
        if (one.answer) continue;
        name = topic;
        for (std::int32_t partition = 0; partition < one.partitions; ++partition) of.push_back({topic, partition});
        break;
      }
      if (name.empty() || stop.stop_requested()) {
        running = false;
        return;
      }
    }
    auto found = group_positions(settings, settings.start.group, of, Clock::now() + question_time);
    const MutexLock lock(mutex);
    topics[name].answer = std::move(found);
    topics[name].until = Clock::now() + answer_lasts;
  }
}

GroupLookup::GroupLookup(const config::Kafka& settings) : state_(std::make_unique<State>(settings)) {}

GroupLookup::~GroupLookup() {
  stop();
}

std::optional<Result<GroupPositions>> GroupLookup::find(const std::string& topic, int partitions) {
  const MutexLock starting(state_->starting);
  {
    const MutexLock lock(state_->mutex);
    if (state_->stop.stop_requested()) return std::nullopt;
    auto [found, is_new] = state_->topics.try_emplace(topic);
    if (!is_new && found->second.answer && Clock::now() < found->second.until) return found->second.answer;
    if (is_new || found->second.answer) found->second = {partitions, std::nullopt, {}};
    if (std::exchange(state_->running, true)) return std::nullopt;
  }
  state_->thread.join();  // has said that it ends
  const auto ended = [state = state_.get()] {
    const MutexLock lock(state->mutex);
    state->running = false;
  };
  auto started = Thread::start("group positions", [state = state_.get()] { state->run(); }, Thread::usual_stack, ended);
  if (started) {
    state_->thread = std::move(*started);
    return std::nullopt;
  }
  const MutexLock lock(state_->mutex);
  state_->running = false;
  return Result<GroupPositions>(std::unexpected(started.error()));
}

void GroupLookup::stop() {
  state_->stop.request_stop();
  const MutexLock starting(state_->starting);
  state_->thread.join();
}

}  // namespace sluice::listener
