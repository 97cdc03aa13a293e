// Results as their commands declare them: what a declaration must have, and what is found that is not declared.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "admin/report/declared.h"
#include "console/command.h"
#include "console/interpreter.h"
#include "tests/unit/console/support.h"

namespace sluice::console {
namespace {

using testing::HasSubstr;
using ConsoleResults = ConsoleTest;

TEST_F(ConsoleResults, every_command_declares_its_result_but_those_that_only_say_that_it_is_done) {
  std::vector<std::string_view> without;
  for (const Command& command : commands())
    if (command.result.empty()) without.push_back(command.words);
  EXPECT_THAT(without, testing::UnorderedElementsAre("top", "config reload", "note", "notify test", "notify mute",
                                                     "notify unmute", "job run", "session end", "shutdown abort",
                                                     "clear", "more", "exit"));
}

TEST_F(ConsoleResults, a_field_has_one_name_and_one_type_whichever_result_has_it) {
  for (const Command& command : commands()) {
    std::map<std::pair<std::string_view, std::string_view>, ColumnType> kinds;
    std::set<std::string_view> data, sections;  // fields of the data, and sections beside them
    for (const Section& section : command.result) {
      EXPECT_TRUE(section.rows.empty()) << command.words;
      std::set<std::string_view> names;
      for (const Column& column : section.columns) {
        if (column.people) continue;
        EXPECT_TRUE(names.insert(column.name).second) << command.words << ": twice " << column.name;
        const auto kind = kinds.try_emplace({section.name, column.name}, column.kind).first->second;
        EXPECT_EQ(kind, column.kind) << command.words << ": " << column.name;
      }
      if (section.name.empty())
        data.merge(names);
      else
        sections.insert(section.name);
    }
    for (const auto name : sections) EXPECT_FALSE(data.contains(name)) << command.words << ": " << name;
  }
}

std::string found(const Section& section, const Section& declared) {
  Report report;
  report.sections = {section};
  const Section all[] = {declared};
  return report::undeclared(report, all, true);
}

TEST_F(ConsoleResults, what_is_not_declared_is_found) {
  const Section declared{.name = "rows",
                         .columns = {{.name = "name"},
                                     {.name = "lag", .kind = ColumnType::number},
                                     {.name = "reason", .optional = true, .nullable = true}}};
  Section section = declared;
  section.rows = {{std::string("a"), std::int64_t{1}, {}}};
  EXPECT_EQ(found(section, declared), "");
  report::leave_out(section, "lag");  // which is not optional
  EXPECT_EQ(section.columns.size(), 3u);

  Section fewer = declared;
  report::leave_out(fewer, "reason");
  EXPECT_EQ(found(fewer, declared), "");
  fewer.rows = {{std::string("a"), 1.5}};
  EXPECT_EQ(found(fewer, declared), "a value of another type in column 'lag' of 'rows'");
  fewer.rows = {{std::string("a")}};
  EXPECT_EQ(found(fewer, declared), "a row of 1 cells in 'rows'");

  Section other = declared;
  other.columns.push_back({.name = "more"});
  EXPECT_EQ(found(other, declared), "column 'more' in 'rows'");
  other.columns = {{.name = "name"}};
  EXPECT_EQ(found(other, declared), "no column 'lag' in 'rows'");
  other.name = "others";
  EXPECT_EQ(found(other, declared), "section 'others'");

  const Section all[] = {declared, {.columns = {{.name = "sum"}}, .record = true}};
  Report report;
  report.sections = {section};
  EXPECT_EQ(report::undeclared(report, all, true), "no section the data");
  EXPECT_EQ(report::undeclared(report, all, false), "");
  const Section optional[] = {declared, report::sometimes(all[1])};
  EXPECT_EQ(report::undeclared(report, optional, true), "");
  report.text = "a page";
  EXPECT_EQ(report::undeclared(report, optional, true), "a text");
}

TEST_F(ConsoleResults, a_column_that_always_has_a_value_is_never_null) {
  const Section declared{.name = "rows",
                         .columns = {{.name = "share", .kind = ColumnType::rate},
                                     {.name = "tables", .kind = ColumnType::texts},
                                     {.name = "error", .nullable = true}}};
  Section section = declared;
  section.rows = {{0.5, {}, {}}};  // a list without a value is empty
  EXPECT_EQ(found(section, declared), "");
  section.rows[0][0] = {};
  EXPECT_EQ(found(section, declared), "no value in column 'share' of 'rows'");
  section.rows[0][0] = std::numeric_limits<double>::quiet_NaN();  // null in JSON, too
  EXPECT_EQ(found(section, declared), "no value in column 'share' of 'rows'");
}

TEST_F(ConsoleResults, the_schema_has_every_command_and_says_which_fields_are_always_there) {
  const auto schema = json::parse(json_schema());
  const auto& words = schema.at("properties").at("command").at("enum");
  for (const Command& command : commands()) {
    std::string name(command.words);
    std::ranges::replace(name, ' ', '_');
    EXPECT_TRUE(schema.at("$defs").contains(name)) << name;
    EXPECT_EQ(std::ranges::find(words, json(command.words)) == words.end(), command.lines) << name;
  }
  const auto& list = schema.at("$defs").at("dead_list");
  EXPECT_EQ(list.at("required"), json({"dead_letters"}));
  const auto& letter = list.at("properties").at("dead_letters").at("items");
  EXPECT_EQ(letter.at("properties").at("offset").at("type"), "integer");
  EXPECT_EQ(letter.at("properties").at("table").at("type"), json({"string", "null"}));
  EXPECT_THAT(letter.at("required").dump(), testing::Not(HasSubstr("detail")));
  EXPECT_TRUE(letter.at("properties").contains("detail"));
  // Of alternatives, what all of them have.
  const auto& errors = schema.at("$defs").at("errors").at("properties").at("errors").at("items");
  EXPECT_EQ(errors.at("required"), json({"level", "who", "text"}));
  EXPECT_TRUE(errors.at("properties").contains("count") && errors.at("properties").contains("at"));
  EXPECT_EQ(schema.at("$defs").at("seek").at("required"), json::array());
  EXPECT_EQ(schema.at("$defs").at("history").at("type"), "array");
}

TEST_F(ConsoleResults, help_and_the_reference_tell_the_fields) {
  EXPECT_THAT(run("help dead list").out,
              HasSubstr("fields in JSON\n  dead_letters[]: id, created, partition, offset, table, stage, "
                        "sqlstate, tries, resolution?, reason, detail?\n"));
  EXPECT_THAT(run("help lag").out,
              HasSubstr("\n  lag, lag_seconds, lag_bytes, applied_per_second, catch_up_seconds\n"));
  EXPECT_THAT(run("help dead export").out, HasSubstr("fields of a line\n  key?, key_base64?"));
  EXPECT_THAT(run("help note").out, testing::Not(HasSubstr("fields")));
  EXPECT_THAT(
      reference(),
      HasSubstr(
          "* fields: `topics[]: topic, partitions, lag, lag_seconds, lag_bytes, unknown, worst, worst_lag`; `lag, "));
}

}  // namespace
}  // namespace sluice::console
