#include "sink/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/failpoint.h"
#include "base/table_name.h"
#include "sink/dead_letters.h"
#include "sink/oid.h"
#include "sink/pointer_parameters.h"
#include "sink/transaction.h"

namespace sluice::sink {
namespace {

// A question of one row, and a step of a bisection: beyond the server's own time-outs for them.
constexpr std::chrono::seconds question_timeout{15};
constexpr std::chrono::seconds step_timeout{90};
constexpr std::string_view lock_timeout = "55P03";

void add_place_arrays(Parameters& parameters, std::span<const TopicPartition* const> of) {
  std::vector<std::optional<std::string_view>> topics;
  std::vector<std::int32_t> partitions;
  for (const auto* at : of) {
    topics.emplace_back(at->topic);
    partitions.push_back(at->partition);
  }
  parameters.add_bytes(topics, oid::text);
  parameters.add_int4s(partitions);
}

// Finds the request of a row of an answer, whose first two columns are topic and partition.
std::size_t index_of(const PGresult* rows, int row, std::span<const TopicPartition* const> of) {
  const std::string_view topic = PQgetvalue(rows, row, 0);
  const auto partition = std::strtol(PQgetvalue(rows, row, 1), nullptr, 10);
  const auto found = std::ranges::find_if(
      of, [&](const TopicPartition* at) { return at->partition == partition && at->topic == topic; });
  return static_cast<std::size_t>(found - of.begin());
}

struct EncodedRows final : PreparedRows {
  explicit EncodedRows(TransactionRows of) : rows(std::move(of)) {}
  TransactionRows rows;
};

}  // namespace

struct Writer::State {
  explicit State(const config::Postgres& settings) : url(settings.url) {}

  Secret url;
  WriterSession session;
  Transaction transaction{session};

  Connection& connection() { return session.connection; }

  // Ends what was sent, and waits for the answer; an error also ends the transaction.
  Result<Reply> answer(std::chrono::seconds timeout) {
    auto reply = session.answer(timeout);
    if (!reply) session.rollback();
    return reply;
  }

  // The next attempt to claim shows whether there was anything to end, and whether the role may.
  void end_frozen(const TopicPartition& at) {
    if (!connection().is_open()) return;
    add_identity(false);
    session.parameters.add_text(application_name());
    session.parameters.add_text(at.topic);
    session.parameters.add_text(std::to_string(at.partition));
    (void)ask("pointer_end_frozen");
  }

  void add_identity(bool with_owner) {
    session.parameters.clear();
    session.parameters.add_text(session.identity.pipeline);
    if (!with_owner) return;
    session.parameters.add_text(session.identity.owner);
    session.parameters.add_text(session.identity.host);
  }

  using Claims = std::vector<std::optional<Claim>>;

  void read_claims(const Reply& reply, std::span<const TopicPartition* const> of, Claims& claims) const {
    for (int row = 0; row < PQntuples(reply.rows.get()); ++row) {
      const auto index = index_of(reply.rows.get(), row, of);
      if (index < of.size()) claims[index] = read_claim(reply.rows.get(), row, *of[index]);
    }
  }

  Result<void> claim_free(std::span<const ClaimRequest> requests, std::span<const TopicPartition* const> of,
                          Claims& claims) {
    std::vector<std::int64_t> starts;
    for (const auto& request : requests) starts.push_back(request.start);
    auto& parameters = session.parameters;
    session.send_deallocations();
    connection().send("BEGIN");
    connection().send("SET LOCAL lock_timeout = '1s'");  // another instance may be creating the same row
    add_identity(false);
    add_place_arrays(parameters, of);
    parameters.add_int8s(starts);
    connection().send(session.file("pointer_create"), parameters);
    add_identity(true);
    add_place_arrays(parameters, of);
    connection().send(session.file("pointer_claim"), parameters);
    connection().commit();
    auto reply = answer(question_timeout);
    if (!reply) {
      if (reply.error().sqlstate == lock_timeout) return {};
      return std::unexpected(std::move(reply.error()));
    }
    read_claims(*reply, of, claims);
    return {};
  }

  Result<void> claim_waiting(const TopicPartition* at, std::optional<Claim>& claim) {
    connection().send("BEGIN");
    connection().send("SET LOCAL lock_timeout = '200ms'");
    add_identity(true);
    session.parameters.add_text(at->topic);
    session.parameters.add_text(std::to_string(at->partition));
    connection().send(session.file("pointer_claim_waiting"), session.parameters);
    connection().commit();
    auto reply = answer(question_timeout);
    if (!reply) {
      if (reply.error().sqlstate == lock_timeout) return {};
      return std::unexpected(std::move(reply.error()));
    }
    if (PQntuples(reply->rows.get()) == 1) claim = read_claim(reply->rows.get(), 0, *at);
    return {};
  }

  Result<void> attempt(const Changes* changes, WriterSession::Attempt how) {
    if (!connection().is_open()) return fail(ErrorClass::reclaim, "not connected");
    return session.attempt(changes, how, step_timeout);
  }

  std::string application_name() const { return "sluice/" + session.identity.pipeline; }

  // One statement of sql/, in a transaction of its own.
  Result<Reply> ask(std::string_view file) {
    if (!connection().is_open()) return fail(ErrorClass::reclaim, "not connected");
    connection().send(session.file(file), session.parameters);
    return answer(question_timeout);
  }
};

Writer::Writer(const config::Postgres& settings, Identity identity, bool letters_keep_contents)
    : state_(std::make_unique<State>(settings)) {
  state_->session.letters_keep_contents = letters_keep_contents;
  state_->session.schema = settings.schema;
  state_->session.identity = std::move(identity);
}

Writer::~Writer() = default;

Result<void> Writer::connect() {
  close();
  return state_->connection().open(state_->url, state_->application_name());
}

bool Writer::connected() const {
  return state_->session.connection.is_open();
}

void Writer::close() {
  state_->connection().close();
  state_->session.forget();
  state_->transaction.abandon();
}

Result<PointerExistence> Writer::pointer_exists(const TopicPartition& at) {
  auto& parameters = state_->session.parameters;
  parameters.clear();
  parameters.add_text(state_->session.identity.pipeline);
  parameters.add_text(at.topic);
  parameters.add_text(std::to_string(at.partition));
  auto reply = state_->ask("pointer_exists");
  if (!reply) return std::unexpected(reply.error());
  const auto* rows = reply->rows.get();
  return PointerExistence{PQgetvalue(rows, 0, 0)[0] == 't', PQgetvalue(rows, 0, 1)[0] == 't'};
}

Result<void> Writer::create_pointers(const std::vector<std::pair<TopicPartition, Offset>>& starts) {
  std::vector<const TopicPartition*> of;
  std::vector<std::int64_t> offsets;
  for (const auto& [at, start] : starts) {
    of.push_back(&at);
    offsets.push_back(start);
  }
  state_->add_identity(false);
  add_place_arrays(state_->session.parameters, of);
  state_->session.parameters.add_int8s(offsets);
  if (auto reply = state_->ask("pointer_create"); !reply) return std::unexpected(reply.error());
  return {};
}

Result<std::vector<std::optional<Claim>>> Writer::claim(std::span<const ClaimRequest> requests) {
  if (!connected()) return fail(ErrorClass::reclaim, "not connected");
  FAILPOINT("before_claim");
  std::vector<const TopicPartition*> of;
  for (const auto& request : requests) of.push_back(request.at);
  State::Claims claims(requests.size());
  if (auto done = state_->claim_free(requests, of, claims); !done) return std::unexpected(std::move(done.error()));
  const auto held = std::ranges::find_if(claims, [](const auto& one) { return !one; });
  if (held != claims.end()) {
    const auto* at = of[static_cast<std::size_t>(held - claims.begin())];
    if (auto done = state_->claim_waiting(at, *held); !done) return std::unexpected(std::move(done.error()));
    if (!*held) state_->end_frozen(*at);
  }
  FAILPOINT("after_claim");
  return claims;
}

Result<std::vector<std::optional<StoredState>>> Writer::states(std::span<const TopicPartition* const> of) {
  state_->add_identity(false);
  add_place_arrays(state_->session.parameters, of);
  auto reply = state_->ask("pointer_states");
  if (!reply) return std::unexpected(std::move(reply.error()));
  std::vector<std::optional<StoredState>> found(of.size());
  const auto* rows = reply->rows.get();
  for (int row = 0; row < PQntuples(rows); ++row) {
    const auto index = index_of(rows, row, of);
    const auto state = parse_partition_state(PQgetvalue(rows, row, 2));
    if (index < of.size() && state) found[index] = StoredState{*state, PQgetvalue(rows, row, 3)};
  }
  return found;
}

Result<void> Writer::set_state(const Claim& claim, PartitionState state, std::string_view reason) {
  const auto& identity = state_->session.identity;
  auto& parameters = state_->session.parameters;
  parameters.clear();
  parameters.add_text(identity.pipeline);
  parameters.add_text(identity.owner);
  parameters.add_text(name(state));
  parameters.add_text(storable(std::string(reason), state_->connection().stores_any_text()));
  parameters.add_text(claim.at->topic);
  parameters.add_text(std::to_string(claim.at->partition));
  parameters.add_text(std::to_string(claim.epoch));
  const auto reply = state_->ask("pointer_set_state");
  if (!reply) return std::unexpected(reply.error());
  if (reply->counts.back() == 1) return {};
  return fail(ErrorClass::fenced,
              fmt::format("{}/{} is no longer held under epoch {}", claim.at->topic, claim.at->partition, claim.epoch));
}

#ifdef SLUICE_FAULTS
Result<void> Writer::force_next(const Claim& claim, Offset next) {
  if (!connected()) return fail(ErrorClass::reclaim, "not connected");
  const auto text = fmt::format(
      "UPDATE {}.pointer SET next_offset = {} WHERE topic = '{}' AND partition = {} AND owner = '{}'",
      quoted(state_->session.schema), next, claim.at->topic, claim.at->partition, state_->session.identity.owner);
  state_->connection().send(text.c_str());
  if (auto reply = state_->answer(question_timeout); !reply) return std::unexpected(reply.error());
  return {};
}
#endif

void Writer::set_lock_wait(std::chrono::milliseconds wait) {
  state_->session.lock_wait = wait;
}

void Writer::submit(const Changes& changes, std::span<const Record> records, std::span<const PartitionRange> ranges) {
  state_->transaction.start({plan(changes, false), {}}, changes, records, ranges);
}

std::unique_ptr<PreparedRows> Writer::prepare(const Changes& changes) {
  return std::make_unique<EncodedRows>(encode_rows(changes));
}

void Writer::submit_prepared(std::unique_ptr<PreparedRows> prepared, const Changes& changes,
                             std::span<const Record> records, std::span<const PartitionRange> ranges) {
  auto* rows = dynamic_cast<EncodedRows*>(prepared.get());
  if (rows == nullptr) return submit(changes, records, ranges);
  state_->transaction.start(std::move(rows->rows), changes, records, ranges);
}

bool Writer::busy() const {
  return state_->transaction.busy();
}

std::optional<Result<void>> Writer::poll() {
  if (state_->transaction.busy()) return state_->transaction.poll();
  auto lost = state_->connection().lost_while_idle();
  if (!lost) return std::nullopt;
  state_->session.forget();
  return std::unexpected(std::move(*lost));
}

int Writer::socket() const {
  return state_->session.connection.socket();
}

int Writer::session() const {
  return state_->session.connection.session();
}

bool Writer::wants_write() const {
  return state_->session.connection.wants_write();
}

Result<void> Writer::begin(std::span<const PartitionRange> ranges, const Changes& changes) {
  if (!connected()) return fail(ErrorClass::reclaim, "not connected");
  state_->session.send_deallocations();
  state_->connection().send("BEGIN");
  state_->session.send_advance(ranges, false);
  for (const auto& write : locks(changes)) state_->session.send_write(changes, write);
  if (auto reply = state_->answer(step_timeout); !reply) return std::unexpected(reply.error());
  return {};
}

Result<void> Writer::try_rows(const Changes& changes, bool check_deferred) {
  return state_->attempt(&changes, {.check_deferred = check_deferred, .counts = true});
}

Result<void> Writer::check_deferred() {
  return state_->attempt(nullptr, {.check_deferred = true, .undo = true});
}

Result<void> Writer::test_rows(const Changes& changes) {
  return state_->attempt(&changes, {.check_deferred = true, .undo = true});
}

Result<void> Writer::try_statements(const Changes& changes) {
  return state_->attempt(&changes, {.without_rows = true, .undo = true});
}

Result<void> Writer::finish(const std::vector<DeadLetter>& dead, std::span<const Record> records,
                            std::span<const PartitionRange> ranges) {
  if (!connected()) return fail(ErrorClass::reclaim, "not connected");
  auto& session = state_->session;
  add_counts(session.parameters, session.identity, ranges);
  session.connection.send(session.file("pointer_add_counts"), session.parameters);
  auto counted = state_->answer(step_timeout);
  if (!counted) return std::unexpected(counted.error());
  if (counted->counts.back() != static_cast<std::int64_t>(ranges.size())) {
    session.rollback();
    return fail(ErrorClass::fenced, "the pointers of this transaction are not where it put them");
  }
  session.send_dead_letters(dead, records, ranges);
  session.send_counts(ranges);
  FAILPOINT("before_commit", session.connection.flush());
  session.use_path_of_user();  // of the deferred triggers that COMMIT fires
  session.connection.commit();
  FAILPOINT("commit_sent", session.connection.flush());
  auto committed = state_->answer(step_timeout);
  if (!committed) return std::unexpected(committed.error());
  session.read_counts(*committed);
  FAILPOINT("commit_answered");
  return {};
}

void Writer::rollback() {
  state_->session.rollback();
  state_->session.counted_outdated = false;
}

std::vector<PartitionCounts> Writer::take_counts() {
  return std::exchange(state_->session.counts, {});
}

}  // namespace sluice::sink
