#include "base/http/http_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/printable.h"

namespace sluice {
namespace {

struct Received {
  std::string& body;
  std::size_t at_most;
};

std::size_t receive(char* data, std::size_t, std::size_t size, void* to) {
  auto& received = *static_cast<Received*>(to);
  if (received.body.size() + size > received.at_most) return 0;  // ends the transfer
  received.body.append(data, size);
  return size;
}

int is_stopped(void* stop, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0;
}

}  // namespace

struct HttpClient::Handle {
  CURL* curl = nullptr;

  Handle() {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    curl = curl_easy_init();
  }
  ~Handle() { curl_easy_cleanup(curl); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
};

HttpClient::HttpClient(std::stop_token stop, HttpTrust trust)
    : stop_(std::move(stop)), trust_(std::move(trust)), handle_(std::make_unique<Handle>()) {}

HttpClient::~HttpClient() = default;

std::expected<HttpAnswer, std::string> HttpClient::send(const HttpRequest& request) {
  CURL* curl = handle_->curl;
  if (!curl) return std::unexpected("libcurl does not start");
  HttpAnswer answer;
  Received received{answer.body, request.longest_answer};
  char reason[CURL_ERROR_SIZE] = {};
  const auto timeout = static_cast<long>(request.timeout.count());
  curl_slist* headers = nullptr;
  for (const auto& header : request.headers) headers = curl_slist_append(headers, header.c_str());
  curl_easy_reset(curl);  // keeps its connections
#if LIBCURL_VERSION_NUM >= 0x075700
  curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);  // a name server that does not answer is not waited for
#endif
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");  // what libcurl can unpack; its length is bounded unpacked
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "sluice/" SLUICE_VERSION);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &received);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, is_stopped);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &stop_);
  if (request.body) {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body->size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body->c_str());
  }
  if (!trust_.authorities.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, trust_.authorities.c_str());
  if (!trust_.certificate.empty()) curl_easy_setopt(curl, CURLOPT_SSLCERT, trust_.certificate.c_str());
  if (!trust_.key.empty()) curl_easy_setopt(curl, CURLOPT_SSLKEY, trust_.key.c_str());
  const CURLcode code = curl_easy_perform(curl);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, nullptr);
  curl_slist_free_all(headers);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
  const bool is_known = request.only_status && answer.status >= 200;
  if (code == CURLE_WRITE_ERROR && !is_known)
    return std::unexpected(fmt::format("its answer is longer than {} KiB", request.longest_answer >> 10));
  if (code != CURLE_OK && !is_known)
    return std::unexpected(reason[0] ? printable(reason, 200) : curl_easy_strerror(code));
  curl_off_t wait = 0;
  if (curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0)
    answer.retry_after = std::chrono::seconds(std::min<curl_off_t>(wait, 86'400));
  return answer;
}

std::string curl_version() {
  return curl_version_info(CURLVERSION_NOW)->version;
}

}  // namespace sluice
