// Moves one pointer by order of an operator: in one transaction the row, the dead letter of a record that is skipped,
// the end of the pause that was made for the move, and what the audit trail says of it.
//
// A function of any thread, with a connection of its own, blocking with deadlines. False: the row is not as the move
// has it, and nothing has changed. After an error behind COMMIT the outcome is unknown, as the message says: the row
// tells.
#pragma once

#include "admin/moves.h"
#include "config/pipeline.h"
#include "sink/claim.h"

namespace sluice::sink {

struct MoveForm {
  bool letters_keep_contents = true;  // config::DeadLetters::values
};

// `skipped` is the record that the move's letter is about; null if it has none.
Result<bool> move_pointer(const config::Postgres& settings, const Identity& identity, const Move& move,
                          const Record* skipped, MoveForm form);

}  // namespace sluice::sink
