// Tables of children for the sink's tests: a route `orders` with what a test adds to it, a mapper that knows its
// tables, and batches of messages written through the writer.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/children.h"
#include "mapping/mapper.h"
#include "tests/integration/sink_support.h"

namespace sluice::sink::test {

class ChildTables : public SinkTest {
 protected:
  struct Message {
    std::optional<std::string> value;  // none: a tombstone
    std::optional<std::string> key = {};
  };

  // The route of orders(id, …); its children are added to it.
  config::Route& begin_route() {
    pipeline = std::make_shared<config::Pipeline>();
    config::Route& route = pipeline->routes.emplace_back();
    route.topics = {"orders"};
    route.table = schema + ".orders";
    route.key = {"id"};
    return route;
  }

  // The array `name` in the table of that name, by the order's id and the place of the element.
  config::Route& add_child(const std::string& name) {
    config::Route& child = pipeline->routes[0].children.emplace_back();
    child.path = name;
    child.table = schema + "." + name;
    child.key = {"order_id", "line"};
    child.fills = {{"order_id", "$.id"}, {"line", "@index"}};
    return child;
  }

  // Once the route is whole and its tables are there.
  void make_mapper() {
    config::Route& route = pipeline->routes[0];
    for (auto& child : route.children) config::complete_child(child, route);
    mapper = std::make_unique<mapping::Mapper>(pipeline);
    describe(route);
    for (const auto& child : route.children) describe(child);
  }

  // The table of a route as it is now.
  void describe(const config::Route& route) {
    const auto described = TableCatalogue(elsewhere()).describe(route.table, route);
    ASSERT_TRUE(described) << described.error().message;
    mapper->set_table({&route, route.table}, *described);
  }

  Changes map(const std::vector<Message>& messages) {
    mapping::ChangeSet set;
    for (const auto& message : messages) {
      Record record;
      record.at = &at;
      if (message.key) record.key = *message.key;
      if (message.value) record.value = *message.value;
      const auto mapped = mapper->map(record, set);
      EXPECT_TRUE(mapped);
      EXPECT_TRUE(set.changes().dead.empty()) << set.changes().dead.back().reason;
    }
    return set.take();
  }

  void write_batch(const std::vector<Message>& messages) {
    const auto done = write_mapped(map(messages));
    ASSERT_TRUE(done) << done.error().sqlstate << " " << done.error().message;
  }

  // Pointers whose counts do not add up.
  std::string unbalanced() {
    return sql(fmt::format(
        "SELECT count(*) FROM {}.pointer WHERE next_offset - start_offset <> applied + folded + skipped + dead + gaps",
        schema));
  }

  std::shared_ptr<config::Pipeline> pipeline;
  std::unique_ptr<mapping::Mapper> mapper;
};

}  // namespace sluice::sink::test
