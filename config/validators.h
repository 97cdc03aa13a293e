// Checks of single values beyond their type. Each returns what is wrong and what to do, or "" if the
// value is valid, and never repeats the value: some are secret. Pure functions, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "config/pipeline.h"

namespace sluice::config {

std::string check_pipeline(const std::string& text);
std::string check_brokers(const std::string& text);
std::string check_group(const std::string& text);
std::string check_instance(const std::string& text);
std::string check_postgres_url(const std::string& text);
std::string check_schema(const std::string& text);
std::string check_topic(const std::string& text);
std::string check_column(const std::string& text);
std::string check_field(const std::string& text);
std::string check_delimiter(const std::string& text);
std::string check_column_source(const std::string& text);
std::string check_target_schema(const std::string& text);
std::string check_user(const std::string& text);
std::string check_path(const std::string& text);
std::string check_optional_path(const std::string& text);
std::string check_registry_url(const std::string& text);
std::string check_hook_url(const std::string& text);
std::string check_event_kind(const std::string& text);
std::string check_job_name(const std::string& text);
std::string check_job_sql(const std::string& text);
std::string check_listen(const std::string& text);
std::string check_console_listen(const std::string& text);

// Returns true if the text is a private key or a certificate instead of the name of a file: never shown.
bool is_key(std::string_view text);

// A template of a route's table, filled from regular expressions with `groups` groups (0: exact names).
std::string check_table(std::string_view text, unsigned groups);
// Where a route writes, and which schemas its events may name: neither is Sluice's own schema or PostgreSQL's.
std::string check_target(const Route& route, std::string_view own_schema);
std::string check_schemas(const Route& route, std::string_view own_schema);

// Number of groups of a topic's regular expression; 0 for an exact name. The topic has passed check_topic.
unsigned groups_of(const std::string& topic);

// What keeps source transactions from being kept whole: the setting, and what is wrong with it; empty if nothing does.
std::pair<std::string, std::string> wrong_for_transactions(const Pipeline& pipeline);
// The key that the registry or a route with its schemas lacks, and what to do; empty if nothing is missing.
std::pair<std::string, std::string> missing_for_registry(const Pipeline& pipeline);

// What is wrong with the last of the jobs beyond its single settings: the setting, and what to do; empty if nothing is.
std::pair<std::string, std::string> check_last_job(const Pipeline& pipeline);
// What is wrong with notify.on of the last of the hooks, and what to do; empty if nothing is.
std::string check_last_hook(const Pipeline& pipeline);

// Returns true if a topic could be of both routes; of two regular expressions nobody knows, so they could.
bool may_share_topic(const Route& one, const Route& other);
// Why a route may not write where an earlier one does; empty if it may.
std::string check_continued(const Route& route, std::span<const Route> earlier);
// Sets Route::shares_table and Route::interleaves. Only {topic} makes a table one topic's own.
void mark_shared_tables(std::span<Route> routes);
// Returns true if events of both could be written to one table. A name without a schema may be found in any.
bool tables_may_meet(const Route& one, const Route& other);

// Properties of librdkafka that a file must not set, each with the reason. A name that ends in a dot means every name
// with that prefix.
struct Refused {
  std::string_view property;
  std::string_view reason;
};
std::span<const Refused> refused_properties();

}  // namespace sluice::config
