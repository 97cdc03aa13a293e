#include "mapping/encode/datetime.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <utility>

#include "base/codec.h"

namespace sluice::mapping {
namespace {

constexpr std::int64_t first_day = -2451545;       // 4714-11-24 BC
constexpr std::int64_t end_of_dates = 2145031949;  // behind 5874897-12-31
constexpr std::int64_t first_timestamp = -211813488000000000;
constexpr std::int64_t end_of_timestamps = 9223371331200000000;

using Infinity = Moment::Infinity;

// PostgreSQL's infinite dates as Debezium's connector passes them on: what overflows in Java leave of them, seen in its
// events while it streams, and from its snapshot. None is a date that PostgreSQL holds.
struct InfiniteDays {
  std::int64_t unix_days;
  Infinity infinity;
};
constexpr InfiniteDays infinite_days[] = {
    {-2147472692, Infinity::positive},
    {-2147472691, Infinity::negative},
    {-622191234, Infinity::positive},
    {-625821272, Infinity::negative},
};

// Microseconds of the last digit that is kept.
std::int64_t unit_of(int precision) {
  constexpr std::int64_t units[] = {1'000'000, 100'000, 10'000, 1'000, 100, 10};
  return precision < 0 || precision >= static_cast<int>(std::size(units)) ? 1 : units[precision];
}

std::int64_t rounded(std::int64_t micros, int precision) {
  const std::int64_t unit = unit_of(precision);
  if (unit == 1) return micros;
  const std::int64_t size = (std::abs(micros) + unit / 2) / unit * unit;
  return micros < 0 ? -size : size;
}

std::int64_t to_micros(std::int64_t nanos) {  // half to even, as PostgreSQL rounds
  std::int64_t floor = nanos / 1000, rest = nanos % 1000;
  if (rest < 0) {
    --floor;
    rest += 1000;
  }
  return floor + (rest > 500 || (rest == 500 && floor % 2 != 0));
}

}  // namespace

Moment Moment::of_unix_days(std::int64_t days) {
  Moment moment;
  moment.has_date = true;
  moment.days = days + unix_epoch_days;
  for (const auto& one : infinite_days)
    if (one.unix_days == days) moment.infinity = one.infinity;
  return moment;
}

Moment Moment::of_unix_micros(std::int64_t micros) {
  Moment moment;
  // Debezium's counts for PostgreSQL's infinities.
  if (micros == 9223372036825200000) moment.infinity = Infinity::positive;
  if (micros == -9223372036832400000) moment.infinity = Infinity::negative;
  std::int64_t days = micros / micros_per_day, time = micros % micros_per_day;
  if (time < 0) {
    --days;
    time += micros_per_day;
  }
  moment.has_date = moment.has_time = true;
  moment.days = days + unix_epoch_days;
  moment.micros = time;
  return moment;
}

Moment Moment::of_day_micros(std::int64_t micros) {
  Moment moment;
  moment.has_time = true;
  moment.micros = micros;
  return moment;
}

ValueError moment_of_count(std::int64_t count, TemporalUnit unit, Moment& moment) {
  std::int64_t micros = 0;
  const auto beyond = [&] {
    constexpr std::int64_t far = 1LL << 40;  // days
    moment =
        unit == TemporalUnit::time_millis ? Moment::of_day_micros(count) : Moment::of_unix_days(count < 0 ? -far : far);
    moment.has_time = unit != TemporalUnit::date_days;
    return value_error::datetime_range;
  };
  const bool overflow = __builtin_mul_overflow(count, 1000, &micros);
  switch (unit) {
    case TemporalUnit::date_days:
      if (!std::in_range<std::int32_t>(count)) return beyond();
      moment = Moment::of_unix_days(count);
      return {};
    case TemporalUnit::time_millis:
      moment = Moment::of_day_micros(micros);
      break;
    case TemporalUnit::timestamp_millis:
      moment = Moment::of_unix_micros(micros);
      break;
    case TemporalUnit::time_micros:
      moment = Moment::of_day_micros(count);
      return {};
    case TemporalUnit::timestamp_micros:
      moment = Moment::of_unix_micros(count);
      return {};
    case TemporalUnit::time_nanos:
      moment = Moment::of_day_micros(to_micros(count));
      return {};
    case TemporalUnit::timestamp_nanos:
      moment = Moment::of_unix_micros(to_micros(count));
      return {};
    case TemporalUnit::duration_micros:
      return value_error::datetime;
  }
  return overflow ? beyond() : ValueError{};
}

ValueError append_date(const Moment& moment, std::string& out) {
  using Limits = std::numeric_limits<std::int32_t>;
  if (!moment.has_date) return value_error::datetime;
  std::int64_t days = moment.days;
  if (moment.infinity == Moment::Infinity::none) {
    if (days < first_day || days >= end_of_dates) return value_error::datetime_range;
  } else {
    days = moment.infinity == Moment::Infinity::positive ? Limits::max() : Limits::min();
  }
  append_network(static_cast<std::int32_t>(days), out);
  return {};
}

ValueError append_time(const Moment& moment, std::string& out, int precision) {
  if (!moment.has_time || moment.has_date) return value_error::datetime;
  if (moment.zone.value_or(0) != 0) return {"22007", "a time zone does not fit a time without one"};
  if (moment.micros < 0 || moment.micros > micros_per_day) return value_error::datetime_range;
  append_network(rounded(moment.micros, precision), out);
  return {};
}

ValueError append_timestamp(const Moment& moment, std::string& out, int precision) {
  using Limits = std::numeric_limits<std::int64_t>;
  if (!moment.has_date) return value_error::datetime;
  std::int64_t micros = moment.infinity == Moment::Infinity::positive ? Limits::max() : Limits::min();
  if (moment.infinity == Moment::Infinity::none) {
    constexpr std::int64_t last_day = end_of_timestamps / micros_per_day;
    if (moment.days < first_day || moment.days > last_day) return value_error::datetime_range;
    micros = rounded(moment.days * micros_per_day + moment.micros - moment.zone.value_or(0) * 1'000'000LL, precision);
    if (micros < first_timestamp || micros >= end_of_timestamps) return value_error::datetime_range;
  }
  append_network(micros, out);
  return {};
}

bool clamp_moment(Encoding encoding, int precision, Moment& moment) {
  if (encoding == Encoding::time) {
    if (!moment.has_time || moment.has_date || (moment.micros >= 0 && moment.micros <= micros_per_day)) return false;
    moment.micros = std::clamp<std::int64_t>(moment.micros, 0, micros_per_day);
    return true;
  }
  if (!moment.has_date || moment.infinity != Moment::Infinity::none) return false;
  const bool is_date = encoding == Encoding::date;
  const bool before = moment.days < first_day + (is_date ? 0 : 1);
  const bool after = moment.days >= (is_date ? end_of_dates : end_of_timestamps / micros_per_day - 1);
  if (!before && !after) return false;
  moment.zone.reset();
  moment.days = before ? first_day : is_date ? end_of_dates - 1 : end_of_timestamps / micros_per_day - 1;
  moment.micros = 0;
  moment.has_time = !is_date;
  if (!is_date && after) moment.micros = micros_per_day - unit_of(precision);
  return true;
}

void to_utc(Moment& moment) {
  if (!moment.has_date || !moment.zone) return;
  moment.has_time = true;
  moment.micros -= std::exchange(moment.zone, std::nullopt).value() * 1'000'000LL;
  const std::int64_t days = moment.micros / micros_per_day - (moment.micros % micros_per_day < 0);
  moment.days += days;
  moment.micros -= days * micros_per_day;
}

}  // namespace sluice::mapping
