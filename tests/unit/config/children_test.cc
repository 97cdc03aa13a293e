// Tables of children, and routes that continue, in the configuration file.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "config/load.h"
#include "config/route_rights.h"
#include "config/settings.h"

namespace sluice::config {
namespace {

constexpr std::string_view head = R"(pipeline = "shop"
[kafka]
brokers = "127.0.0.1:9092"
[postgres]
url = "postgresql://app@127.0.0.1:5432/shop"
)";

std::expected<Pipeline, std::string> read(const std::string& routes) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("sluice_children_{}.toml", ::getpid());
  std::ofstream(path, std::ios::binary) << head << routes;
  auto loaded = load(path);
  std::filesystem::remove(path);
  if (!loaded) loaded.error().erase(0, path.string().size() + 1);
  return loaded;
}

std::string error_of(const std::string& routes) {
  const auto loaded = read(routes);
  return loaded ? "" : loaded.error();
}

std::string route(const std::string& more = "", const std::string& table = "public.orders") {
  return fmt::format("[[route]]\ntopics = [\"shop.orders\"]\ntable = \"{}\"\nkey = [\"id\"]\n{}\n", table, more);
}

std::string child(const std::string& table = "public.order_items", const std::string& key = R"(["order_id", "line"])",
                  const std::string& columns = R"({ order_id = "$.id", line = "@index" })",
                  const std::string& path = "items") {
  return fmt::format("[[route.child]]\npath = \"{}\"\ntable = \"{}\"\nkey = {}\ncolumns = {}\n", path, table, key,
                     columns);
}

#define EXPECT_SAYS(text, part) EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)

TEST(ConfigChildren, a_child_has_the_rules_of_its_parent_and_settings_of_its_own) {
  const auto pipeline = read(
      route("truncate = \"apply\"\nunknown_fields = \"ignore\"\nnul = \"strip\"") +
      child("public.order_items", R"(["order_id", "line"])", R"({ order_id = "$.id", line = "@index", no = "line" })"));
  ASSERT_TRUE(pipeline) << pipeline.error();
  ASSERT_EQ(pipeline->routes[0].children.size(), 1);
  const Route& made = pipeline->routes[0].children[0];
  EXPECT_EQ(made.path, "items");
  EXPECT_EQ(made.table, "public.order_items");
  EXPECT_EQ(made.unknown_fields, UnknownFields::ignore);
  EXPECT_EQ(made.values.nul, NulPolicy::strip);
  EXPECT_EQ(made.columns.rename, (std::map<std::string, std::string>{{"line", "no"}}));
  EXPECT_FALSE(made.shares_table);
  EXPECT_EQ(route_rights(made), (std::vector<std::string_view>{"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE"}));
  bool shown = false;
  for (const auto& one : show(*pipeline)) shown = shown || one.key == "route[1].child[1].path";
  EXPECT_TRUE(shown);
}

TEST(ConfigChildren, the_parents_key_may_be_a_nested_field_that_flatten_takes_out) {
  const std::string nested = "[[route]]\ntopics = [\"shop.orders\"]\ntable = \"public.orders\"\nkey = [\"meta_id\"]\n";
  const std::string of_it = child("public.order_items", R"(["order_id", "line"])",
                                  R"({ order_id = "$.meta.id", line = "@index" })", "cart.items");
  EXPECT_EQ(error_of(nested + "flatten = \"_\"\n" + of_it), "");
  EXPECT_SAYS(error_of(nested + of_it), "must begin with the parent's key");
}

TEST(ConfigChildren, the_key_begins_with_the_parents_and_goes_on) {
  EXPECT_SAYS(error_of(route() + child("t", R"(["order_id"])")), "14:7: route.child.key: lacks a column behind");
  EXPECT_SAYS(error_of(route() + child("t", R"(["line", "order_id"])")),
              "route.child.key: must begin with the parent's key, and its column line is no id of the parent; write "
              "columns = { line = \"$.id\" }");
  EXPECT_SAYS(error_of(route() + child("t", R"(["order_id", "line"])", R"({ line = "@index" })")),
              "its column order_id is no id of the parent");
  EXPECT_EQ(error_of(route("columns.rename = { number = \"id\" }") +
                     child("t", R"(["order_id", "line"])", R"({ order_id = "$.number", line = "@index" })")),
            "");
  EXPECT_EQ(error_of(route() + child("t", R"(["order_id", "sku"])", R"({ order_id = "$.id" })")), "")
      << "a field of the element";
  EXPECT_EQ(error_of(route() + child("t", R"(["order_id", "tag"])", R"({ order_id = "$.id", tag = "@element" })")), "");
  EXPECT_SAYS(error_of(route() + child("t", R"(["tag", "line"])", R"({ tag = "@element", line = "@index" })")),
              "its column tag is no id of the parent");
}

TEST(ConfigChildren, what_fills_a_column_is_one_of_four_things) {
  const auto columns = [](const std::string& more) {
    return error_of(route() +
                    child("t", R"(["order_id", "line"])", R"({ order_id = "$.id", line = "@index", )" + more + " }"));
  };
  EXPECT_EQ(columns(R"(city = "$.address.city", no = "number")"), "");
  EXPECT_EQ(columns(R"(tag = "@element")"), "");
  for (const char* wrong : {"@offset", "@elements", "$", "$.", "$.a..b", "", "@"})
    EXPECT_SAYS(columns(fmt::format(R"(x = "{}")", wrong)),
                "is not known; write $.FIELD of the parent, @index, @element, or a field of the element")
        << wrong;
  EXPECT_SAYS(columns(R"(x = "number", y = "number")"), "fills two columns with the element's field number");
  EXPECT_SAYS(
      error_of(route() + child("t", R"(["order_id", "line"])", R"({ order_id = "$.id", line = "@index" })", "a..b")),
      "route.child.path");
}

TEST(ConfigChildren, an_array_within_the_elements_of_an_array_is_refused) {
  const std::string key = R"(["order_id", "line"])", fills = R"({ order_id = "$.id", line = "@index" })";
  for (const char* path : {"lines[].parts", "lines[].parts[]", "lines[*].parts", "lines[0].parts", "lines[]"})
    EXPECT_SAYS(error_of(route() + child("t", key, fills, path)),
                "\" leads into the elements of an array, whose own arrays stay one value")
        << path;
  EXPECT_SAYS(error_of(route() + child("t", key, R"({ order_id = "$.id", line = "@index", sku = "$.lines[].sku" })")),
              "leads into the elements of an array; write $.FIELD");
  const std::string lines = child("public.lines", key, fills, "a.lines");
  EXPECT_SAYS(error_of(route() + lines + child("public.parts", key, fills, "a.lines.parts")),
              "route.child.path: leads through the array a.lines of another [[route.child]]");
  EXPECT_SAYS(error_of(route() + child("public.parts", key, fills, "a.lines.parts") + lines),
              "route.child.path: is an array that the path a.lines.parts of another [[route.child]] leads through");
  EXPECT_EQ(error_of(route() + lines + child("public.parts", key, fills, "a.lines2")), "");
}

TEST(ConfigChildren, a_route_whose_rows_cannot_have_children_is_refused) {
  EXPECT_SAYS(error_of(route("mode = \"update\"") + child()), "route.child.table: belongs to rows that are written");
  EXPECT_SAYS(error_of(route("mode = \"insert\"") + child()), "give the route mode = \"upsert\"");
  EXPECT_EQ(error_of(route("version = \"v\"") + child()), "");
  EXPECT_EQ(error_of(route("delete = \"soft:gone\"") + child()), "");
}

TEST(ConfigChildren, a_family_has_its_tables_to_itself) {
  EXPECT_SAYS(error_of(route() + child("public.orders")), "may be the same table as public.orders");
  EXPECT_SAYS(error_of(route() + child() + child()), "may be the same table as public.order_items");
  const std::string other = "[[route]]\ntopics = [\"other\"]\nkey = [\"id\"]\ntable = ";
  EXPECT_SAYS(error_of(route() + child() + other + "\"order_items\"\n"), "may be the same table as order_items");
  EXPECT_SAYS(error_of(route() + child() + other + "\"public.orders\"\n"), "may be the same table as public.orders");
  EXPECT_SAYS(error_of(other + "\"public.{source.table}\"\n" + route() + child()), "name another table");
  EXPECT_EQ(error_of(route() + child() + other + "\"public.others\"\n" + child("public.other_items")), "");
}

TEST(ConfigChildren, parents_of_several_tables_do_not_share_one_of_children) {
  const auto orders = [](const std::string& table) {
    return "[[route]]\ntopics = [\"^shop\\\\.(orders|invoices)$\"]\nkey = [\"id\"]\ntable = \"" + table + "\"\n";
  };
  EXPECT_SAYS(error_of(orders("public.all_{1}") + child("public.items")),
              "route.child.table: lacks the placeholders of the route's table");
  EXPECT_SAYS(error_of(orders("public.all_{1}_{source.table}") + child("public.items_{1}")), "lacks the placeholders");
  EXPECT_EQ(error_of(orders("public.all_{1}") + child("public.items_{1}")), "");
  EXPECT_EQ(error_of(orders("public.orders") + child("public.items")), "") << "of one table of parents";
}

TEST(ConfigChildren, a_table_of_children_follows_the_rules_of_tables) {
  EXPECT_SAYS(error_of(route() + child("sluice.audit")), "route.child.table: ");
  EXPECT_SAYS(error_of(route() + child("public.{1}")), "has no groups");
  EXPECT_EQ(error_of(route() + child("public.{topic}_items")), "");
  EXPECT_SAYS(error_of(route("child = 7")), "must be one section or more; write [[route.child]]");
  EXPECT_SAYS(error_of(route() + "[[route.child]]\npath = \"items\"\n"), "route.child.table: is missing");
  EXPECT_SAYS(error_of(route() + child() + "colums = { }\n"),
              "route.child.colums: is not a setting; did you mean columns?");
  EXPECT_SAYS(error_of(std::string("[\"route.child\"]\npath = \"items\"\n") + route()), "is not a setting");
}

TEST(ConfigChildren, a_table_of_children_that_several_topics_feed_is_shared) {
  const auto pipeline = read("[[route]]\ntopics = [\"a\", \"b\"]\ntable = \"orders\"\nkey = [\"id\"]\n" + child());
  ASSERT_TRUE(pipeline) << pipeline.error();
  EXPECT_TRUE(pipeline->routes[0].children[0].shares_table);
}

TEST(ConfigContinue, a_topic_may_be_in_routes_behind_one_that_continues) {
  EXPECT_EQ(error_of(route("continue = true") + route("", "public.other")), "");
  EXPECT_SAYS(error_of(route("continue = true") + route("", "public.other") + route("", "public.third")),
              "is in an earlier route, which always wins; name it once, or give that one continue = true");
  EXPECT_SAYS(error_of("[[route]]\ncontinue = true\ntopics = [\"a\", \"a\"]\ntable = \"t\"\nkey = [\"id\"]\n"),
              "lists the same value twice");
}

TEST(ConfigContinue, one_event_cannot_be_written_to_one_table_twice) {
  EXPECT_SAYS(error_of(route("continue = true") + route()), "is the table of an earlier route of the same topic");
  EXPECT_SAYS(error_of("[[route]]\ncontinue = true\ntopics = [\"^shop\"]\ntable = \"public.orders\"\nkey = [\"id\"]\n" +
                       route()),
              "is the table of an earlier route of the same topic");
  EXPECT_EQ(error_of("[[route]]\ncontinue = true\ntopics = [\"^other\"]\ntable = \"public.orders\"\nkey = [\"id\"]\n" +
                     route() + "[[route]]\ntopics = [\"other\"]\ntable = \"public.rest\"\nkey = [\"id\"]\n"),
            "");
}

TEST(ConfigContinue, routes_that_may_send_a_topic_to_one_table_by_placeholders_interleave) {
  const auto pipeline =
      read(route("continue = true", "public.{source.table}") + route("", "public.{source.table}_history") +
           "[[route]]\ntopics = [\"x\"]\ntable = \"public.x\"\nkey = [\"id\"]\n");
  ASSERT_TRUE(pipeline) << pipeline.error();
  EXPECT_TRUE(pipeline->routes[0].interleaves && pipeline->routes[1].interleaves);
  EXPECT_FALSE(pipeline->routes[2].interleaves) << "of another topic";
}

}  // namespace
}  // namespace sluice::config
