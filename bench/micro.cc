// What it costs to decode, fold and encode one event: batches of 2000 through a Mapper, taken as a lane takes them.
// Time is per batch; `per event` is CPU time per event, the figure to compare.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "bench/events.h"
#include "mapping/mapper.h"

namespace {

using namespace sluice;

constexpr int batch = 2000;
constexpr int keys = 1500;  // so that some records of a batch are folded

std::shared_ptr<const config::Pipeline> one_route() {
  auto pipeline = std::make_shared<config::Pipeline>();
  pipeline->registry.url = Secret("http://127.0.0.1:1");  // is never asked: the schema is there beforehand
  config::Route route;
  route.topics = {"shop.orders"};
  route.table = "public.orders";
  route.key = {"id"};
  pipeline->routes = {route};
  return pipeline;
}

void map(benchmark::State& state, std::string (*event)(int), RegisteredSchema (*schema)()) {
  const auto pipeline = one_route();
  mapping::Mapper mapper(pipeline);
  const TopicPartition at{"shop.orders", 0};
  mapper.set_table({&pipeline->routes[0], "public.orders"}, bench::orders());
  if (schema) mapper.set_schema({.low = bench::schema_number}, schema());
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
      if (!mapper.map(record, set)) return state.SkipWithError("the table or the schema is not known");
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

BENCHMARK_CAPTURE(map, plain_json, bench::plain, nullptr);
BENCHMARK_CAPTURE(map, connect_json_with_schema, bench::connect, nullptr);
BENCHMARK_CAPTURE(map, debezium_envelope, bench::debezium, nullptr);
BENCHMARK_CAPTURE(map, debezium_with_schema, bench::debezium_with_schema, nullptr);
BENCHMARK_CAPTURE(map, avro, bench::avro, bench::avro_schema);
BENCHMARK_CAPTURE(map, protobuf, bench::protobuf, bench::protobuf_schema);
BENCHMARK_CAPTURE(map, json_schema, bench::json_schema, bench::json_schema_schema);

}  // namespace

BENCHMARK_MAIN();
