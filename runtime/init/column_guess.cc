#include "runtime/init/column_guess.h"

#include <bit>
#include <cstdint>
#include <string_view>

#include "base/parse.h"

namespace sluice::runtime {
namespace {

enum Seen : unsigned {
  boolean = 1,
  integer = 2,
  numeric = 4,
  real = 8,
  text = 16,
  bytes = 32,
  bits = 64,
  nested = 128,
  date = 256,
  time = 512,
  timestamp = 1024,
  duration = 2048,
};

Seen of_unit(TemporalUnit unit) {
  switch (unit) {
    case TemporalUnit::date_days:
      return date;
    case TemporalUnit::time_millis:
    case TemporalUnit::time_micros:
    case TemporalUnit::time_nanos:
      return time;
    case TemporalUnit::timestamp_millis:
    case TemporalUnit::timestamp_micros:
    case TemporalUnit::timestamp_nanos:
      return timestamp;
    case TemporalUnit::duration_micros:
      return duration;
  }
  return text;
}

unsigned json_kind(const Value& value) {
  switch (value.kind()) {
    case ValueKind::null:
    case ValueKind::absent:
      return 0;
    case ValueKind::boolean:
      return boolean;
    case ValueKind::integer:
      return integer;
    case ValueKind::real:
      return real;
    case ValueKind::number_text:
      return parse_integer<std::int64_t>(value.digits()) ? integer : numeric;
    case ValueKind::decimal:
      return numeric;
    case ValueKind::text:
    case ValueKind::escaped_text:
      return text;
    case ValueKind::bytes:
      return bytes;
    case ValueKind::bits:
      return bits;
    case ValueKind::temporal:
      return of_unit(value.unit());
    case ValueKind::array:
    case ValueKind::structure:
      return nested;
  }
  return text;
}

std::string_view name_of(Seen kind) {
  switch (kind) {
    case boolean:
      return "boolean";
    case integer:
      return "bigint";
    case numeric:
      return "numeric";
    case real:
      return "double precision";
    case text:
      return "text";
    case bytes:
      return "bytea";
    case bits:
      return "bit varying";
    case nested:
      return "jsonb";
    case date:
      return "date";
    case time:
      return "time";
    case timestamp:
      return "timestamp";
    case duration:
      return "interval";
  }
  return "text";
}

}  // namespace

void ColumnGuess::see(const Value& value, const std::string& said) {
  const auto kind = json_kind(value);
  seen_ |= kind;
  if (said.empty() && kind == 0) return;
  contradicted_ = contradicted_ || (judged_ && said_ != said);
  judged_ = true;
  said_ = said;
}

std::string ColumnGuess::type() const {
  if (is_said()) return said_;
  if (std::has_single_bit(seen_)) return std::string(name_of(static_cast<Seen>(seen_)));
  if (seen_ != 0 && (seen_ & ~(integer | numeric)) == 0) return "numeric";
  if (seen_ != 0 && (seen_ & ~(integer | real)) == 0) return "double precision";
  return "text";
}

}  // namespace sluice::runtime
