#include <fmt/format.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <utility>
#include <vector>

#include "mapping/encode/structures.h"
#include "mapping/encode/value_json.h"

namespace sluice::mapping {
namespace {

constexpr ValueError not_wkb{"22P02", "no well-known binary of such a shape"};

struct Corner {
  double x = 0, y = 0;
  bool operator==(const Corner&) const = default;
};

// A line, or the only ring of a polygon, in one plane.
class WkbReader {
 public:
  explicit WkbReader(std::string_view bytes) : bytes_(bytes) {}

  bool read(std::vector<Corner>& corners, bool& is_polygon) {
    constexpr std::uint32_t has_system = 0x20000000, line = 2, polygon = 3;  // PostGIS's flag of a reference system
    std::uint32_t type = 0, number = 0;
    if (bytes_.empty() || static_cast<unsigned char>(bytes_.front()) > 1) return false;
    swapped_ = (bytes_.front() == 1) != (std::endian::native == std::endian::little);
    bytes_.remove_prefix(1);
    if (!take(type) || ((type & has_system) && !take(number))) return false;
    type &= ~has_system;
    is_polygon = type == polygon;
    if (type != line && !is_polygon) return false;
    if (is_polygon && (!take(number) || number != 1)) return false;
    if (!take(number) || bytes_.size() != number * sizeof(Corner)) return false;
    corners.resize(number);
    for (Corner& corner : corners) take(corner.x), take(corner.y);
    return true;
  }

 private:
  template <class T>
  bool take(T& number) {
    char bytes[sizeof(T)];
    if (bytes_.size() < sizeof bytes) return false;
    for (std::size_t n = 0; n < sizeof bytes; ++n) bytes[swapped_ ? sizeof bytes - 1 - n : n] = bytes_[n];
    std::memcpy(&number, bytes, sizeof bytes);
    bytes_.remove_prefix(sizeof bytes);
    return true;
  }

  std::string_view bytes_;
  bool swapped_ = false;
};

void append_corners(const std::vector<Corner>& corners, char open, char close, std::string& out) {
  out.push_back(open);
  for (const Corner& corner : corners)
    fmt::format_to(std::back_inserter(out), "{}({},{})", &corner == corners.data() ? "" : ",", corner.x, corner.y);
  out.push_back(close);
}

ValueError append_number(const Value& value, std::string& out) {
  switch (value.kind()) {
    case ValueKind::number_text:
      out += value.digits();
      return {};
    case ValueKind::integer:
      fmt::format_to(std::back_inserter(out), "{}", value.integer());
      return {};
    case ValueKind::real:
      append_real(value, out);
      return {};
    default:
      return value_error::text;
  }
}

ValueError append_number(std::span<const Field> members, std::string_view name, std::string& out) {
  const Value* found = find(members, name);
  return found ? append_number(*found, out) : value_error::text;
}

// `frame`: what is around and between the numbers.
ValueError append_numbers(std::span<const Field> members, std::initializer_list<std::string_view> names,
                          std::string_view frame, std::string& out) {
  for (const std::string_view name : names) {
    out.push_back(name == *names.begin() ? frame.front() : ',');
    if (const ValueError error = append_number(members, name, out)) return error;
  }
  out.push_back(frame.back());
  return {};
}

}  // namespace

ValueError append_line_of_parts(std::span<const Field> members, std::string& out) {
  return append_numbers(members, {"a", "b", "c"}, "{}", out);
}

ValueError append_circle_of_parts(std::span<const Field> members, std::string& out) {
  const Value* center = find(members, "center");
  std::vector<Field> space;
  ValueArena names;
  std::span<const Field> point;
  if (!center || center->kind() != ValueKind::structure || !center->members(space, names, point))
    return value_error::text;
  out.push_back('<');
  if (const ValueError error = append_numbers(point, {"x", "y"}, "()", out)) return error;
  out.push_back(',');
  if (const ValueError error = append_number(members, "radius", out)) return error;
  out.push_back('>');
  return {};
}

ValueError append_sparse_vector_of_parts(std::span<const Field> members, std::string& out) {
  const Value* vector = find(members, "vector");
  std::vector<Field> space;
  std::vector<Value> pair_space;
  ValueArena names;
  std::span<const Field> named;
  std::span<const Value> pairs;  // a map of Connect's whose keys are no texts
  if (!vector || (vector->kind() == ValueKind::structure
                      ? !vector->members(space, names, named)
                      : vector->kind() != ValueKind::array || !vector->items(pair_space, pairs)))
    return value_error::text;
  char before = '{';
  const auto append_index = [&] { out.push_back(std::exchange(before, ',')); };
  for (const Field& one : named) {
    append_index();
    fmt::format_to(std::back_inserter(out), "{}:", one.name);
    if (const ValueError error = append_number(one.value, out)) return error;
  }
  for (const Value& pair : pairs) {
    std::vector<Value> both_space;
    std::span<const Value> both;
    if (pair.kind() != ValueKind::array || !pair.items(both_space, both) || both.size() != 2) return value_error::text;
    append_index();
    if (const ValueError error = append_number(both[0], out)) return error;
    out.push_back(':');
    if (const ValueError error = append_number(both[1], out)) return error;
  }
  out += before == '{' ? "{}/" : "}/";
  return append_number(members, "dimensions", out);
}

ValueError append_shape_of_wkb(std::string_view type, std::string_view wkb, bool closed, std::string& out) {
  std::vector<Corner> corners;
  bool is_polygon = false;
  if (!WkbReader(wkb).read(corners, is_polygon) || is_polygon != (type == "box" || type == "polygon")) return not_wkb;
  if (type == "box") {  // the ring begins at a corner, and two further is the opposite one
    constexpr std::size_t ring = 5;
    if (corners.size() != ring) return not_wkb;
    corners = {corners[0], corners[2]};
    append_corners(corners, '(', ')', out);
  } else if (type == "lseg") {
    if (corners.size() != 2) return not_wkb;
    append_corners(corners, '[', ']', out);
  } else if (type == "path") {
    append_corners(corners, closed ? '(' : '[', closed ? ')' : ']', out);
  } else {
    if (corners.size() > 1 && corners.front() == corners.back()) corners.pop_back();  // the ring's end is its begin
    append_corners(corners, '(', ')', out);
  }
  return {};
}

}  // namespace sluice::mapping
