// `where`: which rows are written, deleted or left for PostgreSQL to judge, and what of that folds.
#include "base/expression/expression.h"
#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {
namespace {

// One line for each row, and `step` between. A row that is checked ends in `?`, one that is written only where there is
// one in `??`.
std::string checked_text(const Changes& changes) {
  std::string text;
  for (const TableChanges& of_table : changes.tables) {
    for (const Step& step : of_table.steps) {
      if (&step != &of_table.steps.front()) text += "step\n";
      for (const RowChange& row : step.rows) {
        text += fmt::format("{} {}{}\n",
                            row.kind == ChangeKind::write    ? "write"
                            : row.kind == ChangeKind::remove ? "remove"
                                                             : "replace",
                            row_text(changes, *of_table.table, row),
                            row.check == RowCheck::none      ? ""
                            : row.check == RowCheck::written ? " ?"
                                                             : " ??");
      }
    }
  }
  return text;
}

class MappingWhere : public testing::Test {
 protected:
  MappingWhere() { use({{"id", "int4"}, {"age", "int4"}, {"name", "text"}}, "age >= 20"); }

  void use(const std::vector<std::pair<std::string, std::string>>& columns, const char* where,
           std::vector<std::uint16_t> key = {0}) {
    target = table(columns, std::move(key));
    route = {};
    route.where = *Expression::parse(where);
    for (std::uint16_t n = 0; n < target->columns.size(); ++n) {
      if (route.where.names(target->columns[n].name)) target->condition.columns.push_back(n);
    }
  }

  std::string mapped(const std::vector<Message>& messages, std::vector<std::string> key = {"id"}) {
    Fixture fixture(target, std::move(key));
    fixture.route.where = route.where;
    fixture.route.mode = route.mode;
    fixture.route.columns = route.columns;
    fixture.route.on_delete = route.on_delete;
    fixture.route.version = route.version;
    const Changes changes = fixture.map(messages);
    std::string reasons;
    for (const auto& letter : changes.dead) reasons += letter.sqlstate + " " + letter.reason + "\n";
    return outcomes(changes) + "\n" + checked_text(changes) + reasons;
  }

  std::shared_ptr<Table> target;
  config::Route route;
};

Message plain_row(const std::string& value) {
  return {{}, value};
}

Message moved(int from, const std::string& after) {
  return plain_row(fmt::format(R"({{"op":"u","before":{{"id":{}}},"after":{}}})", from, after));
}

TEST_F(MappingWhere, a_row_that_matches_is_written_and_any_other_is_a_delete_of_its_key) {
  EXPECT_EQ(mapped({plain_row(R"({"id":1,"age":20,"name":"a"})"), plain_row(R"({"id":2,"age":19,"name":"b"})"),
                    plain_row(R"({"id":3,"age":null,"name":"c"})")}),
            "aaa\nwrite id=1 age=20 name=a\nremove id=2 age=19 name=b\nremove id=3 age=NULL name=c\n");
}

TEST_F(MappingWhere, a_key_that_changes_leaves_both_rows_where_the_new_one_does_not_match) {
  EXPECT_EQ(mapped({moved(1, R"({"id":2,"age":5})")}), "a\nremove id=1\nremove id=2 age=5\n");
  EXPECT_EQ(mapped({moved(1, R"({"id":2,"age":50})")}), "a\nremove id=1\nwrite id=2 age=50\n");
}

TEST_F(MappingWhere, a_row_that_cannot_be_judged_is_checked_and_one_that_would_not_match_if_it_were_new_is_not_made) {
  EXPECT_EQ(mapped({plain_row(R"({"id":1,"name":"a"})")}), "a\nwrite id=1 name=a ??\n");
  target->columns[1].has_default = true;
  EXPECT_EQ(mapped({plain_row(R"({"id":1,"name":"a"})")}), "a\nwrite id=1 name=a ?\n");
  use({{"id", "int4"}, {"age", "int4"}, {"name", "text"}}, "age >= 20 and name like 'a%'");
  EXPECT_EQ(mapped({plain_row(R"({"id":1,"name":"b"})")}), "a\nremove id=1 name=b\n") << "whatever its age is";
  use({{"id", "int4"}, {"age", "int4"}, {"name", "text"}}, "age >= 20 or name like 'a%'");
  EXPECT_EQ(mapped({plain_row(R"({"id":1,"name":"a"})")}), "a\nwrite id=1 name=a\n") << "whatever its age is";
  use({{"id", "int4"}, {"age", "int4"}, {"name", "text"}}, "age is null or age > 3");
  EXPECT_EQ(mapped({plain_row(R"({"id":1,"name":"a"})")}), "a\nwrite id=1 name=a ?\n");
}

TEST_F(MappingWhere, a_part_of_a_row_is_merged_with_what_was_judged_and_checked_again) {
  EXPECT_EQ(mapped({plain_row(R"({"id":1,"age":20,"name":"a"})"), plain_row(R"({"id":1,"name":"b"})")}),
            "fa\nwrite id=1 age=20 name=b ?\n");
  EXPECT_EQ(mapped({plain_row(R"({"id":1,"name":"b"})"), plain_row(R"({"id":1,"age":20,"name":"a"})")}),
            "fa\nwrite id=1 age=20 name=a\n")
      << "a whole row takes the place of whatever was there";
  EXPECT_EQ(mapped({plain_row(R"({"id":1,"name":"b"})"), plain_row(R"({"id":1,"name":"c"})")}),
            "fa\nwrite id=1 name=c ??\n");
}

TEST_F(MappingWhere, what_follows_a_row_that_may_be_gone_again_is_a_step_of_its_own) {
  EXPECT_EQ(mapped({plain_row(R"({"id":1,"name":"b"})"), plain_row(R"({"id":1,"age":20})")}),
            "aa\nwrite id=1 name=b ??\nstep\nwrite id=1 age=20\n");
  use({{"id", "int4"}, {"a", "int4"}, {"b", "int4"}}, "a > 5 and b > 3");
  EXPECT_EQ(mapped({plain_row(R"({"id":1,"a":7})"), plain_row(R"({"id":1,"b":5})"), plain_row(R"({"id":2,"a":7})")}),
            "aaa\nwrite id=1 a=7 ??\nwrite id=2 a=7 ??\nstep\nwrite id=1 b=5 ??\n");
}

TEST_F(MappingWhere, a_part_behind_a_row_that_was_judged_away_begins_a_new_row) {
  const Message leaves = plain_row(R"({"id":1,"age":2,"name":"a"})"), part = plain_row(R"({"id":1,"name":"b"})");
  EXPECT_EQ(mapped({leaves, part}), "as\nremove id=1 age=2 name=a\n");
  target->columns[1].has_default = true;
  EXPECT_EQ(mapped({leaves, part}), "fa\nreplace id=1 name=b ?\n");
  route.mode = WriteMode::update;
  EXPECT_EQ(mapped({leaves, part}), "as\nremove id=1 age=2 name=a\n");
  route.mode = WriteMode::upsert;
  EXPECT_EQ(mapped({leaves, plain_row(R"({"id":1,"age":30,"name":"b"})")}), "fa\nwrite id=1 age=30 name=b\n");
  EXPECT_EQ(mapped({leaves, plain_row(R"({"id":1,"age":30})")}), "fa\nreplace id=1 age=30\n");
  EXPECT_EQ(mapped({part, leaves}), "fa\nremove id=1 age=2 name=a\n");
}

TEST_F(MappingWhere, without_a_key_rows_that_do_not_match_are_skipped_and_one_that_cannot_be_judged_is_refused) {
  target->key.clear();
  route.mode = WriteMode::insert;
  EXPECT_EQ(mapped({plain_row(R"({"id":1,"age":20})"), plain_row(R"({"id":2,"age":2})"), plain_row(R"({"id":3})")}, {}),
            "ass\nwrite id=1 age=20\n");
  target->columns[1].has_default = true;
  const std::string refused = mapped({plain_row(R"({"id":3})")}, {});
  EXPECT_TRUE(refused.starts_with("d\n22004 ")) << refused;
}

TEST_F(MappingWhere, inserts_with_a_key_are_never_merged) {
  route.mode = WriteMode::insert;
  EXPECT_EQ(
      mapped({plain_row(R"({"id":1,"age":20})"), plain_row(R"({"id":1,"age":30})"), plain_row(R"({"id":1,"age":3})")}),
      "aaa\nwrite id=1 age=20\nstep\nwrite id=1 age=30\nstep\nremove id=1 age=3\n");
}

TEST_F(MappingWhere, names_are_columns_as_rename_and_add_make_them) {
  use({{"id", "int4"}, {"years", "int4"}, {"origin", "text"}}, "years > 20 and origin = 'events'");
  route.columns.rename = {{"age", "years"}};
  route.columns.add = {{"origin", "@topic"}};
  EXPECT_EQ(mapped({plain_row(R"({"id":1,"age":21})"), plain_row(R"({"id":2,"age":20})")}),
            "aa\nwrite id=1 years=21 origin=events\nremove id=2 years=20 origin=events\n");
}

TEST_F(MappingWhere, a_value_is_judged_as_its_column_holds_it) {
  const auto holds = [&](const char* type, std::int32_t modifier, const char* where, const std::string& value) {
    use({{"id", "int4"}, {"v", type}}, where);
    target->columns[1].modifier = modifier;
    return mapped({plain_row(fmt::format(R"({{"id":1,"v":{}}})", value))}).substr(2, 5) == "write";
  };
  constexpr std::int32_t money = (10 << 16 | 2) + 4;  // numeric(10,2)
  EXPECT_TRUE(holds("numeric", money, "v = 20", "19.999"));
  EXPECT_FALSE(holds("numeric", money, "v = 20.01", "20.004"));
  EXPECT_TRUE(holds("numeric", -1, "v = 123456789012345678901234567890.5", "123456789012345678901234567890.50"));
  EXPECT_TRUE(holds("numeric", -1, "v = -0.00001234", "-1234e-8"));
  EXPECT_TRUE(holds("numeric", -1, "v = 120000", "1.2e5"));
  EXPECT_TRUE(holds("numeric", -1, "v > 1e9", R"("NaN")")) << "above every number";
  EXPECT_FALSE(holds("float4", -1, "v = 0.1", "0.1")) << "a float4 is not a tenth";
  EXPECT_TRUE(holds("float8", -1, "v = 0.1", "0.1"));
  EXPECT_TRUE(holds("int2", -1, "v = -3", "-3"));
  EXPECT_TRUE(holds("int8", -1, "v = 9007199254740993", "9007199254740993"));
  EXPECT_TRUE(holds("bool", -1, "v", "\"yes\""));
  EXPECT_TRUE(holds("bpchar", 14, "v = 'ab'", "\"ab  \""));
  EXPECT_TRUE(holds("varchar", 8, "v = 'éééé'", "\"éééé\""));
  EXPECT_TRUE(holds("uuid", -1, "v = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "\"A0EEBC999C0B4EF8BB6D6BB9BD380A11\""));
  EXPECT_TRUE(holds("date", -1, "v >= '2026-01-31' and v < '2026-02-01'", "\"2026-01-31\""));
  EXPECT_TRUE(holds("timestamptz", -1, "v = '2026-01-31 07:30:00Z'", "\"2026-01-31T08:30:00+01:00\""));
  EXPECT_TRUE(holds("timestamp", -1, "v < '1969-12-31 23:59:59.000001'", "\"1969-12-31T23:59:59\""));
  EXPECT_TRUE(holds("time", -1, "v > '08:29:59.999999'", "\"08:30:00\""));
  EXPECT_TRUE(holds("jsonb", -1, "v is not null", "{}"));
}

TEST_F(MappingWhere, what_only_postgresql_can_judge_is_checked_there) {
  use({{"id", "int4"}, {"v", "timestamp"}}, "v > '2026-01-01'");
  EXPECT_EQ(mapped({plain_row(R"({"id":1,"v":"infinity"})")}), "a\nwrite id=1 v=infinity ?\n");
}

TEST_F(MappingWhere, with_versions_a_row_that_is_checked_stays_apart) {
  use({{"id", "int4"}, {"age", "int4"}, {"v", "int8"}}, "age >= 20");
  target->guard = 2;
  route.version = config::VersionPath::parse("v");
  EXPECT_EQ(mapped({plain_row(R"({"id":1,"age":20,"v":1})"), plain_row(R"({"id":1,"v":2})"),
                    plain_row(R"({"id":1,"age":2,"v":3})")}),
            "aaa\nwrite id=1 age=20 v=1\nstep\nwrite id=1 v=2 ??\nstep\nremove id=1 age=2 v=3\n");
}

TEST_F(MappingWhere, delete_ignore_keeps_back_deletes_and_not_what_stops_matching) {
  route.on_delete = {config::OnDelete::ignore, {}};
  EXPECT_EQ(mapped({{R"({"id":1})", {}}, plain_row(R"({"id":1,"age":2})")}), "sa\nremove id=1 age=2\n");
}

TEST_F(MappingWhere, a_row_without_a_key_that_cannot_be_judged_alters_nothing) {
  use({{"id", "int4"}, {"age", "int2"}, {"name", "text"}}, "age >= 20", {});
  config::Route evolving = route;
  evolving.topics = {"events"};
  evolving.table = "public.target";
  evolving.evolve = config::Evolve::columns;
  evolving.mode = WriteMode::insert;
  auto pipeline = std::make_shared<config::Pipeline>();
  pipeline->routes = {evolving};
  Mapper mapper(pipeline);
  ChangeSet set;
  mapper.set_table({mapper.routes("events").front(), "public.target"}, target);
  const TopicPartition at{"events", 0};
  const auto mapped = [&](const std::string& value) {
    Record record;
    record.at = &at;
    record.value = value;
    return mapper.map(record, set);
  };
  const auto evolution = [&](const std::string& value) {
    const auto done = mapped(value);
    return done ? Evolution{} : std::get<EvolutionWanted>(std::get<Wanted>(done.error())).evolution;
  };
  target->columns[1].has_default = true;
  EXPECT_EQ(mapped(R"({"id":1,"new":1})"), Outcome::dead);
  EXPECT_EQ(evolution(R"({"id":1,"new":1,"age":20})").added.size(), 1);
  const std::string wider =
      R"({"schema":{"type":"struct","fields":[{"field":"id","type":"int32"},{"field":"age","type":"int32"}]},)"
      R"("payload":{"id":1,"age":70000}})";
  EXPECT_EQ(evolution(wider).widened.size(), 1) << "judged once it fits";
}

}  // namespace
}  // namespace sluice::mapping::test
