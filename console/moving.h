// What skip, seek, rewind and reclaim have in common: the partition as it stands, paused for the command if that is
// asked for, and the move of its pointer, planned or done at once.
//
// Functions of a command's thread. They report their errors through the call and return the code.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "console/command.h"

namespace sluice::console {

// What the commands need of the service; it outlives the plans that hold it.
struct MoveParts {
  Moves& moves;
  Pauses& pauses;
  Positions& positions;
  Plans& plans;
};

// The partition that the first word names.
std::expected<TopicPartition, int> partition_of(Call& call, std::string_view example);
std::expected<PointerRow, int> pointer_of(Call& call, Positions& positions, const TopicPartition& at);
// Says what is different now from `then`, or what else keeps it from being done. `what` is "plan p-7f3a" or the like,
// `next` what to do now.
struct Order {
  std::string what, next;
};
int say_stale(Call& call, Positions& positions, const PointerRow& then, const Order& order, std::string_view otherwise);
// Says what is different now, if anything is: pointer, epoch, state or generation. Else returns Code::done.
int check_unchanged(Call& call, Positions& positions, const std::vector<PointerRow>& then, const Order& order);

// A pause that a command makes for its plan. It ends with the plan: applied, dropped or expired.
struct OwnPause {
  std::string target = {}, reason = {};  // reason empty: there is none
  WallClock::time_point until = {};

  // Also after a stop, which has ended the command. Returns what is left of the pause, a sentence, if it could not.
  std::string end(Pauses& pauses) const;
};

// A move that is asked for, as far as it is known: which plan, of a partition that has stopped.
struct Moving {
  MoveParts parts;
  std::string plan;          // its number
  std::string_view command;  // of the table, which is constant
  PointerRow from;
  OwnPause pause;
  std::optional<Offset> expected;  // --yes --expect: done at once, if that is the pointer
  Role role = Role::operator_;     // that applying the plan needs

  // Takes back what was done for the plan.
  int give_up(Call& call, int code) const;
};
// The partition of the words, which has stopped, or is paused by this command with --pause.
std::expected<Moving, int> begin_move(Call& call, const MoveParts& parts, std::string_view command,
                                      std::string_view example);

Section moved_result();
// Makes the plan and shows it, or does it at once. `move` is asked when it is done, with who does it; `demands` is an
// option that has to be given then, with why, unless it was given already.
struct Demand {
  std::string option = {}, why = {};
};
int conclude(Call& call, const Moving& moving, const std::function<Move(const Caller& by)>& move,
             std::vector<std::string> steps, Demand demands = {});
// The same for what is not a move.
using CarryOut = std::function<int(Call& call, const Order& order)>;
int conclude_with(Call& call, const Moving& moving, const CarryOut& carry_out, std::vector<std::string> steps,
                  Demand demands = {});

std::vector<Option> move_options();  // --pause, --timeout, --yes, --expect, --dry-run
Effect move_effect(const Arguments& given, Role role);

}  // namespace sluice::console
