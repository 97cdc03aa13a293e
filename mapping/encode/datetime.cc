#include "mapping/encode/datetime.h"

#include <fmt/format.h>

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
struct InfiniteText {
  std::string_view text;
  Infinity infinity;
};
constexpr InfiniteText infinite_texts[] = {
    {"infinity", Infinity::positive},
    {"Infinity", Infinity::positive},
    {"-infinity", Infinity::negative},
    {"-Infinity", Infinity::negative},
    {"-5877611-06-21Z", Infinity::positive},
    {"-5877611-06-22Z", Infinity::negative},
    {"+292278994-08-16Z", Infinity::positive},
    {"+292269055-12-02Z", Infinity::negative},
    {"+294247-01-10T04:00:25.2Z", Infinity::positive},
    {"-290308-12-21T19:59:27.6Z", Infinity::negative},
};

Infinity infinity_of(std::string_view text) {
  if (text.empty() || (text.front() >= '0' && text.front() <= '9')) return Infinity::none;
  const auto* found = std::ranges::find(infinite_texts, text, &InfiniteText::text);
  return found == std::end(infinite_texts) ? Infinity::none : found->infinity;
}

// Howard Hinnant's civil calendar, days relative to 2000-01-01.
std::int64_t days_of(std::int64_t year, unsigned month, unsigned day) {
  year -= month <= 2;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468 + unix_epoch_days;
}

struct Civil {
  std::int64_t year;
  unsigned month, day;
};

Civil civil_of(std::int64_t days) {
  days += 719468 - unix_epoch_days;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted = (5 * day_of_year + 2) / 153;
  const unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1};
}

bool leap(std::int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

unsigned days_in(std::int64_t year, unsigned month) {
  static constexpr unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && leap(year) ? 29 : days[month - 1];
}

class Reader {
 public:
  explicit Reader(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool done() const { return at_ == end_; }
  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool take_sign(bool& negative) {
    negative = at_ != end_ && *at_ == '-';
    return negative ? take('-') : take('+');
  }
  bool digit_next() const { return at_ != end_ && *at_ >= '0' && *at_ <= '9'; }
  bool take_two(unsigned& value) {
    if (end_ - at_ < 2 || !digit_next() || at_[1] < '0' || at_[1] > '9') return false;
    value = static_cast<unsigned>((at_[0] - '0') * 10 + at_[1] - '0');
    at_ += 2;
    return true;
  }
  bool take_digits(int least, int most, std::int64_t& value) {
    value = 0;
    int count = 0;
    for (; count < most && digit_next(); ++count) value = value * 10 + (*at_++ - '0');
    return count >= least && !digit_next();
  }
  bool take_fraction(std::int64_t& micros) {  // rounded half up, any length
    std::int64_t unit = 100'000;
    bool first_dropped = true, round_up = false;
    if (!digit_next()) return false;
    for (; digit_next(); ++at_) {
      if (unit > 0) {
        micros += (*at_ - '0') * unit;
        unit /= 10;
      } else if (first_dropped) {
        round_up = *at_ >= '5';
        first_dropped = false;
      }
    }
    micros += round_up;
    return true;
  }

 private:
  const char* at_;
  const char* end_;
};

ValueError read_date(Reader& in, Moment& moment, std::int64_t& year, unsigned& month, unsigned& day) {
  bool negative = false;
  in.take_sign(negative);
  if (!in.take_digits(4, 9, year) || !in.take('-') || !in.take_two(month) || !in.take('-') || !in.take_two(day)) {
    return value_error::datetime;
  }
  if (negative) year = -year;
  moment.has_date = true;
  return {};
}

ValueError read_time(Reader& in, Moment& moment) {
  unsigned hour = 0, minute = 0, second = 0;
  if (!in.take_two(hour) || !in.take(':') || !in.take_two(minute)) return value_error::datetime;
  std::int64_t fraction = 0;
  if (in.take(':')) {
    if (!in.take_two(second)) return value_error::datetime;
    if (in.take('.') && !in.take_fraction(fraction)) return value_error::datetime;
  }
  moment.micros = (hour * 3600LL + minute * 60 + second) * 1'000'000 + fraction;
  moment.has_time = true;
  if (hour > 24 || minute > 59 || second > 60 || moment.micros > micros_per_day) return value_error::datetime_range;
  return {};
}

ValueError read_zone(Reader& in, Moment& moment) {
  if (in.take('Z') || in.take('z')) {
    moment.zone = 0;
    return {};
  }
  bool negative = false;
  if (!in.take_sign(negative)) return {};
  unsigned hours = 0, minutes = 0, seconds = 0;
  if (!in.take_two(hours)) return value_error::datetime;
  if ((in.take(':') || in.digit_next()) && !in.take_two(minutes)) return value_error::datetime;
  if ((in.take(':') || in.digit_next()) && !in.take_two(seconds)) return value_error::datetime;
  if (hours > 18 || minutes > 59 || seconds > 59) return value_error::datetime_range;
  const auto offset = static_cast<std::int32_t>(hours * 3600 + minutes * 60 + seconds);
  moment.zone = negative ? -offset : offset;
  return {};
}

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

std::int64_t half_up(std::int64_t nanos) {
  const std::int64_t floor = nanos / 1000 - (nanos % 1000 < 0);
  return floor + (nanos - floor * 1000 >= 500);
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
  std::int64_t days = micros / micros_per_day;
  if (micros % micros_per_day < 0) --days;
  moment.has_date = moment.has_time = true;
  moment.days = days + unix_epoch_days;
  moment.micros = micros - days * micros_per_day;
  return moment;
}

Moment Moment::of_day_micros(std::int64_t micros) {
  Moment moment;
  moment.has_time = true;
  moment.micros = micros;
  return moment;
}

ValueError parse_moment(std::string_view text, Moment& moment) {
  moment = {};
  moment.infinity = infinity_of(text);
  if (moment.infinity != Infinity::none) {
    moment.has_date = moment.has_time = true;
    return {};
  }
  const bool before_christ = text.ends_with(" BC");
  if (before_christ) text.remove_suffix(3);
  Reader in(text);
  std::int64_t year = 0;
  unsigned month = 0, day = 0;
  const bool time_only = text.size() > 2 && text[2] == ':';
  if (!time_only) {
    if (const ValueError error = read_date(in, moment, year, month, day)) return error;
    if (month < 1 || month > 12) return value_error::datetime_range;
    if (before_christ && year < 1) return value_error::datetime;
    if (before_christ) year = 1 - year;
    if (day < 1 || day > days_in(year, month)) return value_error::datetime_range;
    moment.days = days_of(year, month, day);
    if (year < -4713 || year > 5874897) return value_error::datetime_range;
  } else if (before_christ) {
    return value_error::datetime;
  }
  if (time_only || in.take('T') || in.take('t') || in.take(' ')) {
    if (const ValueError error = read_time(in, moment)) return error;
    in.take(' ');
  }
  if (const ValueError error = read_zone(in, moment)) return error;
  return in.done() ? ValueError{} : value_error::datetime;
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
      moment = Moment::of_day_micros(half_up(count));
      return {};
    case TemporalUnit::timestamp_nanos:
      moment = Moment::of_unix_micros(half_up(count));
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
  if (!moment.has_date || !moment.has_time || !moment.zone) return;
  moment.micros -= std::exchange(moment.zone, std::nullopt).value() * 1'000'000LL;
  const std::int64_t days = moment.micros / micros_per_day - (moment.micros % micros_per_day < 0);
  moment.days += days;
  moment.micros -= days * micros_per_day;
}

void append_moment_text(const Moment& moment, std::string& out) {
  if (moment.infinity != Moment::Infinity::none) {
    out += moment.infinity == Moment::Infinity::positive ? "infinity" : "-infinity";
    return;
  }
  auto sink = std::back_inserter(out);
  const Civil date = civil_of(moment.days);
  const bool before_christ = moment.has_date && date.year < 1;
  if (moment.has_date) {
    fmt::format_to(sink, "{:04}-{:02}-{:02}", before_christ ? 1 - date.year : date.year, date.month, date.day);
  }
  if (moment.has_time) {
    if (moment.has_date) out.push_back(' ');
    if (moment.micros < 0) out.push_back('-');  // MySQL's TIME: one sign for the whole
    const std::int64_t micros = std::abs(moment.micros), seconds = micros / 1'000'000;
    fmt::format_to(sink, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if (const std::int64_t fraction = micros % 1'000'000) fmt::format_to(sink, ".{:06}", fraction);
  }
  if (before_christ) out += " BC";
}

}  // namespace sluice::mapping
