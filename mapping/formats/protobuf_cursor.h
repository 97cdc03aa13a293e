// A place in Protobuf's binary form: takes tags, numbers and lengths from the front, and steps over what nobody knows.
//
// Belongs to a ProtobufReader and its lane's thread. Nothing is read beyond the end, and groups within groups end at a
// fixed depth. The first thing that is wrong is kept, with the byte where it was found.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace sluice::mapping {

// The forms of a field.
struct ProtobufWire {
  static constexpr std::uint32_t varint = 0, eight_bytes = 1, with_length = 2, group_begin = 3, group_end = 4,
                                 four_bytes = 5;
};

class ProtobufCursor {
 public:
  void begin(std::string_view all) {
    all_ = all;
    begin_at(all);
  }
  // Goes into bytes that were taken before, until leave() is called with what this returned.
  std::string_view enter(std::string_view bytes) {
    const std::string_view outer(at_, static_cast<std::size_t>(end_ - at_));
    begin_at(bytes);
    return outer;
  }
  void leave(std::string_view outer) { begin_at(outer); }
  bool at_end() const { return at_ == end_; }

  bool read_tag(std::uint32_t& number, std::uint32_t& wire);
  bool read_varint(std::uint64_t& bits) {
    if (at_ == end_ || static_cast<unsigned char>(*at_) >= 0x80) return read_long_varint(bits);
    bits = static_cast<unsigned char>(*at_++);
    return true;
  }
  bool read_length(std::string_view& bytes) {
    std::uint64_t length = 0;
    return read_varint(length) && take(length, bytes);
  }
  template <class Number>
  bool take_number(Number& number) {
    std::string_view bytes;
    if (!take(sizeof number, bytes)) return false;
    static_assert(std::endian::native == std::endian::little);
    std::memcpy(&number, bytes.data(), sizeof number);
    return true;
  }
  // Steps over a field whose tag has been read.
  bool skip(std::uint32_t number, std::uint32_t wire, int depth);
  // Steps over a group whose beginning has been read; `bytes` is what lies in it.
  bool skip_group(std::uint32_t number, int depth, std::string_view& bytes);

  bool fail(const char* fault);
  const char* fault() const { return fault_; }
  std::size_t fault_at() const { return fault_at_; }

 private:
  void begin_at(std::string_view bytes) {
    at_ = bytes.data();
    end_ = at_ + bytes.size();
  }
  bool take(std::uint64_t size, std::string_view& bytes) {
    if (size > static_cast<std::uint64_t>(end_ - at_)) return fail("a length beyond the end");
    bytes = {at_, static_cast<std::size_t>(size)};
    at_ += size;
    return true;
  }
  bool read_long_varint(std::uint64_t& bits);

  std::string_view all_;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  const char* fault_ = "";
  std::size_t fault_at_ = 0;
};

}  // namespace sluice::mapping
