// docs/from-kafka-connect.md, from the tables that the converter works off.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <vector>

#include "runtime/init/conversion.h"
#include "runtime/init/sink_settings.h"

namespace sluice::runtime {
namespace {

constexpr std::string_view head = R"(# From Kafka Connect

This page is made by `sluice config connect` from the tables that the converter works off, `runtime/init/*_settings.cc`; a test
compares the two.

```
sluice init --from-connect orders-sink.json --brokers 127.0.0.1:9092 > orders.toml
sluice check --config orders.toml --connect
```

`init --from-connect` reads the configuration of a JDBC sink and prints the equivalent one of Sluice, as a whole file. The sinks
are Debezium's (`io.debezium.connector.jdbc.JdbcSinkConnector`), Confluent's (`io.confluent.connect.jdbc.JdbcSinkConnector`) and
Aiven's (`io.aiven.connect.jdbc.JdbcSinkConnector`). The file is a `.properties` file or JSON: the settings alone, or
`{"name": …, "config": {…}}` as Connect's REST API takes and returns them.

* No connection is made, and no secret is printed: passwords become references, and the first comments of the result say which
  one stands for what.
* Each setting without an equivalent is a comment line at the end, with the reason.
* What the file cannot say (the fields of a record key, the brokers, a registry that the worker knows) is a value that `check`
  accepts, below a comment that says so.
* What is wrong with the file is one line, `FILE:LINE: what is wrong; what to do`, and the exit code 2.

## Take over

Connect keeps a sink's positions in the group `connect-NAME`, or in that of `consumer.override.group.id`, and the result says
`start = "group:connect-NAME"`: Sluice begins each partition where the sink has committed. So:

1. `sluice check --config FILE --connect`: says of each topic how many partitions the group has committed in.
2. Stop the connector (`PUT /connectors/NAME/stop`, or delete it): Sluice and the sink must not write at the same time, so Sluice
   waits as long as the group has members, and goes on by itself once they have left.
3. Start Sluice, within `offsets.retention.minutes` (a week unless the brokers say otherwise): after that Kafka forgets a group that
   nobody uses.

From then on the pointers in PostgreSQL count: the group is not looked at again, and `kafka.start` may be left out. Do not start the
connector again. The sink may have written records behind its last commit; with a key, applying them once more changes nothing. The
whole of it, and what happens where the log does not hold a position, is in [operations](operations.md#take-over-from-another-consumer).

)";

std::string sinks_of(unsigned sinks) {
  if (sinks == any_sink) return "all";
  std::vector<std::string_view> names;
  for (const auto kind : {SinkKind::debezium, SinkKind::confluent, SinkKind::aiven})
    if (sinks & static_cast<unsigned>(kind)) names.push_back(sink_name(kind));
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string setting_name(std::string_view name) {
  return fmt::format("`{}{}`", name, name.ends_with('.') ? "*" : "");
}

std::string cell(std::string_view becomes, bool taken) {
  if (!becomes.empty()) return fmt::format("`{}`", becomes);
  return taken ? "nothing needed" : "none";
}

// A reason as it stands in a table: it begins with a capital, unless it begins with a setting's name.
std::string sentence(std::string_view text) {
  const bool setting = text.substr(0, text.find(' ')).contains('.');
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += out.empty() && !setting && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return out;
}

std::string table_of(std::string_view title, std::span<const SinkSetting> rows) {
  auto text = fmt::format("## {}\n\n| setting | sinks | becomes | how, or why not |\n|---|---|---|---|\n", title);
  for (const auto& row : rows)
    text += fmt::format("| {} | {} | {} | {} |\n", setting_name(row.name), sinks_of(row.sinks),
                        cell(row.becomes, row.apply != nullptr), sentence(row.text));
  return text + '\n';
}

}  // namespace

std::string connect_reference() {
  std::string text(head);
  text += table_of("Kafka Connect's own settings", connect_settings());
  text += table_of("Connections", connection_settings());
  text += table_of("Writing", write_settings());
  text += "## Converters\n\n| class ends in | `format` | remark |\n|---|---|---|\n";
  for (const auto& one : converter_formats())
    text += fmt::format("| `{}` | `{}` | {} |\n", one.type, one.format, sentence(one.text));
  text += "\n## Transforms\n\n| class ends in | becomes | how |\n|---|---|---|\n";
  for (const auto& one : transform_settings())
    text += fmt::format("| `{}` | {} | {} |\n", one.type, cell(one.becomes, true), sentence(one.text));
  text += "\nAny other transform has no equivalent, nor have predicates.\n\n";
  text += table_of("Other settings of the chain", chain_settings());
  text.pop_back();
  return text;
}

}  // namespace sluice::runtime
