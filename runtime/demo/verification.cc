#include "runtime/demo/verification.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "runtime/demo/progress.h"

namespace sluice::runtime::demo {
namespace {

std::string spelled(const Shop::Text& row) {
  std::string text;
  for (const auto& value : row) text += (text.empty() ? "" : ", ") + value.value_or("NULL");
  return "(" + text + ")";
}

Finding failed(const Error& error) {
  return {false, error.message};
}

Finding compare_table(sink::SqlClient& query, const Shop& shop, std::size_t index) {
  const ShopTable& table = shop_tables()[index];
  const auto found = query.run(table.select);
  if (!found) return failed(found.error());
  const auto expected = shop.expected_rows(index);
  std::size_t equal = 0;
  std::string difference;
  for (std::size_t i = 0; i < std::max(found->size(), expected.size()); ++i) {
    if (i < found->size() && i < expected.size() && (*found)[i] == expected[i]) {
      ++equal;
    } else if (difference.empty()) {
      difference =
          fmt::format("; first difference: found {}, expected {}", i < found->size() ? spelled((*found)[i]) : "nothing",
                      i < expected.size() ? spelled(expected[i]) : "nothing");
    }
  }
  const bool holds = difference.empty();
  return {holds, fmt::format("table {}: {} rows, {} expected, {} equal in every column{}", table.name, found->size(),
                             expected.size(), equal, difference)};
}

Finding compare_dead_letters(sink::SqlClient& query, const Shop& shop) {
  const auto rows = query.run("select topic, convert_from(key, 'UTF8'), stage from sluice.dead_letter order by id");
  if (!rows) return failed(rows.error());
  std::set<std::pair<std::string, std::string>> found;
  std::map<std::string, int> stages;
  for (const auto& row : *rows) {
    found.emplace(row[0].value_or(""), row[1].value_or(""));
    ++stages[row[2].value_or("")];
  }
  std::string by_stage;
  for (const auto& [stage, count] : stages)
    by_stage += fmt::format("{}{} {}", by_stage.empty() ? "" : ", ", stage, count);
  const bool holds = found == shop.poison() && rows->size() == found.size();
  return {holds, fmt::format("dead letters: {} ({}), {} poison events, {}", rows->size(), by_stage,
                             shop.poison().size(), holds ? "exactly these" : "not the same ones")};
}

Finding compare_ends(const std::vector<PointerRow>& pointers, const std::map<TopicPartition, Offset>& ends) {
  std::map<TopicPartition, Offset> reached;
  for (const auto& pointer : pointers) {
    if (pointer.next > 0) reached.emplace(pointer.at, pointer.next);
  }
  return {reached == ends, fmt::format("pointers: {} of {} partitions stand at the end of their log",
                                       std::ranges::count_if(ends,
                                                             [&](const auto& end) {
                                                               const auto at = reached.find(end.first);
                                                               return at != reached.end() && at->second == end.second;
                                                             }),
                                       ends.size())};
}

Finding account(const std::vector<PointerRow>& pointers, std::int64_t produced) {
  std::int64_t accounted = 0;
  std::size_t equal = 0;
  for (const auto& pointer : pointers) {
    accounted += pointer.counts.total();
    equal += pointer.next - pointer.start == pointer.counts.total() ? 1 : 0;
  }
  return {equal == pointers.size() && accounted == produced,
          fmt::format("accounting: {} events produced, {} accounted for, the identity holds for {} of {} partitions",
                      produced, accounted, equal, pointers.size())};
}

}  // namespace

std::vector<Finding> prove(sink::SqlClient& query, const Shop& shop, std::int64_t produced,
                           const std::map<TopicPartition, Offset>& ends) {
  std::vector<Finding> findings;
  for (std::size_t i = 0; i < shop_tables().size(); ++i) findings.push_back(compare_table(query, shop, i));
  findings.push_back(compare_dead_letters(query, shop));
  const auto pointers = read_pointers(query, ends);
  if (!pointers) {
    findings.push_back(failed(pointers.error()));
    return findings;
  }
  findings.push_back(compare_ends(*pointers, ends));
  findings.push_back(account(*pointers, produced));
  return findings;
}

Counted ask_console(const SshLogin& access, std::int64_t produced) {
  const auto shown = access.run({"count"});
  const auto document = access.run({"count", "--json"});
  if (!shown || !document) return {{}, {false, (shown ? document : shown).error().message}};
  Counted counted;
  std::istringstream lines(*shown);
  for (std::string line; std::getline(lines, line);) counted.table += (line.empty() ? "" : "  ") + line + "\n";

  const auto parsed = nlohmann::json::parse(*document, nullptr, false);
  std::int64_t consumed = 0;
  bool balanced = true;
  try {
    for (const auto& topic : parsed.at("data").at("topics")) {
      consumed += topic.at("consumed").get<std::int64_t>();
      balanced = balanced && topic.at("balanced").get<bool>();
    }
  } catch (const nlohmann::json::exception& error) {
    return {counted.table, {false, fmt::format("the console's answer: {}", error.what())}};
  }
  counted.finding = {consumed == produced && balanced,
                     fmt::format("the console, asked over SSH, counts {} of {} events, {}", consumed, produced,
                                 balanced ? "and each topic balances" : "and a topic does not balance")};
  return counted;
}

}  // namespace sluice::runtime::demo
