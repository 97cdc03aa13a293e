// What follows from an error that a partition's queue delivers in the place of records.
//
// Such an error is a doubt: the library may go on behind records that it could not read. So the partition is read again
// from the offset that is expected, with a back-off; what was collected before stays. When the bytes themselves are
// wrong and stay so, the partition stops with state `corrupt`, and is looked at again without touching its pointer row:
// the state changes only once a record has come. Functions over one lane's state, its thread only.
#pragma once

#include "runtime/pipeline/lane_state.h"

namespace sluice::runtime {

inline constexpr int read_attempts = 5;  // before damage stops the partition

// While streaming.
void on_read_error(LaneState& state, Assignment& assignment, const listener::BrokerError& error);
// The broker does not have the offset. The claim compares pointer and log; where the log holds it, and that again and
// again, it is damage that has led the library astray.
void on_out_of_range(LaneState& state, Assignment& assignment);
// A record that was expected has come, or the log's end.
void on_read_well(LaneState& state, Assignment& assignment);

// While stopped as `corrupt`: starts to read at the pointer, then takes what comes.
void begin_look(LaneState& state, Assignment& assignment);
void look(LaneState& state, Assignment& assignment);

}  // namespace sluice::runtime
