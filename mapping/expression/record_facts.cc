#include "mapping/expression/record_facts.h"

namespace sluice::mapping {
namespace {

const char* op_of(const Event& event) {
  switch (event.operation) {
    case Operation::write:
      return event.is_snapshot ? "r" : "c";
    case Operation::update:
      return "u";
    case Operation::remove:
    case Operation::tombstone:
      return "d";
    case Operation::truncate:
      return "t";
    case Operation::message:
      break;
  }
  return "m";
}

}  // namespace

Value record_fact(RecordFact fact, std::string_view header, const Subject& subject) {
  const Record& record = subject.record;
  switch (fact) {
    case RecordFact::op:
      return Value::text(op_of(subject.event));
    case RecordFact::topic:
      return Value::text(record.at->topic);
    case RecordFact::partition:
      return Value::integer(record.at->partition);
    case RecordFact::offset:
      return Value::integer(record.offset);
    case RecordFact::timestamp:
      if (record.timestamp_ms < 0) return {};
      return Value::temporal(record.timestamp_ms, TemporalUnit::timestamp_millis);
    case RecordFact::key:
      return record.key ? Value::text(*record.key) : Value();
    case RecordFact::source:
      return subject.event.source;
    case RecordFact::header:
      break;
  }
  const auto found = last_header(record.headers, header);
  return found ? Value::text(*found) : Value();
}

const Value* key_field(const Subject& subject, std::string_view name) {
  return subject.key && subject.key->present ? find(subject.key->row.fields, name) : nullptr;
}

}  // namespace sluice::mapping
