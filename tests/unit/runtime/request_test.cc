#include "runtime/http/request.h"

#include <gtest/gtest.h>

namespace sluice::runtime {
namespace {

int status_of(const std::string& text) {
  const auto request = parse_request(text);
  return request ? request->status : 0;
}

TEST(Request, is_a_method_a_path_and_headers) {
  const auto request = parse_request("GET /metrics?x=1 HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->status, 200);
  EXPECT_EQ(request->path, "/metrics");
  EXPECT_FALSE(request->head);
  EXPECT_TRUE(parse_request("HEAD / HTTP/1.0\n\n")->head);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"), 200);
}

TEST(Request, is_waited_for_while_it_may_become_one) {
  const std::string whole = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_EQ(status_of(whole.substr(0, size)), 0) << size;
  EXPECT_EQ(status_of(whole + std::string("anything \0 behind it", 20)), 200);
}

TEST(Request, of_another_form_is_refused_with_its_status) {
  EXPECT_EQ(status_of("POST / HTTP/1.1\r\n\r\n"), 405);
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\n"), 505);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nContent-Length: 1\r\n\r\n"), 413);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\ntransfer-ENCODING: chunked\r\n\r\n"), 413);
  EXPECT_EQ(status_of(std::string(4096, 'a')), 431);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nA: " + std::string(4096, 'a')), 431);
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 65; ++i) many += "A: b\r\n";
  EXPECT_EQ(status_of(many + "\r\n"), 431);
  for (const std::string broken :
       {"\r\n", "GET /\r\n", "GET / HTTP/1.1\r\nno colon\r\n", "GET / HTTP/1.1\r\n folded: a\r\n",
        "GET / HTTP/1.1\r\nA : b\r\n", "GET / HTTP/1.1\r\nA: b\x01\r\n", "G\x7fT / HTTP/1.1\r\n",
        "GET /\xff HTTP/1.1\r\n", "SSH-2.0-x\r\n", "GET / ICY/1.1\r\n", "\x16\x03\x01\x02\r\n"}) {
    EXPECT_EQ(status_of(broken), 400) << broken;
  }
  EXPECT_EQ(status_of(std::string("\x16\x03\0", 3)), 400) << "the beginning of TLS is answered at once";
}

}  // namespace
}  // namespace sluice::runtime
