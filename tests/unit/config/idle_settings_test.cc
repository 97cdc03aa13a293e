// Settings that would silently do nothing beside others are refused, each by its row, and so is what a route asks about
// that no record of it has.
#include "config/idle_settings.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "config/load.h"

namespace sluice::config {
namespace {

std::string sections(const std::string& sections = "") {
  return "pipeline = \"shop\"\n[kafka]\nbrokers = \"127.0.0.1:9092\"\n[postgres]\nurl = "
         "\"postgresql://app@127.0.0.1:5432/shop\"\n" +
         sections;
}

std::string one_route(const std::string& more, const std::string& topics = R"(["shop.orders"])",
                      const std::string& table = "public.orders") {
  return fmt::format("[[route]]\ntopics = {}\ntable = \"{}\"\n{}\n", topics, table, more);
}

// Without the file's name; "" if it is accepted.
std::string refusal(const std::string& text) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("sluice_idle_{}.toml", ::getpid());
  std::ofstream(path, std::ios::binary) << text;
  const auto loaded = load(path);
  std::filesystem::remove(path);
  return loaded ? "" : loaded.error().substr(path.string().size() + 1);
}

// What makes the setting idle, and the same where it does something.
struct Example {
  std::string idle, useful;
};

const std::map<std::string_view, Example>& examples() {
  const std::string key = "key = [\"id\"]\n";
  static const std::map<std::string_view, Example> all = {
      {"route.schemas",
       {sections() + one_route(key + "schemas = [\"public\"]", R"(["^shop\\.(.*)$"])", "public.{1}"),
        sections() + one_route(key + "schemas = [\"public\"]", R"(["^(.*)\\.(.*)$"])", "{1}.{2}")}},
      {"route.key_from",
       {sections() + one_route("mode = \"insert\"\nkey = []\nkey_from = \"record_key\""),
        sections() + one_route("mode = \"insert\"\nkey = []\nkey_from = \"none\"")}},
      {"route.truncate",
       {sections() + one_route(key + "format = \"json\"\ntruncate = \"apply\""),
        sections() + one_route(key + "format = \"debezium\"\ntruncate = \"apply\"")}},
      {"route.unknown_fields",
       {sections() + one_route(key + "evolve = \"columns\"\nunknown_fields = \"ignore\""),
        sections() + one_route(key + "evolve = \"columns\"\nunknown_fields = \"reject\"")}},
      {"route.max_dead_letters",
       {sections() + one_route(key + "on_error = \"stop\"\nmax_dead_letters = 5"),
        sections() + one_route(key + "max_dead_letters = 5")}},
      {"route.continue",
       {sections() + one_route(key, R"(["shop.other"])", "public.other") + one_route(key + "continue = true"),
        sections() + one_route(key + "continue = true") + one_route(key, R"(["^shop"])", "public.all")}},
      {"consistency.timeout",
       {sections("[consistency]\ntimeout = \"5s\"\n") + one_route(key),
        sections("[consistency]\ntransactions = \"source\"\ntopic = \"t\"\ntimeout = \"5s\"\n") + one_route(key)}},
      {"registry.timeout",
       {sections("[registry]\ntimeout = \"9s\"\n") + one_route(key),
        sections("[registry]\nurl = \"http://127.0.0.1:8081\"\ntimeout = \"9s\"\n") + one_route(key)}},
      {"registry.ca",
       {sections("[registry]\nurl = \"http://127.0.0.1:8081\"\nca = \"/ca.pem\"\n") + one_route(key),
        sections("[registry]\nurl = \"http://127.0.0.1:1,https://127.0.0.1:2\"\nca = \"/ca.pem\"\n") + one_route(key)}},
      {"registry.cert",
       {sections("[registry]\ncert = \"/c.pem\"\nkey = \"/k.pem\"\n") + one_route(key),
        sections("[registry]\nurl = \"https://127.0.0.1:2\"\ncert = \"/c.pem\"\nkey = \"/k.pem\"\n") + one_route(key)}},
  };
  return all;
}

TEST(ConfigIdle, every_row_refuses_its_setting_where_it_does_nothing_and_nowhere_else) {
  for (const IdleSetting& row : idle_settings()) {
    const auto found = examples().find(row.key);
    ASSERT_NE(found, examples().end()) << row.key << " has no example here";
    EXPECT_EQ(refusal(found->second.useful), "") << row.key;
    const auto wrong = refusal(found->second.idle);
    EXPECT_NE(wrong.find(fmt::format("{}: {}", row.key, row.why)), std::string::npos) << row.key << ": " << wrong;
    EXPECT_NE(row.why.find("; "), std::string::npos) << row.key << " does not say what to do";
  }
}

TEST(ConfigIdle, a_setting_of_the_route_that_only_its_children_need_is_given) {
  const std::string child =
      "[[route.child]]\npath = \"items\"\ntable = \"{1}.lines\"\nkey = [\"id\", \"n\"]\ncolumns = { id = \"$.id\", n = "
      "\"@index\" }\n";
  const auto with = [](const std::string& more) {
    return sections() + one_route("key = [\"id\"]\n" + more, R"(["^shop\\.(.*)$"])", "public.orders");
  };
  EXPECT_EQ(refusal(with("schemas = [\"public\"]") + child), "");
  EXPECT_NE(refusal(with("schemas = [\"public\"]")).find("10:11: route.schemas: "), std::string::npos)
      << refusal(with("schemas = [\"public\"]"));
}

TEST(ConfigIdle, a_topic_that_an_earlier_expression_takes_never_reaches_its_route) {
  const std::string key = "key = [\"id\"]";
  const auto orders = one_route(key), all = one_route(key, R"(["^shop\\."])", "public.{topic}");
  EXPECT_NE(
      refusal(sections() + all + orders)
          .find("route.topics: \"shop.orders\" is taken by ^shop\\. of an earlier route, which always wins; put this "
                "route before that one, or give that one continue = true"),
      std::string::npos)
      << refusal(sections() + all + orders);
  EXPECT_EQ(refusal(sections() + orders + all), "");
  EXPECT_EQ(refusal(sections() + one_route(key + "\ncontinue = true", R"(["^shop\\."])", "public.{topic}") + orders),
            "");
}

TEST(ConfigIdle, rows_of_their_own_have_no_version_and_no_mark) {
  const auto error = [](const std::string& line) {
    return refusal(sections() + one_route("key_from = \"kafka\"\n" + line));
  };
  EXPECT_EQ(error(""), "");
  for (const std::string line : {"version = \"updated_at\"", "delete = \"soft:gone\""})
    EXPECT_NE(
        error(line).find("needs rows that are changed, and with key_from = \"kafka\" each record is a row of its own"),
        std::string::npos)
        << error(line);
}

TEST(ConfigIdle, a_source_is_not_asked_of_objects_that_are_rows) {
  const auto error = [](const std::string& format, const std::string& line, const std::string& table = "public.a") {
    return refusal(sections() +
                   one_route("key = [\"id\"]\nformat = \"" + format + "\"\n" + line, R"(["shop.orders"])", table));
  };
  const std::pair<std::string, std::string> asks[] = {{"version", "version = \"@source.lsn\""},
                                                      {"filter", "filter = \"@source.lsn > 1\""},
                                                      {"delete_when", "delete_when = \"@source.gone\""},
                                                      {"columns.add", "columns.add = { lsn = \"@source.lsn\" }"}};
  for (const auto& [setting, line] : asks) {
    EXPECT_EQ(error("auto", line), "");
    EXPECT_NE(error("json", line).find(fmt::format("route.{}: asks about the event's source", setting)),
              std::string::npos)
        << error("json", line);
  }
  EXPECT_NE(error("json", "", "public.{source.table}").find("8:9: route.table: asks about"), std::string::npos)
      << error("json", "", "public.{source.table}");
}

TEST(ConfigIdle, a_condition_on_the_topic_names_one_that_the_route_takes) {
  const auto error = [](const std::string& filter, const std::string& topics = R"(["shop.orders", "^log"])") {
    return refusal(sections() + one_route("key = [\"id\"]\nfilter = \"" + filter + "\"", topics));
  };
  for (const std::string filter : {"@topic = 'shop.orders'", "@topic in ('logs', 'shop.orders')", "@topic <> 'log'",
                                   "@topic like 'x%'", "@topic = header('t')", "note = 'shop.lines'"})
    EXPECT_EQ(error(filter), "") << filter;
  EXPECT_NE(
      error("id > 1 and @topic = 'shop.lines'")
          .find("route.filter: at character 21 of the expression: the route takes no topic \"shop.lines\"; it takes "
                "shop.orders, ^log"),
      std::string::npos)
      << error("id > 1 and @topic = 'shop.lines'");
  EXPECT_NE(error("@topic not in ('shop.orders', 'a')").find("no topic \"a\""), std::string::npos);
}

}  // namespace
}  // namespace sluice::config
