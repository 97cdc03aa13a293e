#include "runtime/http/http.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace sluice::runtime {
namespace {

class Fixed final : public Snapshots {
 public:
  Snapshot shown;
  Snapshot snapshot() const override { return shown; }
};

int connect_to(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{60, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

std::string get_once(int port, const std::string& path) {
  const int fd = connect_to(port);
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  EXPECT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  std::string response;
  char block[4096];
  for (ssize_t size; (size = read(fd, block, sizeof block)) > 0;)
    response.append(block, static_cast<std::size_t>(size));
  close(fd);
  return response;
}

// The whole response; the server closes after it. A machine that stands still for two seconds makes the server give up.
std::string get(int port, const std::string& path) {
  std::string response;
  for (int attempt = 0; attempt < 30 && response.empty(); ++attempt) response = get_once(port, path);
  return response;
}

TEST(HttpServer, serves_probes_and_metrics_on_a_free_port) {
  Fixed admin;
  admin.shown.healthy = true;
  HttpServer server({"127.0.0.1:0"}, admin);
  ASSERT_TRUE(server.start());
  ASSERT_GT(server.port(), 0);
  EXPECT_TRUE(get(server.port(), "/healthz").starts_with("HTTP/1.1 200"));
  const auto unready = get(server.port(), "/readyz");
  EXPECT_TRUE(unready.starts_with("HTTP/1.1 503")) << unready;
  EXPECT_TRUE(unready.ends_with("\r\n\r\nno partition is assigned yet\n")) << unready;
  EXPECT_NE(get(server.port(), "/metrics").find("\nsluice_healthy 1\n"), std::string::npos);
  EXPECT_TRUE(get(server.port(), "/other").starts_with("HTTP/1.1 404"));
}

TEST(HttpServer, a_port_in_use_is_an_error_that_names_it) {
  Fixed admin;
  HttpServer first({"127.0.0.1:0"}, admin);
  ASSERT_TRUE(first.start());
  const auto address = "127.0.0.1:" + std::to_string(first.port());
  HttpServer second({address}, admin);
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find(address), std::string::npos) << started.error().message;
}

TEST(HttpServer, clients_that_say_nothing_neither_stop_the_others_for_long_nor_the_end) {
  Fixed admin;
  admin.shown.healthy = true;
  HttpServer server({"127.0.0.1:0"}, admin);
  ASSERT_TRUE(server.start());
  std::vector<int> silent;
  for (int i = 0; i < 4; ++i) silent.push_back(connect_to(server.port()));
  EXPECT_TRUE(get(server.port(), "/healthz").starts_with("HTTP/1.1 200"));
  const auto begin = std::chrono::steady_clock::now();
  server.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(30));
  for (const int fd : silent) close(fd);
}

double resident_mib() {
  std::ifstream in("/proc/self/statm");
  long size = 0, resident = 0;
  in >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

// Sends until the server has had enough; returns how much it took.
std::size_t send_all(int fd, const std::string& part, std::size_t most) {
  std::size_t sent = 0;
  while (sent < most) {
    const auto done = send(fd, part.data(), part.size(), MSG_NOSIGNAL);
    if (done <= 0) break;
    sent += static_cast<std::size_t>(done);
  }
  return sent;
}

// Whether a probe has its answer without those who are slow having had their two seconds each before it.
bool answers_at_once(int port, const std::string& path = "/healthz") {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(get(port, path).starts_with("HTTP/1.1 200"));
  return std::chrono::steady_clock::now() - begin < std::chrono::seconds(5);
}

// Returns true as soon as one attempt is quick: a busy machine makes some of them slow, a mistake of ours all of them.
bool once(const std::function<bool()>& is_quick) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  do {
    if (is_quick()) return true;
  } while (std::chrono::steady_clock::now() < until);
  return false;
}

TEST(HttpServer, megabytes_that_are_no_request_cost_no_memory) {
  Fixed admin;
  admin.shown.healthy = true;
  HttpServer server({"127.0.0.1:0"}, admin);
  ASSERT_TRUE(server.start());
  get(server.port(), "/healthz");
  const std::string block(64 << 10, 'a');
  std::string headers;
  while (headers.size() < block.size()) headers += "Name: value\r\n";
  const auto before = resident_mib();
  for (const auto& [begin, part] :
       {std::pair<std::string, std::string>{"GET /", block},
        {"GET / HTTP/1.1\r\n", headers},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "10000\r\n" + block + "\r\n"},
        {"POST / HTTP/1.1\r\nContent-Length: 41943040\r\n\r\n", block},
        {"GET /healthz HTTP/1.1\r\n\r\n", "GET /metrics HTTP/1.1\r\n\r\n"}}) {
    const int fd = connect_to(server.port());
    send_all(fd, begin, begin.size());
    const auto taken = send_all(fd, part, 40u << 20);
    EXPECT_LT(taken, 16u << 20) << "the server closes instead of reading on";
    close(fd);
  }
  EXPECT_LT(resident_mib() - before, 10);
  EXPECT_TRUE(once([&] { return answers_at_once(server.port()); }));
}

TEST(HttpServer, probes_are_answered_beside_clients_that_say_a_byte_at_a_time) {
  Fixed admin;
  admin.shown.healthy = true;
  HttpServer server({"127.0.0.1:0"}, admin);
  ASSERT_TRUE(server.start());
  const std::string request = "GET /healthz HTTP/1.1\r\n";
  EXPECT_TRUE(once([&] {
    std::vector<int> slow;
    for (int i = 0; i < 200; ++i) slow.push_back(connect_to(server.port()));
    bool quick = true;
    for (int round = 0; round < 5; ++round) {
      for (const int fd : slow) send(fd, &request[static_cast<std::size_t>(round)], 1, MSG_NOSIGNAL);
      quick = answers_at_once(server.port()) && quick;
      quick = answers_at_once(server.port(), "/metrics") && quick;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    for (const int fd : slow) close(fd);
    return quick;
  }));
}

TEST(HttpServer, a_request_has_two_seconds_in_all) {
  Fixed admin;
  HttpServer server({"127.0.0.1:0"}, admin);
  ASSERT_TRUE(server.start());
  EXPECT_TRUE(once([&] {
    const auto begin = std::chrono::steady_clock::now();
    const int fd = connect_to(server.port());
    while (send(fd, "a", 1, MSG_NOSIGNAL) == 1 && std::chrono::steady_clock::now() - begin < std::chrono::seconds(6)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    const auto took = std::chrono::steady_clock::now() - begin;
    EXPECT_GT(took, std::chrono::milliseconds(1500));
    close(fd);
    return took < std::chrono::seconds(4);
  }));
}

TEST(HttpServer, slow_readers_share_one_text_and_keep_nobody_waiting) {
  Fixed admin;
  admin.shown.healthy = true;
  for (int i = 0; i < 2000; ++i) admin.shown.partitions.emplace_back().at = {"topic_of_some_length", i};
  HttpServer server({"127.0.0.1:0"}, admin);
  ASSERT_TRUE(server.start());
  const auto size = get(server.port(), "/metrics").size();
  ASSERT_GT(size, 500u << 10) << "or readers do not have to be waited for";
  const auto before = resident_mib();
  EXPECT_TRUE(once([&] {
    std::vector<int> slow;
    for (int i = 0; i < 100; ++i) {
      slow.push_back(connect_to(server.port()));
      send_all(slow.back(), "GET /metrics HTTP/1.1\r\n\r\n", 1);
    }
    const bool quick = answers_at_once(server.port());
    EXPECT_LT(resident_mib() - before, 40) << "a copy for each would be " << size * 100 / (1 << 20) << " MiB";
    for (const int fd : slow) close(fd);
    return quick;
  }));
}

TEST(HttpServer, an_answer_ends_the_connection_and_head_has_no_body) {
  Fixed admin;
  HttpServer server({"127.0.0.1:0"}, admin);
  ASSERT_TRUE(server.start());
  const auto ask = [&](const std::string& text) {
    const int fd = connect_to(server.port());
    send_all(fd, text, 1);
    shutdown(fd, SHUT_WR);
    std::string answer;
    char block[4096];
    for (ssize_t got; (got = read(fd, block, sizeof block)) > 0;) answer.append(block, static_cast<std::size_t>(got));
    close(fd);
    return answer;
  };
  const auto twice = ask("GET /healthz HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n");
  EXPECT_EQ(twice.find("HTTP/1.1"), twice.rfind("HTTP/1.1")) << twice;
  EXPECT_NE(twice.find("Connection: close"), std::string::npos);
  EXPECT_TRUE(ask("HEAD /healthz HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n"));
  EXPECT_NE(ask("DELETE /healthz HTTP/1.1\r\n\r\n").find("Allow: GET, HEAD"), std::string::npos);
  EXPECT_EQ(ask("GET /healthz"), "") << "half a request has no answer";
}

TEST(HttpServer, an_empty_address_switches_it_off) {
  Fixed admin;
  HttpServer server({""}, admin);
  ASSERT_TRUE(server.start());
  EXPECT_EQ(server.port(), 0);
}

}  // namespace
}  // namespace sluice::runtime
