#include "runtime/http/metrics.h"

#include <fmt/format.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <limits>
#include <numeric>
#include <span>
#include <sstream>
#include <variant>

#include "base/log.h"
#include "base/process_memory.h"

namespace sluice::runtime {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

struct Process {
  const Snapshot& snapshot;
  const ProcessUsage& usage;
  const std::vector<HookState>& hooks;
};
using OfProcess = double (*)(const Process&);
using OfPartition = double (*)(const PartitionSnapshot&);
using OfLane = double (*)(const LaneSnapshot&);
struct Outcomes {};       // five samples per partition, label outcome
struct States {};         // one sample per partition, label state
struct CommitSeconds {};  // a histogram per lane
struct Rows {};           // two samples per table, label change
struct ChangedValues {};  // one sample per topic, column and policy that was used
struct StateChanges {};   // one sample per pair of states that has occurred
struct TableBytes {};     // one sample per table of Sluice's own
using OfHook = double (*)(const HookState&);
using OfJob = double (*)(const JobState&);
struct ProofResults {};   // one sample per result of a proof
struct ProvedOffsets {};  // one sample per partition of the last proof

struct Metric {
  const char* name;
  MetricType type;
  const char* labels;
  const char* help;
  std::variant<OfProcess, OfPartition, OfLane, Outcomes, States, CommitSeconds, Rows, ChangedValues, StateChanges,
               TableBytes, OfHook, OfJob, ProofResults, ProvedOffsets>
      value;
};

constexpr auto counter = MetricType::Counter;
constexpr auto gauge = MetricType::Gauge;
constexpr const char* of_partition = "topic, partition";
constexpr double nothing = std::numeric_limits<double>::quiet_NaN();

template <class T>
double number(T value) {
  return static_cast<double>(value);
}

double seconds_since_epoch(std::chrono::system_clock::time_point at) {
  return std::chrono::duration<double>(at.time_since_epoch()).count();
}

double age(const std::optional<WallClock::time_point>& since) {
  return since ? std::max(0.0, seconds_since_epoch(WallClock::now()) - seconds_since_epoch(*since)) : 0;
}

double oldest_pause(const Snapshot& snapshot) {
  double oldest = 0;
  for (const auto& pause : snapshot.pauses)
    oldest = std::max(oldest, seconds_since_epoch(WallClock::now()) - seconds_since_epoch(pause.at));
  return oldest;
}

// Nothing is known before the first proof, but that it cannot be carried out.
double proof_holds(const VerificationState& proof) {
  if (!proof.trouble.empty()) return 0;
  if (!proof.at) return nothing;
  return number(std::ranges::all_of(proof.partitions, [](const auto& one) { return one.result == "ok"; }));
}

double proof_age(const VerificationState& proof) {
  return proof.at ? age(proof.at) : nothing;
}

// clang-format off
const Metric metrics[] = {
    {"sluice_build_info", gauge, "version", "Always 1; the label tells the version.",
     OfProcess([](const Process&) { return 1.0; })},
    {"sluice_start_time_seconds", gauge, "", "When the service started, Unix time.",
     OfProcess([](const Process& p) { return seconds_since_epoch(p.snapshot.started); })},
    {"sluice_ready", gauge, "", "1 once every assigned partition is claimed, as /readyz.",
     OfProcess([](const Process& p) { return number(p.snapshot.ready); })},
    {"sluice_healthy", gauge, "", "1 while every lane makes progress or waits on purpose, as /healthz.",
     OfProcess([](const Process& p) { return number(p.snapshot.healthy); })},
    {"process_cpu_seconds_total", counter, "", "CPU time of the process, user and system.",
     OfProcess([](const Process& p) { return p.usage.cpu_seconds; })},
    {"process_resident_memory_bytes", gauge, "", "Resident memory of the process.",
     OfProcess([](const Process& p) { return p.usage.resident_bytes; })},
    {"sluice_process_cpu_seconds_total", counter, "", "CPU time of the process, user and system; as process_cpu_seconds_total.",
     OfProcess([](const Process& p) { return p.usage.cpu_seconds; })},
    {"sluice_process_resident_bytes", gauge, "", "Resident memory of the process; as process_resident_memory_bytes.",
     OfProcess([](const Process& p) { return p.usage.resident_bytes; })},
    {"process_virtual_memory_bytes", gauge, "", "Address space of the process.",
     OfProcess([](const Process& p) { return p.usage.virtual_bytes; })},
    {"process_start_time_seconds", gauge, "", "When the service started, Unix time; under the name that dashboards know.",
     OfProcess([](const Process& p) { return seconds_since_epoch(p.snapshot.started); })},
    {"process_open_fds", gauge, "", "Open file descriptors.",
     OfProcess([](const Process& p) { return p.usage.open_fds; })},
    {"process_max_fds", gauge, "", "How many file descriptors may be open.",
     OfProcess([](const Process& p) { return p.usage.max_fds; })},
    {"process_threads", gauge, "", "Threads of the process.",
     OfProcess([](const Process& p) { return p.usage.threads; })},
    {"sluice_config_last_reload_successful", gauge, "", "1 if the configuration and keys files were accepted when they were read last.",
     OfProcess([](const Process& p) { return number(p.snapshot.reload.trouble.empty()); })},
    {"sluice_config_last_reload_timestamp_seconds", gauge, "", "When they were read last, Unix time: a reload, or the start.",
     OfProcess([](const Process& p) { return seconds_since_epoch(p.snapshot.reload.at); })},
    {"sluice_config_hash", gauge, "hash", "Always 1; the label differs when the settings in force do, secrets apart.",
     OfProcess([](const Process&) { return 1.0; })},
    {"sluice_log_lines_lost_total", counter, "", "Lines of the log that nobody read in time.",
     OfProcess([](const Process& p) { return p.usage.log_lines_lost; })},
    {"sluice_log_errors_total", counter, "", "Lines of the log at level error.",
     OfProcess([](const Process& p) { return p.usage.log_errors; })},
    {"sluice_log_warnings_total", counter, "", "Lines of the log at level warning.",
     OfProcess([](const Process& p) { return p.usage.log_warnings; })},
    {"sluice_postgres_reachable", gauge, "", "1 if PostgreSQL answered the service's last question, about once a second.",
     OfProcess([](const Process& p) { return number(p.snapshot.postgres_trouble.empty() && p.snapshot.waiting_for.empty()); })},
    {"sluice_kafka_away_seconds", gauge, "", "Time since Kafka answers none of this process's questions, once that is some seconds; else 0.",
     OfProcess([](const Process& p) { return age(p.snapshot.kafka_away_since); })},
    {"sluice_outside_group_seconds", gauge, "", "Time since Kafka's consumer group gives this process nothing, once that is longer than a rebalance takes; else 0.",
     OfProcess([](const Process& p) { return age(p.snapshot.outside_group_since); })},
    {"sluice_consumer_rebuilds_total", counter, "", "Kafka consumers that were made anew because the group gave the process nothing for long although Kafka answered.",
     OfProcess([](const Process& p) { return number(p.snapshot.consumer_rebuilds); })},
    {"sluice_oldest_pause_age_seconds", gauge, "", "Age of the oldest pause in force, of the whole pipeline; 0 without one.",
     OfProcess([](const Process& p) { return oldest_pause(p.snapshot); })},
    {"sluice_pauses", gauge, "", "Pauses in force, of the whole pipeline.",
     OfProcess([](const Process& p) { return number(p.snapshot.pauses.size()); })},
    {"sluice_dead_letters_open", gauge, "", "Dead letters of the whole pipeline that nobody has resolved; absent while unknown.",
     OfProcess([](const Process& p) { return p.snapshot.dead_letters_open < 0 ? nothing : number(p.snapshot.dead_letters_open); })},
    {"sluice_schema_table_bytes", gauge, "table",
     "Size of each of Sluice's own tables with its indexes; absent while unknown.", TableBytes{}},
    {"sluice_notifications_pending", gauge, "hook", "Notifications that the webhook has not taken yet, of all instances; absent while unknown.",
     OfHook([](const HookState& h) { return h.pending < 0 ? nothing : number(h.pending); })},
    {"sluice_notifications_sent_total", counter, "hook", "Notifications of this process that the webhook has taken.",
     OfHook([](const HookState& h) { return number(h.sent); })},
    {"sluice_notifications_failed_total", counter, "hook", "Attempts of this process that the webhook has not taken; each is tried again.",
     OfHook([](const HookState& h) { return number(h.failed); })},
    {"sluice_job_runs_total", counter, "job", "Runs of the job since it has a row, in all instances, those that failed included.",
     OfJob([](const JobState& j) { return number(j.runs); })},
    {"sluice_job_failures_total", counter, "job", "Those that failed; each is tried again.",
     OfJob([](const JobState& j) { return number(j.failures); })},
    {"sluice_job_failing", gauge, "job", "1 while the job's last run has failed.",
     OfJob([](const JobState& j) { return number(j.failed_in_a_row > 0); })},
    {"sluice_job_pending", gauge, "job", "1 while a run is owed: something was committed to its tables since its last one began.",
     OfJob([](const JobState& j) { return number(j.pending); })},
    {"sluice_job_last_success_timestamp_seconds", gauge, "job", "When the job's last run that succeeded ended, Unix time; absent before.",
     OfJob([](const JobState& j) { return j.last_success ? seconds_since_epoch(*j.last_success) : nothing; })},
    {"sluice_job_last_run_seconds", gauge, "job", "How long its last run took, or the one under way has taken; absent before the first.",
     OfJob([](const JobState& j) { return j.took ? *j.took : nothing; })},
    {"sluice_verification_ok", gauge, "", "1 if the last proof of the pipeline's books holds and the standing proof could be carried out; absent before the first, and without [verify] every.",
     OfProcess([](const Process& p) { return proof_holds(p.snapshot.verification); })},
    {"sluice_verification_last_timestamp_seconds", gauge, "", "When the pipeline's books were proved last, by any instance, Unix time; absent likewise.",
     OfProcess([](const Process& p) { return p.snapshot.verification.at ? seconds_since_epoch(*p.snapshot.verification.at) : nothing; })},
    {"sluice_verification_age_seconds", gauge, "", "Time since then; absent likewise.",
     OfProcess([](const Process& p) { return proof_age(p.snapshot.verification); })},
    {"sluice_verification_partitions", gauge, "result", "Partitions of the last proof by its result: ok, failed, unknown.", ProofResults{}},
    {"sluice_verification_verified_through", gauge, "topic, partition", "One past the last offset that is proved, of each partition of the last proof; moves only over what has been proved.", ProvedOffsets{}},
    {"sluice_table_rows_total", counter, "table, change", "Rows in committed transactions of this process: written, removed.", Rows{}},
    {"sluice_values_changed_total", counter, "table, topic, column, policy",
     "Records of committed transactions of this process in which a policy of the route changed the column's value: nul, utf8, too_long, out_of_range, time_unit.", ChangedValues{}},

    {"sluice_records_total", counter, "topic, partition, outcome",
     "Offsets that took effect since the pointer's beginning, by outcome: applied, folded, skipped, dead, gap.", Outcomes{}},
    {"sluice_partition_next_offset", gauge, of_partition, "First offset that has not taken effect, as committed in PostgreSQL.",
     OfPartition([](const PartitionSnapshot& p) { return number(p.next); })},
    {"sluice_partition_end_offset", gauge, of_partition, "The log's end as last heard; absent while unknown.",
     OfPartition([](const PartitionSnapshot& p) { return p.end < 0 ? nothing : number(p.end); })},
    {"sluice_partition_lag_records", gauge, of_partition, "End offset minus next offset; absent while the end is unknown.",
     OfPartition([](const PartitionSnapshot& p) { return p.end < 0 ? nothing : number(std::max<Offset>(0, p.end - p.next)); })},
    {"sluice_partition_lag_seconds", gauge, of_partition, "Time since the log was first seen to reach beyond next offset; 0 while nothing waits. Since the start of the process at most; absent while the end is unknown.",
     OfPartition([](const PartitionSnapshot& p) { return p.lag_seconds.value_or(nothing); })},
    {"sluice_partition_lag_bytes", gauge, of_partition, "The lag in bytes, by the mean size of the records read before; absent before the first, and while the end is unknown.",
     OfPartition([](const PartitionSnapshot& p) { return p.lag_bytes ? number(*p.lag_bytes) : nothing; })},
    {"sluice_partition_stalled_seconds", gauge, of_partition, "Time since the partition moved while records waited; 0 while none wait.",
     OfPartition([](const PartitionSnapshot& p) { return p.stalled_seconds; })},
    {"sluice_partition_epoch", gauge, of_partition, "Claims of this partition so far, by any instance.",
     OfPartition([](const PartitionSnapshot& p) { return number(p.epoch); })},
    {"sluice_partition_state", gauge, "topic, partition, state", "1 for the state that the partition is in.", States{}},
    {"sluice_state_changes_total", counter, "from, to", "Changes of partitions' states in this process, by the state before and after.", StateChanges{}},

    {"sluice_lane_connected", gauge, "lane", "1 while the lane's writer connection is up.",
     OfLane([](const LaneSnapshot& l) { return number(l.connected); })},
    {"sluice_lane_batches_total", counter, "lane", "Batches committed.",
     OfLane([](const LaneSnapshot& l) { return number(l.batches); })},
    {"sluice_lane_records_total", counter, "lane", "Records in committed batches.",
     OfLane([](const LaneSnapshot& l) { return number(l.records); })},
    {"sluice_lane_rows_total", counter, "lane", "Row changes in committed batches, net of folding.",
     OfLane([](const LaneSnapshot& l) { return number(l.rows); })},
    {"sluice_lane_record_bytes_total", counter, "lane", "Bytes of keys and values in committed batches.",
     OfLane([](const LaneSnapshot& l) { return number(l.bytes); })},
    {"sluice_lane_claims_total", counter, "lane", "Partitions claimed.",
     OfLane([](const LaneSnapshot& l) { return number(l.claims); })},
    {"sluice_lane_fenced_total", counter, "lane", "Batches dropped because another instance owns the partition.",
     OfLane([](const LaneSnapshot& l) { return number(l.fenced); })},
    {"sluice_lane_reclaims_total", counter, "lane", "Recoveries: connection lost, everything claimed again.",
     OfLane([](const LaneSnapshot& l) { return number(l.reclaims); })},
    {"sluice_lane_retries_total", counter, "lane", "Batches tried again after a transient error.",
     OfLane([](const LaneSnapshot& l) { return number(l.retries); })},
    {"sluice_lane_rejects_total", counter, "lane", "Batches that held a record which PostgreSQL refused.",
     OfLane([](const LaneSnapshot& l) { return number(l.rejects); })},
    {"sluice_lane_duplicates_dropped_total", counter, "lane", "Records below the pointer that Kafka delivered again.",
     OfLane([](const LaneSnapshot& l) { return number(l.duplicates_dropped); })},
    {"sluice_lane_commit_seconds", MetricType::Histogram, "lane", "A batch from submitted to committed.", CommitSeconds{}},
    {"sluice_lane_waiting_seconds", gauge, "lane", "Time since the batch that PostgreSQL has not answered yet was sent; 0 without one.",
     OfLane([](const LaneSnapshot& l) { return l.waiting_seconds; })},
    {"sluice_lane_seconds_since_progress", gauge, "lane", "Time since the lane last made progress.",
     OfLane([](const LaneSnapshot& l) { return l.seconds_since_progress; })},
    {"sluice_lane_limited", gauge, "lane", "1 while the lane's next batch waits on purpose, by [limits]; 'why' says for what.",
     OfLane([](const LaneSnapshot& l) { return number(!l.limited_by.empty()); })},
};
// clang-format on

std::vector<ClientMetric::Label> labels_of(const PartitionSnapshot& partition) {
  return {{"topic", partition.at.topic}, {"partition", std::to_string(partition.at.partition)}};
}

void add(MetricFamily& family, std::vector<ClientMetric::Label> labels, double value) {
  if (value != value) return;  // unknown: no sample is more honest than a made-up one
  ClientMetric sample;
  sample.label = std::move(labels);
  (family.type == counter ? sample.counter.value : sample.gauge.value) = value;
  family.metric.push_back(std::move(sample));
}

void add_outcomes(MetricFamily& family, const PartitionSnapshot& partition) {
  const std::pair<const char*, std::int64_t> outcomes[] = {{"applied", partition.counts.applied},
                                                           {"folded", partition.counts.folded},
                                                           {"skipped", partition.counts.skipped},
                                                           {"dead", partition.counts.dead},
                                                           {"gap", partition.counts.gaps}};
  for (const auto& [outcome, count] : outcomes) {
    auto labels = labels_of(partition);
    labels.push_back({"outcome", outcome});
    add(family, std::move(labels), number(count));
  }
}

void add_histogram(MetricFamily& family, const LaneSnapshot& lane) {
  ClientMetric sample;
  sample.label = {{"lane", std::to_string(lane.lane)}};
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i <= std::size(commit_bounds); ++i) {
    if (i < lane.commit_buckets.size()) sum += static_cast<std::uint64_t>(lane.commit_buckets[i]);
    const double bound = i < std::size(commit_bounds) ? commit_bounds[i] : std::numeric_limits<double>::infinity();
    sample.histogram.bucket.push_back({sum, bound});
  }
  sample.histogram.sample_count = sum;
  sample.histogram.sample_sum = lane.commit_seconds;
  family.metric.push_back(std::move(sample));
}

// Adds a metric's samples, each kind in its own way.
struct Collect {
  MetricFamily& family;
  const Process& process;

  void operator()(OfProcess value) const {
    std::vector<ClientMetric::Label> labels;
    if (family.name == "sluice_build_info") labels.push_back({"version", SLUICE_VERSION});
    if (family.name == "sluice_config_hash") labels.push_back({"hash", process.snapshot.reload.fingerprint});
    add(family, std::move(labels), value(process));
  }
  void operator()(OfPartition value) const {
    for (const auto& partition : process.snapshot.partitions) add(family, labels_of(partition), value(partition));
  }
  void operator()(OfLane value) const {
    for (const auto& lane : process.snapshot.lanes) add(family, {{"lane", std::to_string(lane.lane)}}, value(lane));
  }
  void operator()(Outcomes) const {
    for (const auto& partition : process.snapshot.partitions) add_outcomes(family, partition);
  }
  void operator()(States) const {
    for (const auto& partition : process.snapshot.partitions) {
      auto labels = labels_of(partition);
      labels.push_back({"state", std::string(name(partition.state))});
      add(family, std::move(labels), 1);
    }
  }
  void operator()(Rows) const {
    for (const auto& table : process.snapshot.tables) {
      add(family, {{"table", table.table}, {"change", "written"}}, number(table.written));
      add(family, {{"table", table.table}, {"change", "removed"}}, number(table.removed));
    }
  }
  void operator()(ChangedValues) const {
    for (const auto& table : process.snapshot.tables) {
      for (const auto& [change, records] : table.changed_values)
        add(family,
            {{"table", table.table},
             {"topic", change.topic},
             {"column", change.column},
             {"policy", std::string(change.policy)}},
            number(records));
    }
  }
  void operator()(OfHook value) const {
    for (const auto& hook : process.hooks) add(family, {{"hook", hook.name}}, value(hook));
  }
  void operator()(OfJob value) const {
    for (const auto& job : process.snapshot.jobs) add(family, {{"job", job.name}}, value(job));
  }
  void operator()(TableBytes) const {
    for (const auto& [table, bytes] : process.snapshot.table_bytes) add(family, {{"table", table}}, number(bytes));
  }
  void operator()(ProofResults) const {
    const auto& proof = process.snapshot.verification;
    for (const char* result : {"ok", "failed", "unknown"}) {
      const auto count = std::ranges::count(proof.partitions, result, &VerificationState::Partition::result);
      add(family, {{"result", result}}, proof.at ? number(count) : nothing);
    }
  }
  void operator()(ProvedOffsets) const {
    for (const auto& one : process.snapshot.verification.partitions)
      add(family, {{"topic", one.at.topic}, {"partition", std::to_string(one.at.partition)}},
          one.verified_through ? number(*one.verified_through) : nothing);
  }
  void operator()(StateChanges) const {
    for (const auto& change : process.snapshot.state_changes)
      add(family, {{"from", std::string(name(change.from))}, {"to", std::string(name(change.to))}},
          number(change.count));
  }
  void operator()(CommitSeconds) const {
    for (const auto& lane : process.snapshot.lanes) add_histogram(family, lane);
  }
};

// How many a folder of the kernel's has; unknown without it.
double entries_of(const char* folder) {
  std::error_code problem;
  const std::filesystem::directory_iterator all(folder, problem);
  if (problem) return nothing;
  return number(std::distance(begin(all), end(all)));
}

}  // namespace

ProcessUsage process_usage() {
  ProcessUsage usage;
  rusage self{};
  getrusage(RUSAGE_SELF, &self);
  for (const timeval& time : {self.ru_utime, self.ru_stime}) {
    usage.cpu_seconds += number(time.tv_sec) + number(time.tv_usec) / 1e6;
  }
  const auto memory = process_memory();
  usage.virtual_bytes = number(std::max<std::int64_t>(0, memory.virtual_bytes));
  usage.resident_bytes = number(std::max<std::int64_t>(0, memory.resident_bytes));
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) usage.max_fds = number(files.rlim_cur);
  usage.open_fds = entries_of("/proc/self/fd");
  usage.threads = entries_of("/proc/self/task");
  usage.log_lines_lost = number(log::lost_lines());
  usage.log_errors = number(log::count(log::Level::error));
  usage.log_warnings = number(log::count(log::Level::warning));
  return usage;
}

std::string metrics_text(const Snapshot& snapshot, const ProcessUsage& usage, const std::vector<HookState>& hooks) {
  const Process process{snapshot, usage, hooks};
  std::vector<MetricFamily> families;
  for (const auto& metric : metrics) {
    MetricFamily family{metric.name, metric.help, metric.type, {}};
    std::visit(Collect{family, process}, metric.value);
    if (!family.metric.empty()) families.push_back(std::move(family));
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, families);
  return out.str();
}

std::string metrics_reference() {
  std::string page =
      "# Metrics\n\nServed as `GET /metrics` at `[http] listen`, in Prometheus' text format. Made from the "
      "table in\n"
      "`runtime/http/metrics.cc`; a test compares.\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n";
  for (const auto& metric : metrics) {
    const char* type = metric.type == counter ? "counter" : metric.type == gauge ? "gauge" : "histogram";
    page += fmt::format("| `{}` | {} | {} | {} |\n", metric.name, type, metric.labels, metric.help);
  }
  return page;
}

}  // namespace sluice::runtime
