// What references bring, and how long dead letters are kept: from the file to what is shown.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "config/load.h"
#include "config/settings.h"

namespace sluice::config {
namespace {

class References : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ / name; }
  void write(const std::string& name, std::string_view text) const {
    std::ofstream(path(name), std::ios::binary) << text;
  }
  std::expected<Pipeline, std::string> read(const std::string& brokers, const std::string& password,
                                            const std::string& more = "") const {
    write("sluice.toml",
          "pipeline = \"shop\"\n[kafka]\nbrokers = \"" + brokers +
              "\"\n[postgres]\nurl = \"postgresql://app:" + password +
              "@127.0.0.1:5432/shop\"\n[[route]]\ntopics = [\"o\"]\ntable = \"public.o\"\nkey = [\"id\"]\n" + more);
    return load(path("sluice.toml"));
  }

 private:
  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("sluice_references_" + std::to_string(::getpid()));
};

TEST_F(References, what_a_reference_brings_is_encoded_in_its_place_and_never_shown) {
  write("secret", "S3cret@Head/Tail?#%\n");
  ::setenv("SLUICE_TEST_BROKER", "hidden.example:9092", 1);
  const auto pipeline = read("${env:SLUICE_TEST_BROKER}", "${file:" + path("secret") + "}");
  ASSERT_TRUE(pipeline) << pipeline.error();
  EXPECT_EQ(pipeline->postgres.url.reveal(), "postgresql://app:S3cret%40Head%2FTail%3F%23%25@127.0.0.1:5432/shop");
  std::string all;
  for (const auto& one : show(*pipeline)) all += one.key + " = " + one.value + "\n";
  EXPECT_NE(all.find("postgres.url = \"postgresql://app:********@127.0.0.1:5432/shop\""), std::string::npos) << all;
  EXPECT_NE(all.find("kafka.brokers = \"********\""), std::string::npos) << all;
  EXPECT_EQ(all.find("S3cret"), std::string::npos);
  EXPECT_EQ(all.find("hidden"), std::string::npos);
}

TEST_F(References, dead_letters_are_kept_for_days_for_ever_or_not_as_long_as_an_hour) {
  EXPECT_EQ(read("h:1", "pw")->dead_letters.keep, std::chrono::days(90));
  EXPECT_EQ(read("h:1", "pw", "[dead_letters]\nkeep = \"\"\n")->dead_letters.keep.count(), 0);
  EXPECT_EQ(read("h:1", "pw", "[dead_letters]\nkeep = \"2d\"\n")->dead_letters.keep, std::chrono::days(2));
  EXPECT_NE(read("h:1", "pw", "[dead_letters]\nkeep = \"1m\"\n").error().find("out of bounds"), std::string::npos);
  EXPECT_NE(read("h:1", "pw", "[dead_letters]\nkeep = 90\n").error().find("without a unit"), std::string::npos);
}

}  // namespace
}  // namespace sluice::config
