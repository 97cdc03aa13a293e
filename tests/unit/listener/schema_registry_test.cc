// The registry's client against a small HTTP server: what an answer means, and who waits for it.
#include <httplib.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/interrupt.h"
#include "listener/registry/schema_registry.h"

namespace sluice::listener {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr seconds patience{60};  // with what comes at once on a machine that is quick
constexpr milliseconds of_a_lane{30};

class Server {
 public:
  Server() {
    server_.Get(R"(.*)", [this](const httplib::Request& request, httplib::Response& response) {
      std::function<void(httplib::Response&)> answer;
      {
        const std::lock_guard lock(mutex_);
        ++asked_[request.target];
        authorization_ = request.get_header_value("Authorization");
        answer = answers_.contains(request.target) ? answers_[request.target] : otherwise_;
      }
      answer(response);
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    const auto deadline = Clock::now() + patience;
    while (!server_.is_running() && Clock::now() < deadline) std::this_thread::sleep_for(milliseconds(1));
    if (!server_.is_running()) ADD_FAILURE() << "the HTTP server does not start";
  }
  ~Server() {
    answer_now();
    server_.stop();
    thread_.join();
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // Ends all delays, as the server's end does.
  void answer_now() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    ended_.notify_all();
  }
  void answer(const std::string& path, int status, std::string body, milliseconds after = {}) {
    const std::lock_guard lock(mutex_);
    answers_[path] = [=, this](httplib::Response& response) {
      std::unique_lock waiting(mutex_);
      ended_.wait_for(waiting, after, [&] { return ends_; });
      response.status = status;
      response.set_content(body, "application/json");
    };
  }
  void answer_all(int status, std::string body) {
    const std::lock_guard lock(mutex_);
    answers_.clear();
    otherwise_ = [=](httplib::Response& response) {
      response.status = status;
      response.set_content(body, "application/json");
    };
  }
  int asked(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return asked_[path];
  }
  std::string authorization() {
    const std::lock_guard lock(mutex_);
    return authorization_;
  }

 private:
  httplib::Server server_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool ends_ = false;
  std::map<std::string, std::function<void(httplib::Response&)>> answers_;
  std::function<void(httplib::Response&)> otherwise_ = [](httplib::Response& response) {
    response.status = 404;
    response.set_content(R"({"error_code":40403,"message":"Schema not found"})", "application/json");
  };
  std::map<std::string, int> asked_;
  std::string authorization_;
  int port_ = 0;
  std::thread thread_;
};

config::Registry settings(const std::string& url, milliseconds timeout = patience) {
  config::Registry made;
  made.url = Secret(url);
  made.timeout = timeout;
  return made;
}

Result<RegisteredSchema> fetch(const config::Registry& registry, SchemaName name = {.low = 7}) {
  return RegistryClient(registry, {}).fetch(name);
}

TEST(RegistryClient, an_answer_without_a_kind_is_avro) {
  Server server;
  server.answer("/schemas/ids/7", 200, R"({"schema":"\"int\""})");
  server.answer("/schemas/ids/8", 200, R"({"schema":"{}","schemaType":"JSON"})");
  const auto avro = fetch(settings(server.url()));
  ASSERT_TRUE(avro) << avro.error().message;
  EXPECT_EQ(avro->kind, SchemaKind::avro);
  EXPECT_EQ(avro->body, "\"int\"");
  EXPECT_EQ(fetch(settings(server.url()), {.low = 8})->kind, SchemaKind::json);
}

TEST(RegistryClient, a_path_a_password_and_a_guid_reach_the_server) {
  Server server;
  server.answer("/apis/ccompat/v7/schemas/guids/00000000-0000-0001-0000-000000000002", 200, R"({"schema":"\"int\""})");
  const std::string url = "http://user:p%40ss@" + server.url().substr(7) + "/apis/ccompat/v7/";
  EXPECT_TRUE(fetch(settings(url), {true, 1, 2}));
  EXPECT_EQ(server.authorization(), "Basic dXNlcjpwQHNz");
}

TEST(RegistryClient, references_come_before_what_refers_to_them_and_once) {
  Server server;
  server.answer(
      "/schemas/ids/7", 200,
      R"({"schema":"top","references":[{"name":"a","subject":"s/a","version":1},{"name":"b","subject":"b","version":2}]})");
  server.answer("/subjects/s%2Fa/versions/1", 200,
                R"({"schema":"A","references":[{"name":"b","subject":"b","version":2}]})");
  server.answer("/subjects/b/versions/2", 200, R"({"schema":"B"})");
  const auto found = fetch(settings(server.url()));
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->references.size(), 2u);
  EXPECT_EQ(found->references[0].body, "B");
  EXPECT_EQ(found->references[1].body, "A");
}

TEST(RegistryClient, references_in_a_circle_end) {
  Server server;
  server.answer("/schemas/ids/7", 200, R"({"schema":"top","references":[{"name":"a","subject":"a","version":1}]})");
  server.answer("/subjects/a/versions/1", 200,
                R"({"schema":"A","references":[{"name":"a","subject":"a","version":1}]})");
  EXPECT_THAT(fetch(settings(server.url())).error().message, HasSubstr("deeper than"));
}

TEST(RegistryClient, a_reference_that_the_registry_lacks_is_named) {
  for (const auto* body : {R"({"error_code":40401,"message":"Subject not found"})",
                           R"({"error_code":40402,"message":"Version not found"})"}) {
    Server server;
    server.answer("/schemas/ids/7", 200, R"({"schema":"top","references":[{"name":"a","subject":"s","version":1}]})");
    server.answer("/subjects/s/versions/1", 404, body);
    const auto found = fetch(settings(server.url()));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().next, ErrorClass::stop_partition);
    EXPECT_THAT(found.error().message, HasSubstr("it does not know s, which a schema refers to"));
  }
}

TEST(RegistryClient, what_a_schema_refers_to_is_found_though_its_subject_was_deleted) {
  Server server;
  server.answer("/schemas/ids/7", 200, R"({"schema":"top","references":[{"name":"a","subject":"s","version":1}]})");
  server.answer("/subjects/s/versions/1", 404, R"({"error_code":40402,"message":"Version 1 not found."})");
  server.answer("/subjects/s/versions/1?deleted=true", 200, R"({"schema":"A"})");
  const auto found = fetch(settings(server.url()));
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->references.size(), 1u);
  EXPECT_EQ(found->references[0].body, "A");
}

struct Trouble {
  int status;
  const char* body;
  ErrorClass next;
  const char* message;
};

class RegistryTrouble : public testing::TestWithParam<Trouble> {};

TEST_P(RegistryTrouble, an_answer_says_who_is_at_fault) {
  Server server;
  server.answer_all(GetParam().status, GetParam().body);
  const auto found = fetch(settings(server.url()));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().next, GetParam().next);
  EXPECT_THAT(found.error().message, HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    answers, RegistryTrouble,
    testing::Values(Trouble{404, R"({"error_code":40403,"message":"Schema not found"})", ErrorClass::reject,
                            "found schema 7, expected"},
                    Trouble{404, R"({"error_code":40401,"message":"Subject not found"})", ErrorClass::stop_partition,
                            "answered 404: Subject not found"},
                    Trouble{404, R"({"error_code":404,"message":"HTTP 404 Not Found"})", ErrorClass::stop_partition,
                            "answered 404"},
                    Trouble{404, "<html>", ErrorClass::stop_partition, "answered 404"},
                    Trouble{404, R"(["error_code"])", ErrorClass::stop_partition, "answered 404"},
                    Trouble{401, R"({"error_code":401,"message":"User cannot access"})", ErrorClass::stop_partition,
                            "answered 401: User cannot access; set user and password"},
                    Trouble{403, "", ErrorClass::stop_partition, "answered 403; let this user read schemas"},
                    Trouble{500, R"({"error_code":50001,"message":"store"})", ErrorClass::stop_partition,
                            "answered 500: store"},
                    Trouble{302, "", ErrorClass::stop_partition, "answered 302"},
                    Trouble{200, "<html>hello", ErrorClass::stop_partition, "not with a schema"},
                    Trouble{200, R"({"schema":7})", ErrorClass::stop_partition, "not with a schema"},
                    Trouble{200, "", ErrorClass::stop_partition, "not with a schema"}));

TEST(RegistryClient, the_next_url_is_asked_when_one_is_away_and_no_message_tells_the_password) {
  Server server;
  server.answer("/schemas/ids/7", 200, R"({"schema":"\"int\""})");
  EXPECT_TRUE(fetch(settings("http://127.0.0.1:1, " + server.url())));
  const auto away = fetch(settings("http://user:secret@127.0.0.1:1"));
  EXPECT_EQ(away.error().next, ErrorClass::stop_partition);
  EXPECT_THAT(away.error().message, HasSubstr("http://127.0.0.1:1: "));
  EXPECT_THAT(away.error().message, testing::Not(HasSubstr("secret")));
}

TEST(RegistryClient, a_slow_server_costs_its_time_out) {
  Server server;
  server.answer("/schemas/ids/7", 200, R"({"schema":"\"int\""})", seconds(600));
  const auto begin = Clock::now();
  const auto found = fetch(settings(server.url(), milliseconds(200)));
  EXPECT_EQ(found.error().next, ErrorClass::stop_partition);
  EXPECT_LT(Clock::now() - begin, patience);
}

// The table sluice.schema of a registry that comes and goes.
class Kept {
 public:
  Kept() = default;
  Kept(const std::string& name, RegisteredSchema schema) : kept_{{name, std::move(schema)}} {}
  std::optional<RegisteredSchema> find(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto found = kept_.find(name);
    return found == kept_.end() ? std::nullopt : std::optional(found->second);
  }
  Result<void> put(const std::string& name, const RegisteredSchema& schema) {
    const std::lock_guard lock(mutex_);
    tried_.push_back(name);
    if (refused_.contains(name)) return fail(ErrorClass::reject, "refused");
    kept_[name] = schema;
    return {};
  }
  void refuse(const std::string& name) {
    const std::lock_guard lock(mutex_);
    refused_.insert(name);
  }
  bool holds(const std::string& name) const { return find(name).has_value(); }
  std::vector<std::string> tried() const {
    const std::lock_guard lock(mutex_);
    return tried_;
  }
  bool waits_for(const std::string& name) const {
    const auto deadline = Clock::now() + patience;
    while (!holds(name) && Clock::now() < deadline) std::this_thread::sleep_for(milliseconds(5));
    return holds(name);
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, RegisteredSchema> kept_;
  std::set<std::string> refused_;
  std::vector<std::string> tried_;
};

class FakeStore final : public SchemaStore {
 public:
  explicit FakeStore(Kept& kept) : kept_(kept) {}
  Result<std::optional<RegisteredSchema>> load(const std::string& registry, const std::string& id) override {
    return kept_.find(registry + " " + id);
  }
  Result<void> save(const std::string& registry, const std::string& id, const RegisteredSchema& schema) override {
    return kept_.put(registry + " " + id, schema);
  }

 private:
  Kept& kept_;
};

// PostgreSQL that does not answer, which an interruption ends.
class HangingStore final : public SchemaStore {
 public:
  explicit HangingStore(std::atomic<bool>& asked) : asked_(asked) {}
  Result<std::optional<RegisteredSchema>> load(const std::string&, const std::string&) override {
    asked_ = true;
    const auto deadline = Clock::now() + seconds(600);
    while (!interruption().requested() && Clock::now() < deadline) std::this_thread::sleep_for(milliseconds(5));
    return fail(ErrorClass::retry, "PostgreSQL does not answer");
  }
  Result<void> save(const std::string&, const std::string&, const RegisteredSchema&) override { return {}; }

 private:
  std::atomic<bool>& asked_;
};

constexpr SchemaName seven{.low = 7};

bool eventually_found(SchemaRegistry& registry, const SchemaName& schema) {
  const auto deadline = Clock::now() + patience;
  while (!registry.find(schema, milliseconds(0)) && Clock::now() < deadline)
    std::this_thread::sleep_for(milliseconds(10));
  return registry.find(schema, milliseconds(0)).has_value();
}

TEST(SchemaRegistry, a_schema_is_asked_for_once_and_kept) {
  Server server;
  server.answer("/schemas/ids/7", 200, R"({"schema":"\"int\""})");
  Kept kept;
  {
    SchemaRegistry registry(settings(server.url()), std::make_unique<FakeStore>(kept));
    for (int i = 0; i < 3; ++i) EXPECT_EQ((*registry.find(seven, patience))->body, "\"int\"");
    EXPECT_TRUE(kept.waits_for(server.url() + " 7"));
    EXPECT_EQ(registry.kept().number, 1u);
    EXPECT_EQ(registry.kept().bytes, std::string_view("\"int\"").size());
    EXPECT_GT(registry.kept().limit, registry.kept().bytes);
  }
  EXPECT_EQ(server.asked("/schemas/ids/7"), 1);
}

TEST(SchemaRegistry, whoever_is_impatient_is_told_to_come_again_and_nobody_waits_twice) {
  Server server;
  server.answer("/schemas/ids/7", 200, R"({"schema":"\"int\""})", seconds(600));
  SchemaRegistry registry(settings(server.url(), seconds(600)), nullptr);
  const auto begin = Clock::now();
  for (int i = 0; i < 200; ++i) {  // each with a wait of its own would be 40 s
    const auto found = registry.find(seven, milliseconds(200));
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().next, ErrorClass::retry);
  }
  EXPECT_LT(Clock::now() - begin, seconds(20));
  server.answer_now();
  EXPECT_TRUE(eventually_found(registry, seven));
  EXPECT_EQ(server.asked("/schemas/ids/7"), 1);
}

TEST(SchemaRegistry, an_unknown_schema_is_not_asked_for_with_each_record_of_a_lane) {
  Server server;
  SchemaRegistry registry(settings(server.url()), nullptr);
  EXPECT_EQ(registry.find(seven, patience).error().next, ErrorClass::reject);
  const auto begin = Clock::now();
  for (int i = 0; i < 5 && Clock::now() - begin < seconds(9); ++i)
    EXPECT_EQ(registry.find(seven, of_a_lane).error().next, ErrorClass::reject);
  EXPECT_EQ(server.asked("/schemas/ids/7"), 1);
}

// An operator who has registered it replays its dead letters at once.
TEST(SchemaRegistry, an_unknown_schema_is_asked_for_again_by_a_command) {
  Server server;
  SchemaRegistry registry(settings(server.url()), nullptr);
  EXPECT_EQ(registry.find(seven, patience).error().next, ErrorClass::reject);
  server.answer("/schemas/ids/7", 200, R"({"schema":"\"int\""})");
  const auto begin = Clock::now();
  auto found = registry.find(seven, patience);
  while (!found && Clock::now() - begin < patience) found = registry.find(seven, patience);
  EXPECT_TRUE(found);
  EXPECT_LT(Clock::now() - begin, seconds(9));
}

// A mistake makes every attempt slow, a busy machine only some.
TEST(SchemaRegistry, the_trouble_with_one_schema_does_not_hold_up_another) {
  bool quick = false;
  for (int attempt = 0; attempt < 5 && !quick; ++attempt) {
    Server server;
    server.answer("/schemas/ids/7", 500, "");
    server.answer("/schemas/ids/8", 200, R"({"schema":"\"int\""})");
    SchemaRegistry registry(settings(server.url()), nullptr);
    const auto deadline = Clock::now() + patience;
    while (server.asked("/schemas/ids/7") < 5 && Clock::now() < deadline)
      EXPECT_FALSE(registry.find(seven, milliseconds(1)));  // which is asked again after 1.6 s
    const auto begin = Clock::now();
    EXPECT_TRUE(registry.find({.low = 8}, patience));
    quick = Clock::now() - begin < seconds(1);
  }
  EXPECT_TRUE(quick);
}

TEST(SchemaRegistry, trouble_is_told_after_the_time_out_and_ends_by_itself) {
  Server server;
  server.answer_all(500, "");
  constexpr milliseconds timeout{300};
  SchemaRegistry registry(settings(server.url(), timeout), nullptr);
  const auto begin = Clock::now();
  auto told = registry.find(seven, milliseconds(200));
  if (Clock::now() - begin < timeout) {
    EXPECT_EQ(told.error().next, ErrorClass::retry);
  }
  while (told.error().next == ErrorClass::retry && Clock::now() - begin < patience) {
    std::this_thread::sleep_for(milliseconds(10));
    told = registry.find(seven, milliseconds(0));
  }
  EXPECT_GE(Clock::now() - begin, timeout);
  EXPECT_EQ(told.error().next, ErrorClass::stop_partition);
  EXPECT_THAT(told.error().message, HasSubstr("schema 7 cannot be had: schema registry http://127.0.0.1"));
  server.answer("/schemas/ids/7", 200, R"({"schema":"\"int\""})");
  EXPECT_TRUE(eventually_found(registry, seven));
  // Between the questions are pauses that double up to five seconds, so many need their time.
  const auto asked = server.asked("/schemas/ids/7");
  milliseconds pauses{0}, pause{100};
  for (int i = 1; i < asked; ++i, pause = std::min<milliseconds>(pause * 2, seconds(5))) pauses += pause;
  EXPECT_GE(Clock::now() - begin, pauses) << asked;
}

TEST(SchemaRegistry, a_copy_takes_the_place_of_a_registry_that_is_away) {
  Kept kept("http://127.0.0.1:1 7", {SchemaKind::avro, "copy", {}});
  SchemaRegistry registry(settings("http://127.0.0.1:1"), std::make_unique<FakeStore>(kept));
  EXPECT_EQ((*registry.find(seven, patience))->body, "copy");
  EXPECT_FALSE(registry.find({.low = 8}, milliseconds(50)));
}

TEST(SchemaRegistry, the_registry_goes_before_its_copy) {
  Server server;
  server.answer("/schemas/ids/7", 200, R"({"schema":"new"})");
  Kept kept(server.url() + " 7", {SchemaKind::avro, "copy", {}});
  SchemaRegistry registry(settings(server.url()), std::make_unique<FakeStore>(kept));
  EXPECT_EQ((*registry.find(seven, patience))->body, "new");
}

TEST(SchemaRegistry, a_schema_that_the_registry_does_not_know_is_not_taken_from_its_copy) {
  Server server;
  Kept kept(server.url() + " 7", {SchemaKind::avro, "copy", {}});
  SchemaRegistry registry(settings(server.url()), std::make_unique<FakeStore>(kept));
  const auto found = registry.find(seven, patience);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().next, ErrorClass::reject);
}

TEST(SchemaRegistry, a_schema_that_cannot_be_kept_keeps_no_other_one_from_it) {
  Server server;
  Kept kept;
  kept.refuse(server.url() + " 7");
  SchemaRegistry registry(settings(server.url()), std::make_unique<FakeStore>(kept));
  for (std::uint64_t id = 7; id < 10; ++id) {
    server.answer("/schemas/ids/" + std::to_string(id), 200, R"({"schema":"\"int\""})");
    EXPECT_TRUE(registry.find({.low = id}, patience));
  }
  EXPECT_TRUE(kept.waits_for(server.url() + " 9"));
  EXPECT_EQ(std::ranges::count(kept.tried(), server.url() + " 7"), 1);
}

TEST(SchemaRegistry, whoever_is_interrupted_waits_no_longer) {
  Server server;
  server.answer("/schemas/ids/7", 200, R"({"schema":"\"int\""})", seconds(600));
  SchemaRegistry registry(settings(server.url(), seconds(600)), nullptr);
  const auto begin = Clock::now();
  {
    const InterruptScope scope(Clock::now() + milliseconds(20));
    EXPECT_EQ(registry.find(seven, seconds(600)).error().next, ErrorClass::retry);
  }
  std::stop_source stop;
  std::thread stopping([&] {
    std::this_thread::sleep_for(milliseconds(20));
    stop.request_stop();
  });
  {
    const InterruptScope scope(stop.get_token());
    EXPECT_EQ(registry.find(seven, seconds(600)).error().message, cancelled);
  }
  stopping.join();
  EXPECT_LT(Clock::now() - begin, patience);
}

TEST(SchemaRegistry, it_ends_at_once_in_the_middle_of_a_question_to_postgresql) {
  std::atomic<bool> asked = false;
  const auto begin = Clock::now();
  {
    SchemaRegistry registry(settings("http://127.0.0.1:1"), std::make_unique<HangingStore>(asked));
    EXPECT_FALSE(registry.find(seven, milliseconds(0)));
    while (!asked && Clock::now() - begin < patience) std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_TRUE(asked);
  EXPECT_LT(Clock::now() - begin, patience);
}

TEST(SchemaRegistry, it_ends_at_once_in_the_middle_of_a_question) {
  Server server;
  server.answer("/schemas/ids/7", 200, R"({"schema":"\"int\""})", seconds(600));
  const auto begin = Clock::now();
  {
    SchemaRegistry registry(settings(server.url(), seconds(600)), nullptr);
    EXPECT_FALSE(registry.find(seven, milliseconds(50)));
  }
  EXPECT_LT(Clock::now() - begin, patience);
}

}  // namespace
}  // namespace sluice::listener
