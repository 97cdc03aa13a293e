// What records say about transactions of the source, and the records that say nothing else.
#include "mapping/mapper_state.h"

namespace sluice::mapping {
namespace {

// Which topic a data collection's events are in is known by the names alone.
bool is_foreign(const Event& event, std::string_view topic, std::string_view metadata, ValueArena& arena) {
  std::vector<Field> unread;
  std::span<const Field> fields;
  if (event.source.kind() != ValueKind::structure || !event.source.members(unread, arena, fields)) return true;
  const Value* table = find(fields, "table");
  std::string scratch;
  std::string_view name;
  if (table == nullptr || !table->is_text() || table->characters(scratch, name) != TextError::none) return true;
  return !topic.starts_with(metadata.substr(0, metadata.rfind('.') + 1)) || !topic.ends_with("." + as_topic(name));
}

}  // namespace

std::expected<SourceMark, Blocked> Mapper::source_mark(const Record& record) {
  return state_->source_mark(record);
}

TopicMarks& Mapper::State::marks_of(const std::string& topic) {
  const auto [found, first] = source_marks.try_emplace(topic);
  TopicMarks& of = found->second;
  if (!first) return of;
  of.is_metadata = is_metadata(topic);
  const auto matches = of.is_metadata ? std::vector<RouteMatch>() : router.matches(topic);
  const auto* route = matches.empty() ? nullptr : matches.front().route;
  if (route != nullptr) of.any_text = route->values.utf8 == Utf8Policy::replace;
  if (of.is_metadata || route != nullptr) {
    of.decoder =
        make_decoder(of.is_metadata ? config::Format::automatic : route->format, decode_space, frames, of.any_text);
  }
  return of;
}

// A text that is not UTF-8 says nothing about the transaction, so it is only read again where the route mends it.
std::expected<SourceMark, Blocked> Mapper::State::source_mark(const Record& record) {
  SourceMark mark;
  TopicMarks& topic = marks_of(record.at->topic);
  if (!topic.decoder || !record.value) return mark;
  DecodeError error;
  mended_text.clear();
  bool decoded = topic.decoder->decode(record, event, error);
  if (!decoded && error.sqlstate == "22021" && topic.any_text) {
    Record mended;
    mended.at = record.at;
    mended.value = mended_text.mend(*record.value);
    mended.headers = record.headers;
    decoded = topic.decoder->decode(mended, event, error);
  }
  if (!decoded) {
    if (error.wanted) return std::unexpected(Wanted(SchemaWanted{*error.wanted}));
    mark.kind = SourceMark::Kind::unreadable;
  } else if (!topic.is_metadata) {
    read_transaction_block(event.transaction, decode_space.arena, mark);
    if (mark.kind == SourceMark::Kind::event) {
      if (!topic.foreign)
        topic.foreign = is_foreign(event, record.at->topic, pipeline->consistency.topic, decode_space.arena);
      mark.foreign = *topic.foreign;
    }
  } else if (event.after.present) {
    read_metadata(event.after.row.fields, decode_space.arena, mark);
  }
  schemas.forget_refusal();
  return mark;
}

// It has done its work when it is mapped: it says which records of other topics belong together.
std::expected<Outcome, Blocked> Mapper::State::map_metadata(const Record& record) {
  doubtful.clear();
  mended_text.clear();
  DecodeError error;
  if (!marks_of(record.at->topic).decoder->decode(record, event, error)) {
    if (error.wanted) return std::unexpected(Wanted(SchemaWanted{*error.wanted}));
    return reject(Stage::decode, "", std::move(error.sqlstate), std::move(error.reason));
  }
  set->begin_record(*place);
  set->skip();
  return Outcome::skipped;
}

}  // namespace sluice::mapping
