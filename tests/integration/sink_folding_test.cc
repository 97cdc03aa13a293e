// Folding in PostgreSQL: random events of few keys leave the same rows in batches, cut anywhere, as one at a time. Keys
// are of types whose values only the server calls equal; deletes cascade, and triggers change rows and make others.
#include <optional>
#include <random>
#include <span>

#include "tests/integration/sink_support.h"
#include "tests/support/rounds.h"

namespace sluice::sink::test {
namespace {

// A key's type, and spellings of a few keys: those of one line are equal.
struct FoldedKey {
  const char* name;
  const char* type;
  std::vector<std::vector<const char*>> spellings;
};

struct FoldedEvent {
  std::string key;
  std::optional<std::string> value;  // none: a tombstone
};

class Folding : public SinkTest, public testing::WithParamInterface<FoldedKey> {
 protected:
  // The same table twice: `many` takes batches, `one` each event alone.
  void make() {
    sql(fmt::format(
        "CREATE EXTENSION IF NOT EXISTS citext SCHEMA public; CREATE COLLATION {0}.loose (provider = icu, locale = "
        "'und-u-ks-level2', deterministic = false); CREATE FUNCTION {0}.changed() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.c := upper(NEW.a) || NEW.b; RETURN NEW; END $$; CREATE FUNCTION {0}.made() RETURNS trigger "
        "LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('INSERT INTO {0}.%I VALUES ($1, ''made'')', TG_TABLE_NAME || "
        "'_children') USING NEW.id; RETURN NULL; END $$",
        schema));
    mapper.reset();
    pipeline = std::make_shared<config::Pipeline>();
    for (const char* name : {"many", "one"}) {
      const auto type = fmt::format(fmt::runtime(GetParam().type), fmt::arg("schema", schema));
      sql(fmt::format(
          "CREATE TABLE {0}.{1} (id {2} PRIMARY KEY, a text, b text DEFAULT 'default', c text); CREATE TABLE "
          "{0}.{1}_children (parent {2} REFERENCES {0}.{1} ON DELETE CASCADE ON UPDATE CASCADE, what text); "
          "CREATE TRIGGER changed BEFORE INSERT OR UPDATE ON {0}.{1} FOR EACH ROW EXECUTE FUNCTION "
          "{0}.changed(); CREATE TRIGGER made AFTER INSERT ON {0}.{1} FOR EACH ROW EXECUTE FUNCTION "
          "{0}.made()",
          schema, name, type));
      config::Route& route = pipeline->routes.emplace_back();
      route.topics = {name};
      route.table = fmt::format("{}.{}", schema, name);
      route.key = {"id"};
    }
    mapper = std::make_unique<mapping::Mapper>(pipeline);
    for (const auto& route : pipeline->routes) {
      const auto described = TableCatalogue(elsewhere()).describe(route.table, route);
      ASSERT_TRUE(described) << described.error().message;
      mapper->set_table({&route, route.table}, *described);
    }
  }

  // In halves where the server finds two equal keys in one statement, as the bisector does.
  void write(const char* topic, std::span<const FoldedEvent> told) {
    const TopicPartition place{topic, 0};
    mapping::ChangeSet set;
    if (!catalogue) catalogue.emplace(elsewhere());
    for (const FoldedEvent& one : told) {
      Record record;
      record.at = &place;
      record.key = one.key;
      record.value = one.value;
      auto mapped = mapper->map(record, set);
      for (int questions = 0; !mapped && questions < 3; ++questions) {
        const auto wanted = std::get<mapping::EqualityWanted>(std::get<mapping::Wanted>(mapped.error()));
        const auto equal = catalogue->equal(wanted.values);
        ASSERT_TRUE(equal) << equal.error().message;
        mapper->set_equal(wanted, *equal);
        mapped = mapper->map(record, set);
      }
      ASSERT_TRUE(mapped);
      ASSERT_TRUE(set.changes().dead.empty()) << one.key << ": " << set.changes().dead.back().reason;
    }
    const auto done = write_mapped(set.take());
    writer->take_counts();
    if (!done && done.error().sqlstate == "21000" && told.size() > 1) {
      ++halved;
      write(topic, told.first(told.size() / 2));
      write(topic, told.subspan(told.size() / 2));
      return;
    }
    ASSERT_TRUE(done) << done.error().sqlstate << " " << done.error().message;
  }

  std::string spelling(int key) {
    const auto& spellings = GetParam().spellings[static_cast<std::size_t>(key)];
    return spellings[static_cast<std::size_t>(below(static_cast<int>(spellings.size())))];
  }

  FoldedEvent event() {
    const int keys = static_cast<int>(GetParam().spellings.size());
    const int key = below(keys);
    const auto id = spelling(key), word = fmt::format("w{}", below(1000));
    const auto of_record = below(3) == 0 ? spelling(key) : id;
    switch (below(8)) {
      case 0:
        return {id, {}};
      case 1:
        return {of_record, fmt::format(R"({{"op":"d","before":{{"id":{}}},"after":null}})", id)};
      case 2:
        return {of_record, fmt::format(R"({{"id":{},"a":"{}"}})", id, word)};
      case 3:
        return {of_record, fmt::format(R"({{"id":{},"a":"__debezium_unavailable_value","b":"{}"}})", id, word)};
      case 4: {
        const auto from = spelling(below(keys));
        return {of_record, fmt::format(R"({{"op":"u","before":{{"id":{}}},"after":{{"id":{},"a":"{}","b":null}}}})",
                                       from, id, word)};
      }
      case 5:
        return {of_record, fmt::format(R"({{"op":"c","before":null,"after":{{"id":{},"a":"{}"}}}})", id, word)};
      default:
        return {of_record, fmt::format(R"({{"id":{},"a":"{}","b":"full"}})", id, word)};
    }
  }

  std::string rows(const char* table) {
    return sql(fmt::format("SELECT id::text, a, b, c FROM {0}.{1} ORDER BY id", schema, table)) + "\n" +
           sql(fmt::format("SELECT parent::text, what FROM {0}.{1}_children ORDER BY parent, what", schema, table));
  }

  int below(int end) { return static_cast<int>(random() % static_cast<unsigned>(end)); }

  std::mt19937 random{20261128};
  std::shared_ptr<config::Pipeline> pipeline;
  std::unique_ptr<mapping::Mapper> mapper;
  std::optional<TableCatalogue> catalogue;
  int halved = 0;
};

TEST_P(Folding, random_events_leave_in_any_batches_what_they_leave_one_at_a_time) {
  make();
  if (HasFatalFailure()) return;
  const int sequences = rounds_wanted(8);
  for (int sequence = 0; sequence < sequences; ++sequence) {
    std::string all;
    const int batches = 1 + below(4);
    for (int batch = 0; batch < batches; ++batch) {
      // What only the rows that are there have: a delete takes it along, and a write behind it does not bring it back.
      for (const char* name : {"many", "one"})
        sql(fmt::format("INSERT INTO {0}.{1}_children SELECT id, 'of {2}' FROM {0}.{1}", schema, name, batch));
      std::vector<FoldedEvent> told;
      for (int left = 1 + below(12); left > 0; --left) {
        told.push_back(event());
        all += told.back().key + " " + told.back().value.value_or("-") + "\n";
      }
      write("many", told);
      for (std::size_t n = 0; n < told.size() && !HasFatalFailure(); ++n) write("one", std::span(told).subspan(n, 1));
      if (HasFatalFailure()) return;
      ASSERT_EQ(rows("many"), rows("one")) << "sequence " << sequence << "\n" << all;
      all += "--\n";
    }
    sql(fmt::format("DELETE FROM {0}.many; DELETE FROM {0}.one", schema));
  }
}

const FoldedKey folded_keys[] = {
    {"integer", "int", {{"1"}, {"2"}, {"3"}}},
    {"citext", "public.citext", {{R"("a")", R"("A")"}, {R"("bc")", R"("Bc")", R"("BC")"}, {R"("d")"}}},
    {"collated", "text COLLATE {schema}.loose", {{R"("e")", R"("E")"}, {R"("fg")", R"("Fg")"}, {R"("h")"}}},
    {"numeric", "numeric", {{"1", "1.0", "\"1.00\""}, {"2.5", "2.50"}, {"3"}}},
    {"interval", "interval", {{R"("1 day")", R"("24:00:00")"}, {R"("1 mon")", R"("30 days")"}, {R"("1 year")"}}}};
std::string name_of_key(const testing::TestParamInfo<FoldedKey>& tested) {
  return tested.param.name;
}
INSTANTIATE_TEST_SUITE_P(Keys, Folding, testing::ValuesIn(folded_keys), name_of_key);

}  // namespace
}  // namespace sluice::sink::test
