// What a route takes, where it writes and by which rules; its columns and values have files of their own.
#include "base/expression/row_condition.h"
#include "config/setting_field.h"
#include "config/validators.h"

namespace sluice::config {

using enum Type;

std::vector<Setting> route_source() {
  return {
      {.section = "route",
       .name = "topics",
       .type = strings,
       .field = in<&Route::topics>(),
       .help = "Names, or regular expressions (RE2) that begin with ^.",
       .example = R"(["shop.orders"])",
       .required = true,
       .check = check_topic},
      {.section = "route",
       .name = "format",
       .type = choice,
       .field = in<&Route::format>(),
       .help =
           "Format of the values; auto detects it for each record. avro, json-schema and protobuf are frames of a "
           "schema registry, which auto and debezium take as well, and json those with a JSON Schema. To json every object "
           "is a row, even if it looks like a change event. Keys are recognised by themselves. See formats.md.",
       .choices = {"auto", "json", "connect-json", "debezium", "cloudevents", "avro", "json-schema", "protobuf"}},
      {.section = "route",
       .name = "table",
       .field = in<&Route::table>(),
       .help = "The target, schema.table. May use {topic}, {source.db}, {source.schema}, {source.table}, and {1} to "
               "{9} from the regular expression. A placeholder's value is one identifier and never adds a dot. "
               "Sluice's own schema and PostgreSQL's are refused.",
       .example = R"("public.orders")",
       .required = true},
      {.section = "route",
       .name = "mode",
       .type = choice,
       .field = in<&Route::mode>(),
       .help = "What a write does if the key exists already, or if it does not.",
       .choices = {"upsert", "insert", "update"}},
      {.section = "route",
       .name = "key",
       .type = strings,
       .field = in<&Route::key>(),
       .help = "The key's columns. Required unless mode is insert, where [] means none.",
       .example = R"(["id"])",
       .check = check_column},
      {.section = "route",
       .name = "key_from",
       .type = choice,
       .field = in<&Route::key_from>(),
       .help = "Where the key comes from. auto: the record's key if it is an object with the key columns, or a "
               "scalar for a single key column; otherwise the fields of the value. Where both carry the key they must "
               "agree, or the record is refused. header: record headers with the names of the columns. kafka: the "
               "columns kafka_topic, kafka_partition and kafka_offset. none: no key, as with key = [].",
       .choices = {"auto", "record_key", "record_value", "header", "kafka", "none"}},
      {.section = "route",
       .name = "schemas",
       .type = strings,
       .field = in<&Route::schemas>(),
       .help = "The schemas that an event may name. Required where the schema part of `table` has a placeholder; an "
               "event that names another one is refused.",
       .check = check_target_schema},
  };
}

std::vector<Setting> route_effects() {
  return {
      {.section = "route",
       .name = "continue",
       .type = boolean,
       .field = in<&Route::continues>(),
       .help = "true: routes behind this one may take the same topic, too, so that one event is written to several "
               "tables, all in one transaction. false: it is the last that takes its topics. See tables.md."},
      {.section = "route",
       .name = "delete",
       .field = in<&Route::on_delete>(),
       .help =
           "What a delete event or a tombstone does: apply, ignore, or soft:COLUMN, which marks the row in a boolean, "
           "date or timestamp column instead of removing it. See versions.md.",
       .check = check_delete},
      {.section = "route",
       .name = "delete_when",
       .type = expression,
       .field = in<&Route::delete_when>(),
       .help =
           "An expression: a row for which it holds is a delete. For flattened change events, whose mark need not be "
           "a column: __deleted = 'true'. See expressions.md."},
      {.section = "route",
       .name = "filter",
       .type = expression,
       .field = in<&Route::filter>(),
       .help = "An expression: events for which it does not hold are skipped. A delete is judged by the fields that it "
               "carries. See expressions.md."},
      {.section = "route",
       .name = "where",
       .type = expression,
       .field = in<&Route::where>(),
       .help =
           "An expression about the table's columns: the table holds exactly the rows for which it holds, and a row "
           "that stops matching is deleted. See expressions.md.",
       .check_expression = unfit_for_rows},
      {.section = "route",
       .name = "version",
       .field = in<&Route::version>(),
       .help =
           "A field path, such as updated_at or @source.lsn: an event never changes a row of a newer version. The "
           "column of the path's last name keeps the version. Rows of children follow their parent's. Empty: rows take what "
           "comes last. See versions.md.",
       .check = check_version},
      {.section = "route",
       .name = "truncate",
       .type = choice,
       .field = in<&Route::on_truncate>(),
       .help = "What a truncate event does.",
       .choices = {"ignore", "apply"}},
  };
}

std::vector<Setting> route_policy() {
  return {
      {.section = "route",
       .name = "unknown_fields",
       .type = choice,
       .field = in<&Route::unknown_fields>(),
       .help = "What a field without a column does: it makes the record a dead letter, or is left out.",
       .choices = {"reject", "ignore"}},
      {.section = "route",
       .name = "evolve",
       .type = choice,
       .field = in<&Route::evolve>(),
       .help =
           "Whether the table follows the events. columns: a field without a column becomes one, before its batch "
           "is written; columns are widened, and may be NULL, where the event's schema says so; the role must own the table. "
           "tables: a table that is missing is made as well, in a schema that is "
           "there. Tables of the route's children follow the elements of their arrays in the same way. "
           "`unknown_fields` then decides nothing. See evolution.md.",
       .choices = {"none", "columns", "tables"}},
      {.section = "route",
       .name = "vanished",
       .type = choice,
       .field = in<&Route::vanished>(),
       .help =
           "What a column does that the events' schema does not have: it keeps what it holds, or stops the partition in "
           "front of the record, in state schema. Columns with a default, those that the server or `columns.add` fills, and "
           "those that `columns` leaves out do not count. Events without a schema say nothing of it. See evolution.md.",
       .choices = {"keep", "stop"}},
      {.section = "route",
       .name = "on_error",
       .type = choice,
       .field = in<&Route::on_error>(),
       .help = "What a record that cannot be applied does: it becomes a dead letter, or stops its partition in "
               "state poison.",
       .choices = {"dead_letter", "stop"}},
      {.section = "route",
       .name = "fk_wait",
       .type = duration,
       .field = in<&Route::fk_wait>(),
       .help =
           "How long a row that a foreign key refuses (SQLSTATE 23503) may wait for the row of another topic that it "
           "needs, before it becomes a dead letter. Its partition waits with it, others go on; a restart begins anew.",
       .least = 0,
       .most = 3'600'000},
      {.section = "route",
       .name = "max_dead_letters",
       .type = integer,
       .field = in<&Route::max_dead_letters>(),
       .help = "Limit above which the partition stops in state poison, instead of filling the table of dead letters.",
       .unit = "records per minute",
       .least = 0,
       .most = 1'000'000},
  };
}

}  // namespace sluice::config
