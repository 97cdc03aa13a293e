// The sample, the reference page and the listing say what the code does: all come from one table.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "config/load.h"
#include "config/settings.h"
#include "config/validators.h"

namespace sluice::config {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

std::expected<Pipeline, std::string> loaded(const std::string& text) {
  const std::string path =
      std::filesystem::temp_directory_path() / ("sluice_config_reference_" + std::to_string(::getpid()) + ".toml");
  std::ofstream(path, std::ios::binary) << text;
  auto result = load(path);
  std::filesystem::remove(path);
  return result;
}

bool has_line(const std::string& text, const std::string& start) {
  return text.find('\n' + start) != std::string::npos;
}

TEST(ConfigReference, the_sample_parses_to_exactly_the_defaults) {
  const auto pipeline = loaded(sample());
  ASSERT_TRUE(pipeline) << pipeline.error();
  ASSERT_EQ(pipeline->routes.size(), 1u);
  const Pipeline defaults;
  const Route route;
  for (const Setting& setting : settings()) {
    if (setting.required || !setting.computed.empty() || setting.key() == "route.key") continue;
    EXPECT_EQ(setting.field.get(setting, *pipeline, pipeline->routes[0]), setting.field.get(setting, defaults, route))
        << setting.key();
  }
  EXPECT_EQ(pipeline->kafka.group, "sluice-" + pipeline->name);
}

TEST(ConfigReference, every_setting_is_in_the_sample) {
  const std::string text = sample();
  for (const Setting& setting : settings()) {
    const std::string line = setting.type == Type::properties ? '[' + setting.key() + ']'
                             : setting.computed.empty() && setting.section != "notify" &&
                                     setting.section != "route.child" && setting.section != "job"
                                 ? std::string(setting.name) + " = "
                                 : "# " + std::string(setting.name) + " = ";
    EXPECT_TRUE(has_line(text, line)) << setting.key();
  }
}

TEST(ConfigReference, every_setting_is_on_the_page_with_type_default_and_bounds) {
  const std::string page = reference();
  for (const Setting& setting : settings()) {
    const std::size_t begin = page.find("### `" + setting.key() + "`\n");
    ASSERT_NE(begin, std::string::npos) << setting.key();
    const std::string entry = page.substr(begin, page.find("\n#", begin + 1) - begin);
    EXPECT_TRUE(has_line(entry, "* type: ")) << entry;
    EXPECT_TRUE(has_line(entry, "* default: ")) << entry;
    EXPECT_EQ(has_line(entry, "* reloadable: "), setting.reloadable) << entry;
    if (const std::string allowed = accepted(setting); !allowed.empty()) {
      EXPECT_TRUE(has_line(entry, "* allowed: " + allowed + '\n')) << entry;
    }
    if (!setting.required && setting.computed.empty()) {
      const std::string value = toml_text(setting, setting.field.get(setting, Pipeline{}, Route{}));
      EXPECT_TRUE(has_line(entry, "* default: `" + value + "`\n")) << entry;
    }
  }
  for (const Refused& refused : refused_properties())
    EXPECT_NE(page.find(refused.reason), std::string::npos) << refused.property;
}

TEST(ConfigReference, the_committed_page_and_example_are_the_generated_ones) {
  EXPECT_EQ(content_of(SLUICE_SOURCE_DIR "/docs/configuration.md"), reference());
  EXPECT_EQ(content_of(SLUICE_SOURCE_DIR "/systemd/sluice.toml"), sample());
}

TEST(ConfigReference, the_table_is_well_formed) {
  std::set<std::string> keys;
  for (const Setting& setting : settings()) {
    EXPECT_TRUE(keys.insert(setting.key()).second) << setting.key() << " is there twice";
    EXPECT_TRUE(setting.help.ends_with('.')) << setting.key();
    EXPECT_NE(setting.field.put, nullptr) << setting.key();
    EXPECT_NE(setting.field.get, nullptr) << setting.key();
    EXPECT_EQ(setting.type == Type::choice, !setting.choices.empty()) << setting.key();
    const bool bounded = setting.type == Type::integer || setting.type == Type::duration || setting.type == Type::size;
    EXPECT_EQ(bounded, setting.least < setting.most) << setting.key();
    EXPECT_EQ(setting.type == Type::integer, !setting.unit.empty()) << setting.key();
    EXPECT_TRUE(!setting.required || !setting.example.empty()) << setting.key() << " needs an example";
  }
}

TEST(ConfigReference, the_listing_masks_secrets_and_covers_every_setting_of_every_route) {
  Pipeline pipeline;
  pipeline.postgres.url = Secret("postgresql://app:hunter2@h/db");
  pipeline.kafka.properties.emplace("sasl.password", Secret("hunter2"));
  pipeline.routes.resize(2);
  pipeline.routes[1].children.resize(1);
  const auto shown = show(pipeline);
  std::map<std::string, std::string> keys;
  for (const Shown& line : shown) {
    EXPECT_EQ(line.value.find("hunter2"), std::string::npos) << line.key;
    const std::set<std::string> live = {"batch.rows", "batch.linger", "batch.adaptive", "limits.rows_per_second"};
    EXPECT_EQ(line.reloadable, line.key.starts_with("log.") || live.contains(line.key)) << line.key;
    keys.emplace(line.key, line.value);
  }
  EXPECT_EQ(keys["postgres.url"], "\"********\"");
  EXPECT_EQ(keys["kafka.properties"], "{ \"sasl.password\" = \"********\" }");
  EXPECT_EQ(keys["batch.linger"], "\"5ms\"");
  EXPECT_EQ(keys["batch.bytes"], "\"8MiB\"");
  EXPECT_EQ(keys["route[2].mode"], "\"upsert\"");
  for (const Setting& setting : settings()) {
    if (setting.section == "notify" || setting.section == "job") continue;  // listed apart, or where there are some
    if (setting.section == "route.child") {
      EXPECT_TRUE(keys.contains("route[2].child[1]." + std::string(setting.name))) << setting.key();
    } else if (setting.section != "route") {
      EXPECT_TRUE(keys.contains(setting.key())) << setting.key();
    } else {
      EXPECT_TRUE(keys.contains("route[1]." + std::string(setting.name))) << setting.key();
      EXPECT_TRUE(keys.contains("route[2]." + std::string(setting.name))) << setting.key();
    }
  }
}

}  // namespace
}  // namespace sluice::config
