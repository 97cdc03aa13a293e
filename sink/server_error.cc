#include "sink/server_error.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "base/table_name.h"
#include "sink/connect.h"
#include "sink/sqlstate.h"

namespace sluice::sink {
namespace {

constexpr std::string_view hidden = "…";

// Their reports quote names only.
constexpr auto reports_of_constraints =
    std::to_array<std::string_view>({"execMain.c", "execIndexing.c", "execExprInterp.c", "execPartition.c",
                                     "nbtinsert.c", "ri_triggers.c", "domains.c"});
// What looks at a statement before it has a row. parse_type.c, namespace.c, the scanner and the grammar are not among
// them: types such as regclass and regtype read their values with these.
constexpr auto readers_of_statements = std::to_array<std::string_view>(
    {"analyze.c", "parse_agg.c", "parse_clause.c", "parse_coerce.c", "parse_collate.c", "parse_expr.c", "parse_func.c",
     "parse_node.c", "parse_oper.c", "parse_param.c", "parse_relation.c", "parse_target.c", "plancat.c", "plancache.c",
     "rewriteHandler.c", "copy.c", "copyfrom.c", "execMain.c"});

std::string_view name_of(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);
}

// sql/migration_002.sql: it tells of topics and offsets.
bool is_raised_by_advance(const ErrorReport& report) {
  const auto first = std::string_view(report.context).substr(0, report.context.find('\n'));
  return report.sqlstate.starts_with("SL") && first.contains("advance(text,uuid,text[],integer[],");
}

// A procedural language, where the words of a report are the function's own: pl_exec.c, plpy_elog.c, plperl.c, pltcl.c;
// not the planner.
bool is_raised_by_a_function(const ErrorReport& report) {
  const auto file = name_of(report.source_file);
  return (file.starts_with("pl") && !file.starts_with("plan")) || report.sqlstate.starts_with("P0");
}

bool is_one_of(std::span<const std::string_view> files, const ErrorReport& report) {
  return std::ranges::find(files, name_of(report.source_file)) != files.end();
}

// The statement is Sluice's own, which has names of the catalogue only. What a function or a trigger executes, and what
// reads a value of COPY or of a parameter, has a context; a permission is always one of an object that exists.
bool is_about_our_statement(const ErrorReport& report) {
  if (name_of(report.source_file) == "aclchk.c") return true;
  return report.context.empty() && is_one_of(readers_of_statements, report);
}

// "PL/pgSQL function public.guard() line 4 at RAISE": names and types, no values.
std::string place_of(const ErrorReport& report) {
  const std::string_view first = std::string_view(report.context).substr(0, report.context.find('\n'));
  const bool known =
      first.starts_with("PL/pgSQL function ") && first.contains(" line ") && first.ends_with(" at RAISE");
  return known ? std::string(first) : "a function or trigger";
}

std::string named_parts(const ErrorReport& report) {
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

// Where the value ends that `text` begins to quote, or the text's size. A value may hold quotation marks itself, so it
// is the last one that ends it.
std::size_t end_of_quotation(std::string_view text) {
  const auto end = text.rfind(text.front());
  return end == 0 ? text.size() : end + 1;
}

// "character with byte sequence 0xe6 0xbc 0xa2 in encoding "UTF8" has no equivalent in encoding "LATIN1"".
std::string untranslatable(const ErrorReport& report) {
  constexpr std::string_view begin = "character with byte sequence ", last = " has no equivalent in encoding ";
  const std::string_view text = report.message;
  const auto at = text.rfind(last);
  if (report.sqlstate != "22P05" || !text.starts_with(begin) || at == text.npos) return {};
  return fmt::format("a character has no equivalent in the database's encoding{}", text.substr(at + last.size() - 1));
}

// PostgreSQL puts values between quotes, or behind a colon; encodings' errors show bytes as 0x…, extensions use
// apostrophes.
std::string without_quotations(const ErrorReport& report) {
  std::string_view text = report.message;
  std::string out;
  bool foreign = false;
  while (!text.empty()) {
    const char c = text.front();
    if (c == '"' || (c == '\'' && (out.empty() || out.back() == ' ' || out.back() == '('))) {
      const auto end = text.find(c, 1);
      const auto name = text.substr(0, end == text.npos ? text.npos : end + 1);
      const bool known = c == '"' && end != text.npos && is_name(report, name.substr(1, name.size() - 2));
      out += known ? name : hidden;
      text.remove_prefix(known ? name.size() : end_of_quotation(text));
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
    return fmt::format("refused by {} with SQLSTATE {}{}", by, report.sqlstate, named_parts(report));
  };
  if (is_raised_by_advance(report)) return report.message;
  if (is_raised_by_a_function(report)) return generic(place_of(report));
  if (auto text = untranslatable(report); !text.empty()) return text + named_parts(report);
  const bool constraint = report.sqlstate.starts_with("23") || report.sqlstate.starts_with("44");
  if (constraint && is_one_of(reports_of_constraints, report)) return report.message;
  if (!constraint && !report.sqlstate.starts_with("22")) {
    switch (classify(report.sqlstate, report.message)) {
      case ErrorClass::reject:
        return generic("PostgreSQL");
      case ErrorClass::stop_partition:
      case ErrorClass::unclear:  // a statement's fault, or a value's: the code does not tell (sqlstate.h)
        if (is_about_our_statement(report)) return report.message;
        break;
      case ErrorClass::reclaim:
        if (report.sqlstate.starts_with("08")) break;  // perhaps a value's fault, see server_error()
        return report.message;
      default:
        return report.message;
    }
  }
  const auto text = without_quotations(report);
  return text.empty() ? generic("PostgreSQL") : text + named_parts(report);
}

std::string permission_advice(std::string_view message, std::string_view role) {
  struct Kind {
    std::string_view name, grant;
  };
  constexpr auto kinds = std::to_array<Kind>({
      {"table", "SELECT, INSERT, UPDATE, DELETE ON TABLE"},
      {"view", "SELECT, INSERT, UPDATE, DELETE ON TABLE"},
      {"foreign table", "SELECT, INSERT, UPDATE, DELETE ON TABLE"},
      {"sequence", "USAGE ON SEQUENCE"},
      {"function", "EXECUTE ON FUNCTION"},
      {"procedure", "EXECUTE ON PROCEDURE"},
      {"type", "USAGE ON TYPE"},
      {"schema", "USAGE ON SCHEMA"},
      {"database", "CREATE ON DATABASE"},
      {"language", "USAGE ON LANGUAGE"},
      {"foreign server", "USAGE ON FOREIGN SERVER"},
  });
  constexpr std::string_view begin = "permission denied for ";
  if (!message.starts_with(begin)) return {};
  message.remove_prefix(begin.size());
  const auto to = role.empty() ? std::string("the role that sluice connects as") : quoted(role);
  for (const auto& kind : kinds) {
    if (!message.starts_with(kind.name) || !message.substr(kind.name.size()).starts_with(' ')) continue;
    const auto object = message.substr(kind.name.size() + 1);
    return fmt::format("; GRANT {} {} TO {}, or what else sluice grants prints", kind.grant, quoted(object), to);
  }
  return {};
}

bool is_of_a_row(const ErrorReport& report) {
  return report.sqlstate == "42501" && (name_of(report.source_file) == "execMain.c" ||
                                        is_raised_by_a_function(report) || report.context.contains(" at EXECUTE"));
}

// postgres_fdw: what it sent to the other server was refused there, and no function of that server says so.
bool is_of_foreign_statement(const ErrorReport& report) {
  return report.context.starts_with("remote SQL command: ");
}

ErrorClass next_of(const ErrorReport& report, bool still_answers) {
  if (is_of_a_row(report)) return ErrorClass::reject;
  const auto next = classify(report.sqlstate, report.message);
  const bool raised = is_raised_by_a_function(report) && !is_raised_by_advance(report);
  // The code of a RAISE is its author's choice: the server is neither going down nor wrongly configured. Only what asks
  // for another try means the same whoever says it.
  if (raised && next != ErrorClass::reject && next != ErrorClass::stop_partition && next != ErrorClass::retry)
    return ErrorClass::unclear;
  // A function or a foreign table has lost a connection of its own, or a type's input found no more bytes (08P01). Were
  // it ours, this would not be a mere error.
  if (report.sqlstate.starts_with("08") && still_answers)
    return report.sqlstate == "08P01" ? ErrorClass::unclear : ErrorClass::retry;
  return next;
}

Error server_error(const PGresult* result, const std::string& otherwise, std::string_view role) {
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
  const auto next = next_of(report, field(PG_DIAG_SEVERITY_NONLOCALIZED) == "ERROR");
  if (report.message.empty()) return {next, report.sqlstate, one_line(otherwise)};
  auto told = without_data(report);
  if (next == ErrorClass::stop_partition && is_of_foreign_statement(report)) told.insert(0, of_foreign_server);
  if (report.sqlstate == "42501" && told == report.message) {
    if (!report.context.empty()) told += ", inside a function or trigger";
    told += permission_advice(report.message, role);
  }
  std::string detail;
  if (!report.detail.empty())
    detail = fmt::format("{} ({})", report.message, report.detail);
  else if (told != report.message)
    detail = std::move(report.message);
  return {next, std::move(report.sqlstate), std::move(told), std::move(detail)};
}

}  // namespace sluice::sink
