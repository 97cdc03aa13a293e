// CloudEvents in structured and binary mode, with rows and Debezium's changes in them.
#include "base/codec.h"
#include "tests/unit/mapping/support.h"

namespace sluice::mapping::test {
namespace {

using Headers = std::vector<std::pair<std::string, std::optional<std::string>>>;

const Headers binary{{"ce_specversion", "1.0"}, {"ce_type", "t"}, {"ce_source", "/s"}, {"ce_id", "1"}};

Headers and_more(Headers headers, Headers more) {
  headers.insert(headers.end(), more.begin(), more.end());
  return headers;
}

std::string structured(const std::string& rest) {
  return fmt::format(R"({{"specversion":"1.0","type":"t","source":"/s","id":"1"{}}})", rest);
}

// Whatever is a CloudEvent is one to both formats.
class CloudEvents : public testing::TestWithParam<config::Format> {
 protected:
  CloudEvents() {
    fixture.route.format = GetParam();
    fixture.route.columns.add = {{"op", "@op"}, {"lsn", "@source.lsn"}};
  }

  Fixture fixture{table({{"id", "int8"}, {"name", "text"}, {"op", "text"}, {"lsn", "int8"}})};
};

TEST_P(CloudEvents, the_data_is_the_row_as_an_object_in_base64_or_as_the_value) {
  const Changes changes = fixture.map(
      {{{}, structured(R"(,"data":{"id":1,"name":"a"})")},
       {{}, structured(R"(,"datacontenttype":"application/json","data_base64":"eyJpZCI6MiwibmFtZSI6ImIifQ==")")},
       {{}, R"({"id":3,"name":"c"})", binary},
       {{}, R"({"id":4})", and_more(binary, {{"content-type", "Application/JSON; charset=UTF-8"}})},
       {{}, structured(R"(,"data":{"id":5})"), {{"content-type", "application/CloudEvents+json; charset=UTF-8"}}}});
  EXPECT_EQ(outcomes(changes), "aaaaa");
  EXPECT_EQ(text_of(changes),
            "write id=1 name=a op=c lsn=NULL\nwrite id=2 name=b op=c lsn=NULL\nwrite id=3 name=c op=c lsn=NULL\n"
            "write id=4 op=c lsn=NULL\nwrite id=5 op=c lsn=NULL\n");
}

TEST_P(CloudEvents, debeziums_envelope_may_be_the_data_with_and_without_schema) {
  const std::string change = R"({"op":"u","before":{"id":1},"after":{"id":2,"name":"b"},"source":{"lsn":7}})";
  const Changes changes = fixture.map({{{}, structured(",\"data\":" + change)},
                                       {{}, structured(R"(,"data":{"schema":null,"payload":)" + change + "}")},
                                       {{}, change, binary}});
  EXPECT_EQ(outcomes(changes), "ffa");
  EXPECT_EQ(text_of(changes), "remove id=1\nwrite id=2 name=b op=u lsn=7\n");
}

TEST_P(CloudEvents, debeziums_converter_has_operation_and_source_in_attributes) {
  const std::string attributes = R"(,"iodebeziumop":"{}","iodebeziumlsn":"29","iodebeziumtsms":"5","data":{})";
  const auto event = [&](const char* op, const char* data) {
    return structured(fmt::format(fmt::runtime(attributes), op, data));
  };
  const Changes changes =
      fixture.map({{{}, event("r", R"({"schema":null,"payload":{"before":null,"after":{"id":1,"name":"a"}}})")},
                   {{}, event("d", R"({"before":{"id":2},"after":null})")},
                   {{}, event("d", R"({"id":3,"name":"flattened"})")},
                   {{},
                    R"({"before":null,"after":{"id":4}})",
                    and_more(binary, {{"ce_iodebeziumop", "c"}, {"ce_iodebeziumlsn", "8"}})},
                   {{}, event("?", R"({"before":null,"after":{"id":1}})")}});
  EXPECT_EQ(outcomes(changes), "aaaad");
  EXPECT_EQ(text_of(changes), "write id=1 name=a op=r lsn=29\nremove id=2\nremove id=3\nwrite id=4 op=c lsn=8\n");
}

TEST_P(CloudEvents, an_operation_that_a_flattened_row_cannot_have_is_refused) {
  const auto of = [&](const std::string& op) {
    const Changes changes = fixture.map({{{}, structured(fmt::format(R"(,"iodebeziumop":{},"data":{{"id":1}})", op))}});
    return changes.dead.empty() ? text_of(changes) : changes.dead.front().sqlstate;
  };
  for (const char* op : {R"("t")", R"("m")", R"("x")", R"("cc")", R"("")", "5", R"(["c"])", R"("\ud800")"})
    EXPECT_EQ(of(op), "22023") << op;
  for (const char* op : {R"("c")", R"("r")", R"("u")", "null"}) EXPECT_TRUE(of(op).starts_with("write id=1")) << op;
  EXPECT_EQ(of(R"("d")"), "remove id=1\n");
  EXPECT_EQ(of(R"("\u0064")"), "remove id=1\n");
  const Changes headers = fixture.map({{{}, R"({"id":1})", and_more(binary, {{"ce_iodebeziumop", "t"}})},
                                       {{}, R"({"id":1})", and_more(binary, {{"ce_iodebeziumop", "d"}})}});
  EXPECT_EQ(outcomes(headers), "da");
  EXPECT_EQ(headers.dead.at(0).sqlstate, "22023");
}

TEST_P(CloudEvents, headers_of_another_version_or_without_values_are_refused) {
  const auto of = [&](const std::string& name, const std::optional<std::string>& value) {
    Headers headers = binary;
    std::ranges::find(headers, name, [](const auto& header) { return header.first; })->second = value;
    const Changes changes = fixture.map({{{}, R"({"id":1})", headers}});
    return changes.dead.empty() ? text_of(changes) : changes.dead.front().sqlstate + changes.dead.front().reason;
  };
  EXPECT_EQ(of("ce_specversion", "1.1"), "write id=1 op=c lsn=NULL\n");
  EXPECT_TRUE(of("ce_specversion", "0.3").starts_with("0A000header ce_specversion: ")) << of("ce_specversion", "0.3");
  EXPECT_TRUE(of("ce_specversion", std::nullopt).contains("header ce_specversion: "));
  EXPECT_TRUE(of("ce_id", std::nullopt).contains("header ce_id: "));
}

TEST_P(CloudEvents, the_last_header_of_a_name_counts) {
  const auto of = [&](Headers more) {
    const Changes changes = fixture.map({{{}, R"({"id":1})", and_more(binary, std::move(more))}});
    return changes.dead.empty() ? text_of(changes) : changes.dead.front().sqlstate;
  };
  const std::string op = "ce_iodebeziumop";
  EXPECT_EQ(of({{op, "c"}, {op, "d"}}), "remove id=1\n");
  EXPECT_EQ(of({{op, "d"}, {op, std::nullopt}}), "write id=1 op=c lsn=NULL\n");
  EXPECT_EQ(of({{"ce_specversion", "0.3"}}), "0A000");
  EXPECT_EQ(of({{"ce_id", std::nullopt}}), "22032");
}

TEST_P(CloudEvents, a_record_without_value_deletes_and_a_structured_event_without_data_does_not) {
  const Changes changes = fixture.map({{"1", {}, binary}, {"2", structured("")}, {"3", structured(R"(,"data":null)")}});
  EXPECT_EQ(outcomes(changes), "add");
  EXPECT_EQ(text_of(changes), "remove id=1\n");
  EXPECT_NE(changes.dead.at(0).reason.find("a record without a value is"), std::string::npos);
}

TEST_P(CloudEvents, what_holds_no_row_is_refused_with_its_reason) {
  const std::string row = R"({"id":1})";
  const Changes changes =
      fixture.map({{{}, "[" + row + "]", {{"content-type", "application/cloudevents-batch+json"}}},
                   {{}, row, {{"content-type", "application/cloudevents+avro"}}},
                   {{}, row, and_more(binary, {{"content-type", "application/avro"}})},
                   {{}, structured(R"(,"data":"text")")},
                   {{}, structured(R"(,"datacontenttype":"application/avro","data_base64":"AAAA")")},
                   {{}, structured(R"(,"data_base64":"?")")},
                   {{}, structured(R"(,"data_base64":"AAAA")")},
                   {{}, R"({"specversion":"1.0"})", {{"content-type", "application/cloudevents+json"}}},
                   {{}, row, and_more(binary, {{"ce_x", "\xff"}})},
                   {{}, row, and_more(binary, {{"ce_x", std::string("a\0", 2)}})}});
  EXPECT_EQ(outcomes(changes), "dddddddddd");
  EXPECT_NE(changes.dead.at(0).reason.find("batches are not part of the Kafka binding"), std::string::npos);
  for (const auto& letter : changes.dead) EXPECT_EQ(letter.stage, Stage::decode) << letter.reason;
}

INSTANTIATE_TEST_SUITE_P(both_formats, CloudEvents,
                         testing::Values(config::Format::cloudevents, config::Format::automatic),
                         [](const auto& format) {
                           return format.param == config::Format::automatic ? "automatic" : "cloudevents";
                         });

TEST(MappingCloudEvents, a_row_with_some_of_the_names_is_a_row_to_auto_and_no_event_to_cloudevents) {
  const std::string row = R"({"id":1,"type":"t","source":"s"})";
  Fixture automatic(table({{"id", "int8"}, {"type", "text"}, {"source", "text"}}));
  EXPECT_EQ(text_of(automatic.map({{{}, row}, {{}, row, {{"ce_id", "1"}, {"content-type", "application/json"}}}})),
            "write id=1 type=t source=s\n");
  Fixture strict(table({{"id", "int8"}, {"type", "text"}, {"source", "text"}}));
  strict.route.format = config::Format::cloudevents;
  const Changes changes = strict.map({{{}, row}});
  EXPECT_EQ(outcomes(changes), "d");
  EXPECT_NE(changes.dead.at(0).reason.find("value.specversion"), std::string::npos);
}

}  // namespace
}  // namespace sluice::mapping::test
