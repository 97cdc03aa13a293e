// The configuration as the program uses it: plain, validated values.
//
// Made once by config::load (config/load.h) from the table of settings (config/settings.h); shared read-only by every
// thread. The initialisers here are the defaults that the sample, the reference page and the parser use; enumerators
// are in the order of the choices in the table. Pointers to a Route stay valid as long as the Pipeline lives.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/expression/expression.h"
#include "base/secret.h"
#include "base/table.h"
#include "base/value_policies.h"
#include "config/hooks.h"

namespace sluice::config {

enum class Start { earliest, latest, stop, group };
enum class Strategy { range, cooperative_sticky };
enum class Format { automatic, json, connect_json, debezium, cloudevents, avro, json_schema, protobuf };
// Values of this format are frames of a schema registry and nothing else.
constexpr bool is_framed(Format format) {
  return format == Format::avro || format == Format::json_schema || format == Format::protobuf;
}
using Mode = WriteMode;
enum class KeyFrom { automatic, record_key, record_value, header, kafka, none };
enum class OnDelete { apply, ignore, soft };
enum class OnTruncate { ignore, apply };
enum class UnknownFields { reject, ignore };
enum class Evolve { none, columns, tables };  // what of a table follows the events
enum class Vanished { keep, stop };           // what a column does that the events' schema does not have
enum class OnError { dead_letter, stop };
enum class Transactions { none, source };  // what of the source's transactions is kept

// What a delete does, and for a soft one which column it marks.
struct DeleteRule {
  OnDelete what = OnDelete::apply;
  std::string marker = {};

  DeleteRule() = default;
  DeleteRule(OnDelete rule, std::string column = {}) : what(rule), marker(std::move(column)) {}
  bool operator==(OnDelete rule) const { return what == rule; }
};

// Where a partition without a pointer begins, and for a take-over whose positions count.
struct StartRule {
  Start what = Start::earliest;
  std::string group = {};

  StartRule() = default;
  StartRule(Start rule, std::string name = {}) : what(rule), group(std::move(name)) {}
  bool operator==(Start rule) const { return what == rule; }
};

// Where an event says which version of its row it brings, and the column that keeps it: the last name of the path.
struct VersionPath {
  bool of_source = false;  // in the event's source block, not in its row
  std::vector<std::string> names;
  std::string flattened = {};  // derived: the column, where nested objects are taken apart

  bool empty() const { return names.empty(); }
  const std::string& column() const { return flattened.empty() ? names.back() : flattened; }
  std::string text() const;
  // Reads "updated_at", "meta.version", "@source.lsn"; empty for what is none of these.
  static VersionPath parse(std::string_view text);
};

struct Kafka {
  std::string brokers;
  std::string group;
  StartRule start;
  Strategy strategy = Strategy::range;
  std::string instance;
  std::map<std::string, Secret> properties;  // any may hold a password, so all are masked
};

struct Postgres {
  Secret url;
  std::string shown_url;  // derived: with host, port, database, user and sslmode, all else masked
  std::string schema = "sluice";
  int lanes = 2;
};

struct Batch {
  int rows = 2000;
  std::size_t bytes = 8u << 20;
  std::chrono::milliseconds linger{5};
  bool adaptive = true;
};

// Which fields of an event become which columns, and what the record itself adds to them.
struct Columns {
  std::vector<std::string> include = {};  // fields; empty: all
  std::vector<std::string> exclude = {};
  std::map<std::string, std::string> rename = {};  // field to column
  std::map<std::string, std::string> add = {};     // column to what it holds: parse_column_source
};

struct Route {
  std::vector<std::string> topics;  // names, or regular expressions that begin with ^
  Format format = Format::automatic;
  std::string table;
  Mode mode = Mode::upsert;
  std::vector<std::string> key;  // empty = none, insert mode only
  KeyFrom key_from = KeyFrom::automatic;
  std::vector<std::string> schemas;  // that a placeholder in the table's schema part may name
  DeleteRule on_delete;
  Expression delete_when;  // a written row for which it holds is a delete
  Expression filter;       // events for which it does not hold are skipped
  Expression where;        // rows for which it does not hold are not in the table
  VersionPath version;     // empty: no guard
  OnTruncate on_truncate = OnTruncate::ignore;
  UnknownFields unknown_fields = UnknownFields::reject;
  Evolve evolve = Evolve::none;
  Vanished vanished = Vanished::keep;
  std::string flatten;  // stands between the names of nested objects and their fields; empty: they stay as they are
  Columns columns;
  ValuePolicies values;  // what values become that a column cannot hold as they are
  OnError on_error = OnError::dead_letter;
  int max_dead_letters = 1000;           // per minute
  std::chrono::milliseconds fk_wait{0};  // for a row that a foreign key asks for
  bool continues = false;                // routes behind it may take the same topics, too
  bool shares_table = false;             // derived: more than one topic may be written to the table
  bool interleaves = false;              // derived: a record may be written to the table by another route as well
  std::set<std::string> referenced;      // settings whose text holds a reference: never shown

  // Tables that hold an array of the row, one row for each of its elements: routes of their own, whose row is the
  // element. A child has the parent's rules, a path, and no topics.
  std::vector<Route> children;
  std::string path;                          // of a child: where the array is in the parent's row, a.b
  std::map<std::string, std::string> fills;  // of a child: column to its source, a ChildSource as text
};

struct DeadLetters {
  std::chrono::milliseconds keep = std::chrono::days(90);  // 0: for ever
  bool values = true;
};

struct Consistency {
  Transactions transactions = Transactions::none;
  std::string topic;  // of the transactions' metadata
  std::chrono::milliseconds timeout{60'000};

  bool whole() const { return transactions == Transactions::source; }
};

struct Limits {
  int rows_per_second = 0;  // 0: none
  std::chrono::milliseconds replica_lag{0};
  std::size_t replica_bytes = 0;
};

struct Registry {
  Secret url;  // several separated by commas; empty = none
  std::string ca;
  std::string cert, key;
  std::chrono::milliseconds timeout{5000};
};

struct Verify {
  std::chrono::milliseconds every{0};  // 0: off
};

// Idempotent SQL that runs after commits to tables of the pipeline's routes.
struct Job {
  std::string name;
  std::string sql;
  std::vector<std::string> after;         // tables, as a route or a child could name them
  std::chrono::milliseconds every{5000};  // from the beginning of one run to that of the next, at least
  std::chrono::milliseconds timeout = std::chrono::minutes(10);
};

struct Console {
  bool given = false;  // the file has a section [console]
  std::string listen = "127.0.0.1:2222";
  std::string user = "ops";
  std::string host_key = "/var/lib/sluice/host_ed25519";
  std::string keys = "/etc/sluice/authorized_keys";
};

struct Http {
  std::string listen = "127.0.0.1:9187";  // empty = off
};

struct Log {
  std::string level = "info";
  std::string format = "text";
};

struct Pipeline {
  std::string file;  // that it was read from
  std::string name;
  Kafka kafka;
  Postgres postgres;
  Batch batch;
  std::vector<Route> routes;
  Limits limits;
  Registry registry;
  DeadLetters dead_letters;
  std::vector<Hook> hooks;
  Verify verify;
  Consistency consistency;
  std::vector<Job> jobs;
  Console console;
  Http http;
  Log log;
  std::set<std::string> referenced;       // settings whose text holds a reference: never shown
  std::vector<std::string> secret_files;  // derived: see secret_files.h

  // Transactions of the source, kept whole, have one order, so one lane applies them.
  int lanes_used() const { return consistency.whole() ? 1 : postgres.lanes; }
};

}  // namespace sluice::config
