#include "bench/events.h"

#include <fmt/format.h>

#include <bit>
#include <string_view>

namespace sluice::bench {
namespace {

constexpr std::string_view note =
    "please leave it with the neighbours in the third floor if nobody is at home before noon, and ring twice";

// 2026-01-15T10:00:42.123456Z and `i` modulo 60 minutes behind it.
constexpr std::int64_t first_second = 1'768'471'242;
constexpr std::int64_t fraction_micros = 123'456;
std::int64_t second_of(int i) {
  return first_second + i % 60 * 60;
}
std::int64_t micros_of(int i) {
  return second_of(i) * 1'000'000 + fraction_micros;
}
int id_of(int i) {
  return 10'000'000 + i;
}
std::string customer_of(int i) {
  return fmt::format("customer-{:08}", i * 7);
}
double weight_of(int i) {
  return i % 900 + 0.125;
}

// The total in hundredths, as a number in two's complement with its highest byte first.
std::string total_bytes(int i) {
  const int hundredths = i * 13 * 100 + i % 100;
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(hundredths >> shift));
  return bytes;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  unsigned bits = 0;
  int count = 0;
  for (const char byte : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(byte);
    for (count += 8; count >= 6; count -= 6) text.push_back(digits[bits >> (count - 6) & 63]);
  }
  if (count > 0) text.push_back(digits[bits << (6 - count) & 63]);
  text.resize((text.size() + 3) / 4 * 4, '=');
  return text;
}

std::string varint(std::uint64_t bits) {
  std::string bytes;
  for (; bits >= 0x80; bits >>= 7) bytes.push_back(static_cast<char>(bits | 0x80));
  bytes.push_back(static_cast<char>(bits));
  return bytes;
}

std::string eight_bytes(double number) {
  const auto bits = std::bit_cast<std::uint64_t>(number);
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(bits >> shift));
  return bytes;
}

std::string frame(std::string_view payload) {
  std::string bytes(4, '\0');
  return bytes.append(1, static_cast<char>(schema_number)).append(payload);
}

std::string field(const char* type, const char* name, const char* more = "") {
  return fmt::format(R"({{"type":"{}","optional":true{},"field":"{}"}})", type, more, name);
}

std::string connect_fields() {
  return field("int64", "id") + "," + field("string", "customer") + "," + field("string", "status") + "," +
         field("int64", "placed_at", R"(,"name":"io.debezium.time.MicroTimestamp","version":1)") + "," +
         field("bytes", "total",
               R"(,"name":"org.apache.kafka.connect.data.Decimal","version":1,"parameters":{"scale":"2"})") +
         "," + field("boolean", "paid") + "," + field("int32", "items") + "," + field("double", "weight") + "," +
         field("string", "note");
}

std::string connect_row(int i) {
  return fmt::format(R"({{"id":{},"customer":"{}","status":"shipped","placed_at":{},"total":"{}","paid":true,)"
                     R"("items":{},"weight":{},"note":"{}"}})",
                     id_of(i), customer_of(i), micros_of(i), base64(total_bytes(i)), i % 50, weight_of(i), note);
}

std::string envelope(std::string_view row) {
  return fmt::format(
      R"({{"before":null,"after":{},"source":{{"version":"3.5.0.Final","connector":"postgresql","name":"shop",)"
      R"("ts_ms":1795256582898,"snapshot":"false","db":"shop","sequence":"[null,\"14356090624\"]","schema":"public",)"
      R"("table":"orders","txId":20638,"lsn":14356090624,"xmin":null}},"transaction":null,"op":"c","ts_ms":1795256583169}})",
      row);
}

}  // namespace

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

std::string plain(int i) {
  return fmt::format(R"({{"id":{},"customer":"{}","status":"shipped","placed_at":"2026-01-15T10:{:02}:42.123456Z",)"
                     R"("total":{}.{:02},"paid":true,"items":{},"weight":{},"note":"{}"}})",
                     id_of(i), customer_of(i), i % 60, i * 13, i % 100, i % 50, weight_of(i), note);
}

std::string connect(int i) {
  return fmt::format(
      R"({{"schema":{{"type":"struct","fields":[{}],"optional":false,"name":"shop.orders.Value"}},"payload":{}}})",
      connect_fields(), connect_row(i));
}

std::string debezium(int i) {
  return envelope(plain(i));
}

std::string debezium_with_schema(int i) {
  const std::string source =
      field("string", "version") + "," + field("string", "connector") + "," + field("string", "name") + "," +
      field("int64", "ts_ms") + "," + field("string", "snapshot") + "," + field("string", "db") + "," +
      field("string", "sequence") + "," + field("string", "schema") + "," + field("string", "table") + "," +
      field("int64", "txId") + "," + field("int64", "lsn") + "," + field("int64", "xmin");
  const auto structure = [](std::string_view fields, const char* name) {
    return fmt::format(R"({{"type":"struct","fields":[{}],"optional":true,"field":"{}"}})", fields, name);
  };
  return fmt::format(
      R"({{"schema":{{"type":"struct","fields":[{},{},{},{},{}],"optional":false,"name":"shop.orders.Envelope"}},)"
      R"("payload":{}}})",
      structure(connect_fields(), "before"), structure(connect_fields(), "after"), structure(source, "source"),
      field("string", "op"), field("int64", "ts_ms"), envelope(connect_row(i)));
}

std::string avro(int i) {
  const auto number = [](std::int64_t value) {
    return varint(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63));
  };
  const auto some = [&](std::string_view value) { return std::string("\x02").append(value); };  // not null
  const auto bytes = [&](std::string_view value) {
    return number(static_cast<std::int64_t>(value.size())).append(value);
  };
  return frame(number(id_of(i)) + some(bytes(customer_of(i))) + some(bytes("shipped")) + some(number(micros_of(i))) +
               some(bytes(total_bytes(i))) + some("\x01") + some(number(i % 50)) + some(eight_bytes(weight_of(i))) +
               some(bytes(note)));
}

RegisteredSchema avro_schema() {
  const auto optional = [](const char* name, const char* type) {
    return fmt::format(R"(,{{"name":"{}","type":["null",{}],"default":null}})", name, type);
  };
  return {SchemaKind::avro,
          R"({"type":"record","name":"Value","namespace":"shop.orders","fields":[{"name":"id","type":"long"})" +
              optional("customer", R"("string")") + optional("status", R"("string")") +
              optional("placed_at", R"({"type":"long","logicalType":"timestamp-micros"})") +
              optional("total", R"({"type":"bytes","logicalType":"decimal","precision":12,"scale":2})") +
              optional("paid", R"("boolean")") + optional("items", R"("int")") + optional("weight", R"("double")") +
              optional("note", R"("string")") + "]}"};
}

std::string protobuf(int i) {
  const auto tag = [](int number, int wire) { return static_cast<char>(number << 3 | wire); };
  const auto number = [&](int at, std::int64_t value) {
    return std::string(1, tag(at, 0)) + varint(static_cast<std::uint64_t>(value));
  };
  const auto bytes = [&](int at, std::string_view value) {
    return (std::string(1, tag(at, 2)) + varint(value.size())).append(value);
  };
  std::string message = number(1, id_of(i)) + bytes(2, customer_of(i)) + bytes(3, "shipped") +
                        bytes(4, number(1, second_of(i)) + number(2, fraction_micros * 1000)) +
                        bytes(5, bytes(1, total_bytes(i)) + number(2, 12) + number(3, 2)) + number(6, 1);
  if (i % 50 != 0) message += number(7, i % 50);
  message += std::string(1, tag(8, 1)) + eight_bytes(weight_of(i)) + bytes(9, note);
  return frame(std::string(1, '\0') + message);
}

RegisteredSchema protobuf_schema() {
  return {SchemaKind::protobuf, R"(syntax = "proto3";
      import "google/protobuf/timestamp.proto";
      import "confluent/type/decimal.proto";
      message Order {
        int64 id = 1;
        string customer = 2;
        string status = 3;
        google.protobuf.Timestamp placed_at = 4;
        confluent.type.Decimal total = 5;
        bool paid = 6;
        int32 items = 7;
        double weight = 8;
        string note = 9;
      })"};
}

std::string json_schema(int i) {
  return frame(connect_row(i));
}

RegisteredSchema json_schema_schema() {
  const auto optional = [](const char* name, const char* type, const char* more) {
    return fmt::format(R"(,"{}":{{"oneOf":[{{"type":"null"}},{{"type":"{}"{}}}]}})", name, type, more);
  };
  return {
      SchemaKind::json,
      R"({"type":"object","title":"shop.orders.Value","properties":{"id":{"type":"integer","connect.type":"int64"})" +
          optional("customer", "string", "") + optional("status", "string", "") +
          optional("placed_at", "integer",
                   R"(,"title":"io.debezium.time.MicroTimestamp","connect.version":1,"connect.type":"int64")") +
          optional("total", "number",
                   R"(,"title":"org.apache.kafka.connect.data.Decimal","connect.version":1,"connect.type":"bytes",)"
                   R"("connect.parameters":{"scale":"2"})") +
          optional("paid", "boolean", "") + optional("items", "integer", R"(,"connect.type":"int32")") +
          optional("weight", "number", R"(,"connect.type":"float64")") + optional("note", "string", "") + "}}"};
}

}  // namespace sluice::bench
