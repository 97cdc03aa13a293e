#include "config/settings.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/expression/row_condition.h"
#include "config/setting_field.h"
#include "config/validators.h"

namespace sluice::config {

namespace {

using enum Type;

std::vector<Setting> general() {
  return {
      {.name = "pipeline",
       .field = in<&Pipeline::name>(),
       .help = "Names the pointer rows, so it must stay the same from one start to the next. Instances with the "
               "same name and group share the work.",
       .example = R"("shop")",
       .required = true,
       .check = check_pipeline},
  };
}

std::vector<Setting> kafka() {
  return {
      {.section = "kafka",
       .name = "brokers",
       .field = in<&Pipeline::kafka, &Kafka::brokers>(),
       .help = "Some brokers of the cluster, separated by commas; the others are found through them.",
       .example = R"("127.0.0.1:9092")",
       .required = true,
       .check = check_brokers},
      {.section = "kafka",
       .name = "group",
       .field = in<&Pipeline::kafka, &Kafka::group>(),
       .help = "The consumer group.",
       .example = R"("sluice-shop")",
       .computed = "sluice-PIPELINE",
       .check = check_group},
      {.section = "kafka",
       .name = "start",
       .type = choice,
       .field = in<&Pipeline::kafka, &Kafka::start>(),
       .help =
           "Where a partition without a pointer begins; one with a pointer always resumes there. With stop it "
           "waits for a decision. A partition or topic that appears while the service runs is read from its beginning.",
       .choices = {"earliest", "latest", "stop"}},
      {.section = "kafka",
       .name = "strategy",
       .type = choice,
       .field = in<&Pipeline::kafka, &Kafka::strategy>(),
       .help = "How the group shares its partitions; all members need the same.",
       .choices = {"range", "cooperative-sticky"}},
      {.section = "kafka",
       .name = "instance",
       .field = in<&Pipeline::kafka, &Kafka::instance>(),
       .help = "A name, different for each instance, makes the membership static: after a restart within the "
               "session timeout, also after kill -9, the instance gets its partitions back at once. Empty: dynamic "
               "membership.",
       .check = check_instance},
      {.section = "kafka",
       .name = "properties",
       .type = properties,
       .field = in<&Pipeline::kafka, &Kafka::properties>(),
       .help = "Any other property of librdkafka: TLS, SASL, timeouts. Properties that the delivery guarantee "
               "depends on are refused. All values are treated as secret.",
       .example = R"("security.protocol" = "SASL_SSL")"},
  };
}

std::vector<Setting> postgres_and_batch() {
  return {
      {.section = "postgres",
       .name = "url",
       .type = connection,
       .field = in<&Pipeline::postgres, &Postgres::url>(),
       .help = "A URI or key=value pairs as libpq reads them; several hosts are allowed. Keep a password out of the "
               "file with ${credential:NAME}, ${file:/path} or ${env:NAME}.",
       .example = R"("postgresql://app@127.0.0.1:5432/shop")",
       .required = true,
       .check = check_postgres_url},
      {.section = "postgres",
       .name = "schema",
       .field = in<&Pipeline::postgres, &Postgres::schema>(),
       .help = "Schema of Sluice's own tables: pointers, dead letters, audit.",
       .check = check_schema},
      {.section = "postgres",
       .name = "lanes",
       .type = integer,
       .field = in<&Pipeline::postgres, &Postgres::lanes>(),
       .help = "Writer connections, each with a thread of its own.",
       .unit = "connections",
       .least = 1,
       .most = 64},
      {.section = "batch",
       .name = "rows",
       .type = integer,
       .field = in<&Pipeline::batch, &Batch::rows>(),
       .help = "A batch is due at this number of records, at `bytes` or after `linger`, whichever comes first.",
       .unit = "records",
       .least = 1,
       .most = 100'000},
      {.section = "batch",
       .name = "bytes",
       .type = size,
       .field = in<&Pipeline::batch, &Batch::bytes>(),
       .help = "Keys and values of a batch together.",
       .least = 64 << 10,
       .most = 256 << 20},
      {.section = "batch",
       .name = "linger",
       .type = duration,
       .field = in<&Pipeline::batch, &Batch::linger>(),
       .help = "How long an idle lane waits for more records after the first one; while a transaction runs, the "
               "next batch collects anyway.",
       .least = 0,
       .most = 10'000},
      {.section = "batch",
       .name = "adaptive",
       .type = boolean,
       .field = in<&Pipeline::batch, &Batch::adaptive>(),
       .help = "Adapts `rows` to what is fastest, between 100 and 20000."},
  };
}

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

std::vector<Setting> route_policy() {
  return {
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
       .help = "A field path, such as updated_at or @source.lsn: an event never changes a row of a newer version. The "
               "column of the path's last name keeps the version. Empty: rows take what comes last. See versions.md.",
       .check = check_version},
      {.section = "route",
       .name = "truncate",
       .type = choice,
       .field = in<&Route::on_truncate>(),
       .help = "What a truncate event does.",
       .choices = {"ignore", "apply"}},
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
           "there. `unknown_fields` then decides nothing. See evolution.md.",
       .choices = {"none", "columns", "tables"}},
      {.section = "route",
       .name = "on_error",
       .type = choice,
       .field = in<&Route::on_error>(),
       .help = "What a record that cannot be applied does: it becomes a dead letter, or stops its partition in "
               "state poison.",
       .choices = {"dead_letter", "stop"}},
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

std::vector<Setting> registry() {
  return {
      {.section = "registry",
       .name = "url",
       .type = urls,
       .field = in<&Pipeline::registry, &Registry::url>(),
       .help =
           "Where the schema registry's API (Confluent's) is, http://HOST:PORT or https://HOST:PORT, with its path if "
           "it has one; several URLs of the same registry are separated by commas. May hold user:password@, best by "
           "${credential:NAME}. Empty: records with a schema's number cannot be read.",
       .check = check_registry_url},
      {.section = "registry",
       .name = "ca",
       .field = in<&Pipeline::registry, &Registry::ca>(),
       .help = "File of the certificate authorities (PEM) that https trusts; empty: the system's.",
       .check = check_optional_path},
      {.section = "registry",
       .name = "cert",
       .field = in<&Pipeline::registry, &Registry::cert>(),
       .help = "File of the client certificate (PEM) for a registry that wants one; needs `key`.",
       .check = check_optional_path},
      {.section = "registry",
       .name = "key",
       .field = in<&Pipeline::registry, &Registry::key>(),
       .help = "File of the client certificate's key (PEM).",
       .check = check_optional_path},
      {.section = "registry",
       .name = "timeout",
       .type = duration,
       .field = in<&Pipeline::registry, &Registry::timeout>(),
       .help =
           "How long one question may take, for each URL and each document that a schema refers to. Partitions that "
           "still lack a schema after this time are in state schema until the registry answers.",
       .least = 100,
       .most = 60'000},
  };
}

std::vector<Setting> dead_letters() {
  return {
      {.section = "dead_letters",
       .name = "keep",
       .type = duration,
       .field = in<&Pipeline::dead_letters, &DeadLetters::keep>(),
       .help = "How long resolved dead letters and the rows of the audit trail are kept; open letters always are. "
               "Empty: for ever.",
       .least = 3'600'000,
       .most = 3650LL * 86'400'000,
       .may_be_empty = true},
      {.section = "dead_letters",
       .name = "values",
       .type = boolean,
       .field = in<&Pipeline::dead_letters, &DeadLetters::values>(),
       .help = "With false a letter keeps key, place and reason, not the record's value and headers nor the reason's "
               "detail; a replay reads the record from Kafka then."},
  };
}

std::vector<Setting> surroundings() {
  return {
      {.section = "console",
       .name = "listen",
       .field = in<&Pipeline::console, &Console::listen>(),
       .help =
           "Where the SSH console listens, HOST:PORT, or unix:/path for a socket that its owner and group reach; empty "
           "switches it off.",
       .check = check_console_listen},
      {.section = "console",
       .name = "user",
       .field = in<&Pipeline::console, &Console::user>(),
       .help = "The only user name that may log in.",
       .check = check_user},
      {.section = "console",
       .name = "host_key",
       .field = in<&Pipeline::console, &Console::host_key>(),
       .help =
           "The server's key: a file, created on first start and readable by its owner only, or the key itself, such "
           "as ${credential:host_key}.",
       .check = check_path},
      {.section = "console",
       .name = "keys",
       .field = in<&Pipeline::console, &Console::keys>(),
       .help = "File of the keys that may log in, in the syntax of authorized_keys with the option "
               "role=\"viewer|operator|admin\".",
       .check = check_path},
      {.section = "http",
       .name = "listen",
       .field = in<&Pipeline::http, &Http::listen>(),
       .help = "Where /metrics, /healthz and /readyz are served, HOST:PORT; empty switches it off.",
       .check = check_listen},
      {.section = "log",
       .name = "level",
       .type = choice,
       .field = in<&Pipeline::log, &Log::level>(),
       .help = "Minimum level that is logged.",
       .choices = {"debug", "info", "warning", "error"},
       .reloadable = true},
      {.section = "log",
       .name = "format",
       .type = choice,
       .field = in<&Pipeline::log, &Log::format>(),
       .help = "For people, or one JSON object per line.",
       .choices = {"text", "json"},
       .reloadable = true},
  };
}

}  // namespace

std::string Setting::key() const {
  return section.empty() ? std::string(name) : std::string(section) + '.' + std::string(name);
}

std::span<const Setting> settings() {
  static const std::vector<Setting> all = [] {
    std::vector<Setting> table;
    for (auto part : {general, kafka, postgres_and_batch, route_source, route_policy, route_values, route_columns,
                      registry, dead_letters, surroundings})
      std::ranges::move(part(), std::back_inserter(table));
    return table;
  }();
  return all;
}

}  // namespace sluice::config
