#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "sink/admin_tables.h"
#include "sink/server_check.h"
#include "sink/writer_session.h"
#include "tests/integration/sink_support.h"

namespace sluice::sink::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ConnectionTest = SinkTest;

// A process of the server that does nothing while this lives.
class Frozen {
 public:
  explicit Frozen(const std::string& pid) : pid_(std::stoi(pid)) { EXPECT_EQ(::kill(pid_, SIGSTOP), 0); }
  ~Frozen() { ::kill(pid_, SIGCONT); }
  Frozen(const Frozen&) = delete;
  Frozen& operator=(const Frozen&) = delete;

 private:
  pid_t pid_;
};

// A server that lets everybody log in and answers no statement.
class Mute {
 public:
  Mute() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(socket_, raw, size), 0);
    EXPECT_EQ(::listen(socket_, 8), 0);
    EXPECT_EQ(::getsockname(socket_, raw, &size), 0);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~Mute() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    for (const int client : clients_) ::close(client);
    ::close(socket_);
  }
  Mute(const Mute&) = delete;
  Mute& operator=(const Mute&) = delete;

  int port = 0;

 private:
  void serve() {
    using namespace std::string_view_literals;
    // AuthenticationOk, what tells a writable server, ReadyForQuery.
    constexpr auto welcome =
        "R\0\0\0\x08\0\0\0\0"
        "S\0\0\0\x16server_version\0"
        "15\0"
        "S\0\0\0\x17in_hot_standby\0"
        "off\0"
        "S\0\0\0\x26"
        "default_transaction_read_only\0"
        "off\0"
        "Z\0\0\0\x05I"sv;
    for (int client = ::accept(socket_, nullptr, nullptr); client >= 0; client = ::accept(socket_, nullptr, nullptr)) {
      char startup[1024];
      if (::recv(client, startup, sizeof startup, 0) > 0) (void)::send(client, welcome.data(), welcome.size(), 0);
      clients_.push_back(client);
    }
  }

  const int socket_;
  std::vector<int> clients_;
  std::thread thread_;
};

std::string repeated(int count, const std::string& text) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

std::string with_option(const Secret& url, const std::string& option) {
  const auto& text = url.reveal();
  return text + (text.find('?') == text.npos ? "?" : "&") + option;
}

TEST_F(ConnectionTest, only_the_tag_commit_is_a_success) {
  Connection connection;
  ASSERT_TRUE(connection.open(settings.url, "sluice/test"));
  const auto deadline = Clock::now() + seconds(60);
  connection.send("BEGIN");
  connection.commit();
  connection.sync();
  EXPECT_EQ(connection.wait(deadline)->tag, "COMMIT");
  ASSERT_TRUE(connection.run("BEGIN", deadline));
  EXPECT_FALSE(connection.run("SELECT 1 / 0", deadline));
  connection.commit();  // PostgreSQL answers ROLLBACK, and that is no error to it
  connection.sync();
  const auto committed = connection.wait(deadline);
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().next, ErrorClass::reclaim);
  EXPECT_EQ(committed.error().message, "COMMIT was answered with ROLLBACK");
  EXPECT_FALSE(connection.is_open());
}

TEST_F(ConnectionTest, statements_beyond_the_capacity_are_deallocated_one_by_one) {
  WriterSession session;
  session.schema = schema;
  ASSERT_TRUE(session.connection.open(settings.url, "sluice/test"));
  const auto ask = [&](int i) {
    session.send_deallocations();
    session.parameters.clear();
    session.connection.send(session.statements.get(std::to_string(i), [&] { return fmt::format("SELECT {}", i); }),
                            session.parameters);
    const auto reply = session.answer(seconds(60));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(PQgetvalue(reply->rows.get(), 0, 0), std::to_string(i));
  };
  const auto capacity = static_cast<int>(StatementCache::default_capacity);
  for (int i = 0; i < capacity + 40; ++i) ask(i);
  ask(0);  // which had been given up
  const auto kept = session.connection.run("SELECT count(*) FROM pg_prepared_statements", Clock::now() + seconds(60));
  ASSERT_TRUE(kept);
  EXPECT_EQ(PQgetvalue(kept->rows.get(), 0, 0), std::to_string(capacity + 1));  // the last one given up is still there
}

TEST_F(ConnectionTest, an_idle_writer_says_once_that_its_server_went_away) {
  EXPECT_GE(writer->socket(), 0);
  EXPECT_FALSE(writer->poll());
  sql("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name = 'sluice/shop'");
  pollfd descriptor{writer->socket(), POLLIN, 0};
  ASSERT_EQ(::poll(&descriptor, 1, 60'000), 1) << "a lane that waits for the socket wakes up";
  auto lost = writer->poll();
  for (const auto until = Clock::now() + seconds(60); !lost && Clock::now() < until;) {
    ::poll(&descriptor, 1, 10);  // the reason and the end may come apart
    lost = writer->poll();
  }
  ASSERT_TRUE(lost && !*lost);
  EXPECT_EQ(lost->error().next, ErrorClass::reclaim);
  EXPECT_NE(lost->error().message.find("terminating connection"), std::string::npos) << lost->error().message;
  EXPECT_FALSE(writer->connected());
  EXPECT_EQ(writer->socket(), -1);
  EXPECT_FALSE(writer->poll());
}

TEST_F(ConnectionTest, a_question_to_a_frozen_server_ends_at_its_deadline) {
  auto client = SqlClient::open(settings.url);
  ASSERT_TRUE(client);
  const Frozen backend(client->run("SELECT pg_backend_pid() AS pid")->front().text("pid"));
  const auto begin = Clock::now();
  const auto answer = client->run("SELECT 1", {}, begin + seconds(1));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "PostgreSQL did not answer in time");
  EXPECT_FALSE(client->connected());
  EXPECT_LT(Clock::now() - begin, seconds(20)) << "a question without a deadline of its own has 25";
  EXPECT_FALSE(client->run("SELECT 1")) << "it does not connect again behind our back";
}

TEST_F(ConnectionTest, connecting_to_a_frozen_server_ends_at_its_deadline_however_many_hosts_there_are) {
  const auto postmaster = sql("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)");
  const auto port = sql("SHOW port");
  const Secret hosts(fmt::format("host=127.0.0.1{0} port={1}{2} user=app dbname=postgres connect_timeout=3",
                                 repeated(9, ",127.0.0.1"), port, repeated(9, "," + port)));
  EXPECT_TRUE(SqlClient::open(hosts));
  const Frozen server(postmaster);
  const auto begin = Clock::now();
  Connection connection;
  const auto opened = connection.open(hosts, "sluice/test");
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().next, ErrorClass::retry);
  EXPECT_FALSE(SqlClient::open(Secret(with_option(settings.url, "connect_timeout=1"))));
  EXPECT_LT(Clock::now() - begin, seconds(20)) << "three seconds for each host";
}

TEST_F(ConnectionTest, a_host_that_does_not_answer_leaves_time_for_the_next) {
  const auto port = sql("SHOW port");
  // 192.0.2.1 is nobody's address: the attempt is refused at once, or never answered.
  const Secret hosts(fmt::format("host=192.0.2.1,127.0.0.1 port={0} user=app dbname=postgres connect_timeout=8", port));
  const auto opened = SqlClient::open(hosts);
  EXPECT_TRUE(opened) << opened.error().message;
}

TEST_F(ConnectionTest, a_host_whose_session_does_not_answer_is_left_for_the_next_and_not_waited_for_longer) {
  const Mute mute;
  const auto hosts = [&](std::string_view of, const std::string& ports, int timeout) {
    return Secret(
        fmt::format("host={} port={} user=app dbname=postgres sslmode=disable gssencmode=disable "
                    "connect_timeout={}",
                    of, ports, timeout));
  };
  const auto port = sql("SHOW port");
  const auto opened = SqlClient::open(hosts("127.0.0.1,127.0.0.1", fmt::format("{},{}", mute.port, port), 6));
  EXPECT_TRUE(opened) << opened.error().message;
  const auto begin = Clock::now();
  const auto never = SqlClient::open(hosts("127.0.0.1", std::to_string(mute.port), 1));
  ASSERT_FALSE(never);
  EXPECT_EQ(never.error().message, "PostgreSQL did not answer in time");
  EXPECT_LT(Clock::now() - begin, seconds(9)) << "the first statement's own limit, not connect_timeout";
}

TEST_F(ConnectionTest, the_consoles_calls_end_when_every_pooled_connection_is_frozen) {
  AdminTables tables(settings, {"shop", "22222222-2222-2222-2222-222222222222", "here"});
  ASSERT_TRUE(tables.pauses());  // one connection is in the pool now
  const Frozen backend(
      sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'sluice' AND pid <> pg_backend_pid() AND "
          "query LIKE '%.pause %' ORDER BY backend_start DESC LIMIT 1"));
  const auto begin = Clock::now();
  const auto pauses = tables.pauses();
  EXPECT_TRUE(pauses) << pauses.error().message;
  EXPECT_LT(Clock::now() - begin, seconds(20)) << "a call that does not ask first has 25";
}

class SessionOfRole : public ConnectionTest {
 protected:
  void SetUp() override {
    ConnectionTest::SetUp();
    sql("DROP ROLE IF EXISTS sluice_odd");
    sql("CREATE ROLE sluice_odd LOGIN");
    auto text = settings.url.reveal();
    text.replace(text.find("app@"), 3, "sluice_odd");
    url = Secret(text);
  }
  void TearDown() override {
    sql("DROP ROLE sluice_odd");
    ConnectionTest::TearDown();
  }
  Secret url;
};

TEST_F(SessionOfRole, means_the_same_whatever_the_role_has_set) {
  struct Setting {
    const char *name, *odd, *expected;
  };
  std::string names, expected;
  // By name, as pg_settings has them.
  for (const auto& [name, odd, wanted] : {
           Setting{"array_nulls", "off", "on"},
           Setting{"bytea_output", "escape", "hex"},
           Setting{"client_encoding", "LATIN1", "UTF8"},
           Setting{"DateStyle", "SQL, DMY", "ISO, MDY"},
           Setting{"default_transaction_isolation", "serializable", "read committed"},
           Setting{"extra_float_digits", "-15", "1"},
           Setting{"idle_session_timeout", "2000", "0"},
           Setting{"IntervalStyle", "sql_standard", "postgres"},
           Setting{"lock_timeout", "1", "3000"},
           Setting{"quote_all_identifiers", "on", "off"},
           Setting{"row_security", "off", "on"},
           Setting{"search_path", "nowhere", R"("pg_catalog", "pg_temp")"},  // as quote_all_identifiers writes it
           Setting{"standard_conforming_strings", "off", "on"},
           Setting{"statement_timeout", "1000", "60000"},
           Setting{"TimeZone", "Asia/Tokyo", "UTC"},
           Setting{"transform_null_equals", "on", "off"},
           Setting{"xmloption", "document", "content"},
       }) {
    sql(fmt::format("ALTER ROLE sluice_odd SET {} = '{}'", name, odd));
    names += fmt::format("{}'{}'", names.empty() ? "" : ", ", name);
    expected += fmt::format("{} {}\n", name, wanted);
  }
  sql("ALTER ROLE sluice_odd SET idle_in_transaction_session_timeout = 1");
  const auto question = fmt::format(
      "SELECT string_agg(name || ' ' || setting || E'\\n', '' ORDER BY lower(name)) AS found FROM pg_settings WHERE name "
      "IN ({})",
      names);
  Connection connection;
  ASSERT_TRUE(connection.open(url, "sluice/test"));
  const auto reply = connection.run(question.c_str(), Clock::now() + seconds(60));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(PQgetvalue(reply->rows.get(), 0, 0), expected);
  auto client = SqlClient::open(url);
  ASSERT_TRUE(client) << client.error().message;
  ASSERT_TRUE(client->run("BEGIN"));
  std::this_thread::sleep_for(milliseconds(20));
  const auto values =
      client->run("SELECT '{NULL,a}'::text[] AS nulls, 'a<b/>'::xml AS content, NULL = NULL AS unknown");
  ASSERT_TRUE(values) << values.error().message;
  EXPECT_EQ(values->front().text("nulls"), "{NULL,a}");
  EXPECT_EQ(values->front()["unknown"], std::nullopt);
}

TEST_F(SessionOfRole, that_may_only_read_is_told_what_to_do_and_heals) {
  sql("ALTER ROLE sluice_odd SET default_transaction_read_only = on");
  for (const auto* attributes : {"any", "read-write"}) {
    const Secret to(with_option(url, fmt::format("target_session_attrs={}", attributes)));
    Connection connection;
    const auto opened = connection.open(to, "sluice/test");
    ASSERT_FALSE(opened) << attributes;
    EXPECT_EQ(opened.error().next, ErrorClass::retry);
    EXPECT_NE(opened.error().message.find("session is read-only; Sluice has to write: connect to the primary, or "),
              std::string::npos)
        << opened.error().message;
    EXPECT_NE(opened.error().message.find("ALTER ROLE \"sluice_odd\" RESET default_transaction_read_only"),
              std::string::npos);
    EXPECT_FALSE(session_findings(to)) << attributes;
  }
  sql("ALTER ROLE sluice_odd RESET default_transaction_read_only");
  EXPECT_EQ(session_findings(url).value(), std::vector<std::string>{});
  sql("ALTER ROLE sluice_odd SET session_replication_role = replica");
  const auto found = session_findings(url);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 1u);
  EXPECT_NE(found->front().find("ALTER ROLE \"sluice_odd\" RESET session_replication_role"), std::string::npos);
}

TEST_F(ConnectionTest, columns_are_read_by_name_and_an_unknown_name_is_a_mistake) {
  const auto rows = database->run("SELECT $1 AS text, NULL AS nothing, 7 AS number, true AS yes", {"a'b"});
  ASSERT_TRUE(rows) << rows.error().message;
  const auto& row = rows->front();
  EXPECT_EQ(row.text("text"), "a'b");
  EXPECT_EQ(row["nothing"], std::nullopt);
  EXPECT_EQ(row.integer("nothing"), 0);
  EXPECT_EQ(row.integer("number"), 7);
  EXPECT_TRUE(row.boolean("yes"));
  EXPECT_THROW(row.text("other"), std::out_of_range);
  const auto failed = database->run("SELECT 1 / 0");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().sqlstate, "22012");
  EXPECT_TRUE(database->connected());
}

}  // namespace
}  // namespace sluice::sink::test
