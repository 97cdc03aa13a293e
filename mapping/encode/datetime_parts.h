// Takes the text of a date and time apart, as PostgreSQL's input does: numbers, dates, times, zones, words.
//
// Plain functions over views of the text, without state.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/parse.h"

namespace sluice::mapping {

// By the form of a part, what it may be.
enum class DateTimeForm : std::uint8_t { number, date, time, zone, word, signed_word };

struct DateTimePart {
  DateTimeForm form;
  std::string_view text;
};

enum class DateTimeWord : std::uint8_t {
  unknown,
  month,
  weekday,
  before_noon,
  after_noon,
  anno_domini,
  before_christ,
  time_follows,
  zone_zero,
  infinity,
  nothing
};

struct NamedWord {
  std::string_view name;
  DateTimeWord word;
  int number = 0;  // of a month
};

// In letters of any size.
NamedWord word_of(std::string_view text);

class DateTimeParts {
 public:
  static constexpr std::size_t most = 25;  // PostgreSQL's

  explicit DateTimeParts(std::string_view text) : text_(text) {}

  // False if the text cannot be taken apart.
  bool split();
  std::span<const DateTimePart> all() const { return {parts_.data(), count_}; }

 private:
  template <class Belongs>
  void skip(const Belongs& belongs) {
    while (at_ < text_.size() && belongs(text_[at_])) ++at_;
  }
  char next() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  DateTimeForm take_digits();
  DateTimeForm take_letters();
  bool take_signed(DateTimeForm& form);

  std::string_view text_;
  std::size_t at_ = 0, begin_ = 0, count_ = 0;
  std::array<DateTimePart, most> parts_;
};

}  // namespace sluice::mapping
