// Folding: the net effect per key. Conformance cases C and D, and a model that applies events one by one.
#include <random>

#include "tests/support/rounds.h"
#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {
namespace {

TEST(MappingFolding, only_the_newest_state_of_a_key_is_written) {
  Fixture fixture(table({{"id", "int4"}, {"name", "text"}}));
  const Changes changes = fixture.map(
      {{{}, R"({"id":1,"name":"Alice"})"}, {{}, R"({"id":2,"name":"Charlie"})"}, {{}, R"({"id":1,"name":"Bob"})"}});
  EXPECT_EQ(text_of(changes), "write id=1 name=Bob\nwrite id=2 name=Charlie\n");
  EXPECT_EQ(outcomes(changes), "faa");
  EXPECT_EQ(changes.rows, 2u);
  EXPECT_EQ(changes.tables[0].steps[0].rows[0].record, 2u);
}

TEST(MappingFolding, what_a_later_record_does_not_carry_keeps_its_earlier_value) {
  Fixture fixture(table({{"id", "int4"}, {"dusty", "text"}, {"artie", "text"}}));
  EXPECT_EQ(text_of(fixture.map({{{}, R"({"id":1,"dusty":"dog","artie":"t"})"},
                                 {{}, R"({"id":1,"dusty":"__debezium_unavailable_value","artie":"t5"})"},
                                 {{}, R"({"id":2,"dusty":"__debezium_unavailable_value"})"},
                                 {{}, R"({"id":2,"dusty":"x","artie":null})"}})),
            "write id=1 dusty=dog artie=t5\nwrite id=2 dusty=x artie=NULL\n");
}

TEST(MappingFolding, a_delete_and_a_write_of_one_key_leave_the_later) {
  Fixture fixture(table({{"id", "int4"}, {"name", "text"}}));
  const Changes changes = fixture.map(
      {{"1", R"({"name":"a"})"}, {"1", {}}, {"2", {}}, {"2", R"({"name":"full"})"}, {"3", {}}, {"3", "{}"}, {"1", {}}});
  EXPECT_EQ(text_of(changes), "remove id=1\nwrite id=2 name=full\nreplace id=3\n");
  EXPECT_EQ(outcomes(changes), "fffafaa");
}

TEST(MappingFolding, keys_that_the_server_calls_equal_are_one) {
  Fixture numbers(table({{"id", "numeric"}, {"v", "text"}}));
  EXPECT_EQ(
      text_of(numbers.map({{{}, R"({"id":1,"v":"a"})"}, {{}, R"({"id":1.0,"v":"b"})"}, {{}, R"({"id":"1.00"})"}})),
      "write id=1 v=b\n");
  Fixture blanks(table({{"id", "bpchar"}, {"v", "text"}}));
  EXPECT_EQ(text_of(blanks.map({{{}, R"({"id":"a","v":"a"})"}, {{}, R"({"id":"a  ","v":"b"})"}})), "write id=a v=b\n");
  Fixture floats(table({{"id", "float8"}, {"v", "text"}}));
  EXPECT_EQ(floats.map({{{}, R"({"id":0.0})"}, {{}, R"({"id":-0.0})"}}).rows, 1u);
  Fixture integers(table({{"id", "int4"}, {"v", "text"}}));
  EXPECT_EQ(integers.map({{{}, R"({"id":1})"}, {{}, R"({"id":1.0})"}, {{}, R"({"id":"1"})"}}).rows, 1u);
  Fixture accents(table({{"id", "text"}, {"v", "text"}}));
  EXPECT_EQ(accents.map({{"bìrd1", R"({"v":"1"})"}, {"bírd1", R"({"v":"2"})"}}).rows, 2u);
}

// PostgreSQL calls keys equal that differ in their bytes. What became of them must be as if one came after the other,
// whether two of them are equal or not: a second statement, or one that PostgreSQL refuses.
TEST(MappingFolding, keys_that_may_be_equal_keep_their_order) {
  for (const char* type : {"citext", "interval", "inet", "timetz", "int4[]", "bit"}) {
    Fixture fixture(table({{"id", type}, {"v", "text"}}));
    fixture.route.key_from = config::KeyFrom::record_value;
    const auto row = [&](const char* id, const char* rest) {
      return Message{{}, fmt::format(R"({{"id":{}{}}})", id, rest)};
    };
    const auto gone = [&](const char* id) {
      return Message{{}, fmt::format(R"({{"op":"d","before":{{"id":{}}},"after":null}})", id)};
    };
    const bool array = std::string(type) == "int4[]";
    const char* one = array ? "[1]" : "\"1\"";
    const char* two = array ? "[2]" : "\"2\"";
    const auto steps = [&](const std::vector<Message>& messages) {
      std::string kinds;
      const Changes changes = fixture.map(messages);
      for (const Step& step : changes.tables.at(0).steps) {
        if (!kinds.empty()) kinds += "|";
        for (const RowChange& change : step.rows) kinds += "wr="[static_cast<int>(change.kind)];
      }
      return kinds;
    };
    const char* full = R"(,"v":"a")";
    const bool apart = std::string(type) == "citext";  // 1 and 2 are never equal there
    EXPECT_EQ(steps({row(one, full), gone(two)}), apart ? "wr" : "w|r") << type;
    EXPECT_EQ(steps({gone(one), row(two, full), gone(two)}), apart ? "rr" : "r|r") << type;
    EXPECT_EQ(steps({row(one, full), row(two, "")}), apart ? "ww" : "w|w") << type;
    EXPECT_EQ(steps({row(one, full), row(two, full), row(one, full)}), "ww") << type << ": refused if they are equal";
    EXPECT_EQ(steps({gone(one), gone(two), gone(one)}), "rr") << type;
    EXPECT_EQ(steps({row(one, full), gone(one)}), "r") << type;
  }
  Fixture cases(table({{"id", "citext"}, {"v", "text"}}));
  const auto changes = cases.map({{"Émile", R"({"v":"1"})"}, {"émile", {}}, {"KIM", R"({"v":"1"})"}, {"kim", {}}});
  EXPECT_EQ(text_of(changes), "write id=Émile v=1\nstep\nremove id=émile\nwrite id=KIM v=1\nstep\nremove id=kim\n");
  auto accents = table({{"id", "text"}, {"v", "text"}});
  accents->columns[0].loose_collation = "public.loose";
  EXPECT_EQ(text_of(Fixture(accents).map({{"ÉMILE", R"({"v":"1"})"}, {"émile", {}}})),
            "write id=ÉMILE v=1\nstep\nremove id=émile\n");
}

TEST(MappingFolding, a_delete_that_does_more_than_remove_its_row_is_carried_out) {
  auto target = table({{"id", "int4"}, {"v", "text"}});
  target->delete_acts = true;
  EXPECT_EQ(text_of(Fixture(target).map({{"1", {}}, {"1", R"({"v":"full"})"}})), "replace id=1 v=full\n");
}

TEST(MappingFolding, a_key_is_rounded_as_its_column_stores_it) {
  auto target = table({{"id", "numeric"}, {"at", "timestamp"}, {"code", "varchar"}}, {0, 1, 2});
  target->columns[0].modifier = (10 << 16) + 2 + 4;
  target->columns[1].modifier = 0;
  target->columns[2].modifier = 3 + 4;
  Fixture fixture(target, {"id", "at", "code"});
  const Changes changes = fixture.map({{{}, R"({"id":9.994,"at":"2020-01-01T00:00:00.4","code":"abc"})"},
                                       {{}, R"({"id":9.985,"at":"2020-01-01T00:00:00","code":"abc  "})"},
                                       {{}, R"({"id":-9.995,"at":"1999-12-31T23:59:59.5","code":"äöü "})"}});
  EXPECT_EQ(text_of(changes),
            "write id=9.99 at=2020-01-01 00:00:00.000000 code=abc\n"
            "write id=-10.00 at=1999-12-31 23:59:59.000000 code=äöü\n");
  EXPECT_EQ(outcomes(changes), "faa");
}

TEST(MappingFolding, parts_of_a_composite_key_do_not_run_together) {
  Fixture fixture(table({{"a", "text"}, {"b", "text"}}, {0, 1}), {"a", "b"});
  EXPECT_EQ(fixture.map({{{}, R"({"a":"x","b":"yz"})"}, {{}, R"({"a":"xy","b":"z"})"}}).rows, 2u);
}

TEST(MappingFolding, an_insert_that_occurs_again_waits_for_the_next_step) {
  Fixture fixture(table({{"id", "int4"}, {"v", "text"}}));
  fixture.route.mode = WriteMode::insert;
  const Changes changes =
      fixture.map({{{}, R"({"id":1,"v":"a"})"}, {{}, R"({"id":2})"}, {{}, R"({"id":1,"v":"b"})"}, {{}, R"({"id":2})"}});
  EXPECT_EQ(text_of(changes), "write id=1 v=a\nwrite id=2\nstep\nwrite id=1 v=b\nwrite id=2\n");
  EXPECT_EQ(outcomes(changes), "aaaa");
}

TEST(MappingFolding, an_update_of_a_row_that_the_batch_removed_has_no_effect) {
  Fixture fixture(table({{"id", "int4"}, {"v", "text"}}));
  fixture.route.mode = WriteMode::update;
  const Changes changes = fixture.map({{"1", R"({"v":"a"})"}, {"1", {}}, {"1", R"({"v":"b"})"}});
  EXPECT_EQ(text_of(changes), "remove id=1\n");
  EXPECT_EQ(outcomes(changes), "fas");
}

TEST(MappingFolding, a_dead_letter_leaves_the_rows_before_it_alone) {
  Fixture fixture(table({{"id", "int4"}, {"v", "int4"}}));
  const Changes changes =
      fixture.map({{{}, R"({"id":1,"v":1})"}, {{}, R"({"id":1,"v":"x"})"}, {{}, R"({"id":2,"v":2})"}});
  EXPECT_EQ(text_of(changes), "write id=1 v=1\nwrite id=2 v=2\n");
  EXPECT_EQ(outcomes(changes), "ada");
  EXPECT_EQ(changes.dead[0].record, 1u);
}

TEST(MappingFolding, rows_are_ordered_as_their_keys_are) {
  const auto order_of = [](const std::string& type, const std::string& id) {
    Fixture fixture(table({{"id", type}}));
    return fixture.map({{{}, fmt::format(R"({{"id":{}}})", id)}}).tables[0].steps[0].rows[0].order;
  };
  for (const char* type : {"int2", "int4", "int8"}) {
    EXPECT_LT(order_of(type, "-5"), order_of(type, "-1")) << type;
    EXPECT_LT(order_of(type, "-1"), order_of(type, "0")) << type;
    EXPECT_LT(order_of(type, "255"), order_of(type, "256")) << type;
  }
  EXPECT_LT(order_of("text", "\"a\""), order_of("text", "\"b\""));
  EXPECT_LT(order_of("text", "\"a\""), order_of("text", "\"aa\""));
}

// What one event does to the rows by the contract: the executable model of folding, which knows nothing of batches.
struct FoldingModel {
  bool updates = false;  // mode = "update"
  Rows rows{};

  void write(int id, const Row& carried) {
    const std::string key = std::to_string(id);
    if (updates && !rows.contains(key)) return;
    Row& row = rows[key];
    row["id"] = key;
    for (const auto& [name, value] : carried) row[name] = value;
  }
  void remove(int id) { rows.erase(std::to_string(id)); }
};

// Random events of few keys; each is told to the model.
struct RandomEvents {
  std::mt19937 random;

  int pick(unsigned below) { return static_cast<int>(random() % below); }

  Message next(FoldingModel& model) {
    const int id = pick(5), what = pick(8);
    const std::string key = std::to_string(id), word = fmt::format("w{}", random());
    if (what == 0) return model.remove(id), Message{key, {}};
    if (what == 1) return model.write(id, {{"a", word}}), Message{key, fmt::format(R"({{"a":"{}"}})", word)};
    if (what == 2) return model.write(id, {{"b", word}}), Message{key, fmt::format(R"({{"b":"{}"}})", word)};
    if (what == 3) {  // of the key as well, mostly
      const int to = pick(5);
      if (to == id || !model.updates) {  // mode "update" changes no keys: a dead letter
        if (to != id) model.remove(id);
        model.write(to, {{"b", word}});
      }
      return {{}, fmt::format(R"({{"op":"u","before":{{"id":{}}},"after":{{"id":{},"b":"{}"}}}})", id, to, word)};
    }
    if (what == 4 && pick(10) == 0) return model.rows.clear(), Message{{}, R"({"op":"t","before":null,"after":null})"};
    if (what <= 5) return model.write(id, {{"a", "1"}}), Message{key, R"({"a":1})"};
    if (what == 6) return {key, "{\"a\":"};  // a dead letter
    model.write(id, {{"a", "full"}, {"b", "NULL"}});
    return {key, fmt::format(R"({{"id":{},"a":"full","b":null}})", id)};
  }
};

// Every operation on few keys: folded batches and the records one by one end in the rows of the model, and each record
// has exactly one outcome. Each sequence has its own seed.
TEST(MappingFolding, batches_of_any_size_end_where_the_model_ends) {
  const auto rounds = static_cast<unsigned>(rounds_wanted(300));
  for (unsigned seed = 0; seed < rounds; ++seed) {
    RandomEvents events{std::mt19937(seed)};
    FoldingModel model{seed % 3 == 0};
    const auto target = table({{"id", "int4"}, {"a", "text"}, {"b", "text"}});
    Fixture batched(target), single(target);
    batched.route.mode = single.route.mode = model.updates ? WriteMode::update : WriteMode::upsert;
    batched.route.on_truncate = single.route.on_truncate = config::OnTruncate::apply;
    for (int id = 0; id < 4; ++id) model.rows[std::to_string(id)] = {{"id", std::to_string(id)}, {"a", "old"}};
    Rows batched_rows = model.rows, single_rows = model.rows;
    std::string told;
    for (int batch = 0; batch < 5; ++batch) {
      const int size = events.pick(30) + 1;
      for (int n = 0; n < size; ++n) {
        const Message message = events.next(model);
        told += fmt::format("{} {}\n", message.key.value_or("-"), message.value.value_or("-"));
        batched.add(message);
        single.add(message);
        take_effect(single.take(), single_rows);
        ASSERT_EQ(single_rows, model.rows) << "one by one, seed " << seed << "\n" << told;
      }
      const Changes changes = batched.take();
      ASSERT_EQ(changes.outcomes.size(), static_cast<std::size_t>(size));
      take_effect(changes, batched_rows);
      ASSERT_EQ(batched_rows, model.rows) << "seed " << seed << "\n" << told << text_of(changes);
    }
  }
}

}  // namespace
}  // namespace sluice::mapping::test
