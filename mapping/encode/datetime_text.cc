// Dates and times as text: reading and writing. datetime.cc has the counts and PostgreSQL's binary forms.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "mapping/encode/datetime.h"

namespace sluice::mapping {
namespace {

using Infinity = Moment::Infinity;

// As Debezium's connector passes PostgreSQL's infinite dates and times on, see datetime.cc.
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
  bool take(std::string_view word) {
    if (!std::string_view(at_, end_).starts_with(word)) return false;
    at_ += word.size();
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
  bool take_one_or_two(unsigned& value) {
    if (take_two(value)) return true;
    if (!digit_next()) return false;
    value = static_cast<unsigned>(*at_++ - '0');
    return true;
  }
  // Digits up to something else.
  std::ptrdiff_t digits_next() const {
    return std::find_if(at_, end_, [](char c) { return c < '0' || c > '9'; }) - at_;
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

// 20240105, where PostgreSQL sees a date, too.
bool read_compact_date(Reader& in, std::int64_t& year, unsigned& month, unsigned& day) {
  if (in.digits_next() != 8) return false;
  unsigned century = 0, rest = 0;
  in.take_two(century);
  in.take_two(rest);
  year = century * 100 + rest;
  return in.take_two(month) && in.take_two(day);
}

ValueError read_date(Reader& in, Moment& moment, std::int64_t& year, unsigned& month, unsigned& day) {
  bool negative = false;
  const bool sign = in.take_sign(negative);
  if (sign || !read_compact_date(in, year, month, day)) {
    if (!in.take_digits(4, 9, year)) return value_error::datetime;
    const char dash = in.take('/') ? '/' : '-';
    if ((dash == '-' && !in.take('-')) || !in.take_one_or_two(month) || !in.take(dash) || !in.take_one_or_two(day))
      return value_error::datetime;
  }
  if (negative) year = -year;
  moment.has_date = true;
  return {};
}

ValueError read_time(Reader& in, Moment& moment) {
  unsigned hour = 0, minute = 0, second = 0;
  const bool compact = in.digits_next() == 6;  // 101112
  if (!in.take_one_or_two(hour) || (!compact && !in.take(':')) || !in.take_one_or_two(minute))
    return value_error::datetime;
  std::int64_t fraction = 0;
  if (compact || in.take(':')) {
    if (!in.take_one_or_two(second)) return value_error::datetime;
    if (in.take('.') && !in.take_fraction(fraction)) return value_error::datetime;
  }
  moment.micros = (hour * 3600LL + minute * 60 + second) * 1'000'000 + fraction;
  moment.has_time = true;
  if (hour > 24 || minute > 59 || second > 60 || moment.micros > micros_per_day) return value_error::datetime_range;
  return {};
}

ValueError read_zone(Reader& in, Moment& moment) {
  if (in.take('Z') || in.take('z') || in.take("UTC") || in.take("GMT")) {
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

}  // namespace

ValueError parse_moment(std::string_view text, Moment& moment) {
  moment = {};
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
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
  const bool time_only = text.substr(0, 3).find(':') != text.npos;
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
