#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/printable.h"
#include "base/table_name.h"
#include "config/route_rights.h"
#include "config/table_template.h"
#include "runtime/load_config.h"
#include "runtime/subcommands.h"
#include "sink/server_check.h"

namespace sluice::runtime {
namespace {

// In the order in which PostgreSQL's manual lists them.
constexpr auto all_rights = std::to_array<std::string_view>({"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"});

// What a route's table comes to. A placeholder stands for any name.
struct Target {
  std::string schema;  // empty: by the search path
  std::string table;   // empty: any table of the schema
  auto operator<=>(const Target&) const = default;
};

class Script {
 public:
  Script(const config::Pipeline& pipeline, const sink::LoginNames& names)
      : pipeline_(pipeline), user_(names.user), role_(quoted(names.user)), database_(names.database) {
    for (const auto& route : pipeline.routes) {
      add(route);
      for (const auto& child : route.children) add(child);
    }
  }

  void print() const {
    fmt::print(
        "-- What pipeline {} needs in PostgreSQL, and no more. Connect to database {} as the owner of the tables,\n"
        "-- or as a superuser; the role must exist: CREATE ROLE {} LOGIN;\n",
        pipeline_.name, database_, role_);
    // Batches above 3000 rows go through a temporary table; without TEMPORARY they are written by arrays.
    fmt::print("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {};\n", quoted(database_), role_);
    fmt::print("CREATE SCHEMA IF NOT EXISTS {0} AUTHORIZATION {1};\nGRANT USAGE, CREATE ON SCHEMA {0} TO {1};\n",
               quoted(pipeline_.postgres.schema), role_);
    for (const auto& schema : making_in_)
      fmt::print("-- evolve = \"tables\": it makes tables there, which are its own\nGRANT CREATE ON SCHEMA {} TO {};\n",
                 quoted(schema), role_);
    for (const auto& schema : schemas_) fmt::print("GRANT USAGE ON SCHEMA {} TO {};\n", quoted(schema), role_);
    for (const auto& [target, rights] : targets_) print(target, rights);
    if (pipeline_.limits.replica_lag.count() > 0 || pipeline_.limits.replica_bytes > 0)
      fmt::print("-- limits: it sees how far standbys are\nGRANT pg_monitor TO {};\n", role_);
    if (!pipeline_.jobs.empty())
      fmt::print(
          "-- jobs: what their SQL reads, writes and calls nobody can tell from here; grant that to {} as well\n",
          role_);
    for (const auto& note : notes_) fmt::print("-- {}\n", note);
    fmt::print(
        "-- An application asks what has taken effect by SELECT {0}.applied(topic, partition, record_offset); for that its\n"
        "-- role needs no more than: GRANT USAGE ON SCHEMA {0} TO its_role;\n",
        quoted(pipeline_.postgres.schema));
  }

 private:
  void add(const config::Route& route) {
    const auto [schema, table] = config::split_template(route.table);
    if (schema.empty() && config::has_placeholder(table)) {
      notes_.insert(fmt::format(
          "{}: the events name tables of the search path; for each schema of it: GRANT USAGE ON SCHEMA s TO "
          "{}; GRANT {} ON ALL TABLES IN SCHEMA s TO {};",
          route.table, role_, fmt::join(config::route_rights(route), ", "), role_));
      return;
    }
    const bool any_schema = config::has_placeholder(schema);
    const auto schemas = any_schema ? route.schemas : std::vector{std::string(schema)};
    for (const auto& one : schemas) {
      if (!one.empty()) schemas_.insert(one);
      auto& rights = targets_[target_of(one, any_schema, table)];
      for (const auto right : config::route_rights(route)) rights.insert(right);
      if (route.evolve != config::Evolve::none) evolving_.insert(target_of(one, any_schema, table));
      if (route.evolve != config::Evolve::tables) continue;
      made_.insert(target_of(one, any_schema, table));
      if (!one.empty()) making_in_.insert(one);
    }
  }

  static Target target_of(const std::string& schema, bool any_schema, std::string_view table) {
    return {schema, any_schema || config::has_placeholder(table) ? "" : std::string(table)};
  }

  // Of the table, if it is there, and of its partitions and children: who alters it has to own all of them.
  void print_owner(const std::string& table) const {
    fmt::print(R"(DO $grants$
DECLARE one regclass;
BEGIN
  FOR one IN
    WITH RECURSIVE family(id) AS (
      SELECT to_regclass({0})::oid
      UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN family ON i.inhparent = family.id)
    SELECT id FROM family WHERE id IS NOT NULL
  LOOP
    EXECUTE format('ALTER TABLE %s OWNER TO %I', one, {1});
  END LOOP;
END
$grants$;
)",
               literal(table), literal(user_));
  }

  // Only the owner of a table may alter it.
  void print_ownership(const Target& target) const {
    if (!evolving_.contains(target)) return;
    if (target.table.empty())
      fmt::print(
          "-- evolve: {} has to own each table that is to get columns, and its partitions: ALTER TABLE {}.t OWNER TO {};\n",
          role_, quoted(target.schema), role_);
    else {
      fmt::print("-- evolve: it adds columns, which only the owner may, of the partitions as well\n");
      print_owner(TableName{target.schema, target.table}.sql());
    }
  }

  void print(const Target& target, const std::set<std::string_view>& rights) const {
    std::vector<std::string_view> ordered;
    std::ranges::copy_if(all_rights, std::back_inserter(ordered), [&](auto right) { return rights.contains(right); });
    const bool inserts = rights.contains("INSERT");
    if (target.table.empty()) {
      fmt::print("-- the events name the tables; one that is made later needs the same\n");
      fmt::print("GRANT {} ON ALL TABLES IN SCHEMA {} TO {};\n", fmt::join(ordered, ", "), quoted(target.schema),
                 role_);
      if (inserts) fmt::print("GRANT USAGE ON ALL SEQUENCES IN SCHEMA {} TO {};\n", quoted(target.schema), role_);
      print_ownership(target);
      return;
    }
    const auto name = TableName{target.schema, target.table}.sql();
    if (made_.contains(target)) {
      print_owner(name);
      return print_sequences(name);
    }
    if (target.schema.empty())
      fmt::print("-- {} is found by the search path: run this with that of {}, which also needs USAGE on the schema\n",
                 name, role_);
    fmt::print("GRANT {} ON TABLE {} TO {};\n", fmt::join(ordered, ", "), name, role_);
    if (inserts) print_sequences(name);
    print_ownership(target);
  }

  // Those that a default of the table's columns draws from: `serial` has one, an identity column needs no privilege.
  void print_sequences(const std::string& table) const {
    fmt::print(R"(DO $grants$
DECLARE used regclass;
BEGIN
  FOR used IN
    SELECT d.refobjid FROM pg_catalog.pg_attrdef a
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = a.oid
    JOIN pg_catalog.pg_class c ON c.oid = d.refobjid AND c.relkind = 'S'
    WHERE d.refclassid = 'pg_catalog.pg_class'::regclass AND a.adrelid = to_regclass({})
  LOOP
    EXECUTE format('GRANT USAGE ON SEQUENCE %s TO %I', used, {});
  END LOOP;
END
$grants$;
)",
               literal(table), literal(user_));
  }

  static std::string literal(std::string_view text) {
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? "''" : std::string(1, c);
    return out + "'";
  }

  const config::Pipeline& pipeline_;
  const std::string user_, role_, database_;
  std::set<std::string> schemas_, notes_;
  std::map<Target, std::set<std::string_view>> targets_;
  std::set<Target> evolving_, made_;
  std::set<std::string> making_in_;
};

}  // namespace

int grants(const std::string& config_path) {
  const auto pipeline = load_config(config_path);
  if (!pipeline) return 2;
  const auto names = sink::login_names(pipeline->postgres.url);
  if (!names) {
    fmt::print(stderr, "error: {}\n", escape(names.error().message));
    return 2;
  }
  Script(*pipeline, *names).print();
  return 0;
}

}  // namespace sluice::runtime
