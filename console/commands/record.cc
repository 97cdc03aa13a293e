// record: one record of the log as it was written, whatever becomes of it; explain says that.
#include "console/commands/record.h"
#include "console/commands/registry.h"
#include "console/selection.h"

namespace sluice::console {

std::vector<std::string> header_texts(const LogRecord& record) {
  std::vector<std::string> texts;
  for (const auto& [name, value] : record.headers) texts.push_back(value ? fmt::format("{}={}", name, *value) : name);
  return texts;
}

int no_record(Call& call, const Error& error) {
  return call.fail(error.next == ErrorClass::reject ? Code::no_such_thing : Code::failed, "{}", error.message);
}

namespace {

report::Value size_of(const std::optional<std::string>& bytes) {
  return bytes ? report::Value(static_cast<std::int64_t>(bytes->size())) : report::Value();
}

Section record_result() {
  return {.columns = {{.name = "partition"},
                      {.name = "offset", .kind = ColumnType::id},
                      {.name = "timestamp", .kind = ColumnType::time, .nullable = true},
                      {.name = "tombstone", .kind = ColumnType::yes_no},
                      {.name = "key_bytes", .kind = ColumnType::number, .nullable = true},
                      {.name = "value_bytes", .kind = ColumnType::number, .nullable = true},
                      {.name = "headers", .kind = ColumnType::texts},
                      {.name = "key", .kind = ColumnType::content, .nullable = true},
                      {.name = "value", .kind = ColumnType::content, .nullable = true}},
          .record = true};
}

int record(Call& call, Inspection& inspection, const Snapshots& snapshots, Positions& positions) {
  const auto at = parse_partition(call.words()[0]);
  if (!at)
    return call.fail(Code::not_understood,
                     "record takes TOPIC/PARTITION and an offset, for example: record shop.orders/3 4711");
  const auto offset = offset_of(call, call.words()[1]);
  if (!offset) return offset.error();
  if (!inventory(snapshots, positions).partitions.contains(*at))
    return call.fail(Code::no_such_thing, "no partition {}; see 'partitions'", partition_text(*at));
  const auto found = inspection.read(*at, *offset);
  if (!found) return no_record(call, found.error());
  Section section =
      filled(record_result(), {partition_text(found->at), found->offset, optional_time(found->timestamp),
                               !found->value.has_value(), size_of(found->key), size_of(found->value),
                               header_texts(*found), optional_text(found->key), optional_text(found->value)});
  if (call.has("raw")) report::show_whole(section);
  call.report.sections = {std::move(section)};
  return Code::done;
}

}  // namespace

std::vector<Command> record_commands() {
  return {
      {.words = "record",
       .arguments = "TOPIC/PARTITION OFFSET",
       .min_words = 2,
       .max_words = 2,
       .takes = ArgumentKind::partition,
       .options = {{.name = "raw", .help = "key and value whole, however long"}},
       .role = Role::operator_,
       .effect = Effect::shows_data,
       .group = "records",
       .summary =
           "One record of the log as it was written: key, value, headers, timestamp. 'explain' says what becomes "
           "of it.",
       .examples = {"record shop.orders/3 4711", "record shop.orders/3 4711 --raw --json"},
       .result = {record_result()},
       .run = handler<record>},
  };
}

}  // namespace sluice::console
