// The state of a Mapper: what it keeps from record to record, and the steps of mapping one.
//
// Internal to this folder: mapper.cc finds the table of a record, mapper_rows.cc makes its changes.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "mapping/added_columns.h"
#include "mapping/change_stage.h"
#include "mapping/flattener.h"
#include "mapping/formats/decoder.h"
#include "mapping/formats/frames.h"
#include "mapping/formats/mended_text.h"
#include "mapping/mapper.h"
#include "mapping/route_conditions.h"
#include "mapping/router.h"
#include "mapping/row_encoder.h"
#include "mapping/row_judge.h"

namespace sluice::mapping {

// A table of children of a route's table.
struct TopicChild {
  const config::Route* route = nullptr;
  std::vector<std::string> path;
  bool names_source = false;                      // the table's name depends on the event,
  std::expected<std::string, NameError> table{};  // or is this
  TableState* state = nullptr;                    // of the present record
};

// A topic as one of its routes takes it.
struct TopicState {
  std::string name;
  RouteMatch match;
  bool reads_key = false;                         // a condition or an added column is about a field of the record key
  bool names_source = false;                      // the table's name depends on the event,
  std::expected<std::string, NameError> table{};  // or is this
  std::unique_ptr<Decoder> decoder;
  std::optional<KeyDecoder> key_decoder;
  std::vector<TopicChild> children;

  // The table as far as it is known without the event.
  std::string_view known_table() const {
    return !names_source && table ? std::string_view(*table) : std::string_view();
  }
};

// How the marks of a topic's records are read, where transactions of the source are kept whole.
struct TopicMarks {
  std::unique_ptr<Decoder> decoder;  // none: no route takes the topic
  bool is_metadata = false;          // of the transactions: its records are no rows
  bool any_text = false;
  std::optional<bool> foreign{};  // SourceMark::foreign, by the first event
};

struct Topic {
  std::string name;
  std::vector<std::unique_ptr<TopicState>> routes;
  bool staged = false;  // its records may be written to more than one table
};

// A table that events name and that cannot be written for that reason.
struct RefusedTable {
  std::string sqlstate, reason;
  std::uint64_t round = 0;  // in which it was refused
};

// Columns that a table cannot have, as names that its database cannot hold.
struct RefusedEvolution {
  EvolutionWanted wanted;
  std::string sqlstate, reason;
};

// A table that is to be made.
struct MissingTable {
  bool fresh = true;        // nothing was mapped since it was said
  std::uint64_t round = 0;  // in which it was said
};

struct Mapper::State {
  explicit State(std::shared_ptr<const config::Pipeline> settings)
      : pipeline(std::move(settings)), router(*pipeline), schemas(!pipeline->registry.url.empty()), frames(schemas) {}

  using TableKey = std::pair<const config::Route*, std::string>;

  std::shared_ptr<const config::Pipeline> pipeline;
  Router router;
  std::unordered_map<std::string, std::unique_ptr<Topic>> topics;
  Topic* last_topic = nullptr;
  std::unordered_map<std::string, TopicMarks> source_marks;  // by topic
  std::map<TableKey, std::unique_ptr<TableState>> tables;
  TableState* last_table = nullptr;
  std::map<TableKey, RefusedTable> refused;
  std::vector<RefusedEvolution> refused_evolutions;
  std::map<TableKey, MissingTable> missing;
  std::uint64_t round = 0;  // what was refused in another one is asked for again
  PausedTable paused;

  SchemaBook schemas;
  FrameReader frames;
  DecodeSpace decode_space;
  MendedText mended_text{decode_space};
  Event event;
  Image key_image;          // the record key
  bool key_read = false;    // key_image is of the present record
  Image given_image;        // the key that the headers or the place give instead
  bool given_read = false;  // given_image is of the present record
  std::vector<Field> given_fields;
  std::vector<Field> source_fields, version_fields;
  std::expected<std::string, NameError> source_table;  // named by the source of the present record
  RouteConditions conditions;
  RowEncoder rows;
  Flattener flattener;
  Image nested_row;  // the event's row as it came, where the route takes nested objects apart
  AddedColumns added_columns{rows};
  RowJudge row_judge;
  RowVerdict verdict = RowVerdict::write;  // on the row in `cells`
  ChangeSet* set = nullptr;                // of the record being mapped
  ChangeTarget* out = nullptr;             // where its changes go: the set, or
  ChangeStage staged;
  TopicState* taken_by = nullptr;      // the topic and the route of what is being mapped
  const TableState* faulty = nullptr;  // the table of its fault, if that is not the row's
  const TopicPartition* place = nullptr;
  std::vector<Cell> cells, old_cells;  // the new row, the key that it had before
  std::vector<Cell> record_cells;      // the key of the record
  std::vector<Cell> child_cells;
  std::vector<Cell> child_parent, child_filled;  // of all elements of an array: the parent's key; that and its fields
  bool child_text_is_json = false;               // of the elements' strings for json columns
  RowTypes child_types;                          // of the elements, where the route lets the table evolve
  std::vector<ChildRow> child_rows;
  std::vector<Value> child_items;
  std::vector<Field> child_fields;
  KeySpace child_space;
  KeyIndex child_keys;  // of the elements of one array
  KeySpace key_space, old_key_space;
  std::vector<Doubtful> doubtful;

  std::expected<Outcome, Blocked> map(const Record& record, ChangeSet& to, bool asks);
  // Of transactions of the source (mapper_source.cc).
  std::expected<SourceMark, Blocked> source_mark(const Record& record);
  TopicMarks& marks_of(const std::string& topic);
  std::expected<Outcome, Blocked> map_metadata(const Record& record);
  bool is_metadata(std::string_view topic) const {
    return pipeline->consistency.whole() && topic == pipeline->consistency.topic;
  }
  std::expected<Outcome, Blocked> map_staged(Topic& topic, const Record& record, bool asks);
  std::expected<Outcome, Blocked> map_route(TopicState& topic, const Record& record, bool asks);
  Topic& topic_of(const std::string& name);
  std::unique_ptr<TopicState> topic_state(const std::string& name, RouteMatch match);
  TableState* find_table(const config::Route& route, const std::string& name);
  TableState& state_of(const TableWanted& table);  // which may be new
  const std::expected<std::string, NameError>& table_name(TopicState& topic);
  const std::expected<std::string, NameError>& name_by_source(const config::Route& route, const TopicState& topic);
  std::expected<Outcome, Blocked> without_table(TopicState& topic, const TableWanted& wanted, const Record& record,
                                                bool asks);
  // The table that the record needs (mapper_tables.cc).
  // The record waits until its table has the columns, or is a dead letter as the table cannot have them.
  std::expected<Outcome, Blocked> evolve_or_refuse(EvolutionWanted wanted);
  std::expected<Outcome, Blocked> make_table(TopicState& topic, const TableWanted& wanted, const Record& record);
  Outcome reject(Stage stage, std::string_view table, std::string sqlstate, std::string reason);

  bool decode_mended(TopicState& topic, const Record& record, DecodeError& error);
  void note_uses(const TableState& table);
  std::optional<Outcome> judge(TopicState& topic, const Record& record);
  bool without_effect(const TopicState& topic, const Record& record) const;
  // Takes the nested objects of the event apart, after all that asks about it as it is.
  bool flatten_event(const config::Route& route, const TableState* table, RecordError& fault);
  bool make_changes(TopicState& topic, TableState& table, const Record& record, RecordError& fault);
  bool map_write(TopicState& topic, TableState& table, const Record& record, RecordError& fault);
  // Judges the row in `cells` by the table's condition, if it has one. Returns false if the table has to become wider
  // first.
  bool judge_row(const TableState& table, const Record& record);
  bool append_row(TableState& table, RecordError& fault);
  bool write_row(TableState& table, bool moved, const Record& record, RecordError& fault);
  bool map_remove(TopicState& topic, TableState& table, const Record& record, RecordError& fault);
  // Returns true if anything may depend on what is in the record key: the row's key, a condition, an added column.
  bool key_may_count(const TopicState& topic) const;
  // The schema of a framed key, if it is not known yet and the key may count.
  std::optional<SchemaName> wanted_for_key(TopicState& topic, const Record& record);
  bool read_key(TopicState& topic, const Record& record, RecordError& fault);  // into key_image
  // The key that the route takes from headers or the place; null if it takes none from there.
  const Image* given_key(TopicState& topic, const Record& record);
  void read_header_key(TopicState& topic, const Record& record);
  void read_place_as_key(const Record& record);
  // Sets the key columns of `cells` as the record key has them, which must agree with what they are already.
  bool merge_record_key(TopicState& topic, TableState& table, const Record& record, RecordError& fault);
  bool find_old_key(TableState& table, RecordError& fault);
  // Sets the added columns of `cells`, or of its key alone.
  bool add_columns(TopicState& topic, const TableState& table, const Record& record, bool key_only, RecordError& fault);
  // Refuses a row, whose key has changed, if the event lacks values that only the old row has.
  bool is_whole(TableState& table, RecordError& fault);
  // What a table with versions or marks needs besides (mapper_history.cc).
  const Value* find_version(TableState& table, const Image& image, ImageOf of);
  bool set_version(TableState& table, const Image& image, ImageOf of, RecordError& fault);
  bool set_written(TableState& table, RecordError& fault);
  bool set_deleted(TableState& table, const Record& record, std::vector<Cell>& of, RecordError& fault);
  bool remove_row(TableState& table, const Record& record, std::vector<Cell>& of, const RowKey& key, bool decides,
                  RecordError& fault);
  // Whether the key, also by the columns that the route adds, is the one in old_cells; nothing: PostgreSQL has to be
  // asked.
  std::optional<bool> is_old_key(const TableState& table, const std::vector<Cell>& key, bool added);
  bool stays_in_place(TableState& table);
  // Rows of tables of children (mapper_children.cc).
  // What their paths lead into.
  const Image& row_of_paths() const { return taken_by->match.route->flatten.empty() ? event.after : nested_row; }
  // Finds the tables; returns nothing once all are known. One that is missing yet has a state without a description.
  std::optional<std::expected<Outcome, Blocked>> find_children(TopicState& topic, TableState& parent,
                                                               const Record& record, bool asks);
  // All that the event says of the children of the row in `cells`, whose key has changed if it is `moved`.
  bool write_children(TableState& parent, bool moved, RecordError& fault);
  bool write_children_of(TopicChild& child, TableState& parent, bool moved, RecordError& fault);
  // The table that the elements need where there is none (mapper_child_tables.cc). Always returns false.
  bool need_child_table(const TopicChild& child, std::span<const Value> elements, RecordError& fault);
  // The column for a field of the parent's row; empty: nothing says its type.
  std::string type_of_parents(const std::vector<std::string>& path);
  // What the parent's table lacks is asked for once nothing is wrong with the children. Always returns false.
  bool lacks_with_children(TableState& parent, bool moved, RecordError& fault);
  // The rows of an array, into `child_rows`.
  bool add_children(const TopicChild& child, std::span<const Value> elements, RecordError& fault);
  void release_children();
  bool add_child(const TopicChild& child, std::size_t index, const Value& element, RecordError& fault);
  bool fill_from_parent(const TopicChild& child, RecordError& fault);
  bool fill_child(const TopicChild& child, std::size_t index, const Value& element, const Image& row,
                  RecordError& fault);
  // None are left of the parent whose key is in `of`.
  bool remove_children(TableState& parent, const std::vector<Cell>& of, RecordError& fault);
  bool carry_key(const TableState& parent, const std::vector<Cell>& of, TableState& child, std::vector<Cell>& to,
                 RecordError& fault);
};

}  // namespace sluice::mapping
