#include "mapping/encode/datetime_parts.h"

#include <algorithm>

namespace sluice::mapping {
namespace {

constexpr std::size_t most_bytes = 128 + DateTimeParts::most;  // of PostgreSQL's buffer

bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_punctuation(char c) {
  return c > ' ' && c < '\x7f' && !is_digit(c) && !is_letter(c);
}

constexpr NamedWord words[] = {
    {"ad", DateTimeWord::anno_domini},     {"am", DateTimeWord::before_noon},     {"apr", DateTimeWord::month, 4},
    {"april", DateTimeWord::month, 4},     {"at", DateTimeWord::nothing},         {"aug", DateTimeWord::month, 8},
    {"august", DateTimeWord::month, 8},    {"bc", DateTimeWord::before_christ},   {"dec", DateTimeWord::month, 12},
    {"december", DateTimeWord::month, 12}, {"feb", DateTimeWord::month, 2},       {"february", DateTimeWord::month, 2},
    {"fri", DateTimeWord::weekday},        {"friday", DateTimeWord::weekday},     {"gmt", DateTimeWord::zone_zero},
    {"infinity", DateTimeWord::infinity},  {"jan", DateTimeWord::month, 1},       {"january", DateTimeWord::month, 1},
    {"jul", DateTimeWord::month, 7},       {"july", DateTimeWord::month, 7},      {"jun", DateTimeWord::month, 6},
    {"june", DateTimeWord::month, 6},      {"mar", DateTimeWord::month, 3},       {"march", DateTimeWord::month, 3},
    {"may", DateTimeWord::month, 5},       {"mon", DateTimeWord::weekday},        {"monday", DateTimeWord::weekday},
    {"nov", DateTimeWord::month, 11},      {"november", DateTimeWord::month, 11}, {"oct", DateTimeWord::month, 10},
    {"october", DateTimeWord::month, 10},  {"on", DateTimeWord::nothing},         {"pm", DateTimeWord::after_noon},
    {"sat", DateTimeWord::weekday},        {"saturday", DateTimeWord::weekday},   {"sep", DateTimeWord::month, 9},
    {"sept", DateTimeWord::month, 9},      {"september", DateTimeWord::month, 9}, {"sun", DateTimeWord::weekday},
    {"sunday", DateTimeWord::weekday},     {"t", DateTimeWord::time_follows},     {"thu", DateTimeWord::weekday},
    {"thur", DateTimeWord::weekday},       {"thurs", DateTimeWord::weekday},      {"thursday", DateTimeWord::weekday},
    {"tue", DateTimeWord::weekday},        {"tues", DateTimeWord::weekday},       {"tuesday", DateTimeWord::weekday},
    {"utc", DateTimeWord::zone_zero},      {"wed", DateTimeWord::weekday},        {"wednesday", DateTimeWord::weekday},
    {"weds", DateTimeWord::weekday},       {"z", DateTimeWord::zone_zero},
};

}  // namespace

NamedWord word_of(std::string_view text) {
  const auto same = [&](const NamedWord& one) {
    return std::ranges::equal(one.name, text, {}, {}, [](char c) { return lower(c); });
  };
  const auto found = std::ranges::find_if(words, same);
  return found == std::end(words) ? NamedWord{text, DateTimeWord::unknown} : *found;
}

bool DateTimeParts::split() {
  std::size_t bytes = 0;
  for (at_ = 0; at_ < text_.size();) {
    if (is_blank(text_[at_])) {
      ++at_;
      continue;
    }
    begin_ = at_;
    DateTimeForm form{};
    if (is_digit(text_[at_])) {
      form = take_digits();
    } else if (text_[at_] == '.') {
      ++at_;
      skip(is_digit);
      form = DateTimeForm::number;
    } else if (is_letter(text_[at_])) {
      form = take_letters();
    } else if (text_[at_] == '+' || text_[at_] == '-') {
      if (!take_signed(form)) return false;
    } else if (is_punctuation(text_[at_])) {
      ++at_;
      continue;
    } else {
      return false;
    }
    bytes += at_ - begin_ + 1;
    if (count_ == most || bytes > most_bytes) return false;
    parts_[count_++] = {form, text_.substr(begin_, at_ - begin_)};
  }
  return true;
}

DateTimeForm DateTimeParts::take_digits() {
  skip(is_digit);
  if (next() == ':') {
    skip([](char c) { return is_digit(c) || c == ':' || c == '.'; });
    return DateTimeForm::time;
  }
  const char between = next();
  if (between != '-' && between != '/' && between != '.') return DateTimeForm::number;
  ++at_;
  if (!is_digit(next())) {
    skip([&](char c) { return is_digit(c) || is_letter(c) || c == between; });
    return DateTimeForm::date;
  }
  skip(is_digit);
  if (next() != between) return between == '.' ? DateTimeForm::number : DateTimeForm::date;
  skip([&](char c) { return is_digit(c) || c == between; });
  return DateTimeForm::date;
}

DateTimeForm DateTimeParts::take_letters() {
  skip(is_letter);
  const char after = next();
  const DateTimeWord word = word_of(text_.substr(begin_, at_ - begin_)).word;
  const bool known = word != DateTimeWord::unknown && word != DateTimeWord::zone_zero;
  const bool longer = after == '-' || after == '/' || after == '.' || ((after == '+' || is_digit(after)) && !known);
  if (!longer) return DateTimeForm::word;
  skip([](char c) {
    return is_digit(c) || is_letter(c) || std::string_view("+-/_.:").find(c) != std::string_view::npos;
  });
  return DateTimeForm::date;
}

bool DateTimeParts::take_signed(DateTimeForm& form) {
  ++at_;
  skip(is_blank);
  if (is_digit(next())) {
    skip([](char c) { return is_digit(c) || c == ':' || c == '.' || c == '-'; });
    form = DateTimeForm::zone;
  } else if (is_letter(next())) {
    skip(is_letter);
    form = DateTimeForm::signed_word;
  } else {
    return false;
  }
  return true;
}

}  // namespace sluice::mapping
