#include "config/settings.h"

#include <algorithm>
#include <array>
#include <iterator>

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
       .field = in<&Pipeline::kafka, &Kafka::start>(),
       .help =
           "Where a partition without a pointer begins: earliest, latest, stop, or group:NAME; one with a pointer always "
           "resumes there. With stop it waits for a decision. With group:NAME it takes over, once, where another consumer "
           "group has committed, such as connect-NAME of a Kafka Connect sink, and begins at its first record where that "
           "group has committed nothing; it waits while the group has members, or does not exist. A partition or topic "
           "that appears while the service runs is read from its beginning. See operations.md.",
       .check = check_start},
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
       .most = 100'000,
       .reloadable = true},
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
       .most = 10'000,
       .reloadable = true},
      {.section = "batch",
       .name = "adaptive",
       .type = boolean,
       .field = in<&Pipeline::batch, &Batch::adaptive>(),
       .help = "Adapts `rows` to what is fastest, between 100 and 20000.",
       .reloadable = true},
  };
}

}  // namespace

std::string Setting::key() const {
  return section.empty() ? std::string(name) : std::string(section) + '.' + std::string(name);
}

bool is_repeated(std::string_view section) {
  return section == "route" || section == "route.child" || section == "notify" || section == "job";
}

std::span<const Setting> settings() {
  static const std::vector<Setting> all = [] {
    std::vector<Setting> table;
    for (auto part :
         {general, kafka, postgres_and_batch, route_source, route_effects, route_policy, route_values, route_columns,
          route_child, registry, limits, dead_letters, hooks, consistency, jobs, surroundings})
      std::ranges::move(part(), std::back_inserter(table));
    return table;
  }();
  return all;
}

}  // namespace sluice::config
