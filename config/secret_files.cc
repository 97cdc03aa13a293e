#include "config/secret_files.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "base/printable.h"
#include "config/postgres_url.h"
#include "config/references.h"

namespace sluice::config {
namespace {

constexpr const char* key_properties[] = {"ssl.key.location", "ssl.keystore.location", "sasl.kerberos.keytab"};
constexpr std::string_view key_parameters[] = {"sslkey", "passfile"};
constexpr std::string_view password_parameters[] = {"password", "sslpassword"};

mode_t closed_to(const struct stat& about) {
  const bool given_to_group = about.st_uid == 0 && (about.st_gid != 0 || geteuid() != 0);
  return given_to_group ? S_IROTH : S_IRGRP | S_IROTH;
}

}  // namespace

bool is_secret_property(std::string_view name) {
  return name.contains("password") || name.contains("secret") || name == "ssl.key.pem";
}

bool has_written_password(const std::string& url) {
  const auto without =
      expand(url, [](std::string_view, std::string_view, const std::string&) { return std::string(); });
  if (!without) return false;
  for (const auto name : password_parameters)
    if (!parameter(*without, name).empty()) return true;
  return false;
}

void add_library_files(Pipeline& pipeline) {
  auto& files = pipeline.secret_files;
  for (const auto* name : key_properties) {
    const auto found = pipeline.kafka.properties.find(name);
    if (found != pipeline.kafka.properties.end()) files.push_back(found->second.reveal());
  }
  for (const auto name : key_parameters) files.push_back(parameter(pipeline.postgres.url.reveal(), name));
}

std::vector<std::string> exposed_files(const Pipeline& pipeline) {
  std::vector<std::string> lines;
  std::set<std::string> seen;
  for (const auto& file : pipeline.secret_files) {
    struct stat about{};
    if (!seen.insert(file).second || stat(file.c_str(), &about) != 0 || !S_ISREG(about.st_mode)) continue;
    if ((about.st_mode & closed_to(about)) == 0) continue;
    lines.push_back(
        printable(fmt::format("{0} has mode {1:04o}, so others may read the secret in it; run chmod 600 {0}", file,
                              about.st_mode & 07777),
                  2000));
  }
  return lines;
}

}  // namespace sluice::config
