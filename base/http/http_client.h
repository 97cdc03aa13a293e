// Asks a server over HTTP: the one place with libcurl, for the schema registry and for webhooks.
//
// Used by one thread; a question takes up to its time-out, and ends at once (within a second) when its owner stops. TLS
// is verified, redirects are not followed, nothing but http and https is spoken. An answer of any status is an answer;
// an error is one line that says why there is none, and never holds the URL.
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice {

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers = {};  // "Name: value"
  std::optional<std::string> body = {};   // of a POST; without one it is a GET
  std::chrono::milliseconds timeout{5000};
  std::size_t longest_answer = 64u << 10;  // bytes
  bool only_status = false;                // once it is known, a body that is too long or never ends is no error
};

struct HttpAnswer {
  long status = 0;
  std::string body;
  std::chrono::seconds retry_after{0};  // as the server asks for, also where it names a time; 0: it does not
};

// Files (PEM) that take the place of the system's authorities, and that show who asks; empty: none.
struct HttpTrust {
  std::string authorities, certificate, key;
};

class HttpClient {
 public:
  // `stop`: ends what is under way once it is asked for.
  explicit HttpClient(std::stop_token stop, HttpTrust trust = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  std::expected<HttpAnswer, std::string> send(const HttpRequest& request);

 private:
  struct Handle;
  const std::stop_token stop_;
  const HttpTrust trust_;
  std::unique_ptr<Handle> handle_;
};

std::string curl_version();

}  // namespace sluice
