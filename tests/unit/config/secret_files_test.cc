// Which files of secrets others may read: told once for each, and nothing of what they hold.
#include "config/secret_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "config/load.h"

namespace sluice::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

class SecretFiles : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text, mode_t mode) const {
    const std::string path = folder_ / name;
    std::ofstream(path, std::ios::binary) << text;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  std::vector<std::string> exposed(const std::string& url, const std::string& properties = "") const {
    const auto file = write("sluice.toml",
                            "pipeline = \"shop\"\n[kafka]\nbrokers = \"127.0.0.1:1\"\n[kafka.properties]\n" +
                                properties + "\n[postgres]\nurl = \"" + url +
                                "\"\n[[route]]\ntopics = [\"o\"]\ntable = \"public.o\"\nkey = [\"id\"]\n",
                            0644);
    const auto loaded = load(file);
    EXPECT_TRUE(loaded) << loaded.error();
    return loaded ? exposed_files(*loaded) : std::vector<std::string>();
  }
  std::string config() const { return folder_ / "sluice.toml"; }

 private:
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("sluice_secret_files_" + std::to_string(::getpid()));
};

TEST_F(SecretFiles, what_a_reference_brings_a_secret_from_is_told_once_with_what_to_do) {
  const auto password = write("password", "swordfish\n", 0644);
  const auto closed = write("closed", "swordfish\n", 0600);
  const auto lines =
      exposed("postgresql://app:${file:" + password + "}@127.0.0.1/shop",
              "\"sasl.password\" = \"${file:" + password + "}\"\nssl.key.password = \"${file:" + closed + "}\"");
  EXPECT_THAT(lines,
              ElementsAre(password + " has mode 0644, so others may read the secret in it; run chmod 600 " + password));
}

TEST_F(SecretFiles, the_keys_that_the_libraries_read_are_among_them) {
  const auto kafka = write("kafka.key", "key", 0640);
  const auto client = write("client key", "key", 0644);
  const auto passwords = write("passwords", "*:*:*:*:x", 0604);
  const auto ca = write("ca.pem", "certificate", 0644);
  EXPECT_THAT(exposed("host=127.0.0.1 user=app sslkey='" + client + "' passfile=" + passwords,
                      "\"ssl.key.location\" = \"" + kafka + "\"\n\"ssl.ca.location\" = \"" + ca +
                          "\"\n\"ssl.ca.pem\" = \"${file:" + ca + "}\""),
              ElementsAre(StartsWith(kafka), StartsWith(client), StartsWith(passwords)));
  const std::string registry =
      "\n[registry]\nurl = \"https://127.0.0.1\"\ncert = \"" + ca + "\"\nkey = \"" + client + '"';
  EXPECT_THAT(exposed("postgresql://app@127.0.0.1/shop", registry), ElementsAre(StartsWith(client)));
  std::string encoded = client;
  encoded.replace(encoded.find(' '), 1, "%20");
  EXPECT_THAT(exposed("postgresql://app@127.0.0.1/shop?sslkey=" + encoded), ElementsAre(StartsWith(client)));
}

TEST_F(SecretFiles, the_configuration_is_one_where_a_secret_is_written_in_it) {
  for (const auto* url : {"postgresql://app:swordfish@127.0.0.1/shop", "host=127.0.0.1 user=app password=swordfish",
                          "postgresql://app@127.0.0.1/shop?sslpassword=swordfish"})
    EXPECT_THAT(exposed(url), ElementsAre(StartsWith(config()))) << url;
  const std::string harmless = "postgresql://app@127.0.0.1/shop";
  EXPECT_THAT(exposed(harmless, "sasl.username = \"app\"\n\"sasl.password\" = \"swordfish\""),
              ElementsAre(StartsWith(config())));
  EXPECT_THAT(exposed(harmless, "sasl.username = \"app\""), IsEmpty());
}

TEST_F(SecretFiles, only_a_file_that_root_has_given_to_a_group_is_closed_enough_with_mode_0640) {
  const auto password = write("password", "swordfish\n", 0640);
  const auto url = "postgresql://app:${file:" + password + "}@127.0.0.1/shop";
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(password.c_str(), 0, 1), 0);
    EXPECT_THAT(exposed(url), IsEmpty());
    ASSERT_EQ(::chown(password.c_str(), 1, 1), 0);
  }
  EXPECT_THAT(exposed(url), ElementsAre(StartsWith(password)));
  ASSERT_EQ(::chmod(password.c_str(), 0644), 0);
  EXPECT_THAT(exposed(url), ElementsAre(StartsWith(password)));
}

}  // namespace
}  // namespace sluice::config
