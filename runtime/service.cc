#include "runtime/service.h"

#include <malloc.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <random>

#include "admin/snapshot.h"
#include "base/log.h"
#include "config/kafka_security.h"
#include "config/load.h"
#include "console/ssh/console.h"
#include "listener/consumer.h"
#include "listener/registry/schema_registry.h"
#include "listener/topics.h"
#include "runtime/control/admin_service.h"
#include "runtime/http/http.h"
#include "runtime/pipeline/dead_letter_limit.h"
#include "runtime/pipeline/lane.h"
#include "runtime/pipeline/lane_choice.h"
#include "runtime/subcommands.h"
#include "runtime/systemd.h"
#include "sink/schema_copies.h"
#include "sink/table_catalogue.h"

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view who = "service";
constexpr seconds drain_deadline{20};
constexpr seconds leave_deadline{10};
constexpr seconds console_deadline{2};
constexpr seconds admin_deadline{5};
constexpr seconds hint_interval{5};
constexpr double stuck_seconds = 120;  // longer than any deadline a lane waits for
constexpr milliseconds tick_interval{200};
// Answers of the broker and large buffers go back to the system when they are freed, instead of leaving holes in the
// heap: a third of the memory for half a microsecond a record.
constexpr int mapped_above_bytes = 256 << 10;

std::string new_uuid() {
  std::random_device random;
  std::string hex;
  for (int i = 0; i < 4; ++i) hex += fmt::format("{:08x}", random());
  hex[12] = '4';
  hex[16] = "89ab"[hex[16] % 4];
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                     hex.substr(20));
}

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

// Signals come through a descriptor, so that no code of ours runs in a handler. All threads inherit the mask.
class Signals {
 public:
  Signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signal(SIGPIPE, SIG_IGN);
    fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  }
  ~Signals() { close(fd_); }
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // The next signal, or 0 after `timeout`.
  int next(milliseconds timeout) const {
    pollfd fd{fd_, POLLIN, 0};
    if (poll(&fd, 1, static_cast<int>(timeout.count())) <= 0) return 0;
    signalfd_siginfo info{};
    return read(fd_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
  }

 private:
  int fd_;
};

class Service final : LaneSnapshots, PauseReceiver, LogEnds {
 public:
  Service(std::shared_ptr<const config::Pipeline> pipeline, std::string config_path);

  int run();

 private:
  Snapshot lanes() const override;
  void set_pauses(const std::shared_ptr<const PauseRules>& pauses) override;
  void ask_log_ends(const std::vector<TopicPartition>& partitions, Known known) override;
  bool migrate();
  bool start();
  bool start_console();
  void serve();
  int stop();
  void reload();
  void tick();
  void fatal(const std::string& why);
  // What the service itself does, for the audit trail.
  void note(const std::string& command, const std::string& target, const std::string& outcome) {
    admin_.capabilities().audit.note(
        {0, WallClock::now(), {"sluice", "service", "", identity_.host}, command, target, "{}", outcome});
  }

  const std::shared_ptr<const config::Pipeline> pipeline_;
  const std::string config_path_;
  const std::chrono::system_clock::time_point started_ = std::chrono::system_clock::now();
  Signals signals_;
  DeadLetterLimit dead_letter_limit_;
  std::atomic<bool> joined_{false};
  std::atomic<std::size_t> assigned_{0};  // partitions; the lanes learn of them a moment later
  std::atomic<bool> failed_{false};
  // The order of destruction: HTTP, console, admin service, lanes (they hold records), listener, schemas.
  listener::SchemaRegistry schemas_;
  std::unique_ptr<listener::Consumer> consumer_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  LaneChoice lane_choice_;  // the poll thread's
  const sink::Identity identity_;
  IncidentLog incidents_;
  AdminService admin_;
  console::Console console_;
  bool has_console_ = false;
  HttpServer http_;
  bool ready_told_ = false;
  Clock::time_point next_hint_{};
  Clock::time_point next_watchdog_{};
};

Service::Service(std::shared_ptr<const config::Pipeline> pipeline, std::string config_path)
    : pipeline_(std::move(pipeline)),
      config_path_(std::move(config_path)),
      schemas_(pipeline_->registry, std::make_unique<sink::SchemaCopies>(pipeline_->postgres)),
      lane_choice_(static_cast<std::size_t>(pipeline_->postgres.lanes)),
      identity_{pipeline_->name, new_uuid(), host_name()},
      admin_(pipeline_, identity_, {*this, *this, *this, incidents_}),
      console_(pipeline_, admin_.capabilities(), versions()),
      http_(pipeline_->http, admin_.capabilities().snapshots) {
  log::info(who, "sluice {} starts, pipeline {}, owner {}", SLUICE_VERSION, pipeline_->name, identity_.owner);
  for (int i = 0; i < pipeline_->postgres.lanes; ++i) {
    lanes_.push_back(std::make_unique<Lane>(i + 1, pipeline_, identity_, dead_letter_limit_, incidents_, schemas_,
                                            [this](const std::string& why) { fatal(why); }));
  }
}

// From any thread: the service ends as after a signal, but with exit code 1.
void Service::fatal(const std::string& why) {
  log::error(who, "stopping: {}", why);
  failed_ = true;
  kill(getpid(), SIGTERM);
}

// The admin service completes it.
Snapshot Service::lanes() const {
  Snapshot shot;
  shot.started = started_;
  shot.healthy = !failed_;
  TableStats tables;
  for (const auto& lane : lanes_) {
    shot.lanes.push_back(lane->snapshot(shot.partitions, tables));
    if (shot.lanes.back().seconds_since_progress > stuck_seconds) shot.healthy = false;
  }
  for (const auto& [name, table] : tables.tables()) shot.tables.push_back(table);
  shot.ready = joined_ && shot.partitions.size() == assigned_;
  for (const auto& partition : shot.partitions) shot.ready = shot.ready && partition.state != PartitionState::claiming;
  return shot;
}

void Service::set_pauses(const std::shared_ptr<const PauseRules>& pauses) {
  for (auto& lane : lanes_) lane->set_pauses(pauses);
}

void Service::ask_log_ends(const std::vector<TopicPartition>& partitions, Known known) {
  consumer_->ask_watermarks(
      partitions, [known = std::move(known)](const TopicPartition& at, const Result<listener::Watermarks>& marks) {
        if (marks) known(at, marks->high);
      });
}

int Service::run() {
  mallopt(M_MMAP_THRESHOLD, mapped_above_bytes);
  mallopt(M_ARENA_MAX, 2);  // one arena per thread and its slack would double the footprint
  if (auto done = http_.start(); !done) {
    log::error(who, "{}", done.error().message);
    return 1;
  }
  if (!start_console()) return 1;
  if (!migrate()) return failed_ ? 1 : 0;
  if (!start()) return 1;
  serve();
  return stop();
}

// PostgreSQL may start after the service: waits for it. Any other error ends the start.
bool Service::migrate() {
  sink::TableCatalogue catalogue(pipeline_->postgres);
  bool told = false;
  for (;;) {
    const auto done = catalogue.migrate();
    if (done) return true;
    const auto& error = done.error();
    if (error.next != ErrorClass::retry && error.next != ErrorClass::reclaim) {
      log::error(who, "cannot prepare schema {}: {} {}", pipeline_->postgres.schema, error.sqlstate, error.message);
      failed_ = true;
      return false;
    }
    if (!std::exchange(told, true)) {
      log::warning(who, "waiting for PostgreSQL: {}", error.message);
      systemd::status("waiting for PostgreSQL");
    }
    const int signal = signals_.next(milliseconds(500));
    if (signal == SIGTERM || signal == SIGINT) return false;
  }
}

// With a section [console], failing to start the console is fatal. Without, it starts if the keys file exists, and a
// failure is only a warning: several services may share a host.
bool Service::start_console() {
  const auto& settings = pipeline_->console;
  if (settings.listen.empty() || !(settings.given || std::filesystem::exists(settings.keys))) return true;
  const auto done = console_.start();
  has_console_ = done.has_value();
  if (done) return true;
  if (settings.given) {
    log::error(who, "console: {}", done.error().message);
  } else {
    log::warning(who, "no console: {}", done.error().message);
  }
  return !settings.given;
}

bool Service::start() {
  listener::ConsumerLimits limits;
  limits.queue_records = std::max(limits.queue_records, 2 * static_cast<std::size_t>(pipeline_->batch.rows));
  consumer_ = listener::make_consumer(pipeline_->kafka, limits,
                                      {.assigned =
                                           [this](listener::Partition& partition) {
                                             ++assigned_;
                                             lanes_[lane_choice_.assign(partition.at())]->assign(partition);
                                           },
                                       .revoked =
                                           [this](listener::Partition& partition, bool) {
                                             --assigned_;
                                             lanes_[lane_choice_.revoke(partition.at())]->revoked();
                                           },
                                       .rebalanced = [this] { joined_ = true; },
                                       .fatal = [this](const std::string& why) { fatal(why); }});
  if (auto done = consumer_->start(listener::topics_of(*pipeline_)); !done) {
    log::error(who, "{}", done.error().message);
    return false;
  }
  for (auto& lane : lanes_) lane->start(*consumer_);
  note("start", SLUICE_VERSION, "done");
  for (const auto& broker : config::kafka_security(pipeline_->kafka))
    if (!broker.advice.empty()) log::warning(who, "kafka {}: {}", broker.server, broker.advice);
  admin_.start();
  return true;
}

void Service::serve() {
  for (;;) {
    switch (signals_.next(tick_interval)) {
      case SIGTERM:
      case SIGINT:
        return;
      case SIGHUP:
        reload();
        break;
      default:
        tick();
    }
  }
}

void Service::tick() {
  const auto now = Clock::now();
  const auto shot = lanes();
  admin_.sample(shot);
  if (shot.ready && !std::exchange(ready_told_, true)) {
    systemd::ready(fmt::format("{} partitions", shot.partitions.size()));
    log::info(who, "ready: {} partitions on {} lanes", shot.partitions.size(), lanes_.size());
  }
  if (const auto interval = systemd::watchdog_interval(); interval && now >= next_watchdog_) {
    if (shot.healthy) systemd::watchdog();
    next_watchdog_ = now + *interval;
  }
  if (now < next_hint_) return;
  next_hint_ = now + hint_interval;
  std::vector<std::pair<TopicPartition, Offset>> hints;
  for (const auto& partition : shot.partitions) {
    if (partition.epoch > 0) hints.emplace_back(partition.at, partition.next);
  }
  consumer_->hint_committed(hints);
}

// Only the log's settings and the authorized keys change without a restart; the rest takes effect at the next start.
void Service::reload() {
  systemd::reloading();
  const auto loaded = config::load(config_path_);
  if (loaded) {
    log::setup(loaded->log.level, loaded->log.format);
    log::info(who, "reloaded {}", config_path_);
  } else {
    log::error(who, "not reloaded, the old settings stay: {}", loaded.error());
  }
  if (has_console_) {
    const auto done = console_.reload_keys();
    if (!done) log::error(who, "the old keys stay: {}", done.error().message);
    note("reload keys", pipeline_->console.keys, done ? "done" : "failed: the old keys stay");
  }
  note("reload", config_path_, loaded ? "done" : "failed: the old settings stay");
  systemd::ready("reloaded");
}

int Service::stop() {
  log::info(who, "draining");
  note("stop", failed_ ? "after an error" : "", "asked");
  systemd::stopping();
  for (auto& lane : lanes_) lane->drain();
  const auto deadline = Clock::now() + drain_deadline;
  bool ended = true;
  for (auto& lane : lanes_) {
    while (ended && !lane->join(std::min(deadline, Clock::now() + milliseconds(20)))) {
      ended = Clock::now() < deadline;
      const int signal = signals_.next(milliseconds(0));
      if (signal == SIGTERM || signal == SIGINT) ended = false;
    }
  }
  if (!ended) {
    log::warning(who, "ending at once; what was not committed is read again at the next start");
    _exit(failed_ ? 1 : 0);
  }
  if (!consumer_->stop(leave_deadline)) {
    log::warning(who, "the consumer does not close; ending without it");
    _exit(failed_ ? 1 : 0);
  }
  // Operators see the drain to its end.
  if (has_console_) console_.stop(console_deadline);
  if (!admin_.stop(admin_deadline)) {
    log::warning(who, "PostgreSQL does not answer; ending without the last audit rows");
    _exit(failed_ ? 1 : 0);
  }
  http_.stop();
  log::info(who, "stopped");
  return failed_ ? 1 : 0;
}

}  // namespace

int run_service(std::shared_ptr<const config::Pipeline> pipeline, const std::string& config_path) {
  return Service(std::move(pipeline), config_path).run();
}

}  // namespace sluice::runtime
