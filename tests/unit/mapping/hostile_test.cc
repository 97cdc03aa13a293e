// Events that are cut short or damaged: each is applied or becomes a dead letter with a reason, and nothing else
// happens.
#include <simdjson.h>

#include <random>

#include "tests/support/rounds.h"
#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {
namespace {

const std::string plain_event =
    R"({"id":1,"t":"te\"xt \u00e9 é","n":-12.50e2,"b":true,"ts":"2024-02-29T12:34:56.789Z","j":{"a":[1,{"b":null}]},)"
    R"("by":"AP8Q","u":"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11","ia":[1,null,[2]],"f":1.5})";
const std::string connect_event =
    R"({"schema":{"type":"struct","fields":[{"type":"int32","field":"id"},{"type":"bytes","name":)"
    R"("org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"},"field":"n"},{"type":"array","items":)"
    R"({"type":"int32"},"field":"ia"}]},"payload":{"id":1,"n":"BNI=","ia":[1,2]}})";
const std::string debezium_event =
    R"({"before":{"id":1},"after":{"id":2,"t":"x","n":{"scale":2,"value":"BNI="}},"source":{"table":"t"},"op":"u"})";

std::shared_ptr<Table> wide() {
  return table({{"id", "int4"},
                {"t", "text"},
                {"n", "numeric"},
                {"b", "bool"},
                {"ts", "timestamptz"},
                {"j", "jsonb"},
                {"by", "bytea"},
                {"u", "uuid"},
                {"ia", "int4[]"},
                {"f", "float8"}});
}

void expect_one_outcome(const Changes& changes, const std::string& event) {
  ASSERT_EQ(changes.outcomes.size(), 1u) << event;
  if (changes.outcomes[0] == Outcome::dead) {
    ASSERT_EQ(changes.dead.size(), 1u) << event;
    EXPECT_EQ(changes.dead[0].sqlstate.size(), 5u) << event;
    EXPECT_FALSE(changes.dead[0].reason.empty()) << event;
    EXPECT_TRUE(simdjson::validate_utf8(changes.dead[0].reason)) << event;
    EXPECT_TRUE(simdjson::validate_utf8(changes.dead[0].whole())) << event;
    EXPECT_EQ(changes.rows, 0u) << event;
    return;
  }
  EXPECT_TRUE(changes.dead.empty()) << event;
  for (const Cell& cell : changes.cells) {
    ASSERT_LE(cell.offset + static_cast<std::size_t>(std::max(cell.length, 0)), changes.arena.size()) << event;
  }
}

TEST(MappingHostile, an_event_cut_at_any_byte_is_a_decode_error) {
  for (const std::string& event : {plain_event, connect_event, debezium_event}) {
    Fixture fixture(wide());
    ASSERT_EQ(outcomes(fixture.map({{"1", event}})), "a") << event;
    for (std::size_t length = 0; length < event.size(); ++length) {
      const std::string cut = event.substr(0, length);
      const Changes changes = fixture.map({{"1", cut}});
      ASSERT_EQ(outcomes(changes), "d") << cut;
      EXPECT_EQ(changes.dead[0].stage, Stage::decode) << cut;
    }
  }
}

// simdjson by itself passes over such a text as if it were a name.
TEST(MappingHostile, a_text_with_a_colon_behind_it_is_a_decode_error) {
  for (const char* event :
       {R"({"id":1,"t":"x":{"a":2},"f":3}})", R"({"id":1,"t":"x":{"a":2},"f":3})", R"({"id":1,"t":"x":2})",
        R"({"id":1,"t":"x":"y","f":3})", R"({"id":1,"f":3:4})", R"({"id":1,"b":true:4})", R"({"id":1,"j":{}:4})"}) {
    const Changes changes = Fixture(wide()).map({{"1", event}});
    ASSERT_EQ(outcomes(changes), "d") << event;
    EXPECT_EQ(changes.dead[0].stage, Stage::decode) << event;
  }
}

TEST(MappingHostile, damaged_events_and_keys_have_exactly_one_outcome) {
  std::mt19937 random(4711);
  const std::string alphabet = "{}[]\",:\\u0019e-+.tnf \n\x01\xC3\xFF";
  const std::vector<std::string> keys = {"1", R"({"id":1})", R"({"schema":{"type":"int32"},"payload":1})"};
  Fixture fixture(wide());
  int applied = 0, dead = 0;
  const int rounds = rounds_wanted(30'000);
  for (int round = 0; round < rounds; ++round) {
    std::string event = std::vector{plain_event, connect_event, debezium_event}[random() % 3];
    std::string key = keys[random() % 3];
    for (auto times = random() % 3 + 1; times > 0; --times) {
      std::string& target = random() % 8 ? event : key;
      const auto at = random() % (target.size() + 1);
      switch (random() % 4) {
        case 0:
          target.insert(at, 1, alphabet[random() % alphabet.size()]);
          break;
        case 1:
          target.erase(at, random() % 4 + 1);
          break;
        case 2:
          target.insert(at, target.substr(random() % (target.size() + 1), random() % 20));
          break;
        default:
          if (at < target.size()) target[at] = alphabet[random() % alphabet.size()];
      }
    }
    const bool tombstone = random() % 20 == 0;
    const Changes changes = fixture.map({{key, tombstone ? std::nullopt : std::optional(event)}});
    expect_one_outcome(changes, event);
    if (testing::Test::HasFailure()) return;
    applied += changes.outcomes[0] == Outcome::applied;
    dead += changes.outcomes[0] == Outcome::dead;
  }
  EXPECT_GT(applied, rounds / 30);
  EXPECT_GT(dead, rounds / 3);
}

TEST(MappingHostile, depth_does_not_exhaust_the_stack) {
  Fixture fixture(wide());
  for (const std::size_t depth : {100u, 600u, 5'000u, 200'000u}) {
    const std::string nested = std::string(depth, '[') + std::string(depth, ']');
    const std::string objects = [&] {
      std::string text;
      for (std::size_t i = 0; i < depth; ++i) text += "{\"a\":";
      return text + "1" + std::string(depth, '}');
    }();
    for (const std::string& value : {nested, objects}) {
      const std::string event = "{\"id\":1,\"j\":" + value + "}";
      EXPECT_EQ(outcomes(fixture.map({{value, event}})), depth == 100 ? "a" : "d") << depth;
      EXPECT_EQ(outcomes(fixture.map({{{}, "{\"id\":1,\"ia\":" + value + "}"}})), "d") << depth;
    }
  }
}

TEST(MappingHostile, a_reason_stays_short_and_on_one_line) {
  Fixture fixture(wide());
  const Changes changes =
      fixture.map({{{}, R"({"id":")" + std::string(10'000, 'x') + R"("})"}, {{}, std::string("{\"a\nb\0", 6)}});
  ASSERT_EQ(changes.dead.size(), 2u);
  for (const DeadLetter& letter : changes.dead) {
    for (const std::string& text : {letter.reason, letter.whole()}) {
      EXPECT_LT(text.size(), 200u) << text;
      EXPECT_EQ(text.find_first_of(std::string_view("\n\0", 2)), std::string::npos) << text;
    }
  }
}

}  // namespace
}  // namespace sluice::mapping::test
