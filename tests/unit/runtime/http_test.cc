#include "runtime/http/http.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>
#include <vector>

namespace sluice::runtime {
namespace {

class Fixed final : public SnapshotSource {
 public:
  Snapshot shown;
  Snapshot snapshot() const override { return shown; }
};

int connect_to(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

// The whole response; the server closes after it.
std::string get(int port, const std::string& path) {
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
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  for (const int fd : silent) close(fd);
}

TEST(HttpServer, an_empty_address_switches_it_off) {
  Fixed admin;
  HttpServer server({""}, admin);
  ASSERT_TRUE(server.start());
  EXPECT_EQ(server.port(), 0);
}

}  // namespace
}  // namespace sluice::runtime
