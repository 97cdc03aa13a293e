// The text of a configuration as `init` prints it: settings with the comments that a reader needs.
//
// Appends only; used by one thread. Values are quoted as TOML, comments are one line each, whatever they hold.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::runtime {

class Draft {
 public:
  void section(std::string_view heading);  // "[kafka]"
  void comment(std::string_view text);
  void blank();
  void set(std::string_view name, std::string_view text);
  void set(std::string_view name, int number);
  void set(std::string_view name, const std::vector<std::string>& list);
  void set(std::string_view name, const std::map<std::string, std::string>& pairs);

  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// "NAME", with its quotes doubled: an identifier of SQL.
std::string sql_name(std::string_view name);
// "SCHEMA"."TABLE" of a name with a dot.
std::string sql_table(std::string_view table);

}  // namespace sluice::runtime
