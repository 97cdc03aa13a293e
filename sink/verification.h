// What a proof asks PostgreSQL, and where its results go: pointers with their letters, receipts, the table
// `verification`.
//
// One statement each, through the caller's client and in its thread. Errors are the client's; SQLSTATE 42P01 or 3F000
// says that the schema, or its version, is not there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admin/positions.h"
#include "config/pipeline.h"
#include "sink/sql_client.h"

namespace sluice::sink {

// A pointer, and the dead letters of the offsets that it has passed, of its generation.
struct Account {
  PointerRow pointer;
  std::int64_t letters = 0;
  std::int64_t open_letters = 0;     // not resolved
  bool letters_may_be_gone = false;  // resolved ones, by [dead_letters] keep
};
Result<std::vector<Account>> read_accounts(SqlClient& client, const config::Pipeline& pipeline);

struct VerificationRow {
  TopicPartition at;
  std::optional<Offset> proved;  // one past the last proved offset; nothing: not proved now
  std::optional<Offset> next;    // of the pointer, if there is one
  std::string result;
  std::string detail;  // JSON
};
// Stores the rows; returns the verified_through of each, in their order. Where nothing was proved now it is the last
// row's.
Result<std::vector<std::optional<Offset>>> store_verification(SqlClient& client, const config::Pipeline& pipeline,
                                                              const std::vector<VerificationRow>& rows);

// The last proof, whoever made it.
struct LastProof {
  struct Partition {
    TopicPartition at;
    std::optional<Offset> verified_through;
    std::string result;
  };
  double at = 0;   // Unix time
  double age = 0;  // seconds, by PostgreSQL's clock
  std::vector<Partition> partitions;
};
Result<std::optional<LastProof>> read_last_proof(SqlClient& client, const config::Pipeline& pipeline);
// Returns true if this client's session is the one that may carry out the pipeline's standing proof.
Result<bool> lock_proof(SqlClient& client, const config::Pipeline& pipeline);

// What PostgreSQL knows of a record.
struct RecordFate {
  std::optional<Offset> start, next;   // of the pointer, if there is one
  std::optional<std::int64_t> letter;  // if it is a dead letter
  std::string resolution;              // of the letter; empty: open
};
// In the order of the places.
Result<std::vector<RecordFate>> read_fates(SqlClient& client, const config::Pipeline& pipeline,
                                           const std::vector<std::pair<TopicPartition, Offset>>& places);

}  // namespace sluice::sink
