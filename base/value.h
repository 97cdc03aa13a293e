// One value of an event, as formats hand it to whoever encodes it: a small tagged view, the same for every format.
//
// A Value owns nothing: it is valid as long as the text it was read from and the ValueArena of its record. Scalars are
// either ready or lazy, which means that they still are the text of the event; only their accessor tells them apart,
// so that JSON costs nothing before a column asks. Text that is still escaped gives its characters through
// characters() and append_characters() only. Nested values open one level at a time, into space of the caller's.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace sluice {

enum class ValueKind : std::uint8_t {
  null,
  absent,  // the source did not send it: what is stored stays
  boolean,
  integer,
  real,
  number_text,  // lazy: a number in JSON's notation
  decimal,      // unscaled * 10^-scale, the bytes being a big-endian two's complement integer
  text,
  escaped_text,  // lazy: what lies between the quotes of a JSON string
  bytes,
  bits,  // little-endian, `length` of them
  temporal,
  array,
  structure,
};

enum class TemporalUnit : std::uint8_t {
  date_days,  // since 1970-01-01, as are timestamps
  time_millis,
  time_micros,
  time_nanos,
  timestamp_millis,
  timestamp_micros,
  timestamp_nanos,
  duration_micros,
};

// Why an escaped text stands for no characters that PostgreSQL could store.
enum class TextError : std::uint8_t { none, malformed, nul, surrogate };

class Value;
struct Field;

// Gives the parts of a nested lazy value the types that its schema has for them. `name` is empty in an array.
class PartTypes {
 public:
  virtual ~PartTypes() = default;
  virtual void refine(std::string_view name, Value& part) const = 0;

 protected:
  PartTypes() = default;
  PartTypes(const PartTypes&) = default;
  PartTypes(PartTypes&&) = default;
  PartTypes& operator=(const PartTypes&) = default;
  PartTypes& operator=(PartTypes&&) = default;
};

// Memory of one record: names that had to be unescaped, and what decoders put together themselves.
class ValueArena {
 public:
  std::string_view keep(std::string text) {
    used_ = true;
    return texts_.emplace_back(std::move(text));
  }
  template <class T>
  std::span<T> allocate(std::size_t count) {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= alignof(std::max_align_t));
    T* first = static_cast<T*>(take(count * sizeof(T)));
    std::uninitialized_value_construct_n(first, count);
    return {first, count};
  }
  void clear() {
    if (!std::exchange(used_, false)) return;
    texts_.clear();
    large_.clear();
    left_ = {block_.get(), block_ ? block_bytes : 0};
  }

 private:
  static constexpr std::size_t block_bytes = 16 << 10;  // kept from record to record

  void* take(std::size_t bytes) {
    used_ = true;
    bytes = (bytes + alignof(std::max_align_t) - 1) / alignof(std::max_align_t) * alignof(std::max_align_t);
    if (bytes > left_.size()) return take_new(bytes);
    void* taken = left_.data();
    left_ = left_.subspan(bytes);
    return taken;
  }
  void* take_new(std::size_t bytes);

  bool used_ = false;
  std::deque<std::string> texts_;
  std::unique_ptr<std::byte[]> block_;
  std::vector<std::unique_ptr<std::byte[]>> large_;  // what did not fit into the block
  std::span<std::byte> left_;
};

class Value {
 public:
  Value() = default;  // null
  static Value absent() { return Value(ValueKind::absent); }
  static Value boolean(bool value);
  static Value integer(std::int64_t value);
  static Value real(double value);
  static Value single(float value);  // a real whose digits are a float's: 0.1, not 0.10000000149011612
  static Value decimal(std::string_view unscaled, std::int32_t scale);
  static Value text(std::string_view characters) { return {ValueKind::text, false, characters}; }
  static Value bytes(std::string_view bytes) { return {ValueKind::bytes, false, bytes}; }
  static Value bits(std::string_view bytes, std::int32_t length);
  static Value temporal(std::int64_t count, TemporalUnit unit);
  static Value array(std::span<const Value> items);
  static Value structure(std::span<const Field> members);

  // The lazy ones. The text of a nested value is one JSON array or object, which may still be wrong inside.
  static Value number_text(std::string_view json) { return {ValueKind::number_text, true, json}; }
  static Value escaped_text(std::string_view between_quotes) { return {ValueKind::escaped_text, true, between_quotes}; }
  static Value nested_json(ValueKind kind, std::string_view json) { return {kind, true, json}; }

  // The same kind of value, with the same types of its parts, of another text.
  Value with_text(std::string_view text) const {
    Value made = *this;
    made.size_ = static_cast<std::uint32_t>(text.size());
    made.data_ = word(text.data());
    return made;
  }

  // What a schema makes of a lazy value: of a string in base64, of a number, of a nested value.
  void become_bytes() { kind_ = ValueKind::bytes; }
  void become_bits(std::int32_t length) { kind_ = ValueKind::bits, extra_ = word<std::int64_t>(length); }
  void become_decimal(std::int32_t scale) { kind_ = ValueKind::decimal, extra_ = word<std::int64_t>(scale); }
  void become_temporal(TemporalUnit unit) { kind_ = ValueKind::temporal, unit_ = unit; }
  void set_part_types(const PartTypes* types) { extra_ = word(types); }

  ValueKind kind() const { return kind_; }
  bool is_text() const { return kind_ == ValueKind::text || kind_ == ValueKind::escaped_text; }
  bool is_nested() const { return kind_ == ValueKind::array || kind_ == ValueKind::structure; }
  bool is_lazy() const { return lazy_; }

  bool is_true() const { return data_ != 0; }                    // of a boolean
  std::int64_t integer() const { return data<std::int64_t>(); }  // of an integer, and the count of a ready temporal
  double real() const { return data<double>(); }                 // of a real
  bool is_single() const { return extra_ != 0; }                 // of a real
  std::int32_t scale() const { return static_cast<std::int32_t>(extra_); }   // of a decimal
  std::int32_t length() const { return static_cast<std::int32_t>(extra_); }  // of bits
  TemporalUnit unit() const { return unit_; }                                // of a temporal
  std::string_view digits() const { return {data<const char*>(), size_}; }   // of a number_text and a lazy temporal

  // The characters of a text: in `scratch` if they had to be unescaped.
  TextError characters(std::string& scratch, std::string_view& text) const {
    text = {data<const char*>(), size_};
    if (kind_ == ValueKind::text) return text.find('\0') == text.npos ? TextError::none : TextError::nul;
    return std::memchr(text.data(), '\\', size_) ? unescaped(scratch, text) : TextError::none;
  }
  TextError append_characters(std::string& out) const;
  // Appends the bytes of bytes, bits, or a decimal's unscaled ones. False if the event has no valid base64 for them.
  bool append_bytes(std::string& out) const;

  // The parts of an array or a structure; in `scratch` if they had to be read. False if the JSON is not valid anywhere
  // inside.
  bool items(std::vector<Value>& scratch, std::span<const Value>& items) const;
  bool members(std::vector<Field>& scratch, ValueArena& arena, std::span<const Field>& members) const;

  // The JSON of a lazy value as the event has it, that of a string without quotes; to quote it or to pass it on.
  std::string_view unread_json() const { return {data<const char*>(), size_}; }

 private:
  explicit Value(ValueKind kind) : kind_(kind) {}
  Value(ValueKind kind, bool lazy, std::string_view text)
      : kind_(kind), lazy_(lazy), size_(static_cast<std::uint32_t>(text.size())), data_(word(text.data())) {}
  TextError unescaped(std::string& scratch, std::string_view& text) const;

  template <class T>
  static std::uint64_t word(T value) {
    return std::bit_cast<std::uint64_t>(value);
  }
  template <class T>
  T data() const {
    return std::bit_cast<T>(data_);
  }

  // Plain members, no unions: the compiler then keeps a Value in registers while it is being made.
  ValueKind kind_ = ValueKind::null;
  bool lazy_ = false;
  TemporalUnit unit_ = TemporalUnit::date_days;
  std::uint32_t size_ = 0;   // of a text, or of an array; Kafka's sizes are 32 bits wide
  std::uint64_t data_ = 0;   // an integer, a double, or where characters or parts begin
  std::uint64_t extra_ = 0;  // a scale or length, or where the types of lazy parts are
};

struct Field {
  std::string_view name;  // never escaped
  Value value;
};

// Tells schemas apart for caches that depend on which fields there are. Never used again for another schema.
using SchemaId = std::uint64_t;
inline constexpr SchemaId no_schema = 0;

// The fields of a row or a key.
struct Structure {
  std::span<const Field> fields;
  SchemaId schema = no_schema;
};

const Value* find(std::span<const Field> fields, std::string_view name);

}  // namespace sluice
