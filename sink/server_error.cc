#include "sink/server_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "sink/connect.h"
#include "sink/sqlstate.h"

namespace sluice::sink {
namespace {

constexpr std::string_view hidden = "…";

// Their reports quote names only.
constexpr auto reports_of_constraints =
    std::to_array<std::string_view>({"execMain.c", "execIndexing.c", "execExprInterp.c", "execPartition.c",
                                     "nbtinsert.c", "ri_triggers.c", "domains.c"});

std::string_view name_of(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);
}

// sql/migration_002.sql: it tells of topics and offsets.
bool is_raised_by_advance(const ErrorReport& report) {
  const auto first = std::string_view(report.context).substr(0, report.context.find('\n'));
  return report.sqlstate.starts_with("SL") && first.contains("advance(text,uuid,text[],integer[],");
}

// A procedural language, where the words of a report are the function's own: pl_exec.c, plpy_elog.c, plperl.c, pltcl.c.
bool is_raised_by_a_function(const ErrorReport& report) {
  return name_of(report.source_file).starts_with("pl") || report.sqlstate.starts_with("P0");
}

// "PL/pgSQL function public.guard() line 4 at RAISE": names and types, no values.
std::string place_of(const ErrorReport& report) {
  const std::string_view first = std::string_view(report.context).substr(0, report.context.find('\n'));
  const bool known = first.starts_with("PL/pgSQL function ") && first.find(" line ") != first.npos &&
                     first.substr(first.rfind(" at ")) == " at RAISE";
  return known ? std::string(first) : "a function or trigger";
}

std::string names(const ErrorReport& report) {
  std::string out;
  const auto add = [&](std::string_view kind, const std::string& name) {
    if (!name.empty()) out += fmt::format("{}{} \"{}\"", out.empty() ? "" : ", ", kind, name);
  };
  add("column", report.column);
  add("constraint", report.constraint);
  add("type", report.datatype);
  return out.empty() ? out : " (" + out + ")";
}

bool is_name(const ErrorReport& report, std::string_view text) {
  const auto known = {&report.schema, &report.table, &report.column, &report.constraint, &report.datatype};
  return std::ranges::any_of(known, [&](const std::string* name) { return !name->empty() && *name == text; });
}

// PostgreSQL puts values between quotes, or behind a colon; encodings' errors show bytes as 0x….
std::string without_quotations(const ErrorReport& report) {
  std::string_view text = report.message;
  std::string out;
  bool foreign = false;
  while (!text.empty()) {
    const char c = text.front();
    if (c == '"') {
      const auto end = text.find('"', 1);
      const auto inside = text.substr(1, end == text.npos ? text.npos : end - 1);
      out += is_name(report, inside) ? fmt::format("\"{}\"", inside) : std::string(hidden);
      text.remove_prefix(end == text.npos ? text.size() : end + 1);
    } else if (text.starts_with(": ")) {
      return foreign ? std::string() : out;
    } else if (text.starts_with("0x")) {
      out += hidden;
      text.remove_prefix(std::min(text.find(' '), text.size()));
    } else {
      foreign = foreign || (c & 0x80) != 0;  // a translated message quotes in its own way
      out += c;
      text.remove_prefix(1);
    }
  }
  return foreign ? std::string() : out;
}

}  // namespace

std::string without_data(const ErrorReport& report) {
  const auto generic = [&](std::string_view by) {
    return fmt::format("refused by {} with SQLSTATE {}{}", by, report.sqlstate, names(report));
  };
  if (is_raised_by_advance(report)) return report.message;
  if (is_raised_by_a_function(report)) return generic(place_of(report));
  const bool constraint = report.sqlstate.starts_with("23") || report.sqlstate.starts_with("44");
  if (constraint &&
      std::ranges::find(reports_of_constraints, name_of(report.source_file)) != reports_of_constraints.end())
    return report.message;
  const bool about_data = constraint || report.sqlstate.starts_with("22");
  if (!about_data) {
    const auto next = classify(report.sqlstate, report.message);
    return next == ErrorClass::reject ? generic("PostgreSQL") : report.message;
  }
  const auto text = without_quotations(report);
  return text.empty() ? generic("PostgreSQL") : text + names(report);
}

Error server_error(const PGresult* result, const std::string& otherwise) {
  const auto field = [&](int code) {
    const char* text = PQresultErrorField(result, code);
    return text != nullptr ? std::string(text) : std::string();
  };
  ErrorReport report{field(PG_DIAG_SQLSTATE),
                     one_line(field(PG_DIAG_MESSAGE_PRIMARY)),
                     one_line(field(PG_DIAG_MESSAGE_DETAIL)),
                     field(PG_DIAG_SOURCE_FILE),
                     field(PG_DIAG_SCHEMA_NAME),
                     field(PG_DIAG_TABLE_NAME),
                     field(PG_DIAG_COLUMN_NAME),
                     field(PG_DIAG_CONSTRAINT_NAME),
                     field(PG_DIAG_DATATYPE_NAME),
                     field(PG_DIAG_CONTEXT)};
  const auto next = classify(report.sqlstate, report.message);
  if (report.message.empty()) return {next, report.sqlstate, one_line(otherwise)};
  auto told = without_data(report);
  std::string detail;
  if (!report.detail.empty())
    detail = fmt::format("{} ({})", report.message, report.detail);
  else if (told != report.message)
    detail = std::move(report.message);
  return {next, std::move(report.sqlstate), std::move(told), std::move(detail)};
}

}  // namespace sluice::sink
