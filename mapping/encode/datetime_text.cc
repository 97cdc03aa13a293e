// Dates and times as text: reading and writing. datetime.cc has the counts and PostgreSQL's binary forms.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "base/parse.h"
#include "mapping/encode/datetime.h"
#include "mapping/encode/datetime_parts.h"
#include "mapping/encode/datetime_reader.h"

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
  if (text.empty() || is_digit(text.front())) return Infinity::none;
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

// The form that most events have, without a detour: 2024-01-05, or behind it T or a blank, a time and perhaps Z or
// +02:00.
class PlainReader {
 public:
  explicit PlainReader(std::string_view text) : text_(text) {}

  bool read(Moment& moment) {
    const auto century = two(), years = two();
    const bool dashed = take('-');
    const auto month = two();
    const bool dashed_again = take('-');
    const auto day = two();
    const auto year = century * 100 + years;
    if (!good_ || !dashed || !dashed_again || year < 1 || month < 1 || month > 12 || day < 1 ||
        day > days_in(year, month))
      return false;
    moment.has_date = true;
    moment.days = days_of(year, month, day);
    return text_.empty() || ((take('T') || take(' ')) && read_time(moment) && read_zone(moment) && text_.empty());
  }

 private:
  unsigned two() {
    good_ = good_ && text_.size() >= 2 && is_digit(text_[0]) && is_digit(text_[1]);
    if (!good_) return 0;
    const auto value = static_cast<unsigned>((text_[0] - '0') * 10 + text_[1] - '0');
    text_.remove_prefix(2);
    return value;
  }
  bool take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool read_time(Moment& moment) {
    const auto hour = two();
    const bool colon = take(':');
    const auto minute = two();
    const bool again = take(':');
    const auto second = two();
    if (!good_ || !colon || !again || hour > 23 || minute > 59 || second > 59) return false;
    moment.micros = (hour * 3600LL + minute * 60 + second) * 1'000'000;
    moment.has_time = true;
    if (!take('.')) return true;
    std::int64_t unit = 100'000;
    for (; unit > 0 && !text_.empty() && is_digit(text_.front()); unit /= 10, text_.remove_prefix(1))
      moment.micros += (text_.front() - '0') * unit;
    return unit < 100'000 && (text_.empty() || !is_digit(text_.front()));
  }
  bool read_zone(Moment& moment) {
    if (text_.empty()) return true;
    if (take('Z')) {
      moment.zone = 0;
      return true;
    }
    const bool negative = text_.front() == '-';
    if (!take('+') && !take('-')) return false;
    const auto hours = two(), minutes = take(':') ? two() : 0;
    if (!good_ || hours > 15 || minutes > 59) return false;
    moment.zone = static_cast<std::int32_t>(hours * 3600 + minutes * 60) * (negative ? -1 : 1);
    return true;
  }

  std::string_view text_;
  bool good_ = true;
};

// ISO 8601 has years with a sign, which PostgreSQL lacks: +12024-01-01, and -0001 for 2 BC. Takes the sign away.
bool take_sign_of_year(std::string_view& text, bool& negative) {
  if (!text.starts_with('+') && !text.starts_with('-')) return false;
  const auto digits = std::min(text.find_first_not_of("0123456789", 1), text.size()) - 1;
  constexpr std::size_t least = 4, most = 9;
  if (digits < least || digits > most || digits + 1 == text.size() || text[digits + 1] != '-') return false;
  negative = text.front() == '-';
  text.remove_prefix(1);
  return true;
}

ValueError to_moment(const CalendarFields& fields, std::int64_t year, Moment& moment) {
  moment.has_date = fields.has_date;
  moment.has_time = fields.has_time;
  moment.micros = fields.micros;
  moment.zone = fields.zone;
  if (!fields.has_date) return {};
  constexpr std::int64_t first_year = -4713, last_year = 5874897;
  const auto month = static_cast<unsigned>(fields.month), day = static_cast<unsigned>(fields.day);
  if (fields.day_of_year > 0) {
    moment.days = days_of(year, 1, 1) + fields.day_of_year - 1;
  } else if (day > days_in(year, month)) {
    return value_error::datetime_range;
  } else {
    moment.days = days_of(year, month, day);
  }
  if (year < first_year || year > last_year) return value_error::datetime_range;
  return fields.by_style ? ValueError{"22007", "another day under another DateStyle"} : ValueError{};
}

}  // namespace

ValueError parse_moment(std::string_view text, Moment& moment, MomentShape shape) {
  moment = {};
  if (shape != MomentShape::time && PlainReader(text).read(moment)) return {};
  moment = {};
  text = trimmed(text);
  moment.infinity = infinity_of(text);
  bool negative = false;
  const bool has_sign =
      shape != MomentShape::time && moment.infinity == Infinity::none && take_sign_of_year(text, negative);
  CalendarFields fields;
  if (moment.infinity == Infinity::none) {
    const bool of_day = shape == MomentShape::time || (shape == MomentShape::either && text.substr(0, 3).contains(':'));
    const auto as = of_day ? CalendarText::time_of_day : has_sign ? CalendarText::behind_sign : CalendarText::any;
    if (const ValueError error = read_calendar(text, as, fields)) {
      moment.has_time = fields.has_time;  // which a policy may bring back into the day
      moment.micros = fields.micros;
      return error;
    }
    if (fields.infinite) moment.infinity = fields.negative ? Infinity::negative : Infinity::positive;
  }
  if (moment.infinity != Infinity::none) {
    moment.has_date = moment.has_time = true;
    return {};
  }
  return to_moment(fields, negative ? -fields.year : fields.year, moment);
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
