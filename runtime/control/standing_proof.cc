#include "runtime/control/standing_proof.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/interrupt.h"
#include "base/log.h"
#include "base/units.h"
#include "runtime/control/proof_report.h"
#include "sink/sql_client.h"
#include "sink/verification.h"

namespace sluice::runtime {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds first_after{30}, first_at_last{300};
constexpr seconds second_look{30};  // longer than it takes until a partition that was made is noticed, and claimed
constexpr seconds other_instance{10}, one_moment{1};
constexpr seconds question{3};  // at most: the end of the service waits for the one under way
constexpr std::chrono::minutes whole{5};

}  // namespace

std::vector<ProofNews::Line> ProofNews::of(const Proof& proof) {
  auto problems = problems_of(proof);
  std::vector<Line> lines;
  if (proof.holds()) {
    Offset passed = 0;
    for (const auto& one : proof.partitions) passed += one.account->pointer.next - one.account->pointer.start;
    if (!before_ || !before_->empty())
      lines.push_back(
          {false, fmt::format("the books hold: {} partitions, {} offsets", proof.partitions.size(), grouped(passed))});
  } else if (!before_ || *before_ != problems) {
    for (std::size_t i = 0; i < std::min(problems.size(), lines_at_most); ++i) lines.push_back({true, problems[i]});
    if (problems.size() > lines_at_most)
      lines.push_back({true, fmt::format("and {} more; sluice verify names all", problems.size() - lines_at_most)});
  }
  before_ = std::move(problems);
  return lines;
}

StandingProof::StandingProof(std::shared_ptr<const config::Pipeline> pipeline, const LaneSnapshots& lanes)
    : pipeline_(std::move(pipeline)), lanes_(lanes), every_(pipeline_->verify.every) {}

StandingProof::~StandingProof() {
  cancel();
  thread_.join();
}

Result<void> StandingProof::start() {
  if (every_.count() == 0) return {};
  auto started = Thread::start("verify", [this] { run(); });
  if (!started) return std::unexpected(started.error());
  thread_ = std::move(*started);
  return {};
}

void StandingProof::cancel() {
  stop_.request_stop();
  const MutexLock lock(mutex_);
  stopped_.notify_all();
}

VerificationState StandingProof::state() const {
  const MutexLock lock(mutex_);
  return state_;
}

// Returns false if the thread has to end.
bool StandingProof::wait(milliseconds time) {
  MutexLock lock(mutex_);
  stopped_.wait_for(lock, time, [this] { return stop_.stop_requested(); });
  return !stop_.stop_requested();
}

void StandingProof::run() {
  const InterruptScope scope(stop_.get_token());
  auto time = std::min<milliseconds>(every_, first_after);
  // Before the lanes have claimed there may be no pointers. If that lasts, it is to be told.
  const auto latest = Clock::now() + first_at_last;
  while (!lanes_.lanes().ready && Clock::now() < latest)
    if (!wait(one_moment)) return;
  while (wait(time)) time = look();
}

milliseconds StandingProof::look() try {
  const InterruptScope scope(Clock::now() + whole);
  auto client = sink::SqlClient::open(pipeline_->postgres.url, "sluice verify");
  const auto next = client ? look(*client) : Result<milliseconds>(std::unexpected(client.error()));
  if (next) {
    set_trouble("");
    return *next;
  }
  if (!stop_.stop_requested()) set_trouble(next.error().message);
  return std::min<milliseconds>(every_, other_instance);
} catch (const std::exception& problem) {  // for want of memory, mostly: the next one may have it
  set_trouble(problem.what());
  return std::min<milliseconds>(every_, other_instance);
}

Result<milliseconds> StandingProof::look(sink::SqlClient& client) {
  const auto ours = sink::lock_proof(client, *pipeline_);
  if (!ours) return std::unexpected(ours.error());
  auto last = sink::read_last_proof(client, *pipeline_);
  if (!last) return std::unexpected(last.error());
  show(*last);
  if (!*ours) return std::min<milliseconds>(every_, other_instance);
  const auto age = *last ? milliseconds(static_cast<std::int64_t>((*last)->age * 1000)) : every_;
  if (age < every_) return std::clamp(every_ - age, milliseconds(1), every_);
  if (auto done = prove_and_store(client); !done) return std::unexpected(done.error());
  last = sink::read_last_proof(client, *pipeline_);
  if (!last) return std::unexpected(last.error());
  show(*last);
  return every_;
}

Result<void> StandingProof::prove_and_store(sink::SqlClient& client) {
  auto proof = prove(*pipeline_, client, question);
  if (!proof.holds()) {
    if (!wait(std::min<milliseconds>(every_, second_look))) return fail(ErrorClass::retry, std::string(cancelled));
    proof = prove(*pipeline_, client, question);
  }
  if (stop_.stop_requested()) return fail(ErrorClass::retry, std::string(cancelled));
  if (proof.partitions.empty() && !proof.problems.empty()) return fail(ErrorClass::retry, proof.problems.front());
  if (auto stored = store(*pipeline_, client, proof); !stored) return stored;
  for (const auto& line : news_.of(proof)) {
    if (line.error)
      log::error("verify", "{}", line.text);
    else
      log::info("verify", "{}", line.text);
  }
  return {};
}

void StandingProof::show(const std::optional<sink::LastProof>& last) {
  if (!last) return;
  auto shown = state_of(*last);
  const MutexLock lock(mutex_);
  shown.trouble = std::move(state_.trouble);
  state_ = std::move(shown);
}

void StandingProof::set_trouble(const std::string& trouble) {
  {
    const MutexLock lock(mutex_);
    if (std::exchange(state_.trouble, trouble) == trouble) return;
  }
  if (!trouble.empty()) log::warning("verify", "the books cannot be proved, trying again: {}", trouble);
}

}  // namespace sluice::runtime
