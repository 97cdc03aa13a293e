// What records say about transactions of the source, in the forms that connectors give it.
#include "mapping/source_mark.h"

#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {
namespace {

using Kind = SourceMark::Kind;

class Marks : public testing::Test {
 protected:
  Marks() {
    config::Pipeline made;
    config::Route route;
    route.topics = {"^shop\\..*"};
    route.table = "public.t";
    route.key = {"id"};
    made.routes = {route};
    made.consistency = {config::Transactions::source, "shop.transaction", std::chrono::seconds(60)};
    mapper_.emplace(std::make_shared<config::Pipeline>(made));
  }
  SourceMark mark(const std::string& topic, std::optional<std::string_view> value) {
    place_ = {topic, 0};
    Record record;
    record.at = &place_;
    record.value = value;
    return mapper_->source_mark(record).value();
  }

  std::optional<Mapper> mapper_;
  TopicPartition place_;
};

TEST_F(Marks, an_event_names_its_transaction_and_its_place_in_it) {
  const auto found = mark("shop.public.orders", R"({"op":"c","after":{"id":1},"source":{"table":"orders"},
      "transaction":{"id":"781:39950456","total_order":3,"data_collection_order":2}})");
  EXPECT_EQ(found.kind, Kind::event);
  EXPECT_EQ(found.transaction, "781");
  EXPECT_EQ(found.order, 3);
  EXPECT_EQ(found.collection_order, 2);
  EXPECT_FALSE(found.foreign);
}

TEST_F(Marks, the_same_in_connect_s_wrapping_and_with_numbers_as_text) {
  const auto found = mark("shop.public.orders", R"({"schema":null,"payload":{"op":"d","before":{"id":1},
      "source":{"table":"orders"},"transaction":{"id":"781:3","total_order":"3","data_collection_order":"2"}}})");
  EXPECT_EQ(found.transaction, "781");
  EXPECT_EQ(found.order, 3);
}

TEST_F(Marks, what_has_no_transaction_is_plain_and_what_is_no_json_is_unreadable) {
  EXPECT_EQ(
      mark("shop.public.orders", R"({"op":"r","after":{"id":1},"source":{"table":"orders"},"transaction":null})").kind,
      Kind::plain);
  EXPECT_EQ(mark("shop.public.orders", R"({"id":1,"transaction":{"id":"7"}})").kind, Kind::plain);
  EXPECT_EQ(mark("shop.public.orders", std::nullopt).kind, Kind::plain);
  EXPECT_EQ(mark("shop.public.orders", "{").kind, Kind::unreadable);
}

TEST_F(Marks, an_end_counts_the_events_of_each_table_and_a_begin_is_plain) {
  EXPECT_EQ(
      mark("shop.transaction", R"({"status":"BEGIN","id":"781:1","event_count":null,"data_collections":null})").kind,
      Kind::plain);
  for (const auto* form :
       {R"({"status":"END","id":"781:9","ts_ms":1,"event_count":3,"data_collections":[
             {"data_collection":"public.orders","event_count":1},{"data_collection":"public.items","event_count":2}]})",
        R"({"schema":{"type":"struct","fields":[]},"payload":{"status":"END","id":"781:9","event_count":3,
             "data_collections":[{"data_collection":"public.orders","event_count":1},
             {"data_collection":"public.items","event_count":2}]}})"}) {
    const auto found = mark("shop.transaction", form);
    EXPECT_EQ(found.kind, Kind::end);
    EXPECT_EQ(found.transaction, "781");
    EXPECT_EQ(found.events, 3);
    EXPECT_EQ(found.counts,
              (std::vector<std::pair<std::string, std::int64_t>>{{"public.orders", 1}, {"public.items", 2}}));
  }
}

TEST_F(Marks, only_postgresql_s_ids_have_a_part_that_changes) {
  EXPECT_EQ(shared_part("781:39950456"), "781");
  EXPECT_EQ(shared_part("24DA167-0C0C-11E8-8442-00059A3C7B00:19"), "24DA167-0C0C-11E8-8442-00059A3C7B00:19");
  EXPECT_EQ(shared_part("00000025:00000d08:0025"), "00000025:00000d08:0025");
  EXPECT_EQ(shared_part("0-1-10"), "0-1-10");
  EXPECT_EQ(shared_part("1462833718356672513"), "1462833718356672513");
}

TEST_F(Marks, a_topic_that_does_not_have_its_table_s_name_is_foreign) {
  EXPECT_TRUE(mark("shop.all", R"({"op":"c","after":{"id":1},"source":{"table":"orders"},
      "transaction":{"id":"1:1","total_order":1,"data_collection_order":1}})")
                  .foreign);
  EXPECT_FALSE(mark("shop.public.two_words", R"({"op":"c","after":{"id":1},"source":{"table":"two words"},
      "transaction":{"id":"1:1","total_order":1,"data_collection_order":1}})")
                   .foreign);
}

TEST_F(Marks, metadata_is_skipped_and_never_a_row_even_where_a_route_s_expression_takes_its_topic) {
  ChangeSet set;
  place_ = {"shop.transaction", 0};
  Record record;
  record.at = &place_;
  record.value = R"({"status":"END","id":"781:9","event_count":0,"data_collections":[]})";
  EXPECT_EQ(mapper_->map(record, set).value(), Outcome::skipped);
  record.value = "{";
  EXPECT_EQ(mapper_->map(record, set).value(), Outcome::dead);
  EXPECT_TRUE(set.changes().tables.empty());
  EXPECT_TRUE(mapper_->routes("shop.transaction").empty());
}

}  // namespace
}  // namespace sluice::mapping::test
