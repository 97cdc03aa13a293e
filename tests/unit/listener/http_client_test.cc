// Whom a server's answer reaches though its body does not end.
#include "base/http/http_client.h"

#include <httplib.h>

#include <atomic>
#include <chrono>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

namespace sluice {
namespace {

using std::chrono::milliseconds;

// /long answers more than is read, /stalled begins a body and goes on with it when the server ends.
class Server {
 public:
  Server() {
    server_.Post("/long", [](const httplib::Request&, httplib::Response& response) {
      response.set_content(std::string(4096, 'x'), "text/plain");
    });
    server_.Post("/stalled", [this](const httplib::Request&, httplib::Response& response) {
      response.status = 202;
      response.set_chunked_content_provider("text/plain", [this](std::size_t, httplib::DataSink& sink) {
        sink.write("x", 1);
        ends_.wait(false);
        sink.done();
        return true;
      });
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!server_.is_running() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(milliseconds(1));
  }
  ~Server() {
    ends_ = true;
    ends_.notify_all();
    server_.stop();
    thread_.join();
  }

  HttpRequest request(const std::string& path, bool only_status) const {
    HttpRequest request;
    request.url = "http://127.0.0.1:" + std::to_string(port_) + path;
    request.body = "{}";
    request.timeout = milliseconds(path == "/stalled" ? 2000 : 60'000);
    request.longest_answer = 1024;
    request.only_status = only_status;
    return request;
  }

 private:
  httplib::Server server_;
  std::atomic<bool> ends_ = false;
  int port_ = 0;
  std::thread thread_;
};

TEST(HttpClient, who_wants_the_status_alone_has_it_whatever_the_body_does) {
  const Server server;
  HttpClient client(std::stop_token{});
  for (const auto& [path, status] : {std::pair("/long", 200), std::pair("/stalled", 202)}) {
    const auto answer = client.send(server.request(path, true));
    ASSERT_TRUE(answer) << path << ": " << answer.error();
    EXPECT_EQ(answer->status, status) << path;
  }
}

TEST(HttpClient, whose_body_is_wanted_and_does_not_end_has_not_answered) {
  const Server server;
  HttpClient client(std::stop_token{});
  for (const auto* path : {"/long", "/stalled"}) EXPECT_FALSE(client.send(server.request(path, false))) << path;
}

}  // namespace
}  // namespace sluice
