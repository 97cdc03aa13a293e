// What the parser takes, what it refuses, and the one line in which it says so.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "config/hooks.h"
#include "config/load.h"
#include "config/settings.h"

namespace sluice::config {
namespace {

constexpr std::string_view good = R"(pipeline = "shop"
[kafka]
brokers = "127.0.0.1:9092"
[postgres]
url = "postgresql://app:hunter2@127.0.0.1:5432/shop"
[[route]]
topics = ["shop.orders"]
table = "public.orders"
key = ["id"]
)";

class ConfigLoad : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("sluice_config_" + std::to_string(::getpid()) + '_' +
                                                        testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name = "sluice.toml") const { return folder_ / name; }

  void write(const std::string& name, std::string_view text) const {
    std::ofstream(path(name), std::ios::binary) << text;
  }

  std::expected<Pipeline, std::string> read(std::string_view text) const {
    write("sluice.toml", text);
    return load(path());
  }

  // The good file with one text replaced by another; an empty `from` appends.
  static std::string with(std::string_view from, std::string_view to) {
    std::string text(good);
    if (from.empty()) return text.append(to);
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
  }

  // The error without the path in front; "" when there was none.
  std::string error_of(std::string_view text) const {
    const auto result = read(text);
    if (result) return {};
    EXPECT_TRUE(result.error().starts_with(path() + ':')) << result.error();
    EXPECT_EQ(result.error().find('\n'), std::string::npos) << result.error();
    EXPECT_NE(result.error().find("; "), std::string::npos) << "what to do is missing: " << result.error();
    EXPECT_EQ(result.error().find("hunter2"), std::string::npos) << result.error();
    return result.error().substr(std::min(result.error().size(), path().size() + 1));
  }
  std::string error_with(std::string_view from, std::string_view to) const { return error_of(with(from, to)); }

  std::string error_of_property(const std::string& line) const {
    return error_with("[postgres]", "[kafka.properties]\n" + line + "\n[postgres]");
  }

 private:
  std::filesystem::path folder_;
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

#define EXPECT_HAS(text, part) EXPECT_PRED2(has, text, part)

TEST_F(ConfigLoad, fills_what_the_file_leaves_out_with_the_contracts_defaults) {
  const auto result = read(good);
  ASSERT_TRUE(result) << result.error();
  EXPECT_EQ(result->name, "shop");
  EXPECT_EQ(result->kafka.brokers, "127.0.0.1:9092");
  EXPECT_EQ(result->kafka.group, "sluice-shop");
  EXPECT_EQ(result->kafka.start, Start::earliest);
  EXPECT_EQ(result->kafka.strategy, Strategy::range);
  EXPECT_EQ(result->kafka.instance, "");
  EXPECT_TRUE(result->kafka.properties.empty());
  EXPECT_EQ(result->postgres.url.reveal(), "postgresql://app:hunter2@127.0.0.1:5432/shop");
  EXPECT_EQ(result->postgres.schema, "sluice");
  EXPECT_EQ(result->postgres.lanes, 2);
  EXPECT_EQ(result->batch.rows, 2000);
  EXPECT_EQ(result->batch.bytes, 8'388'608u);
  EXPECT_EQ(result->batch.linger, std::chrono::milliseconds(5));
  EXPECT_TRUE(result->batch.adaptive);
  EXPECT_EQ(result->console.listen, "127.0.0.1:2222");
  EXPECT_EQ(result->console.user, "ops");
  EXPECT_EQ(result->console.host_key, "/var/lib/sluice/host_ed25519");
  EXPECT_EQ(result->console.keys, "/etc/sluice/authorized_keys");
  EXPECT_EQ(result->http.listen, "127.0.0.1:9187");
  EXPECT_EQ(result->log.level, "info");
  EXPECT_EQ(result->log.format, "text");
  ASSERT_EQ(result->routes.size(), 1u);
  const Route& route = result->routes[0];
  EXPECT_EQ(route.topics, std::vector<std::string>{"shop.orders"});
  EXPECT_EQ(route.format, Format::automatic);
  EXPECT_EQ(route.table, "public.orders");
  EXPECT_EQ(route.mode, Mode::upsert);
  EXPECT_EQ(route.key, std::vector<std::string>{"id"});
  EXPECT_EQ(route.key_from, KeyFrom::automatic);
  EXPECT_EQ(route.on_delete, OnDelete::apply);
  EXPECT_EQ(route.on_truncate, OnTruncate::ignore);
  EXPECT_EQ(route.unknown_fields, UnknownFields::reject);
  EXPECT_EQ(route.on_error, OnError::dead_letter);
  EXPECT_EQ(route.max_dead_letters, 1000);
}

TEST_F(ConfigLoad, takes_every_word_for_the_value_of_its_name) {
  const auto result = read(R"(pipeline = "p"
[kafka]
brokers = "a, b:1, [::1]:2"
group = "g"
start = "stop"
strategy = "cooperative-sticky"
instance = "one"
properties = { "security.protocol" = "SASL_SSL", "socket.timeout.ms" = 6000, socket.keepalive.enable = true }
[postgres]
url = "host=a,b user = 'an app' password='it\\'s'"
schema = "other"
lanes = 64
[batch]
rows = 1
bytes = "64KiB"
linger = "10s"
adaptive = false
[http]
listen = ""
[console]
listen = "[::1]:0"
user = "root"
host_key = "k"
keys = "a"
[log]
level = "debug"
format = "json"
[[route]]
topics = ['^([a-z]+)\.(.*)$']
format = "connect-json"
schemas = ["public"]
max_dead_letters = 1000
table = "{1}.{2}_{topic}"
mode = "insert"
key = []
key_from = "none"
delete = "ignore"
truncate = "apply"
unknown_fields = "ignore"
on_error = "stop"
[[route]]
topics = ["x"]
format = "debezium"
table = "{source.schema}.{source.table}"
mode = "update"
key = ["a", "b"]
key_from = "record_value"
schemas = ["public", "shop"]
)");
  ASSERT_TRUE(result) << result.error();
  EXPECT_EQ(result->kafka.start, Start::stop);
  EXPECT_EQ(result->kafka.strategy, Strategy::cooperative_sticky);
  EXPECT_EQ(result->kafka.group, "g");
  EXPECT_EQ(result->kafka.properties.at("security.protocol").reveal(), "SASL_SSL");
  EXPECT_EQ(result->kafka.properties.at("socket.timeout.ms").reveal(), "6000");
  EXPECT_EQ(result->kafka.properties.at("socket.keepalive.enable").reveal(), "true");
  EXPECT_EQ(result->postgres.lanes, 64);
  EXPECT_EQ(result->batch.bytes, 65'536u);
  EXPECT_EQ(result->batch.linger, std::chrono::seconds(10));
  EXPECT_FALSE(result->batch.adaptive);
  EXPECT_EQ(result->http.listen, "");
  EXPECT_EQ(result->log.level, "debug");
  ASSERT_EQ(result->routes.size(), 2u);
  EXPECT_EQ(result->routes[0].format, Format::connect_json);
  EXPECT_EQ(result->routes[0].mode, Mode::insert);
  EXPECT_TRUE(result->routes[0].key.empty());
  EXPECT_EQ(result->routes[0].key_from, KeyFrom::none);
  EXPECT_EQ(result->routes[0].on_delete, OnDelete::ignore);
  EXPECT_EQ(result->routes[0].on_truncate, OnTruncate::apply);
  EXPECT_EQ(result->routes[0].unknown_fields, UnknownFields::ignore);
  EXPECT_EQ(result->routes[0].on_error, OnError::stop);
  EXPECT_EQ(result->routes[0].max_dead_letters, 1000);
  EXPECT_EQ(result->routes[1].format, Format::debezium);
  EXPECT_EQ(result->routes[1].mode, Mode::update);
  EXPECT_EQ(result->routes[1].key_from, KeyFrom::record_value);
}

TEST_F(ConfigLoad, an_unknown_key_names_line_column_and_the_nearest_one) {
  EXPECT_EQ(error_with("brokers", "brokrs"), "3:1: kafka.brokrs: is not a setting; did you mean brokers?");
  EXPECT_EQ(error_with("brokers", "BROKERS"), "3:1: kafka.BROKERS: is not a setting; did you mean brokers?");
  EXPECT_EQ(error_with("", "KEY-FROM = \"auto\"\n"), "10:1: route.KEY-FROM: is not a setting; did you mean key_from?");
  EXPECT_EQ(error_with("[postgres]", "[postgress]"), "4:2: postgress: is not a setting; did you mean postgres?");
  EXPECT_HAS(error_with("", "tabel = \"x\"\n"), "10:1: route.tabel: is not a setting; did you mean table?");
  EXPECT_HAS(error_with("[kafka]", "lanes = 3\n[kafka]"), "the setting is postgres.lanes");
  EXPECT_HAS(error_with("[kafka]", "zzzzzzzzzz = 3\n[kafka]"), "remove it");
  EXPECT_HAS(error_with("", "column = {}\n"), "did you mean columns?");
  EXPECT_HAS(error_with("", "[[route.childs]]\n"), "did you mean child?");
}

TEST_F(ConfigLoad, columns_of_a_route_are_a_table_inline_or_by_dotted_keys) {
  const std::string inline_table =
      R"(columns = { include = ["id", "a.b"], rename = { id = "id", "a.b" = "c" }, add = { _at = "@timestamp", t = "header:x y" } })";
  const auto result = read(with("", inline_table + '\n'));
  ASSERT_TRUE(result) << result.error();
  const Columns& columns = result->routes[0].columns;
  EXPECT_EQ(columns.include, (std::vector<std::string>{"id", "a.b"}));
  EXPECT_EQ(columns.rename, (std::map<std::string, std::string>{{"id", "id"}, {"a.b", "c"}}));
  EXPECT_EQ(columns.add, (std::map<std::string, std::string>{{"_at", "@timestamp"}, {"t", "header:x y"}}));
  const auto dotted = read(with("", "columns.exclude = [\"x\"]\ncolumns.add = { _lsn = \"@source.lsn\" }\n"));
  ASSERT_TRUE(dotted) << dotted.error();
  EXPECT_EQ(dotted->routes[0].columns.exclude, std::vector<std::string>{"x"});
  EXPECT_EQ(dotted->routes[0].columns.add.at("_lsn"), "@source.lsn");
}

TEST_F(ConfigLoad, parts_of_columns_that_contradict_each_other_are_refused_where_they_stand) {
  const auto error = [&](std::string_view line) { return error_with("", std::string(line) + '\n'); };
  EXPECT_HAS(error(R"(columns = { include = ["a", "b"], exclude = ["x", "b"] })"),
             "10:51: route.columns.exclude: \"b\" is in include");
  EXPECT_HAS(error(R"(columns = { exclude = ["a"], rename = { a = "b" } })"),
             "10:41: route.columns.rename: \"a\" is in exclude");
  EXPECT_HAS(error(R"(columns = { rename = { a = "c", b = "c" } })"), "\"b\" becomes the column c, as \"a\" does");
  EXPECT_HAS(error(R"(columns = { include = ["a", "b"], rename = { a = "b" } })"), "as the field of that name does");
  EXPECT_HAS(error(R"(columns = { include = ["a"], rename = { b = "c" } })"), "\"b\" is not in include");
  EXPECT_HAS(error(R"(columns = { rename = { a = "c" }, add = { c = "@op" } })"),
             "10:43: route.columns.add: \"c\" is what \"a\" is renamed to");
  EXPECT_HAS(error(R"(columns = { include = ["c"], add = { c = "@op" } })"), "\"c\" is a field in include");
  EXPECT_HAS(error("key_from = \"record_value\"\ncolumns.exclude = [\"id\"]"),
             "11:20: route.columns.exclude: \"id\" is a part of the key");
  EXPECT_EQ(error(R"(columns = { include = ["a", "b"], rename = { a = "b", b = "a" }, add = { _o = "@op" } })"), "");
  EXPECT_EQ(error(R"(columns = { include = ["a"], rename = { number = "id" } })"), "")
      << "a field of the key is always taken";
}

TEST_F(ConfigLoad, what_an_added_column_holds_is_a_fact_of_the_record) {
  const auto error = [&](std::string_view source) {
    return error_with("", fmt::format("columns.add = {{ c = \"{}\" }}\n", source));
  };
  for (const char* good_one :
       {"@offset", "@partition", "@topic", "@timestamp", "@key", "@key.id", "@op", "@source.a.b", "header:x"})
    EXPECT_EQ(error(good_one), "") << good_one;
  EXPECT_HAS(error("@ofset"), "10:21: route.columns.add: \"@ofset\" cannot be read: there is no @ofset; use @op");
  EXPECT_HAS(error("@source"), "needs a field of the event's source");
  EXPECT_HAS(error("offset"), "is not a fact of the record; write @offset");
  EXPECT_HAS(error("header:"), "has no name behind header:");
  EXPECT_HAS(error("@op is null"), "is more than one fact");
  EXPECT_HAS(error("@op = @op"), "is more than one fact");
  EXPECT_HAS(error_with("", "columns.ad = {}\n"), "route.columns.ad: is not a setting; did you mean add?");
  EXPECT_HAS(error_with("", "columns = []\n"), "10:11: route.columns: must be a table");
  EXPECT_HAS(error_with("", "columns.add = [\"@op\"]\n"), "route.columns.add: is a list; write a table of strings");
  EXPECT_HAS(error_with("", "columns.rename = { a = 1 }\n"), "is an integer");
  EXPECT_HAS(error_with("", "columns.rename = { a.b = \"c\" }\n"), "a name with a dot that is not in quotes");
  EXPECT_HAS(error_with("", "columns.rename = { a = \"\" }\n"), "must be a column name");
}

TEST_F(ConfigLoad, a_hook_is_named_by_its_position_and_host_and_its_url_is_secret) {
  const std::string two =
      "[[notify]]\nkind = \"slack\"\nurl = \"https://hooks.slack.com/services/T0/B0/hunter2?x=1\"\n"
      "[[notify]]\nkind = \"json\"\nurl = \"http://127.0.0.1:8080/hunter2\"\non = [\"started\"]\n";
  const auto loaded = read(with("", two));
  ASSERT_TRUE(loaded) << loaded.error();
  const auto& hooks = loaded->hooks;
  ASSERT_EQ(hooks.size(), 2u);
  EXPECT_EQ(hooks[0].name, "1:hooks.slack.com");
  EXPECT_EQ(hooks[0].kind, HookKind::slack);
  EXPECT_EQ(hooks[0].on.size(), 5u);
  EXPECT_EQ(hooks[1].name, "2:127.0.0.1");
  EXPECT_EQ(hooks[1].on, std::vector<std::string>{"started"});
  EXPECT_FALSE(loaded->secret_files.empty()) << "the file holds a secret";
}

TEST_F(ConfigLoad, each_hook_is_listed_without_its_url_and_another_url_is_a_difference) {
  const std::string two =
      "[[notify]]\nkind = \"slack\"\nurl = \"https://hooks.slack.com/services/T0/B0/hunter2?x=1\"\n"
      "[[notify]]\nkind = \"json\"\nurl = \"http://127.0.0.1:8080/hunter2\"\non = [\"started\"]\n";
  const auto loaded = read(with("", two));
  ASSERT_TRUE(loaded) << loaded.error();
  std::map<std::string, std::string> shown;
  for (const auto& one : show(*loaded)) {
    shown.emplace(one.key, one.value);
    EXPECT_EQ((one.value + one.fallback).find("hunter2"), std::string::npos) << one.key;
  }
  EXPECT_EQ(shown["notify[1].kind"], "\"slack\"");
  EXPECT_EQ(shown["notify[1].url"], fmt::format("\"{}\"", Secret::mask));
  EXPECT_EQ(shown["notify[2].on"], "[\"started\"]");
  auto other = *loaded;
  other.hooks[1].url = Secret("http://127.0.0.1:8080/other");
  const auto changes = differences(*loaded, other);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].key, "notify[2].url");
  EXPECT_TRUE(changes[0].reloadable);
  EXPECT_EQ(changes[0].after, changes[0].before) << "both are masked";
}

TEST_F(ConfigLoad, a_hook_that_cannot_be_told_is_refused) {
  const auto error = [&](std::string_view lines) { return error_with("", "[[notify]]\n" + std::string(lines)); };
  const std::string good_one = "kind = \"json\"\nurl = \"https://a.b/hunter2\"\n";
  EXPECT_EQ(error(good_one), "");
  EXPECT_HAS(error("url = \"https://a.b/\"\n"), "notify.kind: is missing; add kind = ");
  EXPECT_HAS(error("kind = \"json\"\n"), "notify.url: is missing; add url = ");
  EXPECT_HAS(error("kind = \"mail\"\nurl = \"https://a.b/\"\n"), "notify.kind: ");
  for (const char* url :
       {"hunter2", "ftp://a.b/hunter2", "https:///hunter2", "https://a b/hunter2", "https://a.b/#hunter2", ""})
    EXPECT_HAS(error("kind = \"json\"\nurl = \"" + std::string(url) + "\"\n"), "notify.url: the value must be https://")
        << url;
  EXPECT_HAS(error(good_one + "on = [\"stoped\"]\n"), "is not a kind of event; use some of stopped, resumed");
  EXPECT_HAS(error(good_one + "on = [\"muted\"]\n"), "is not a kind of event");
  EXPECT_HAS(error(good_one + "on = []\n"), "notify.on: is empty");
  EXPECT_HAS(error_with("", "[notify]\n" + good_one), "write [[notify]] with two brackets");
  std::string many;
  for (int n = 0; n < 21; ++n) many += "[[notify]]\n" + good_one;
  EXPECT_HAS(error_with("", many), "has more than 20 sections");
}

TEST_F(ConfigLoad, a_job_has_defaults_and_is_listed_with_the_settings_in_force) {
  const auto loaded =
      read(with("",
                "[[job]]\nname = \"daily_sales\"\nsql = \"call refresh_daily_sales()\"\n"
                "after = [\"public.orders\"]\n[[job]]\nname = \"b\"\nsql = \"\"\"select 1\nfrom a\"\"\"\n"
                "after = [\"orders\"]\nevery = \"1h\"\n"));
  ASSERT_TRUE(loaded) << loaded.error();
  ASSERT_EQ(loaded->jobs.size(), 2u);
  EXPECT_EQ(loaded->jobs[0].every, std::chrono::seconds(5));
  EXPECT_EQ(loaded->jobs[1].name, "b");
  const auto shown = show(*loaded);
  const auto value = [&](std::string_view key) {
    const auto found = std::ranges::find(shown, key, &Shown::key);
    return found == shown.end() ? "not listed" : found->value;
  };
  EXPECT_EQ(value("job[1].sql"), "\"call refresh_daily_sales()\"");
  EXPECT_EQ(value("job[1].every"), "\"5s\"");
  EXPECT_EQ(value("job[2].sql"), "\"select 1\\nfrom a\"") << "SQL has lines";
  EXPECT_EQ(value("job[2].every"), "\"1h\"");
  auto other = *loaded;
  other.jobs[1].every = std::chrono::hours(2);
  const auto changes = differences(*loaded, other);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].key, "job[2].every");
  EXPECT_TRUE(changes[0].reloadable);
}

TEST_F(ConfigLoad, a_job_that_could_never_run_is_refused) {
  const std::string name = "name = \"a\"\n", sql = "sql = \"select 1\"\n", after = "after = [\"public.orders\"]\n";
  const auto error = [&](const std::string& lines) { return error_with("", "[[job]]\n" + lines); };
  EXPECT_EQ(error(name + sql + after), "");
  EXPECT_HAS(error(sql + after), "10:1: job.name: is missing; add name = ");
  EXPECT_HAS(error(name + after), "job.sql: is missing; add sql = ");
  EXPECT_HAS(error(name + sql), "job.after: is missing; add after = ");
  EXPECT_HAS(error("name = \"\"\n" + sql + after), "job.name: \"\" is empty; give the job a name");
  EXPECT_HAS(error("name = \"a b\"\n" + sql + after), "must be 1 to 63 letters");
  EXPECT_HAS(error(name + "sql = \" ; \"\n" + after), "job.sql: \" ; \" is empty; write the statement");
  EXPECT_HAS(error(name + sql + "after = []\n"), "13:9: job.after: is empty; write [\"public.orders\"]");
  EXPECT_HAS(error(name + sql + "after = [\"public.order\"]\n"),
             "13:9: job.after: \"public.order\" is written by no route and no child; did you mean public.orders?");
  EXPECT_HAS(error(name + sql + "after = [\"other.orders\"]\n"), "is written by no route");
  EXPECT_HAS(error(name + sql + after + "every = \"0s\"\n"), "job.every: ");
  EXPECT_HAS(error(name + sql + after + "every = 5\n"), "job.every: ");
  EXPECT_HAS(error(name + sql + after + "evry = \"5s\"\n"), "job.evry: is not a setting; did you mean every?");
  EXPECT_HAS(error(name + sql + after + "[[job]]\n" + name + sql + after),
             "15:8: job.name: \"a\" is the name of an earlier job");
  EXPECT_HAS(error_with("", "[job]\n" + name + sql + after), "write [[job]] with two brackets");
  const std::string child =
      "[[route.child]]\npath = \"items\"\ntable = \"public.order_items\"\nkey = [\"id\", "
      "\"line\"]\ncolumns = { id = \"$.id\", line = \"@index\" }\n";
  EXPECT_EQ(error_with("", child + "[[job]]\n" + name + sql + "after = [\"public.order_items\"]\n"), "");
}

// Everything that the contract promises is understood, in one file.
TEST_F(ConfigLoad, the_contracts_sample_is_accepted_whole) {
  std::ifstream sample(SLUICE_SOURCE_DIR "/tests/data/contract.toml");
  std::string text((std::istreambuf_iterator<char>(sample)), {});
  const std::string reference = "${credential:hook}";
  const auto at = text.find(reference);
  ASSERT_NE(at, std::string::npos);
  const auto loaded = read(text.replace(at, reference.size(), "https://hooks.slack.com/services/T0/B0/x"));
  ASSERT_TRUE(loaded) << loaded.error();
  ASSERT_EQ(loaded->jobs.size(), 1u);
  EXPECT_EQ(loaded->jobs[0].name, "daily_sales");
  EXPECT_EQ(loaded->routes[0].children.size(), 1u);
}

TEST_F(ConfigLoad, what_is_required_and_missing_is_named_with_what_to_add) {
  EXPECT_HAS(error_with("pipeline = \"shop\"", ""), "1:1: pipeline: is missing; add pipeline = ");
  EXPECT_HAS(error_with("brokers = \"127.0.0.1:9092\"", ""), "2:1: kafka.brokers: is missing; add brokers = ");
  EXPECT_HAS(error_with("url = \"postgresql://app:hunter2@127.0.0.1:5432/shop\"", ""), "postgres.url: is missing");
  EXPECT_HAS(error_with("topics = [\"shop.orders\"]", ""), "6:1: route.topics: is missing");
  EXPECT_HAS(error_with("table = \"public.orders\"", ""), "route.table: is missing");
  EXPECT_HAS(error_with("key = [\"id\"]", ""), "route.key: is missing");
  EXPECT_HAS(error_of(good.substr(0, good.find("[[route]]"))), "1:1: route: is missing");
  EXPECT_HAS(error_of(""), "1:1: pipeline: is missing");
}

TEST_F(ConfigLoad, an_empty_key_is_for_insert_mode_only) {
  EXPECT_HAS(error_with("key = [\"id\"]", "key = []"), "9:7: route.key: is empty");
  EXPECT_HAS(error_with("key = [\"id\"]", "key = []\nmode = \"update\""), "route.key: is empty");
  EXPECT_EQ(error_with("key = [\"id\"]", "key = []\nmode = \"insert\""), "");
  EXPECT_EQ(error_with("key = [\"id\"]", "mode = \"insert\""), "");
}

TEST_F(ConfigLoad, durations_and_sizes_need_a_unit) {
  const auto linger = [&](const std::string& value) { return error_with("", "[batch]\nlinger = " + value + '\n'); };
  const auto bytes = [&](const std::string& value) { return error_with("", "[batch]\nbytes = " + value + '\n'); };
  EXPECT_HAS(linger("5"), "11:10: batch.linger: is a number without a unit; write a duration with its unit");
  EXPECT_HAS(bytes("8388608"), "batch.bytes: is a number without a unit");
  for (const char* value : {"\"5\"", "\"5 ms\"", "\"1.5s\"", "\"-1s\"", "\"5MiB\"", "\"\""})
    EXPECT_HAS(linger(value), "write a duration with its unit") << value;
  for (const char* value : {"\"8\"", "\"8mib\"", "\"5ms\""})
    EXPECT_HAS(bytes(value), "write a size with its unit") << value;
  for (const char* value : {"\"11s\"", "\"9223372036854775807h\"", "\"99999999999999999999ms\""})
    EXPECT_HAS(linger(value), "batch.linger: is out of bounds; use 0ms to 10s") << value;
  EXPECT_HAS(bytes("\"9223372036854775807GiB\""), "batch.bytes: is out of bounds; use 64KiB to 256MiB");
  for (const char* value : {"\"0ms\"", "\"10s\"", "\"50ms\""}) EXPECT_EQ(linger(value), "") << value;
  for (const char* value : {"\"64KiB\"", "\"65536B\"", "\"66kB\"", "\"1MB\"", "\"256MiB\""})
    EXPECT_EQ(bytes(value), "") << value;
  EXPECT_HAS(bytes("\"64kB\""), "is out of bounds; use 64KiB to 256MiB");
}

TEST_F(ConfigLoad, numbers_out_of_bounds_are_refused_with_the_bounds) {
  for (const char* line : {"lanes = 0", "lanes = 65", "lanes = -1", "lanes = 9223372036854775807"})
    EXPECT_HAS(error_with("[[route]]", std::string(line) + "\n[[route]]"), "use 1 to 64 connections") << line;
  EXPECT_HAS(error_with("", "[batch]\nrows = 100001\n"), "batch.rows: is out of bounds; use 1 to 100000 records");
  EXPECT_HAS(error_with("", "[batch]\nlinger = \"11s\"\n"), "use 0ms to 10s");
  EXPECT_HAS(error_with("", "[batch]\nbytes = \"1GiB\"\n"), "use 64KiB to 256MiB");
  EXPECT_HAS(error_with("", "max_dead_letters = -1\n"), "out of bounds");
}

TEST_F(ConfigLoad, a_wrong_type_says_what_is_there_and_what_should_be) {
  EXPECT_EQ(error_with("\"shop\"", "7"), "1:12: pipeline: is an integer; write a string in quotes");
  EXPECT_HAS(error_with("[[route]]", "lanes = \"2\"\n[[route]]"), "postgres.lanes: is a string; write an integer");
  EXPECT_HAS(error_with("[[route]]", "lanes = 2.0\n[[route]]"), "is a number with a fraction; write an integer");
  EXPECT_HAS(error_with("", "[batch]\nadaptive = \"yes\"\n"), "is a string; write true or false");
  EXPECT_HAS(error_with("[\"shop.orders\"]", "\"shop.orders\""), "route.topics: is a string; write a list");
  EXPECT_HAS(error_with("[\"shop.orders\"]", "[1]"), "route.topics: is an integer; write a string");
  EXPECT_HAS(error_with("[[route]]", "[route]"), "write [[route]] with two brackets");
  EXPECT_HAS(error_with("", "[[http]]\nlisten = \"\"\n"), "http: must be a section; write [http]");
  EXPECT_HAS(error_with("", "format = \"xml\"\n"), "\"xml\" is not known; use auto | json | connect-json | debezium");
}

TEST_F(ConfigLoad, addresses_names_and_expressions_are_checked) {
  for (const char* brokers : {"", "a:b", "a:0", "a:65536", "a,,b", "ssl://a:1", "a b", "[::1:9092"})
    EXPECT_HAS(error_with("127.0.0.1:9092", brokers), "is not a list HOST:PORT") << brokers;
  for (const char* listen : {"9187", "localhost", ":9187", "localhost:http", "localhost:99999"})
    EXPECT_HAS(error_with("", std::string("[http]\nlisten = \"") + listen + "\"\n"), "is not HOST:PORT") << listen;
  for (const char* topic : {"", "a b", "..", "shop/*"})
    EXPECT_HAS(error_with("shop.orders", topic), "is not a topic name") << topic;
  for (const char* topic : {"^(", "^[a", "^a{2,1}", "^a(?!b)", "^(a)\\\\1"})
    EXPECT_HAS(error_with("shop.orders", topic), "is not a regular expression of RE2") << topic;
  EXPECT_EQ(error_with("shop.orders", R"(^shop\\.\\d+(?:x|y)$)"), "") << "the subscription uses the same engine";
  for (const char* schema : {"", "1a", "pg_x", "a-b", "information_schema"})
    EXPECT_HAS(error_with("[[route]]", std::string("schema = \"") + schema + "\"\n[[route]]"), "another schema")
        << schema;
  EXPECT_HAS(error_with("\"shop\"", "\"\""), "choose another name");
  EXPECT_HAS(error_with("[postgres]", "instance = \"a b\"\n[postgres]"), "kafka.instance: \"a b\" must be");
  EXPECT_HAS(error_with("[postgres]", "group = \"\"\n[postgres]"), "leave it out for sluice-PIPELINE");
  EXPECT_HAS(error_with("[\"id\"]", "[\"id\", \"id\"]"), "lists the same value twice");
}

TEST_F(ConfigLoad, a_table_template_may_use_only_what_its_topics_give) {
  const auto table = [&](const std::string& topics, const std::string& name) {
    return error_with("topics = [\"shop.orders\"]\ntable = \"public.orders\"",
                      "topics = [" + topics + "]\ntable = \"" + name + '"');
  };
  EXPECT_HAS(table("\"a\"", "{topic}.orders"), "route.schemas: is missing");
  EXPECT_EQ(table("\"a\"", "{topic}.orders\"\nschemas = [\"shop\"]\n#"), "");
  EXPECT_HAS(table("\"a\"", "{topic}.orders\"\nschemas = [\"sluice\"]\n#"), "which no event may be written to");
  EXPECT_HAS(table("\"a\"", "{topic}.orders\"\nschemas = [\"pg_temp\"]\n#"), "which no event may be written to");
  for (const char* schema : {"sluice", "pg_catalog", "information_schema", "pg_toast", "pg_temp_1"})
    EXPECT_HAS(table("\"a\"", std::string(schema) + ".audit"), "which no event may be written to") << schema;
  EXPECT_HAS(table("\"a\"", std::string(64, 'x')), "longer than 63 bytes");
  EXPECT_EQ(table("'^a(.)(.)'", "public.{1}_{2}"), "");
  EXPECT_EQ(table("'^a(.)(.)', '^b(.)(?:.)'", "public.{1}"), "");
  EXPECT_HAS(table("'^a(.)(.)', '^b(.)(?:.)'", "public.{2}"), "8:9: route.table: uses {2}");
  EXPECT_HAS(table("\"a\"", "public.{1}"), "has no groups");
  EXPECT_HAS(table("\"a\"", "public.{topc}"), "unknown placeholder");
  EXPECT_HAS(table("\"a\"", "public.{topic"), "close it");
  EXPECT_HAS(table("\"a\"", "public.topic}"), "remove it");
  for (const char* name : {"", "a.", ".a", "a..b", "a.b.c"}) EXPECT_HAS(table("\"a\"", name), "table") << name;
}

TEST_F(ConfigLoad, a_topic_that_an_earlier_route_takes_is_refused) {
  const std::string second = "[[route]]\ntopics = [\"shop.orders\"]\ntable = \"other\"\nkey = [\"id\"]\n";
  EXPECT_HAS(error_with("", second), "11:10: route.topics: \"shop.orders\" is in an earlier route");
}

TEST_F(ConfigLoad, a_postgres_url_is_checked_for_shape_and_never_shown) {
  const auto url = [&](const std::string& text) {
    return error_with("\"postgresql://app:hunter2@127.0.0.1:5432/shop\"", '"' + text + '"');
  };
  for (const char* text : {"mysql://app:hunter2@h/db", "hunter2", "postgresql://app:hunter2@h:x/db",
                           "password='hunter2", "postgresql://app:hunter2%@h/db", "postgresql://h/db?hunter2",
                           "=hunter2", "", " ", "postgres://app:hunter2 x@h"})
    EXPECT_HAS(url(text), "5:7: postgres.url: the value ") << text;
  for (const char* text : {"postgres://", "postgresql:///db?host=/run", "postgresql://a,b:5432/db", "dbname=x",
                           "postgresql://u@[::1]:5432", "postgresql://%2Frun/db"})
    EXPECT_EQ(url(text), "") << text;
}

TEST_F(ConfigLoad, properties_that_the_promise_rests_on_are_refused_with_the_reason) {
  EXPECT_EQ(error_of_property("\"enable.auto.commit\" = \"hunter2\""),
            "5:1: kafka.properties.enable.auto.commit: is refused: the pointer row in PostgreSQL alone "
            "decides where "
            "reading resumes, Kafka's stored offsets never do; remove it");
  EXPECT_HAS(error_of_property("auto.offset.reset = \"latest\""), "would skip or repeat records");
  for (const char* name :
       {"enable.auto.offset.store", "isolation.level", "check.crcs", "enable.partition.eof", "client.rack", "group.id",
        "bootstrap.servers", "metadata.broker.list", "group.instance.id", "partition.assignment.strategy",
        "allow.auto.create.topics", "enable.idempotence", "offset.store.method"})
    EXPECT_HAS(error_of_property('"' + std::string(name) + "\" = \"x\""), "is refused: ") << name;
  EXPECT_HAS(error_of_property("\"a.b\" = \"x\"\na.b = \"y\""), "is set twice");
  EXPECT_HAS(error_of_property("\"a\" = [\"hunter2\"]"), "is a list; write a table of strings");
  EXPECT_EQ(error_of_property("\"sasl.password\" = \"hunter2\""), "");
}

TEST_F(ConfigLoad, references_are_replaced_in_any_string) {
  ::setenv("SLUICE_TEST_WORD", "orders", 1);
  ::setenv("SLUICE_TEST_SECRET", "hunter2", 1);
  ::setenv("CREDENTIALS_DIRECTORY", path("").c_str(), 1);
  write("credential", "hunter2\n");
  const auto result =
      read(with("app:hunter2@", "${env:SLUICE_TEST_WORD}:${credential:credential}${file:" + path("credential") + "}@"));
  ASSERT_TRUE(result) << result.error();
  EXPECT_EQ(result->postgres.url.reveal(), "postgresql://orders:hunter2hunter2@127.0.0.1:5432/shop");
  EXPECT_EQ(read(with("[\"id\"]", "[\"${env:SLUICE_TEST_WORD}_id\"]"))->routes[0].key[0], "orders_id");
  // A value that came by reference is shown as the reference.
  EXPECT_HAS(error_with("", "format = \"${env:SLUICE_TEST_SECRET}\"\n"), "\"${env:SLUICE_TEST_SECRET}\" is not known");
  EXPECT_HAS(error_with("app:hunter2@", "${env:SLUICE_TEST_UNSET}"),
             "postgres.url: ${env:SLUICE_TEST_UNSET} is not set");
  EXPECT_HAS(error_with("app:hunter2@", "${file:/nowhere/at/all}"),
             "postgres.url: ${file:/nowhere/at/all} cannot be read");
  EXPECT_HAS(error_with("app:hunter2@", "${file:" + path("") + "}"), "is a directory");
  EXPECT_HAS(error_with("app:hunter2@", "${credential:../x}"), "is not the name of a credential");
  EXPECT_HAS(error_with("app:hunter2@", "${vault:x}"), "is not known; write ${env:NAME}");
  EXPECT_HAS(error_with("app:hunter2@", "${env:x"), "close the reference");
  ::unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_HAS(error_with("app:hunter2@", "${credential:credential}"), "needs CREDENTIALS_DIRECTORY");
}

TEST_F(ConfigLoad, syntax_errors_are_one_line_with_the_place) {
  EXPECT_HAS(error_with("url = \"postgresql", "url = postgresql"), "5:7: syntax: ");
  EXPECT_HAS(error_with("\"shop\"", "\"shop"), "1:");
  EXPECT_HAS(error_with("[kafka]", "pipeline = \"x\"\n[kafka]"), "2:12: syntax: ");
  EXPECT_HAS(error_with("", "[kafka]\n"), "cannot redefine");
  EXPECT_HAS(error_with("\"shop\"", "\"sh\xffop\""), "utf-8");
  EXPECT_HAS(error_with("shop\"", std::string_view("\0\"", 2)), "1:");
  EXPECT_HAS(error_with("\"shop\"", "\"sh\\u0000op\""), "control character");
  EXPECT_HAS(error_with("\"shop\"", std::string(100'000, '[')), "depth");
  EXPECT_HAS(error_with("\"shop\"", "99999999999999999999"), "not representable");
}

TEST_F(ConfigLoad, keys_that_nest_without_end_are_refused_before_they_are_built) {
  std::string deep;
  for (int i = 0; i < 500'000; ++i) deep += "a.";
  EXPECT_HAS(error_of(deep + "a = 1\n"), "1:66: syntax: a key has more than 32 parts");
  EXPECT_EQ(error_with("", "  # " + std::string(200, '.') + '\n'), "");
}

TEST_F(ConfigLoad, a_list_has_a_limit) {
  std::string list;
  for (int i = 0; i < 1001; ++i) list += "\"t" + std::to_string(i) + "\",";
  EXPECT_HAS(error_with("\"shop.orders\"", list), "route.topics: has more than 1000 elements");
}

TEST_F(ConfigLoad, a_file_that_cannot_be_read_says_why) {
  EXPECT_EQ(load("/nowhere/at/all").error(),
            "/nowhere/at/all:1:1: file: cannot be read: No such file or directory; name a readable TOML file");
  EXPECT_HAS(load(std::filesystem::temp_directory_path()).error(), "is a directory, not a file");
  EXPECT_HAS(load("/dev/zero").error(), "is not a regular file");
  EXPECT_HAS(error_of(std::string((1u << 20) + 1, '#')), "file: is larger than 1MiB");
}

TEST_F(ConfigLoad, the_place_of_a_setting_is_known_to_those_who_find_it_wrong_later) {
  ASSERT_TRUE(read(with("[postgres]", "[kafka.properties]\na.b = \"c\"\n[postgres]")));
  EXPECT_EQ(place(path(), "kafka.properties"), path() + ":4:1");
  EXPECT_EQ(place(path(), "postgres.url"), path() + ":7:7");
  EXPECT_EQ(place(path(), "http.listen"), path() + ":1:1");
  EXPECT_EQ(place(path("missing"), "http.listen"), path("missing") + ":1:1");
}

TEST_F(ConfigLoad, an_error_in_an_expression_has_the_column_of_the_character) {
  EXPECT_EQ(
      error_with("key = [\"id\"]", "key = [\"id\"]\nfilter = \"größe > 1 and\""),
      "10:24: route.filter: at character 14 of the expression: the end stands where a field, a text, a number or ( was expected; "
      "write for example status = 'paid' and total > 10");
  EXPECT_HAS(error_with("key = [\"id\"]", "key = [\"id\"]\ndelete_when = '''a = 'x' b'''"),
             "10:15: route.delete_when: at character 9");
  EXPECT_TRUE(read(with("key = [\"id\"]", "key = [\"id\"]\nfilter = \"\"")));
}

TEST_F(ConfigLoad, a_condition_on_rows_is_about_columns_alone) {
  const auto error = [&](const std::string& where) {
    return error_with("key = [\"id\"]", "key = [\"id\"]\nwhere = " + where);
  };
  const auto loaded = read(with("key = [\"id\"]", "key = [\"id\"]\nwhere = \"age >= 20 and name ~ '^a'\""));
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_TRUE(loaded->routes[0].where.names("age"));
  EXPECT_HAS(error("\"age >= \""), "10:17: route.where: at character 8 of the expression: ");
  EXPECT_HAS(error("\"age > 1 and @op = 'c'\""),
             "10:22: route.where: at character 13 of the expression: what begins with @");
  EXPECT_HAS(error("\"age > 1 or header('x') = 'c'\""), "10:21: route.where: at character 12 of the expression: ");
  EXPECT_HAS(error("\"address.city = 'x'\""),
             "10:10: route.where: at character 1 of the expression: address.city is a field");
  EXPECT_HAS(error("\"name ~ '(?i)a'\""),
             "10:10: route.where: at character 1 of the expression: PostgreSQL may read (?");
  EXPECT_HAS(error("\"1 = 1\""), "names no column");
  EXPECT_HAS(error("\"age > 1\"\ndelete = \"soft:gone\""), "10:9: route.where: removes rows");
}

TEST_F(ConfigLoad, policies_of_values_are_words_of_their_route) {
  const auto loaded = read(with("key = [\"id\"]",
                                "key = [\"id\"]\nnul = \"strip\"\nutf8 = \"replace\"\ntoo_long = "
                                "\"truncate\"\nout_of_range = \"clamp\"\ntime_unit = \"auto\""));
  ASSERT_TRUE(loaded) << loaded.error();
  const ValuePolicies wanted{NulPolicy::strip, Utf8Policy::replace, LengthPolicy::truncate, RangePolicy::clamp,
                             TimeUnit::automatic};
  EXPECT_EQ(loaded->routes[0].values, wanted);
  EXPECT_HAS(error_with("key = [\"id\"]", "key = [\"id\"]\nout_of_range = \"zero\""),
             "10:16: route.out_of_range: \"zero\" is not known; use reject | null | clamp");
}

TEST_F(ConfigLoad, versions_and_soft_deletes_are_checked_with_their_route) {
  const auto loaded = read(with("key = [\"id\"]", "key = [\"id\"]\ndelete = \"soft:gone\"\nversion = \"@source.lsn\""));
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_EQ(loaded->routes[0].on_delete.marker, "gone");
  EXPECT_EQ(loaded->routes[0].version.column(), "lsn");
  EXPECT_EQ(loaded->routes[0].version.text(), "@source.lsn");
  const auto error = [&](const std::string& line) { return error_with("key = [\"id\"]", "key = [\"id\"]\n" + line); };
  EXPECT_HAS(error("delete = \"soft\""), "10:10: route.delete: \"soft\" lacks the column; write soft:COLUMN");
  EXPECT_HAS(error("delete = \"never\""),
             "10:10: route.delete: \"never\" is not known; use apply | ignore | soft:COLUMN");
  EXPECT_HAS(error("delete = \"soft:id\""), "10:10: route.delete: marks a column of the key");
  EXPECT_HAS(error("version = \"a..b\""), "10:11: route.version: \"a..b\" is not a field path");
  EXPECT_HAS(error("version = \"@offset\""), "10:11: route.version: \"@offset\" is not a field path");
  EXPECT_HAS(error("version = \"meta.id\""), "10:11: route.version: is kept in the column id, which is of the key");
  EXPECT_HAS(error("mode = \"insert\"\nversion = \"v\""), "11:11: route.version: needs rows that are changed");
  EXPECT_HAS(error("delete = \"soft:op\"\ncolumns.add = { op = \"@op\" }"),
             "10:10: route.delete: marks a column that columns.add fills");
  EXPECT_HAS(error("version = \"lsn\"\ncolumns.add = { lsn = \"@offset\" }"),
             "10:11: route.version: is kept in the column lsn, which columns.add fills with @offset");
  EXPECT_EQ(error("version = \"@source.lsn\"\ncolumns.add = { lsn = \"@source.lsn\" }"), "");
}

TEST_F(ConfigLoad, whole_transactions_of_the_source_refuse_what_would_divide_them) {
  const auto section = [](const std::string& lines) {
    return with("[[route]]", "[consistency]\n" + lines + "\n[[route]]");
  };
  const std::string whole = "transactions = \"source\"\ntopic = \"shop.transaction\"";
  const auto loaded = read(section(whole + "\ntimeout = \"5s\""));
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_TRUE(loaded->consistency.whole());
  EXPECT_EQ(loaded->consistency.timeout, std::chrono::seconds(5));
  EXPECT_EQ(loaded->lanes_used(), 1);
  EXPECT_EQ(read(good)->lanes_used(), 2);
  EXPECT_EQ(error_of(section("transactions = \"none\"\ntopic = \"\"")), "");
  EXPECT_HAS(error_of(section("transactions = \"source\"")), "6:1: consistency.topic: is missing");
  EXPECT_HAS(error_of(section("topic = \"shop.transaction\"")), "7:9: consistency.topic: is read only with");
  EXPECT_HAS(error_of(section("transactions = \"source\"\ntopic = \"^shop\"")),
             "consistency.topic: is a regular expression");
  EXPECT_HAS(error_of(section("transactions = \"source\"\ntopic = \"shop.orders\"")), "is also a route's topic");
  const auto kafka = [&](const std::string& line) {
    auto text = section(whole);
    return error_of(text.replace(text.find("[postgres]"), 0, line + "\n"));
  };
  EXPECT_HAS(kafka("start = \"latest\""), "4:9: kafka.start: is \"latest\"");
  EXPECT_HAS(kafka("start = \"group:connect-shop\""), "4:9: kafka.start: is a group");
  EXPECT_HAS(kafka("strategy = \"cooperative-sticky\""), "4:12: kafka.strategy: shares the topics out");
  const std::string another = "[[route]]\ntopics = [\"shop.lines\"]\ntable = \"lines\"\nkey = [\"id\"]\n";
  const auto lines_before = std::ranges::count(section(whole) + another, '\n');
  EXPECT_HAS(error_of(section(whole) + another + "fk_wait = \"5s\"\n"),
             fmt::format("{}:11: route.fk_wait: waits for rows of other topics", lines_before + 1));
  EXPECT_EQ(error_of(std::string(good) + another + "fk_wait = \"5s\"\n"), "") << "without transactions";
  auto cloud = section(whole);
  EXPECT_HAS(error_of(cloud.append("format = \"cloudevents\"\n")),
             "consistency.transactions: is \"source\", and a route's");
}

TEST_F(ConfigLoad, a_reference_may_stand_for_a_number_or_a_boolean) {
  ::setenv("SLUICE_TEST_LANES", "7", 1);
  ::setenv("SLUICE_TEST_FLAG", "false", 1);
  ::setenv("SLUICE_TEST_WORD", "many", 1);
  const auto with_lanes = [](std::string_view lanes) {
    return with("[[route]]", fmt::format("lanes = {}\n[[route]]", lanes));
  };
  EXPECT_EQ(read(with_lanes("\"${env:SLUICE_TEST_LANES}\""))->postgres.lanes, 7);
  EXPECT_FALSE(read(with("[[route]]", "[batch]\nadaptive = \"${env:SLUICE_TEST_FLAG}\"\n[[route]]"))->batch.adaptive);
  const auto refused = error_of(with_lanes("\"${env:SLUICE_TEST_WORD}\""));
  EXPECT_HAS(refused, "what \"${env:SLUICE_TEST_WORD}\" names is not an integer");
  EXPECT_EQ(refused.find("many"), std::string::npos) << "what a reference brings may be a secret in the wrong place";
  EXPECT_NE(error_of(with_lanes("\"7\"")).find("is a string"), std::string::npos);  // quotes alone change nothing
}

TEST_F(ConfigLoad, differences_name_each_setting_with_both_values_and_mask_secrets) {
  const auto before = read(good);
  const auto after = read(with("hunter2", "changed") + "[log]\nlevel = \"debug\"\n[batch]\nrows = 100\n");
  ASSERT_TRUE(before && after);
  EXPECT_TRUE(differences(*before, *before).empty());
  const auto found = differences(*before, *after);
  std::vector<std::string> texts;
  for (const auto& one : found)
    texts.push_back(fmt::format("{} {} {} {}", one.key, one.before, one.after, one.reloadable));
  const auto mask = fmt::format("\"postgresql://app:{}@127.0.0.1:5432/shop\"", Secret::mask);
  EXPECT_EQ(texts, (std::vector<std::string>{fmt::format("postgres.url {} {} false", mask, mask),
                                             "batch.rows 2000 100 true", "log.level \"info\" \"debug\" true"}));
  EXPECT_EQ(fingerprint(*before), fingerprint(*before));
  EXPECT_NE(fingerprint(*before), fingerprint(*after));
  auto reloaded = *before;
  take_reloadable(reloaded, *after);
  const auto left = differences(reloaded, *after);
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left.front().key, "postgres.url");
}

TEST_F(ConfigLoad, a_start_names_the_group_that_is_taken_over_from_and_not_the_pipelines_own) {
  const auto start = [](const std::string& lines) { return with("[postgres]", "start = " + lines + "\n[postgres]"); };
  const auto taken = read(start("\"group:connect-shop\""));
  ASSERT_TRUE(taken) << taken.error();
  EXPECT_EQ(taken->kafka.start, Start::group);
  EXPECT_EQ(taken->kafka.start.group, "connect-shop");
  for (const auto& [lines, told] : std::vector<std::pair<std::string, std::string>>{
           {"\"group\"", "lacks the group; write group:NAME"},
           {"\"group:\"", "lacks the group; write group:NAME"},
           {"\"lastest\"", "is not known; did you mean latest? use earliest | latest | stop | group:NAME"},
           {"\"group:" + std::string(250, 'g') + '"', "names a group of more than 249 characters"},
           {"\"group:sluice-shop\"", "names the pipeline's own group"},
           {"\"group:g\"\ngroup = \"g\"", "names the pipeline's own group"}}) {
    const auto error = error_of(start(lines));
    EXPECT_TRUE(error.starts_with("4:9: kafka.start: ")) << error;
    EXPECT_HAS(error, told);
  }
}

TEST_F(ConfigLoad, a_standing_proof_is_off_unless_it_is_told_how_often) {
  EXPECT_EQ(read(good)->verify.every.count(), 0);
  EXPECT_EQ(read(with("", "[verify]\nevery = \"\"\n"))->verify.every.count(), 0);
  EXPECT_EQ(read(with("", "[verify]\nevery = \"1h\"\n"))->verify.every, std::chrono::hours(1));
  EXPECT_NE(error_with("", "[verify]\nevery = \"1ms\"\n"), "");
}

}  // namespace
}  // namespace sluice::config
