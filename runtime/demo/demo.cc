#include <fmt/format.h>
#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "listener/producer.h"
#include "runtime/demo/environment.h"
#include "runtime/demo/screen.h"
#include "runtime/demo/shop.h"
#include "runtime/demo/verification.h"
#include "runtime/signal_scope.h"
#include "runtime/subcommands.h"

namespace sluice::runtime {
namespace demo {
namespace {

using std::chrono::milliseconds;

// The mock broker forgets what is more than 5 MiB behind: no event is larger than a KiB, and this many together, in
// whatever partition, stay below 4 MiB.
constexpr std::int64_t most_outstanding = 4096;
constexpr auto settle_timeout = std::chrono::seconds(60);
constexpr auto tick = milliseconds(10);
constexpr auto look_every = milliseconds(100);
constexpr std::uint64_t seed = 20'260'101;

class Demo {
 public:
  Demo(const DemoOptions& options, Environment& stage, listener::Producer& producer)
      : options_(options), stage_(stage), producer_(producer) {}

  int run() {
    auto outcome = generate();
    if (outcome) outcome = settle();
    screen_.close();
    if (!outcome) {
      fmt::print(stderr, "\nsluice demo: {}\nThe end of the service's log:\n{}", outcome.error().message,
                 tail(stage_.log_path(), 12));
      return 1;
    }
    return summary();
  }

 private:
  // Produces at the rate asked for until the time is over or somebody interrupts.
  Result<void> generate() {
    const auto begin = Clock::now();
    auto next_look = begin;
    double allowance = 0;
    auto last = begin;
    while (SignalScope::count() == 0) {
      const auto now = Clock::now();
      if (options_.run_for.count() > 0 && now - begin >= options_.run_for) break;
      allowance += std::chrono::duration<double>(now - last).count() * options_.rate;
      // Events that back-pressure kept from being produced within a second are left out.
      allowance = std::min<double>(allowance, options_.rate);
      last = now;
      for (; allowance >= 1 && produced_ - done_ < most_outstanding; --allowance) {
        if (const auto sent = produce(); !sent) return sent;
      }
      if (now >= next_look) {
        if (const auto seen = look("generating"); !seen) return seen;
        next_look = now + look_every;
      }
      producer_.serve();
      std::this_thread::sleep_for(tick);
    }
    return producer_.flush(std::chrono::seconds(10));
  }

  Result<void> produce() {
    const ShopEvent event = shop_.next();
    listener::Outgoing record{event.key, std::nullopt, {}};
    if (event.value) record.value = *event.value;
    ++produced_;
    return producer_.send(event.topic, record);
  }

  // Waits until every pointer is at the end of its log.
  Result<void> settle() {
    const auto deadline = Clock::now() + settle_timeout;
    const int interrupts_before = SignalScope::count();
    while (done_ < produced_) {
      if (SignalScope::count() > interrupts_before)
        return fail(ErrorClass::retry, "interrupted before everything took effect");
      if (Clock::now() >= deadline) {
        return fail(ErrorClass::retry, fmt::format("{} of {} events have not taken effect within {} s",
                                                   produced_ - done_, produced_, settle_timeout.count()));
      }
      if (const auto seen = look("settling"); !seen) return seen;
      std::this_thread::sleep_for(look_every);
    }
    return {};
  }

  // Reads the pointers, and shows the progress.
  Result<void> look(const char* phase) {
    if (!stage_.service.running()) return fail(ErrorClass::stop_service, "the service has ended unexpectedly");
    if (!stage_.broker.running()) return fail(ErrorClass::stop_service, "the broker has ended unexpectedly");
    auto pointers = read_pointers(stage_.query);
    if (!pointers) return std::unexpected(pointers.error());
    progress_.pointers = std::move(*pointers);
    progress_.ends = producer_.ends();
    done_ = progress_.done();
    const auto now = Clock::now();
    if (now - measured_at_ >= milliseconds(1000)) {
      const double span = std::chrono::duration<double>(now - measured_at_).count();
      progress_.produced_per_second = static_cast<double>(produced_ - measured_produced_) / span;
      progress_.done_per_second = static_cast<double>(done_ - measured_done_) / span;
      measured_at_ = now;
      measured_produced_ = produced_;
      measured_done_ = done_;
      if (const auto counted = count_rows(); !counted) return counted;
    }
    progress_.elapsed = std::chrono::duration_cast<milliseconds>(now - begin_);
    progress_.run_for = options_.run_for;
    progress_.phase = phase;
    progress_.produced = produced_;
    progress_.poison = static_cast<std::int64_t>(shop_.poison().size());
    progress_.login = stage_.access.login();
    progress_.hints = {fmt::format("psql -h {} -U app shop", stage_.cluster.socket_folder()),
                       fmt::format("curl http://127.0.0.1:{}/metrics", stage_.http_port),
                       fmt::format("tail -f {}", stage_.log_path())};
    screen_.show(progress_);
    return {};
  }

  Result<void> count_rows() {
    progress_.tables.clear();
    for (const auto& table : shop_tables()) {
      const auto rows = stage_.query.run(fmt::format("select count(*) as rows from public.{}", table.name));
      if (!rows) return std::unexpected(rows.error());
      progress_.tables.emplace_back("public." + table.name, rows->front().integer("rows"));
    }
    return {};
  }

  int summary() {
    if (produced_ == 0) {
      fmt::print("Nothing was produced.\n");
      return 0;
    }
    auto findings = prove(stage_.query, shop_, produced_, producer_.ends());
    const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    if (SshLogin::client_installed()) {
      Counted counted = ask_console(stage_.access, produced_);
      fmt::print("\n{} events in {:.1f} s; what the console counts:\n{}", produced_, seconds, counted.table);
      findings.push_back(std::move(counted.finding));
    } else {
      fmt::print("\n{} events in {:.1f} s: applied {}, folded {}, skipped {}, dead {}\n", produced_, seconds,
                 progress_.sum(&Counts::applied), progress_.sum(&Counts::folded), progress_.sum(&Counts::skipped),
                 progress_.sum(&Counts::dead));
    }
    bool proven = true;
    for (const auto& finding : findings) {
      fmt::print("  {}  {}\n", finding.holds ? "ok    " : "FAILED", finding.text);
      proven = proven && finding.holds;
    }
    fmt::print("{}\n", proven ? "Proven: each event took effect exactly once." : "Not proven.");
    return proven ? 0 : 1;
  }

  const DemoOptions& options_;
  Environment& stage_;
  listener::Producer& producer_;
  Screen screen_;
  Shop shop_{seed};
  Progress progress_;
  const Clock::time_point begin_ = Clock::now();
  std::int64_t produced_ = 0;
  std::int64_t done_ = 0;
  Clock::time_point measured_at_ = begin_;
  std::int64_t measured_produced_ = 0;
  std::int64_t measured_done_ = 0;
};

}  // namespace
}  // namespace demo

int run_demo(const DemoOptions& options) {
  log::setup("warning", "text");
  const SignalScope signals;
  ::signal(SIGPIPE, SIG_IGN);
  auto folder = demo::TemporaryDirectory::make();
  if (!folder) {
    fmt::print(stderr, "sluice demo: {}\n", folder.error().message);
    return 1;
  }
  if (options.keep) folder->keep();
  const std::string path = folder->path();
  fmt::print("Setting up a private PostgreSQL cluster and a broker in {} ...\n", path);
  std::fflush(stdout);
  auto stage = demo::Environment::set_up(std::move(*folder));
  if (!stage) {
    fmt::print(stderr, "sluice demo: {}\n", stage.error().message);
    return 1;
  }
  fmt::print("Log in to its console:\n  {}\n", (*stage)->access.login());
  std::fflush(stdout);
  config::Kafka kafka;
  kafka.brokers = (*stage)->brokers;
  auto producer = listener::Producer::make(kafka);
  if (!producer) {
    fmt::print(stderr, "sluice demo: {}\n", producer.error().message);
    return 1;
  }
  int code = demo::Demo(options, **stage, **producer).run();
  // An orderly end is part of what is shown: the service drains and leaves with 0.
  (*stage)->service.stop();
  if (const auto left = (*stage)->service.wait(std::chrono::milliseconds(0)); code == 0 && left != 0) {
    fmt::print(stderr, "sluice demo: the service did not end cleanly\n{}", demo::tail((*stage)->log_path(), 12));
    code = 1;
  }
  if (code != 0) (*stage)->folder.keep();  // its logs are needed to find the cause
  if (options.keep || code != 0) fmt::print("Kept: {}\n", path);
  return code;
}

}  // namespace sluice::runtime
