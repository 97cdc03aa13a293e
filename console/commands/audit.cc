// audit: the audit trail.
#include "console/commands/registry.h"

namespace sluice::console {
namespace {

Section audit_result() {
  return {.name = "audit",
          .columns = {{.name = "id", .kind = ColumnType::id},
                      {.name = "at", .kind = ColumnType::time},
                      {.name = "name", .nullable = true},
                      {.name = "role", .nullable = true},
                      {.name = "address", .nullable = true},
                      {.name = "command"},
                      {.name = "target", .nullable = true},
                      {.name = "outcome"},
                      {.name = "fingerprint", .nullable = true},
                      {.name = "detail", .nullable = true}}};
}

int audit(Call& call, Audit& trail) {
  AuditFilter filter;
  filter.by = call.option("by");
  const auto since = time_option(call, "since");
  if (!since) return since.error();
  filter.since = *since;
  const auto limit = number_option(call, "limit", filter.limit, 10'000);
  if (!limit) return limit.error();
  filter.limit = static_cast<int>(*limit);
  const auto rows = trail.audit(filter);
  if (!rows) return call.fail(rows.error());
  const bool full = std::cmp_greater_equal(rows->size(), filter.limit);
  call.report.notes = {fmt::format("{}{}", rows->size() == 1 ? "1 entry" : fmt::format("{} entries", rows->size()),
                                   full ? ", the newest; there may be more, see --limit" : "")};
  Section section = audit_result();
  for (const auto& row : *rows)
    section.rows.push_back({row.id, row.at, optional_text(row.who.name), optional_text(row.who.role),
                            optional_text(row.who.address), row.command, optional_text(row.target), row.outcome,
                            optional_text(row.who.fingerprint), optional_text(row.detail)});
  call.report.pages = true;
  call.report.sections = {std::move(section)};
  return Code::done;
}

}  // namespace

std::vector<Command> audit_commands() {
  return {
      {.words = "audit",
       .options = {{.name = "by", .value = ArgumentKind::any, .shown = "NAME", .help = "of this person"},
                   {.name = "since",
                    .value = ArgumentKind::time,
                    .shown = "TIME",
                    .help = "since then: 2h, 7d, or a time of RFC 3339"},
                   limit_option("at most so many; 100 unless given")},
       .role = Role::admin,
       .effect = Effect::shows_data,
       .group = "service",
       .summary = "Who asked for what, from where, and how it ended.",
       .examples = {"audit --since 7d", "audit --by alice --json"},
       .result = {audit_result()},
       .run = handler<audit>},
  };
}

}  // namespace sluice::console
