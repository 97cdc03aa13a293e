#include "sink/verification.h"

#include <fmt/format.h>

#include <cstdlib>

#include "sink/pointer_rows.h"
#include "sink/sql.h"

namespace sluice::sink {
namespace {

// Arrays of numbers as a parameter.
class Numbers {
 public:
  void add(std::optional<std::int64_t> number) {
    text_ += text_.empty() ? "{" : ",";
    text_ += number ? fmt::to_string(*number) : "NULL";
  }
  std::string text() const { return text_.empty() ? "{}" : text_ + "}"; }

 private:
  std::string text_;
};

std::optional<Offset> perhaps_offset(const Row& row, std::string_view column) {
  return row[column] ? std::optional(row.integer(column)) : std::nullopt;
}

}  // namespace

Result<std::vector<Account>> read_accounts(SqlClient& client, const config::Pipeline& pipeline) {
  const auto keep = std::chrono::duration<double>(pipeline.dead_letters.keep).count();
  const auto rows = client.run(sql("verification_accounts", pipeline.postgres.schema),
                               {pipeline.name, std::nullopt, fmt::format("{}", keep)});
  if (!rows) return std::unexpected(rows.error());
  std::vector<Account> accounts;
  for (const auto& row : *rows)
    accounts.push_back(
        {to_pointer(row), row.integer("letters"), row.integer("open_letters"), row.boolean("letters_may_be_gone")});
  return accounts;
}

Result<std::vector<std::optional<Offset>>> store_verification(SqlClient& client, const config::Pipeline& pipeline,
                                                              const std::vector<VerificationRow>& rows) {
  std::vector<std::string> topics, results, details;
  Numbers partitions, proved, next;
  for (const auto& row : rows) {
    topics.push_back(row.at.topic);
    partitions.add(row.at.partition);
    proved.add(row.proved);
    next.add(row.next);
    results.push_back(row.result);
    details.push_back(row.detail);
  }
  const auto stored = client.run(sql("verification_insert", pipeline.postgres.schema),
                                 {pipeline.name, array_of_texts(topics), partitions.text(), proved.text(), next.text(),
                                  array_of_texts(results), array_of_texts(details)});
  if (!stored) return std::unexpected(stored.error());
  std::map<TopicPartition, std::optional<Offset>> through;
  for (const auto& row : *stored)
    through[{row.text("topic"), static_cast<std::int32_t>(row.integer("partition"))}] =
        perhaps_offset(row, "verified_through");
  std::vector<std::optional<Offset>> in_order;
  for (const auto& row : rows) in_order.push_back(through[row.at]);
  return in_order;
}

Result<std::optional<LastProof>> read_last_proof(SqlClient& client, const config::Pipeline& pipeline) {
  const auto rows = client.run(sql("verification_last", pipeline.postgres.schema), {pipeline.name});
  if (!rows) return std::unexpected(rows.error());
  if (rows->empty()) return std::nullopt;
  LastProof last{std::strtod(rows->front().text("at").c_str(), nullptr),
                 std::strtod(rows->front().text("age").c_str(), nullptr),
                 {}};
  for (const auto& row : *rows)
    last.partitions.push_back({{row.text("topic"), static_cast<std::int32_t>(row.integer("partition"))},
                               perhaps_offset(row, "verified_through"),
                               row.text("result")});
  return last;
}

Result<bool> lock_proof(SqlClient& client, const config::Pipeline& pipeline) {
  const auto rows = client.run(sql("verification_lock", pipeline.postgres.schema), {pipeline.name});
  if (!rows) return std::unexpected(rows.error());
  return !rows->empty() && rows->front().boolean("locked");
}

Result<std::vector<RecordFate>> read_fates(SqlClient& client, const config::Pipeline& pipeline,
                                           const std::vector<std::pair<TopicPartition, Offset>>& places) {
  std::vector<std::string> topics;
  Numbers partitions, offsets;
  for (const auto& [at, record_offset] : places) {
    topics.push_back(at.topic);
    partitions.add(at.partition);
    offsets.add(record_offset);
  }
  const auto rows = client.run(sql("verification_receipt", pipeline.postgres.schema),
                               {pipeline.name, array_of_texts(topics), partitions.text(), offsets.text()});
  if (!rows) return std::unexpected(rows.error());
  std::vector<RecordFate> fates;
  for (const auto& row : *rows)
    fates.push_back({perhaps_offset(row, "start_offset"), perhaps_offset(row, "next_offset"),
                     perhaps_offset(row, "letter"), row.text("resolution")});
  return fates;
}

}  // namespace sluice::sink
