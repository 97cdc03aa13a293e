// What a Connect JDBC sink does, in terms of Sluice's settings: filled by the rows of the table in sink_settings.h,
// then written as a configuration.
//
// Plain values of one conversion, any thread. A secret of the file never lands here: only the reference that takes its
// place.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/init/connect_file.h"
#include "runtime/init/sink_columns.h"

namespace sluice::runtime {

enum class SinkKind : unsigned { debezium = 1, confluent = 2, aiven = 4 };
inline constexpr unsigned debezium = 1, confluent = 2, aiven = 4, any_sink = 7;

std::string_view sink_name(SinkKind kind);

// The file is wrong: becomes the one line on stderr.
struct BadSetting {
  int line = 1;
  std::string text;
};

// What fills the column of the mark that a rewritten delete has; no source of columns.add.
inline constexpr std::string_view deleted_mark = "(deleted)";

// A RegexRouter of the chain.
struct TopicRoute {
  std::string pattern, replacement;
};

struct Sink {
  explicit Sink(const ConnectFile& source) : file(source) {}

  const ConnectFile& file;
  SinkKind kind = SinkKind::confluent;
  std::string name;

  std::vector<std::string> topics;
  std::string topics_pattern;
  std::string brokers, group, instance, strategy;
  std::map<std::string, std::string> properties;

  std::string hosts, database, user, password, whole_url;  // in the form of a URL: encoded, or references
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string schema;  // of tables whose name says none
  std::optional<int> lanes, batch_rows;

  std::string format = "auto";
  bool schemas_in_json = true;
  std::string value_converter;
  std::string registry, registry_user, registry_password;

  std::string mode = "insert", key_mode = "none";
  std::vector<std::string> key;
  bool deletes = false, truncates = false, tolerates = false;
  bool creates = false, evolves = false;
  std::string table_format = "${topic}";
  bool normalizes = false, quotes = true;
  std::map<std::string, std::string> tables;  // of a topic
  std::vector<std::string> included, excluded;

  // What the chain of transforms makes of it.
  std::vector<TopicRoute> topic_routes;
  bool unwraps = false, key_from_value = false, drops_tombstones = false, marks_deleted = false;
  bool deletes_by_version = false;  // no option of the unwrapping says whether it drops deletes: its version does
  bool loses_tombstones = false;    // before the unwrapping, which makes other ones of delete events
  SinkColumns columns;
  std::string time_unit, flatten;

  std::vector<std::pair<std::string, std::string>> notes;    // setting, and why it has no equivalent
  std::vector<std::pair<std::string, std::string>> secrets;  // reference, and the setting whose value it stands for
  std::set<std::string> taken;                               // settings that are dealt with

  // The entry's text; the setting counts as dealt with.
  const std::string* take(std::string_view setting);
  void without(std::string setting, std::string_view why) {
    taken.insert(setting);
    notes.emplace_back(std::move(setting), std::string(why));
  }
  // A reference in place of a secret, also of one that is a reference to Connect's config providers.
  std::string secret(const ConnectEntry& entry, std::string_view credential);
  // A value that is no secret; references become those of Sluice.
  std::string open_value(const ConnectEntry& entry, std::string_view credential);
};

std::vector<std::string> list_of(std::string_view text);
bool boolean_of(const ConnectEntry& entry);
// One of the words, in lower case.
std::string word_of(const ConnectEntry& entry, const std::vector<std::string_view>& words);
int number_of(const ConnectEntry& entry);
// Returns true if this version takes the value of that setting of Sluice's.
bool is_taken(std::string_view setting, std::string_view value);
// For a user, a password or a parameter of a URL; references stay.
std::string url_encoded(std::string_view text);

}  // namespace sluice::runtime
