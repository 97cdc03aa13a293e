#include "mapping/encode/datetime_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <utility>

#include "mapping/encode/datetime_parts.h"

namespace sluice::mapping {
namespace {

constexpr std::int64_t micros_per_second = 1'000'000, micros_of_day = 86'400 * micros_per_second;

// Takes the digits at the front, which may be none; false if they are more than an int.
bool take_count(std::string_view& text, int& value) {
  const auto size = std::min(text.find_first_not_of("0123456789"), text.size());
  value = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + size, value);
  text.remove_prefix(size);
  return error != std::errc::result_out_of_range;
}

// The decimal fraction that the text is, from its point on; as PostgreSQL computes it, in a double.
bool read_fraction(std::string_view text, std::int64_t& micros) {
  if (text.substr(1).find_first_not_of("0123456789") != text.npos) return false;
  double fraction = 0;
  if (text.size() > 1) std::from_chars(text.data(), text.data() + text.size(), fraction);
  micros = static_cast<std::int64_t>(std::rint(fraction * micros_per_second));
  return true;
}

class CalendarReader {
 public:
  CalendarReader(CalendarText as, CalendarFields& fields)
      : of_day_(as == CalendarText::time_of_day), behind_sign_(as == CalendarText::behind_sign), fields_(fields) {}

  ValueError read(std::span<const DateTimePart> parts) {
    if (parts.size() == 1 && is_infinity(parts.front())) {
      fields_.infinite = true;
      fields_.negative = parts.front().form == DateTimeForm::signed_word;
      return {};
    }
    for (std::size_t n = 0; n < parts.size(); ++n) {
      seen_ = 0;
      const DateTimeForm following = n + 1 < parts.size() ? parts[n + 1].form : DateTimeForm::word;
      if (const ValueError error = read(parts[n], following)) return error;
      if (seen_ & known_) return value_error::datetime;
      known_ |= seen_;
    }
    return finish();
  }

 private:
  enum Known : unsigned {
    year = 1,
    month = 2,
    day = 4,
    of_year = 8,
    clock = 16,
    zone = 32,
    noon = 64,
    era = 128,
    weekday = 256
  };
  static constexpr unsigned date = year | month | day;

  static bool is_infinity(const DateTimePart& part) {
    if (part.form == DateTimeForm::word) return word_of(part.text).word == DateTimeWord::infinity;
    return part.form == DateTimeForm::signed_word && part.text.front() == '-' &&
           word_of(part.text.substr(1)).word == DateTimeWord::infinity;
  }

  // What is known; of a time of day the date is, so that numbers are parts of the time.
  unsigned known() const { return known_ | (of_day_ ? date : 0); }
  bool has_date() const { return (known() & date) == date; }

  ValueError read(const DateTimePart& part, DateTimeForm following) {
    switch (part.form) {
      case DateTimeForm::time:
        time_follows_ = false;
        return read_clock(part.text);
      case DateTimeForm::zone:
        return read_zone(part.text);
      case DateTimeForm::date:
        if (is_letter(part.text.front()) && (time_follows_ || (known() & (month | day)) == (month | day))) break;
        if (time_follows_ || (known() & (month | day)) == (month | day)) return read_clock_and_zone(part.text);
        return read_date(part.text);
      case DateTimeForm::number:
        return read_number(part.text);
      case DateTimeForm::word:
        return read_word(word_of(part.text), following);
      case DateTimeForm::signed_word:
        break;
    }
    return value_error::datetime;
  }

  ValueError read_clock(std::string_view text) {
    int hour = 0, minute = 0, second = 0;
    std::int64_t fraction = 0;
    if (!take_count(text, hour)) return value_error::datetime_range;
    text.remove_prefix(1);  // a colon
    if (!take_count(text, minute)) return value_error::datetime_range;
    if (text.starts_with('.')) {  // minutes and seconds
      second = std::exchange(minute, std::exchange(hour, 0));
    } else if (text.starts_with(':')) {
      text.remove_prefix(1);
      if (!take_count(text, second)) return value_error::datetime_range;
    }
    if (!text.empty() && (text.front() != '.' || !read_fraction(text, fraction))) return value_error::datetime;
    if (minute > 59 || second > 60) return value_error::datetime_range;
    set_clock(hour, minute, second, fraction);
    return !of_day_ && clock_overflows() ? value_error::datetime_range : ValueError{};
  }

  void set_clock(int hour, int minute, int second, std::int64_t fraction) {
    hour_ = hour;
    minute_ = minute;
    second_ = second;
    fields_.micros = (hour * 3600LL + minute * 60 + second) * micros_per_second + fraction;
    seen_ |= clock;
  }

  // A date may have more of a clock than a day where its digits stand together, as in PostgreSQL; a time of day never.
  bool clock_overflows() const { return hour_ > 24 || minute_ > 59 || second_ > 60 || fields_.micros > micros_of_day; }

  ValueError read_zone(std::string_view text) {
    const bool negative = text.front() == '-';
    text.remove_prefix(1);
    const std::size_t size = text.size();
    text.remove_prefix(std::min(text.find_first_not_of(" \t\n\v\f\r"), text.size()));
    int hours = 0, minutes = 0, seconds = 0;
    if (text.starts_with('-')) return value_error::zone_range;  // -4 hours
    if (!take_count(text, hours)) return value_error::zone_range;
    if (text.starts_with(':')) {
      text.remove_prefix(1);
      if (!take_count(text, minutes)) return value_error::zone_range;
      if (text.starts_with(':')) {
        text.remove_prefix(1);
        if (!take_count(text, seconds)) return value_error::zone_range;
      }
    } else if (text.empty() && size > 2) {  // +0530
      minutes = hours % 100;
      hours /= 100;
    }
    constexpr int most_hours = 15;
    if (hours > most_hours || minutes > 59 || seconds > 59) return value_error::zone_range;
    if (!text.empty()) return value_error::datetime;
    set_zone((hours * 3600 + minutes * 60 + seconds) * (negative ? -1 : 1));
    return {};
  }

  void set_zone(std::int32_t seconds) {
    fields_.zone = seconds;
    seen_ |= zone;
  }

  // 101112-08 behind a date.
  ValueError read_clock_and_zone(std::string_view text) {
    if (known_ & clock) return value_error::datetime;
    time_follows_ = false;
    const auto sign = text.find('-');
    if (sign == text.npos) return value_error::datetime;
    if (const ValueError error = read_zone(text.substr(sign))) return error;
    return read_together(text.substr(0, sign));
  }

  ValueError read_date(std::string_view text) {
    const unsigned before = known_;
    std::array<std::string_view, DateTimeParts::most> numbers;
    std::size_t count = 0;
    while (!text.empty() && count < numbers.size()) {
      text.remove_prefix(std::min(
          static_cast<std::size_t>(std::ranges::find_if(text, is_digit_or_letter) - text.begin()), text.size()));
      if (text.empty()) return value_error::datetime;  // a separator at the end
      const auto belongs = is_digit(text.front()) ? is_digit : is_letter;
      const auto size = static_cast<std::size_t>(std::ranges::find_if_not(text, belongs) - text.begin());
      const auto one = text.substr(0, size);
      text.remove_prefix(size);
      if (!text.empty() && !is_digit_or_letter(text.front())) text.remove_prefix(1);
      if (is_digit(one.front())) {
        numbers[count++] = one;
        continue;
      }
      const NamedWord word = word_of(one);
      if (word.word == DateTimeWord::nothing) continue;
      if (word.word != DateTimeWord::month || (known_ & month)) return value_error::datetime;
      fields_.month = word.number;
      text_month_ = true;
      known_ |= month;
    }
    for (const auto number : std::span(numbers).first(count)) {
      seen_ = 0;
      if (const ValueError error = read_count(number)) return error;
      if (seen_ & known_) return value_error::datetime;
      known_ |= seen_;
    }
    const unsigned all = std::exchange(known_, before);
    seen_ = all & ~before;
    return (all & ~(of_year | zone)) == date ? ValueError{} : value_error::datetime;
  }

  static bool is_digit_or_letter(char c) { return is_digit(c) || is_letter(c); }

  ValueError read_number(std::string_view text) {
    const auto point = text.find('.');
    if (std::exchange(time_follows_, false)) {
      if (const ValueError error = read_together(text)) return error;
      return seen_ == clock ? ValueError{} : value_error::datetime;
    }
    if (of_day_) {
      if (point != text.npos ? point > 2 : text.size() > 4) return read_together(text);
      return point != text.npos ? value_error::datetime : read_count(text);
    }
    constexpr std::size_t together = 6;
    if (point != text.npos && !(known_ & date)) return read_date(text);
    if (point != text.npos && point > 2) return read_together(text);
    if (text.size() >= together && (!(known_ & date) || !(known_ & clock))) return read_together(text);
    return read_count(text);
  }

  // 20240105, 240105, 101112 or 1011, perhaps with a fraction.
  ValueError read_together(std::string_view text) {
    const auto number = [&](std::size_t begin, std::size_t size) {
      int value = 0;
      std::from_chars(text.data() + begin, text.data() + begin + size, value);
      return value;
    };
    std::int64_t fraction = 0;
    if (const auto point = text.find('.'); point != text.npos) {
      if (!read_fraction(text.substr(point), fraction)) return value_error::datetime;
      text = text.substr(0, point);
    } else if (!has_date() && text.size() >= 6) {
      const std::size_t years = text.size() - 4;
      if (years > 9) return value_error::datetime_range;
      fields_.year = number(0, years);
      fields_.month = number(years, 2);
      fields_.day = number(years + 2, 2);
      short_year_ = years == 2;
      seen_ |= date;
      return {};
    }
    if ((known_ & clock) || (text.size() != 6 && text.size() != 4)) return value_error::datetime;
    set_clock(number(0, 2), number(2, 2), text.size() == 6 ? number(4, 2) : 0, fraction);
    return {};
  }

  // A number whose meaning follows from what is known already.
  ValueError read_count(std::string_view text) {
    const std::size_t length = text.size();
    int value = 0;
    std::string_view rest = text;
    if (!is_digit(text.front())) return value_error::datetime;
    if (!take_count(rest, value)) return value_error::datetime_range;
    if (rest.starts_with('.')) {
      if (length - rest.size() > 2) return read_together(text);
      std::int64_t fraction = 0;
      if (!read_fraction(rest, fraction)) return value_error::datetime;
    } else if (!rest.empty()) {
      return value_error::datetime;
    }
    const unsigned parts = known() & date;
    if (length == 3 && parts == year && value >= 1 && value <= 366) {
      fields_.day_of_year = value;
      seen_ |= of_year | month | day;
      return {};
    }
    const bool many = length >= 3;
    switch (parts) {
      case 0:
        return many ? set_year(value, length) : set(month, fields_.month, value, true);
      case year:
        return set(month, fields_.month, value);
      case month:
        if (text_month_ && many) return set_year(value, length);
        return set(day, fields_.day, value);
      case year | month:
        if (text_month_ && many && short_year_) {  // 05-Jan-2024 with the day first
          fields_.day = static_cast<int>(fields_.year);
          fields_.year = value;
          short_year_ = false;
          seen_ |= day;
          return {};
        }
        return set(day, fields_.day, value);
      case day:
        return set(month, fields_.month, value);
      case month | day:
        return set_year(value, length);
      default:
        return has_date() ? read_together(text) : value_error::datetime;
    }
  }

  ValueError set(unsigned part, int& field, int value, bool by_style = false) {
    field = value;
    seen_ |= part;
    by_style_ |= by_style;
    return {};
  }
  ValueError set_year(int value, std::size_t digits) {
    fields_.year = value;
    short_year_ = digits <= 2;
    by_style_ |= short_year_;
    seen_ |= year;
    return {};
  }

  ValueError read_word(const NamedWord& word, DateTimeForm following) {
    switch (word.word) {
      case DateTimeWord::month:
        if (of_day_) break;
        if ((known_ & month) && !text_month_ && !(known_ & day) && fields_.month >= 1 && fields_.month <= 31) {
          fields_.day = std::exchange(fields_.month, word.number);  // 5 January: the number was the day
          by_style_ = false;
          seen_ |= day;
        } else {
          fields_.month = word.number;
          seen_ |= month;
        }
        text_month_ = true;
        return {};
      case DateTimeWord::weekday:
        seen_ |= weekday;
        return {};
      case DateTimeWord::before_noon:
      case DateTimeWord::after_noon:
        after_noon_ = word.word == DateTimeWord::after_noon;
        seen_ |= noon;
        return {};
      case DateTimeWord::anno_domini:
      case DateTimeWord::before_christ:
        before_christ_ = word.word == DateTimeWord::before_christ;
        seen_ |= era;
        return {};
      case DateTimeWord::time_follows:
        if (!has_date() ||
            (following != DateTimeForm::number && following != DateTimeForm::time && following != DateTimeForm::date))
          break;
        time_follows_ = true;
        return {};
      case DateTimeWord::zone_zero:
        set_zone(0);
        return {};
      case DateTimeWord::nothing:
        return {};
      case DateTimeWord::unknown:
      case DateTimeWord::infinity:
        break;
    }
    return value_error::datetime;
  }

  ValueError finish() {
    fields_.has_date = (known_ & date) == date;
    fields_.has_time = (known_ & clock) != 0;
    if (known_ & year) {
      if (!before_christ_ && short_year_ && fields_.year < 100) fields_.year += fields_.year < 70 ? 2000 : 1900;
      if (behind_sign_ && (known_ & era)) return value_error::datetime;
      if (fields_.year <= 0 && !behind_sign_) return value_error::datetime_range;
      if (before_christ_) fields_.year = 1 - fields_.year;
    }
    const bool by_calendar = !(known_ & of_year);
    if (by_calendar && (known_ & month) && (fields_.month < 1 || fields_.month > 12))
      return value_error::datetime_range;
    if (by_calendar && (known_ & day) && (fields_.day < 1 || fields_.day > 31)) return value_error::datetime_range;
    if (known_ & noon) {
      constexpr std::int64_t half = micros_of_day / 2;
      if (hour_ > 12) return value_error::datetime_range;
      if (after_noon_ && hour_ != 12) fields_.micros += half;
      if (!after_noon_ && hour_ == 12) fields_.micros -= half;
    }
    if (of_day_ ? !fields_.has_time : !fields_.has_date) return value_error::datetime;
    if (of_day_ && (fields_.has_date || clock_overflows())) return value_error::datetime_range;
    fields_.by_style = by_style_;
    return {};
  }

  bool of_day_, behind_sign_;
  CalendarFields& fields_;
  unsigned known_ = 0, seen_ = 0;  // seen in the present part
  int hour_ = 0, minute_ = 0, second_ = 0;
  bool text_month_ = false, short_year_ = false, by_style_ = false, before_christ_ = false, after_noon_ = false,
       time_follows_ = false;
};

}  // namespace

ValueError read_calendar(std::string_view text, CalendarText as, CalendarFields& fields) {
  fields = {};
  DateTimeParts parts(text);
  if (!parts.split() || parts.all().empty()) return value_error::datetime;
  return CalendarReader(as, fields).read(parts.all());
}

}  // namespace sluice::mapping
