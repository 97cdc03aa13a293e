#include "mapping/formats/protobuf_cursor.h"

#include <functional>

namespace sluice::mapping {

bool ProtobufCursor::fail(const char* fault) {
  fault_ = fault;
  // What came in pieces was put together elsewhere.
  const std::less_equal<const char*> before;
  const bool within = before(all_.data(), at_) && before(at_, all_.data() + all_.size());
  fault_at_ = within ? static_cast<std::size_t>(at_ - all_.data()) : all_.size();
  return false;
}

bool ProtobufCursor::read_tag(std::uint32_t& number, std::uint32_t& wire) {
  std::uint64_t bits = 0;
  if (!read_varint(bits)) return false;
  const auto tag = static_cast<std::uint32_t>(bits);  // as all readers of Protobuf, whatever lies above
  number = tag >> 3;
  wire = tag & 7;
  return number > 0 || fail("a field with the number 0");
}

bool ProtobufCursor::read_long_varint(std::uint64_t& bits) {
  bits = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (at_ == end_) return fail("the end within a number");
    const auto byte = static_cast<unsigned char>(*at_++);
    bits |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (!(byte & 0x80)) return true;
  }
  return fail("a number of more than ten bytes");
}

bool ProtobufCursor::skip_group(std::uint32_t number, int depth, std::string_view& bytes) {
  if (depth == 0) return fail("messages nested too deep");
  const char* begin = at_;
  for (;;) {
    const char* end = at_;
    std::uint32_t inner = 0, wire = 0;
    if (!read_tag(inner, wire)) return false;
    if (wire == ProtobufWire::group_end) {
      bytes = {begin, static_cast<std::size_t>(end - begin)};
      return inner == number || fail("the end of a group that did not begin");
    }
    if (!skip(inner, wire, depth - 1)) return false;
  }
}

bool ProtobufCursor::skip(std::uint32_t number, std::uint32_t wire, int depth) {
  std::string_view bytes;
  std::uint64_t bits = 0;
  switch (wire) {
    case ProtobufWire::varint:
      return read_varint(bits);
    case ProtobufWire::eight_bytes:
      return take(8, bytes);
    case ProtobufWire::with_length:
      return read_length(bytes);
    case ProtobufWire::group_begin:
      return skip_group(number, depth, bytes);
    case ProtobufWire::four_bytes:
      return take(4, bytes);
    case ProtobufWire::group_end:
      return fail("the end of a group that did not begin");
    default:
      return fail("a field of an unknown form");
  }
}

}  // namespace sluice::mapping
