// `where`: whatever the sequence and wherever batches are cut, the table holds the rows that match, as if each event
// had been applied alone; and what PostgreSQL refuses of a condition is told when the table is described.
#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <random>

#include "base/expression/matching.h"
#include "base/expression/row_condition.h"
#include "mapping/mapper.h"
#include "sink/condition_text.h"
#include "sink/write_plan.h"
#include "tests/integration/sink_support.h"
#include "tests/support/rounds.h"

namespace sluice::sink::test {
namespace {

struct Kept {
  std::optional<int> a, b;
  std::optional<std::string> c;
  int version = 0;
};

struct Condition {
  const char* where;
  std::function<bool(const Kept&)> holds;
  bool lasting = true;  // a part without the columns that it names never makes a row that matches
};

const std::vector<Condition>& conditions() {
  static const std::vector<Condition> all = {
      {"a >= 5", [](const Kept& row) { return row.a && *row.a >= 5; }},
      {"a >= 5 and b <> 3", [](const Kept& row) { return row.a && *row.a >= 5 && row.b && *row.b != 3; }},
      {"a is null or a > 5", [](const Kept& row) { return !row.a || *row.a > 5; }, false},
      {"a > 5 or c like 'x%'",
       [](const Kept& row) { return (row.a && *row.a > 5) || (row.c && row.c->starts_with('x')); }},
      {"not (c in ('x1', 'y2') and b < 4)",
       [](const Kept& row) {
         // Three-valued: not true where one of the two is unknown and the other not false.
         const std::optional<bool> in = row.c ? std::optional(*row.c == "x1" || *row.c == "y2") : std::nullopt;
         const std::optional<bool> less = row.b ? std::optional(*row.b < 4) : std::nullopt;
         return (in && !*in) || (less && !*less);
       },
       false},
      {"c ~ '^[xy]\\d$'", [](const Kept& row) { return row.c && ((*row.c)[0] == 'x' || (*row.c)[0] == 'y'); }},
  };
  return all;
}

struct Event {
  enum class Kind { whole, part, moved, gone } kind = Kind::whole;
  int id = 0, from = 0;
  Kept row{};
  bool has_a = true, has_b = true, has_c = true;
};

struct Rules {
  const Condition* condition = nullptr;
  bool updates = false;  // mode = "update"
  bool versioned = false;
  bool default_b = false;  // b has a default, so it is not NULL where no event carries it
  bool lasting = false;    // parts carry nothing of what the condition names
};

// One event after the other, as the contract says.
class Model {
 public:
  explicit Model(const Rules& rules) : rules_(rules) {}

  void apply(const Event& event) {
    if (event.kind == Event::Kind::moved && event.from != event.id) remove(event.from, event.row.version);
    if (event.kind == Event::Kind::gone) return remove(event.id, event.row.version);
    const auto found = rows.find(event.id);
    if (found == rows.end() && rules_.updates) return;
    if (found != rows.end() && outdated(found->second, event.row.version)) return;
    Kept row = found != rows.end() ? found->second : Kept{{}, rules_.default_b ? std::optional(7) : std::nullopt, {}};
    if (event.has_a) row.a = event.row.a;
    if (event.has_b) row.b = event.row.b;
    if (event.has_c) row.c = event.row.c;
    row.version = event.row.version;
    rows.erase(event.id);
    if (rules_.condition->holds(row)) rows.emplace(event.id, row);
  }

  std::map<int, Kept> rows;

 private:
  bool outdated(const Kept& row, int version) const { return rules_.versioned && version < row.version; }
  void remove(int id, int version) {
    const auto found = rows.find(id);
    if (found != rows.end() && !outdated(found->second, version)) rows.erase(found);
  }

  Rules rules_;
};

class Where : public SinkTest {
 protected:
  void make(const Rules& rules) {
    sql(
        fmt::format("DROP TABLE IF EXISTS {0}.t, {0}.everything; "
                    "CREATE TABLE {0}.t (id int PRIMARY KEY, a int, b int {1}, c text, v int); "
                    "CREATE TABLE {0}.everything (LIKE {0}.t INCLUDING ALL)",
                    schema, rules.default_b ? "DEFAULT 7" : ""));
    pipeline = std::make_shared<config::Pipeline>();
    for (const char* name : {"t", "everything"}) {
      config::Route& route = pipeline->routes.emplace_back();
      route.topics = {name};
      route.table = fmt::format("{}.{}", schema, name);
      route.key = {"id"};
      route.mode = rules.updates ? WriteMode::update : WriteMode::upsert;
      if (rules.versioned) route.version = config::VersionPath::parse("v");
    }
    pipeline->routes[0].where = *Expression::parse(rules.condition->where);
    describe_anew();
  }

  void describe_anew() {
    mapper = std::make_unique<mapping::Mapper>(pipeline);
    for (const auto& route : pipeline->routes) {
      const auto asked = TableCatalogue(elsewhere()).describe(route.table, route);
      ASSERT_TRUE(asked) << asked.error().message;
      mapper->set_table({&route, route.table}, *asked);
    }
  }

  std::string rows_of(const char* table, const std::string& filter = "true") {
    return sql(fmt::format("SELECT id, a, b, c FROM {}.{} WHERE {} ORDER BY id", schema, table, filter));
  }

  std::shared_ptr<config::Pipeline> pipeline;
  std::unique_ptr<mapping::Mapper> mapper;
};

std::string text_of(const std::map<int, Kept>& rows) {
  std::string text;
  for (const auto& [id, row] : rows) {
    text += fmt::format("{}{}|{}|{}|{}", text.empty() ? "" : "\n", id, row.a ? std::to_string(*row.a) : "\\N",
                        row.b ? std::to_string(*row.b) : "\\N", row.c.value_or("\\N"));
  }
  return text;
}

std::string message_of(const Event& event, const Rules& rules) {
  const auto version = rules.versioned ? fmt::format(R"(,"v":{})", event.row.version) : std::string();
  if (event.kind == Event::Kind::gone)
    return fmt::format(R"({{"op":"d","before":{{"id":{}{}}},"after":null}})", event.id, version);
  std::string row = fmt::format(R"({{"id":{}{})", event.id, version);
  const auto number = [](const std::optional<int>& value) {
    return value ? std::to_string(*value) : std::string("null");
  };
  if (event.has_a) row += R"(,"a":)" + number(event.row.a);
  if (event.has_b) row += R"(,"b":)" + number(event.row.b);
  if (event.has_c) row += R"(,"c":)" + (event.row.c ? '"' + *event.row.c + '"' : "null");
  row += "}";
  if (event.kind != Event::Kind::moved) return row;
  return fmt::format(R"({{"op":"u","before":{{"id":{}}},"after":{}}})", event.from, row);
}

class Generator {
 public:
  static constexpr int keys = 3;  // of a sequence

  explicit Generator(unsigned seed) : random_(seed) {}

  int below(int end) { return static_cast<int>(random_() % static_cast<unsigned>(end)); }

  Rules rules(int round) {
    Rules made{&conditions()[static_cast<std::size_t>(round) % conditions().size()], below(5) == 0, below(4) == 0,
               below(3) == 0};
    made.lasting = made.condition->lasting && !made.versioned && !made.updates && below(2) == 0;
    return made;
  }

  // With keys from `first` on.
  Event event(int first, const Rules& rules, const Expression& where) {
    Event made{static_cast<Event::Kind>(below(10) < 4 ? 1 : below(4)), first + below(keys), first + below(keys)};
    const auto some = [&](int end) { return below(8) ? std::optional(below(end)) : std::nullopt; };
    made.row = {some(10), some(8), {}, below(6)};
    if (below(8)) made.row.c = fmt::format("{}{}", "wxyz"[below(4)], below(3));
    if (made.kind == Event::Kind::moved && rules.updates) made.from = made.id;
    if (made.kind != Event::Kind::part) return made;
    const auto carries = [&](const char* name) { return below(2) == 0 && !(rules.lasting && where.names(name)); };
    made.has_a = carries("a"), made.has_b = carries("b"), made.has_c = carries("c");
    return made;
  }

 private:
  std::mt19937 random_;
};

TEST_F(Where, random_events_in_any_batches_leave_the_rows_that_match_as_if_applied_one_by_one) {
  const int sequences = rounds_wanted(600);
  constexpr unsigned seed = 20261126;
  constexpr int events = 16;
  Generator generator(seed);
  int lasting = 0;
  std::size_t rows_seen = 0;
  Rules rules;
  const auto below = [&](int end) { return generator.below(end); };
  for (int n = 0, width = 1, round = 0; n < sequences; n += width, width = Sequences::next_width(width)) {
    if (width == 1) {
      rules = generator.rules(round++);
      make(rules);
      if (HasFatalFailure()) return;
    }
    sql(fmt::format("DELETE FROM {0}.t; DELETE FROM {0}.everything", schema));
    Model model(rules);
    const int longest = 1 + below(events);
    Sequences random(width, events);
    std::string all;
    for (auto next = random.next_batch(below, longest); !next.empty(); next = random.next_batch(below, longest)) {
      std::vector<std::string> batch;
      for (const int of : next) {
        const Event event = generator.event(of * Generator::keys, rules, pipeline->routes[0].where);
        model.apply(event);
        batch.push_back(message_of(event, rules));
        all += batch.back() + "\n";
      }
      write_values(*mapper, "t", batch);
      if (rules.lasting) write_values(*mapper, "everything", batch);
      all += "--\n";
      if (HasFatalFailure()) return;
      ASSERT_EQ(rows_of("t"), text_of(model.rows)) << rules.condition->where << " sequence " << n << " seed " << seed
                                                   << (rules.updates ? " updates" : "") << "\n"
                                                   << all;
      if (rules.lasting) {
        ASSERT_EQ(rows_of("t"), rows_of("everything", rules.condition->where)) << all;
      }
      rows_seen += model.rows.size();
    }
    lasting += rules.lasting ? width : 0;
  }
  EXPECT_GT(lasting, sequences / 20) << "some compare with a table that holds everything";
  EXPECT_GT(rows_seen, static_cast<std::size_t>(sequences));
  EXPECT_EQ(
      sql(fmt::format("SELECT count(*) FROM {}.pointer WHERE next_offset - start_offset <> applied + folded + skipped "
                      "+ dead + gaps",
                      schema)),
      "0");
}

TEST_F(Where, a_pattern_matches_the_same_texts_here_and_in_postgresql) {
  const std::vector<std::string> patterns = {
      "^a",       "b$",       "[ab]+c", "a.c",    "x|y",         "é",           "^(a|b){2,3}$",  "^[^a]*$",
      "\\d+",     "\\D",      "^\\w+$", "\\W",    "a\\sb",       "\\S\\S\\S",   "[\\s]",         "[\\d.]+x",
      "\\.",      "\\bab\\b", "\\Aab",  "c\\z",   "[[:alpha:]]", "[[:punct:]]", "^[[:space:]]$", "a??b",
      "(?:ab)+c", "^$",       "a{2}",   "a{1,}b", "[]a]",        "[a-]",        "[\\]]",         "^[\\-x]$",
      "[^\\n]b",  "\\t",      "()",     "a|",     "[é-ü]",       "^.$",         "\\$",           "[.]",
      "^[+--a]$", "[\\w-]",   "[^-a]",  "^[--a]", "^[a-b-]$",    "[ß-ü-]",      "[\\s\\-x]",     "(a$)*"};
  const std::vector<std::string> texts = {"",
                                          "a",
                                          "b",
                                          "abc",
                                          "aabbc",
                                          "axc",
                                          "é",
                                          "ü",
                                          "a b",
                                          "a\nb",
                                          "a\x0b"
                                          "b",
                                          "12",
                                          "1.5x",
                                          "ab",
                                          "aab",
                                          "-",
                                          "]",
                                          "x",
                                          "y",
                                          "a\tb",
                                          " ",
                                          "\x0b",
                                          "$",
                                          ".",
                                          "_",
                                          "A",
                                          "ß",
                                          "ab c",
                                          "\n",
                                          "cab"};
  std::string question, ours;
  for (const auto& pattern : patterns) {
    const auto parsed = Expression::parse(fmt::format("t ~ '{}'", pattern));
    ASSERT_TRUE(parsed) << pattern << parsed.error().text;
    const auto theirs = as_postgres_pattern(pattern);
    ASSERT_TRUE(theirs) << pattern << ": " << theirs.error();
    for (const auto& text : texts) {
      ours += matches_regex(text, *parsed->root().pattern) ? '1' : '0';
      std::string escaped;
      for (const char c : text) escaped += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
      std::string quoted_pattern;
      for (const char c : *theirs) quoted_pattern += c == '\\' ? "\\\\" : std::string(1, c);
      question += fmt::format("{}((E'{}'::text COLLATE \"C\") ~ E'{}')::int", question.empty() ? "" : ", ", escaped,
                              quoted_pattern);
    }
    EXPECT_EQ(sql("SELECT concat(" + question + ")"), ours) << pattern << " as " << *theirs;
    question.clear(), ours.clear();
  }
  for (const char* unknown :
       {"(?i)a", "\\pL", "\\Qa\\E", "^*a", "a{300}", "[[.a]", "\\x41", "(?P<n>a)", "\\C", "a{", "[\\w-.]", "[a-b-c]",
        "[\\s-a]", "[[:digit:]-a]", "[à-ü-ÿ]", "[+-[:digit:]]", "a$*", "$?", "a${2}"})
    EXPECT_FALSE(as_postgres_pattern(unknown)) << unknown;
}

TEST_F(Where, a_pattern_that_postgresql_refuses_is_noticed_when_the_table_is_described) {
  make({&conditions()[0]});
  config::Route route = pipeline->routes[0];
  route.where = *Expression::parse("a > 5 and c ~ 'one' and c ~ 'two'");
  const auto described = TableCatalogue(elsewhere()).describe(route.table, route);
  ASSERT_TRUE(described) << described.error().message;
  const std::string probe = condition_probe(route.where, **described);
  EXPECT_EQ(sql(probe), "");
  for (const std::string pattern : {"one", "two"}) {
    std::string refused = probe;
    for (auto found = refused.find(pattern); found != refused.npos; found = refused.find(pattern))
      refused.replace(found, pattern.size(), "[a-b-c]");
    const auto answer = database->run(refused);
    ASSERT_FALSE(answer) << refused;
    EXPECT_EQ(answer.error().sqlstate, "2201B");
  }
}

TEST_F(Where, no_trigger_fires_for_a_row_that_does_not_match) {
  Rules rules{&conditions()[0]};
  make(rules);
  sql(fmt::format(
      "CREATE TABLE {0}.seen (id int); CREATE FUNCTION {0}.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "INSERT INTO {0}.seen VALUES (NEW.id); RETURN NEW; END $$; CREATE TRIGGER see BEFORE INSERT OR UPDATE ON "
      "{0}.t FOR EACH ROW EXECUTE FUNCTION {0}.see()",
      schema));
  describe_anew();
  write_values(*mapper, "t",
               {R"({"id":1,"a":4,"b":1,"c":"x"})", R"({"id":2,"a":5,"b":1,"c":"x"})", R"({"id":3,"b":1})"});
  EXPECT_EQ(sql(fmt::format("SELECT id FROM {}.seen", schema)), "2");
}

TEST_F(Where, a_part_of_a_row_that_is_not_there_asks_for_no_value_that_the_table_demands) {
  make({&conditions()[0]});
  sql(fmt::format("ALTER TABLE {}.t ALTER a SET NOT NULL", schema));
  pipeline->routes[0].where = *Expression::parse("a >= 5");
  describe_anew();
  write_values(*mapper, "t", {R"({"id":1,"a":6,"b":1})", R"({"id":2,"a":4,"b":1})"});
  write_values(*mapper, "t", {R"({"id":1,"b":2})", R"({"id":2,"b":2})"});
  EXPECT_EQ(rows_of("t"), "1|6|2|\\N");
}

TEST_F(Where, a_condition_that_does_not_fit_the_table_is_told_and_is_nobodys_fault) {
  sql(fmt::format(
      "CREATE TYPE {0}.mood AS ENUM ('sad', 'ok'); CREATE TABLE {0}.t (id int PRIMARY KEY, name text, doc jsonb, "
      "at timestamptz, feeling {0}.mood, tags text[], ok boolean, code uuid)",
      schema));
  config::Route route;
  route.key = {"id"};
  const auto answer = [&](const char* where) {
    route.where = *Expression::parse(where);
    const auto described = TableCatalogue(elsewhere()).describe(schema + ".t", route);
    if (described) return "ok: " + (*described)->condition.sql;
    EXPECT_EQ(described.error().next, ErrorClass::stop_partition) << where;
    return described.error().message;
  };
  const auto refused = [&](const char* where, const char* why) {
    EXPECT_NE(answer(where).find(why), std::string::npos) << where << ": " << answer(where);
  };
  refused("age > 3", "names the column age, which does not exist");
  refused("name > 3", "of two kinds");
  refused("id = 'x'", "expected a number");
  refused("doc = '{}'", "only ask IS NULL");
  refused("tags is not null and tags = 'a'", "only ask IS NULL");
  refused("at > 'tomorrow'", "expected a date or time");
  refused("at > '2026-02-30'", "PostgreSQL refuses the condition");
  refused("feeling > 'sad'", "asks for the order");
  refused("feeling = name and id like '1%'", "only a text can be");
  refused("ok = 'maybe'", "expected true or false");
  refused("code = 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "lower case");
  refused("name and ok", "only a boolean can be");
  refused("name = 'it''s' and at > '2026-01-31T08:30:00+01' and feeling in ('sad', 'ok') and doc is not null and ok",
          "ok: ");
  refused("code = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' and not (name like '\\\\%' or id is null) or id in (1, null)",
          "ok: ");
}

}  // namespace
}  // namespace sluice::sink::test
