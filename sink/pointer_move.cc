#include "sink/pointer_move.h"

#include <fmt/format.h>

#include <string>

#include "sink/writer_session.h"

namespace sluice::sink {
namespace {

constexpr std::chrono::seconds move_step{10};

std::string_view flag_text(bool value) {
  return value ? "t" : "f";
}

Stage stage_of(std::string_view name) {
  return name == "decode" ? Stage::decode : name == "map" ? Stage::map : Stage::write;
}

// An anchor stands for the last record that has taken effect: of a move, the one that is skipped.
void add_move(Parameters& parameters, const std::string& pipeline, const Move& move, const Record* skipped) {
  const auto& from = move.from;
  const auto timestamp = skipped == nullptr ? -1 : storable_timestamp_ms(skipped->timestamp_ms);
  parameters.clear();
  for (const std::string& value :
       {pipeline, from.at.topic, std::to_string(from.at.partition), std::to_string(move.to),
        std::string(flag_text(move.anew)), std::string(flag_text(move.new_log)), std::to_string(move.between.skipped),
        std::to_string(move.between.dead), std::to_string(move.between.gaps),
        skipped == nullptr ? std::string() : std::to_string(skipped->offset),
        timestamp < 0 ? std::string() : std::to_string(timestamp),
        skipped == nullptr ? std::string() : std::to_string(move.record->fingerprint), std::to_string(from.next),
        std::to_string(from.epoch), std::to_string(from.generation), std::string(name(from.state))})
    parameters.add_text(value);
}

Result<bool> give_up(WriterSession& session, const Error& error) {
  session.rollback();
  return std::unexpected(error);
}

}  // namespace

Result<bool> move_pointer(const config::Postgres& settings, const Identity& identity, const Move& move,
                          const Record* skipped, MoveForm form) {
  WriterSession session;
  session.schema = settings.schema;
  session.identity = identity;
  session.letters_keep_contents = form.letters_keep_contents;
  auto& connection = session.connection;
  if (auto done = connection.open(settings.url, "sluice/" + identity.pipeline + " move"); !done)
    return std::unexpected(done.error());
  connection.send("BEGIN");
  // A person waits for the answer.
  connection.send("SET LOCAL lock_timeout = '5s'");
  connection.send("SET LOCAL statement_timeout = '8s'");
  add_move(session.parameters, identity.pipeline, move, skipped);
  connection.send(session.file("pointer_move"), session.parameters);
  const auto moved = session.answer(move_step);
  if (!moved) return give_up(session, moved.error());
  if (moved->counts.back() != 1) {
    session.rollback();
    return false;
  }
  if (skipped != nullptr) {
    const auto& record = *move.record;
    const DeadLetter letter{0, stage_of(record.stage), record.table, record.sqlstate, record.reason, record.detail};
    PartitionRange range;
    range.at = &move.from.at;
    range.generation = move.from.generation;
    session.send_dead_letters({&letter, 1}, {skipped, 1}, {&range, 1});
  }
  if (!move.pause.empty()) {
    session.parameters.clear();
    for (const auto& value :
         {identity.pipeline, fmt::format("{}/{}", move.from.at.topic, move.from.at.partition), move.pause})
      session.parameters.add_text(value);
    connection.send(session.file("pause_delete"), session.parameters);
  }
  if (move.audit != 0) {
    session.parameters.clear();
    for (const auto& value : {identity.pipeline, std::to_string(move.audit), move.outcome})
      session.parameters.add_text(value);
    connection.send(session.file("audit_finish"), session.parameters);
  }
  if (skipped != nullptr || !move.pause.empty() || move.audit != 0) {
    if (const auto stored = session.answer(move_step); !stored) return give_up(session, stored.error());
  }
  connection.commit();
  if (const auto done = session.answer(move_step); !done)
    return fail(ErrorClass::retry,
                fmt::format("whether it took effect is not known, 'pointers' tells: {}", done.error().message),
                done.error().sqlstate);
  return true;
}

}  // namespace sluice::sink
