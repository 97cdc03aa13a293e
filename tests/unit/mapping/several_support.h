// For tests of records that are written to several tables: a mapper over any routes, its tables by their names, and
// what the changes make of them.
#pragma once

#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {

class Several {
 public:
  // A route of the topic `events`, and its table.
  config::Route& add_route(const std::string& name, std::vector<std::pair<std::string, std::string>> columns) {
    add_table(name, std::move(columns), {0});
    config::Route& route = pipeline->routes.emplace_back();
    route.topics = {"events"};
    route.table = name;
    route.key = {tables_[name]->columns[0].name};
    return route;
  }
  std::shared_ptr<Table> add_table(const std::string& name, std::vector<std::pair<std::string, std::string>> columns,
                                   std::vector<std::uint16_t> key) {
    auto made = table(std::move(columns), std::move(key));
    made->name = made->sql_name = name;
    made->oid = static_cast<std::uint32_t>(tables_.size() + 1);
    return tables_[name] = made;
  }
  std::shared_ptr<Table> table_of(const std::string& name) { return tables_.at(name); }

  Mapper& mapper() {
    if (!mapper_) mapper_.emplace(pipeline);
    return *mapper_;
  }

  void add(const Message& message) {
    const Record record = record_of(message, at_, offset_++);
    auto done = mapper().map(record, set_);
    for (int questions = 0; !done && questions < 8; ++questions) {
      const auto* wanted = std::get_if<Wanted>(&done.error());
      ASSERT_NE(wanted, nullptr);
      if (const auto* schema = std::get_if<SchemaWanted>(wanted)) {
        mapper().set_schema(schema->schema, schemas.at(schema->schema.text()));
      } else {
        ASSERT_TRUE(std::holds_alternative<TableWanted>(*wanted));
        const auto& asked = std::get<TableWanted>(*wanted);
        mapper().set_table(asked, tables_.at(asked.table));
      }
      done = mapper().map(record, set_);
    }
    ASSERT_TRUE(done.has_value()) << "asked again";
  }

  Changes take() { return set_.take(); }
  Changes map(const std::vector<Message>& messages) {
    for (const Message& message : messages) add(message);
    return take();
  }
  // Outcomes, and `table: change` for each change, children's last.
  std::string changes(const std::vector<Message>& messages) {
    const Changes made = map(messages);
    std::string text = outcomes(made) + "\n";
    for (const bool of_children : {false, true})
      for (const TableChanges& one : made.tables)
        if ((one.parent != nullptr) == of_children) text += table_text(made, one);
    return text;
  }

  std::shared_ptr<config::Pipeline> pipeline = std::make_shared<config::Pipeline>();
  std::map<std::string, RegisteredSchema> schemas;  // what the registry knows, where the pipeline names one

 private:
  static std::string table_text(const Changes& made, const TableChanges& one) {
    std::string text;
    for (std::size_t n = 0; n < one.steps.size(); ++n) {
      if (n > 0) text += one.table->name + ": step\n";
      if (one.steps[n].truncate) text += one.table->name + ": truncate\n";
      for (const RowChange& row : one.steps[n].parents)
        text += fmt::format("{}: all of {}\n", one.table->name, row_text(made, *one.table, row));
      for (const RowChange& row : one.steps[n].rows) {
        const char* kind = row.kind == ChangeKind::write    ? "write"
                           : row.kind == ChangeKind::remove ? "remove"
                           : row.kind == ChangeKind::mark   ? "mark"
                                                            : "replace";
        text += fmt::format("{}: {} {}\n", one.table->name, kind, row_text(made, *one.table, row));
      }
    }
    return text;
  }

  std::map<std::string, std::shared_ptr<Table>> tables_;
  std::optional<Mapper> mapper_;
  ChangeSet set_;
  TopicPartition at_{"events", 0};
  Offset offset_ = 0;
};

}  // namespace sluice::mapping::test
