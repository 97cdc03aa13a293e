// What it costs to decode, fold and encode one event: batches of 2000 through a Mapper, taken as a lane takes them.
// Time is per batch; `per event` is CPU time per event, the figure to compare.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "mapping/mapper.h"

namespace {

using namespace sluice;

constexpr int batch = 2000;
constexpr int keys = 1500;  // so that some records of a batch are folded

std::shared_ptr<const Table> orders() {
  auto table = std::make_shared<Table>();
  table->name = table->sql_name = "public.orders";
  const auto add = [&](const char* name, Encoding encoding, const char* type) {
    Column column;
    column.name = name;
    column.encoding = encoding;
    column.type_name = column.declared = type;
    table->columns.push_back(column);
  };
  add("id", Encoding::int8, "int8");
  add("customer", Encoding::text, "text");
  add("status", Encoding::text, "text");
  add("placed_at", Encoding::timestamptz, "timestamptz");
  add("total", Encoding::numeric, "numeric");
  add("paid", Encoding::boolean, "bool");
  add("items", Encoding::int4, "int4");
  add("weight", Encoding::float8, "float8");
  add("note", Encoding::text, "text");
  table->key = {0};
  return table;
}

constexpr const char* note =
    "please leave it with the neighbours in the third floor if nobody is at home before noon, and ring twice";

std::string plain(int i) {
  return fmt::format(
      R"({{"id":{},"customer":"customer-{:08}","status":"shipped","placed_at":"2026-01-15T10:{:02}:42.123456Z",)"
      R"("total":{}.{:02},"paid":true,"items":{},"weight":{}.125,"note":"{}"}})",
      10'000'000 + i, i * 7, i % 60, i * 13, i % 100, i % 50, i % 900, note);
}

std::string field(const char* type, const char* name, const char* more = "") {
  return fmt::format(R"({{"type":"{}","optional":true{},"field":"{}"}})", type, more, name);
}

std::string connect(int i) {
  const std::string schema =
      field("int64", "id") + "," + field("string", "customer") + "," + field("string", "status") + "," +
      field("int64", "placed_at", R"(,"name":"io.debezium.time.MicroTimestamp","version":1)") + "," +
      field("bytes", "total",
            R"(,"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2"})") +
      "," + field("boolean", "paid") + "," + field("int32", "items") + "," + field("double", "weight") + "," +
      field("string", "note");
  return fmt::format(
      R"({{"schema":{{"type":"struct","fields":[{}],"optional":false,"name":"shop.orders.Value"}},"payload":)"
      R"({{"id":{},"customer":"customer-{:08}","status":"shipped","placed_at":{},"total":"{}","paid":true,)"
      R"("items":{},"weight":{}.125,"note":"{}"}}}})",
      schema, 10'000'000 + i, i * 7, 1768471200000000 + i * 1000003LL, i % 2 ? "BNI=" : "ASNFZw==", i % 50, i % 900,
      note);
}

std::string debezium(int i) {
  return fmt::format(
      R"({{"before":null,"after":{},"source":{{"version":"3.5.0.Final","connector":"postgresql","name":"shop",)"
      R"("ts_ms":1795256582898,"snapshot":"false","db":"shop","sequence":"[null,\"14356090624\"]","schema":"public",)"
      R"("table":"orders","txId":20638,"lsn":14356090624,"xmin":null}},"transaction":null,"op":"c","ts_ms":1795256583169}})",
      plain(i));
}

void map(benchmark::State& state, std::string (*event)(int)) {
  auto pipeline = std::make_shared<config::Pipeline>();
  config::Route route;
  route.topics = {"shop.orders"};
  route.table = "public.orders";
  route.key = {"id"};
  pipeline->routes = {route};
  mapping::Mapper mapper(pipeline);
  const TopicPartition at{"shop.orders", 0};
  mapper.set_table({&pipeline->routes[0], "public.orders"}, orders());
  std::vector<std::string> values, names;
  for (int i = 0; i < batch; ++i) {
    values.push_back(event(i % keys));
    names.push_back(fmt::format(R"({{"id":{}}})", 10'000'000 + i % keys));
  }
  std::size_t bytes = 0;
  mapping::ChangeSet set;
  for (auto _ : state) {
    bytes = 0;
    set.clear();
    for (std::size_t i = 0; i < batch; ++i) {
      Record record;
      record.at = &at;
      record.key = names[i];
      record.value = values[i];
      bytes += record.value->size();
      if (!mapper.map(record, set)) return state.SkipWithError("the table is not known");
    }
    const Changes& changes = set.changes();
    if (changes.rows != keys || !changes.dead.empty()) {
      const std::string why = changes.dead.empty() ? "wrong number of rows" : changes.dead[0].reason;
      return state.SkipWithError(why.c_str());
    }
  }
  state.counters["per event"] =
      benchmark::Counter(batch, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
  state.counters["bytes per event"] = static_cast<double>(bytes) / batch;
}

BENCHMARK_CAPTURE(map, plain_json, plain);
BENCHMARK_CAPTURE(map, connect_json_with_schema, connect);
BENCHMARK_CAPTURE(map, debezium_envelope, debezium);

}  // namespace

BENCHMARK_MAIN();
