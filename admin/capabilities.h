// Everything that operators may see and order, as one value of references: the console is given it as a whole, and
// hands each command only the parts that it needs.
//
// The parts belong to the service and outlive whoever holds this. Each may be used from any thread.
#pragma once

#include "admin/audit.h"
#include "admin/dead_letters.h"
#include "admin/events.h"
#include "admin/history.h"
#include "admin/incident.h"
#include "admin/inspection.h"
#include "admin/jobs.h"
#include "admin/lane_orders.h"
#include "admin/live_settings.h"
#include "admin/logging.h"
#include "admin/memory.h"
#include "admin/moves.h"
#include "admin/notifications.h"
#include "admin/pauses.h"
#include "admin/positions.h"
#include "admin/proofs.h"
#include "admin/rates.h"
#include "admin/service_control.h"
#include "admin/snapshot.h"
#include "admin/tables.h"

namespace sluice {

struct Capabilities {
  const Snapshots& snapshots;
  Pauses& pauses;
  DeadLetters& dead_letters;
  LetterGroups& letter_groups;
  Positions& positions;
  Moves& moves;
  Inspection& inspection;
  Audit& audit;
  Logging& logging;
  Events& events;
  const Hooks& hooks;
  Notifications& notifications;
  Jobs& jobs;
  const IncidentLog& incidents;
  const Rates& rates;
  const History& history;
  const Memory& memory;
  Tables& tables;
  Proofs& proofs;
  LaneOrders& lanes;
  ServiceControl& control;
  LiveSettings& live_settings;
};

}  // namespace sluice
