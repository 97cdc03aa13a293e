#include "mapping/formats/mended_text.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "base/utf8.h"

namespace sluice::mapping {
namespace {

// Where a part of `whole` begins in it.
std::optional<std::size_t> place_in(std::string_view whole, std::string_view part) {
  const std::less_equal<const char*> not_after;
  if (!not_after(whole.data(), part.data()) || !not_after(part.data() + part.size(), whole.data() + whole.size()))
    return std::nullopt;
  return static_cast<std::size_t>(part.data() - whole.data());
}

}  // namespace

std::string_view MendedText::mend(std::string_view text) {
  text_.clear();
  replaced_.clear();
  constexpr std::size_t frame = 5;  // a zero byte and the number of a schema, which are no text
  const std::size_t begins = text.starts_with('\0') ? std::min(frame, text.size()) : 0;
  text_ = text.substr(0, begins);
  text.remove_prefix(begins);
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());  // as the decoder does
  append_replaced(text, text_, replaced_);
  for (std::size_t& at : replaced_) at -= begins;
  return text_;
}

bool MendedText::touches(const Value& value) const {
  if (replaced_.empty() || !value.is_lazy()) return false;
  const std::string_view part = value.unread_json();
  auto begin = place_in(space_.envelope, part);
  if (!begin) {
    begin = place_in(space_.value_text.view(), part);
    if (!begin) {
      begin = place_in(space_.payload_text.view(), part);
      if (begin) *begin += space_.payload_begins;
    }
    if (!begin || !space_.value_begins) return false;
    *begin += *space_.value_begins;
  }
  const auto first = std::ranges::lower_bound(replaced_, *begin);
  return first != replaced_.end() && *first < *begin + part.size();
}

}  // namespace sluice::mapping
