#include "runtime/init/topic_shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "mapping/evolution.h"
#include "mapping/formats/decoder.h"

namespace sluice::runtime {
namespace {

using config::Format;
using mapping::DecodeError;
using mapping::Event;
using mapping::Image;

constexpr auto patience = std::chrono::seconds(1);
constexpr std::size_t longest_compared = 200;  // bytes of a value that may be a key

// Decodes by one format, and asks for the schemas on the way.
class SampleDecoder {
 public:
  SampleDecoder(Format format, SchemaSource* schemas, Clock::time_point deadline)
      : schemas_(schemas),
        deadline_(deadline),
        book_(schemas != nullptr),
        frames_(book_),
        decoder_(mapping::make_decoder(format, space_, frames_)),
        keys_(space_, frames_) {}

  Event event;
  Image key;
  std::set<SchemaKind> kinds;  // of the schemas that were asked for

  // The event and its key, which live until the next call: one that brings a schema may end what was read before it.
  Result<bool> decode_both(const Record& record, DecodeError& error) {
    while (true) {
      const auto done = decode(record, error);
      key = {};
      if (!done || !*done || !record.key) return done;
      const auto before = answers_;
      // The key is read into the same space, which leaves the event alone, as in a mapper.
      if (const auto read = decode_key(record); !read) return read;
      if (answers_ == before) return true;
    }
  }
  // True if the record is an event of the format; false with `error` set.
  Result<bool> decode(const Record& record, DecodeError& error) {
    return with_schemas(error, [&] { return decoder_->decode(record, event, error); });
  }

 private:
  // The key beside the event; not present if it cannot be read.
  Result<bool> decode_key(const Record& record) {
    key = {};
    DecodeError error;
    auto done = with_schemas(error, [&] { return keys_.decode(record, key, error); });
    if (done && !*done) key.present = false;
    return done;
  }
  Result<bool> with_schemas(DecodeError& error, const auto& read) {
    while (true) {
      error = {};
      if (read()) return true;
      if (!error.wanted || schemas_ == nullptr) return false;
      auto found = schemas_->find(*error.wanted, patience);
      if (found) {
        kinds.insert((*found)->kind);
        ++answers_;
        book_.set(*error.wanted, **found);
      } else if (found.error().next == ErrorClass::reject) {
        book_.refuse(*error.wanted, found.error().message);
      } else if (Clock::now() >= deadline_) {
        return std::unexpected(found.error());
      }
    }
  }

  SchemaSource* const schemas_;
  const Clock::time_point deadline_;
  mapping::SchemaBook book_;
  mapping::FrameReader frames_;
  mapping::DecodeSpace space_;
  std::unique_ptr<mapping::Decoder> decoder_;
  mapping::KeyDecoder keys_;
  std::size_t answers_ = 0;  // of the registry, with a schema
};

// The text of a scalar, to compare a key with a field; empty for anything else.
std::string scalar_text(const Value& value) {
  std::string scratch;
  std::string_view characters;
  switch (value.kind()) {
    case ValueKind::boolean:
      return value.is_true() ? "true" : "false";
    case ValueKind::integer:
      return fmt::to_string(value.integer());
    case ValueKind::number_text:
      return std::string(value.digits());
    case ValueKind::text:
    case ValueKind::escaped_text:
      return value.characters(scratch, characters) == TextError::none ? std::string(characters) : "";
    default:
      return {};
  }
}

bool framed(const SampledRecord& one, const Record& record) {
  return one.value && mapping::is_framed(*record.value, record.headers, mapping::Side::value);
}

Format format_of(SchemaKind kind) {
  switch (kind) {
    case SchemaKind::avro:
      return Format::avro;
    case SchemaKind::json:
      return Format::json_schema;
    case SchemaKind::protobuf:
      return Format::protobuf;
    case SchemaKind::other:
      break;
  }
  return Format::automatic;
}

class Shaping {
 public:
  Shaping(const TopicSample& sample, SchemaSource* schemas, Clock::time_point deadline)
      : sample_(sample), schemas_(schemas), deadline_(deadline) {}

  Result<TopicShape> shape() {
    if (auto found = choose_format(); !found) return std::unexpected(found.error());
    SampleDecoder decoder(shape_.format, schemas_, deadline_);
    for (const auto& one : sample_.records)
      if (auto done = add(one, decoder); !done) return std::unexpected(done.error());
    return std::move(shape_);
  }

 private:
  // The most particular format that takes all that any format takes.
  Result<void> choose_format() {
    SampleDecoder any(Format::automatic, schemas_, deadline_);
    std::size_t frames = 0, values = 0;
    std::vector<const SampledRecord*> taken;
    for (const auto& one : sample_.records) {
      if (!one.value) continue;
      const auto record = one.record();
      ++values;
      if (framed(one, record)) ++frames;
      DecodeError error;
      const auto done = any.decode(record, error);
      if (!done) return std::unexpected(done.error());
      if (*done) taken.push_back(&one);
    }
    shape_.frames = frames > 0;
    if (frames > 0) {
      if (frames == values && any.kinds.size() == 1) shape_.format = format_of(*any.kinds.begin());
      return {};
    }
    if (taken.empty()) return {};
    bool plain = true;  // none of the formats that say more takes any
    for (const auto format : {Format::debezium, Format::cloudevents, Format::connect_json}) {
      SampleDecoder decoder(format, nullptr, deadline_);
      const auto count = std::ranges::count_if(taken, [&](const SampledRecord* one) {
        DecodeError error;
        return decoder.decode(one->record(), error).value_or(false);
      });
      plain = plain && count == 0;
      if (static_cast<std::size_t>(count) != taken.size()) continue;
      shape_.format = format;
      return {};
    }
    if (plain) shape_.format = Format::json;
    return {};
  }

  Result<void> add(const SampledRecord& one, SampleDecoder& decoder) {
    const auto record = one.record();
    ++shape_.records;
    DecodeError error;
    const auto done = decoder.decode_both(record, error);
    if (!done) return std::unexpected(done.error());
    if (!*done) {
      if (shape_.refused++ == 0) shape_.refusal = error.reason;
      return {};
    }
    const auto& event = decoder.event;
    shape_.tombstones += event.operation == mapping::Operation::tombstone ? 1 : 0;
    shape_.deletes = shape_.deletes || event.operation == mapping::Operation::tombstone ||
                     event.operation == mapping::Operation::remove;
    add_key(decoder.key);
    if (event.source.kind() == ValueKind::structure) add_source(event.source);
    if (event.after.present) add_row(event.after, decoder.key, true);
    if (event.before.present) add_row(event.before, decoder.key, false);
    return {};
  }

  static ShapedColumn& column_in(std::vector<ShapedColumn>& columns, std::string_view name) {
    const auto found = std::ranges::find(columns, name, &ShapedColumn::name);
    if (found != columns.end()) return *found;
    ShapedColumn made;
    made.name = name;
    return columns.emplace_back(std::move(made));
  }

  static void see(ShapedColumn& column, const Value& value, const RowTypes& types) {
    column.guess.see(value, mapping::column_type(types.of(column.name)));
    if (value.kind() == ValueKind::null || value.kind() == ValueKind::absent) return;
    ++column.rows;
    auto text = scalar_text(value);
    column.only_true_false = column.only_true_false && value.is_text() && (text == "true" || text == "false");
    if (!text.empty() && text.size() <= longest_compared) column.values.insert(std::move(text));
  }

  void add_row(const Image& image, const Image& key, bool counts) {
    const bool scalar = key.present && key.is_scalar();
    const auto key_text = scalar ? scalar_text(key.row.fields.front().value) : std::string();
    if (counts) ++shape_.rows;
    if (counts && scalar) ++shape_.keyed_rows;
    for (const auto& field : image.row.fields) {
      auto& column = column_in(shape_.columns, field.name);
      const auto rows = column.rows;
      see(column, field.value, image.types);
      if (!counts) column.rows = rows;
      if (counts && scalar && !key_text.empty() && scalar_text(field.value) == key_text) ++column.equals_key;
    }
  }

  void add_key(const Image& key) {
    if (!key.present) {
      ++shape_.unkeyed;
      return;
    }
    ++shape_.keyed;
    (key.is_scalar() ? shape_.scalar_keys : shape_.object_keys) = true;
    const auto before = shape_.key.size();
    for (const auto& field : key.row.fields) see(column_in(shape_.key, field.name), field.value, key.types);
    const bool same = shape_.keyed == 1 || (shape_.key.size() == before && key.row.fields.size() == before);
    shape_.keys_differ = shape_.keys_differ || !same;
  }

  void add_source(const Value& source) {
    std::vector<Field> unread;
    std::span<const Field> members;
    ValueArena arena;
    if (!source.members(unread, arena, members)) return;
    const auto text = [&](std::string_view name) {
      const auto* value = find(members, name);
      return value ? scalar_text(*value) : std::string();
    };
    if (auto table = text("table"); !table.empty()) shape_.sources.emplace(text("schema"), std::move(table));
  }

  const TopicSample& sample_;
  SchemaSource* const schemas_;
  const Clock::time_point deadline_;
  TopicShape shape_;
};

}  // namespace

const ShapedColumn* TopicShape::column(std::string_view name) const {
  const auto found = std::ranges::find(columns, name, &ShapedColumn::name);
  return found == columns.end() ? nullptr : &*found;
}

Result<TopicShape> shape_of(const TopicSample& sample, SchemaSource* schemas, Clock::time_point deadline) {
  return Shaping(sample, schemas, deadline).shape();
}

}  // namespace sluice::runtime
