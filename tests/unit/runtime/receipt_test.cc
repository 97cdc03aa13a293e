#include "runtime/receipt.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace sluice::runtime {
namespace {

using namespace std::literals;

TEST(Receipt, what_is_acknowledged_is_read_again_as_it_was) {
  const auto path = testing::TempDir() + "receipt.ndjson";
  std::ofstream(path) << "an older receipt\n";
  auto file = ReceiptFile::create(path);
  ASSERT_TRUE(file) << file.error();
  file->add({"a \"topic\"", 3, 4711, "k\"\n\xC3\xA9"});
  file->add({"t", 0, 0, "\xFF\x00"sv});
  file->add({"t", 0, std::nullopt, std::nullopt});
  file->add({"t", 0, 2, ""});
  file->finish();
  EXPECT_EQ(file->trouble(), "");
  std::ifstream lines(path);
  std::vector<ReceiptLine> found;
  for (std::string line; std::getline(lines, line);) {
    auto parsed = parse_receipt(line);
    ASSERT_TRUE(parsed) << line << ": " << parsed.error();
    found.push_back(*parsed);
  }
  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].topic, "a \"topic\"");
  EXPECT_EQ(found[0].partition, 3);
  EXPECT_EQ(found[0].offset, 4711);
  EXPECT_EQ(found[0].key, "\"k\\\"\\n\xC3\xA9\"");
  EXPECT_EQ(found[1].key, R"({"base64":"/wA="})");
  EXPECT_EQ(found[2].offset, std::nullopt);
  EXPECT_EQ(found[2].key, "null");
  EXPECT_EQ(found[3].key, R"("")");
  std::filesystem::remove(path);
}

TEST(Receipt, a_full_disk_is_told_and_a_path_that_cannot_be_made_as_well) {
  auto full = ReceiptFile::create("/dev/full");
  ASSERT_TRUE(full);
  full->add({"t", 0, 1, "k"});
  full->finish();
  EXPECT_EQ(full->trouble(), "/dev/full cannot be written: No space left on device");
  EXPECT_EQ(ReceiptFile::create("/no/such/folder/r").error(),
            "/no/such/folder/r cannot be written: No such file or directory");
}

TEST(Receipt, a_line_that_names_no_record_is_refused) {
  for (const char* line :
       {"", "[1]", "{", R"({"offset":1})", R"({"partition":-1,"offset":1})", R"({"partition":0,"offset":-1})",
        R"({"partition":0,"offset":1.5})", R"({"partition":0,"offset":"1"})", R"({"partition":2147483648,"offset":1})",
        R"({"partition":0,"offset":18446744073709551615})", R"({"topic":1,"partition":0,"offset":1})"})
    EXPECT_FALSE(parse_receipt(line)) << line;
  const auto without_topic = parse_receipt(R"({"partition":0,"offset":1})");
  ASSERT_TRUE(without_topic);
  EXPECT_EQ(without_topic->topic, std::nullopt);
}

}  // namespace
}  // namespace sluice::runtime
