// The connection string as text: references keep to their place, and what is shown holds no secret.
#include "config/postgres_url.h"

#include <gtest/gtest.h>

#include "config/validators.h"

namespace sluice::config {
namespace {

std::string filled(const std::string& before, const std::string& value, const std::string& after) {
  return before + encode_reference(before, after, value) + after;
}

TEST(PostgresUrl, what_a_reference_brings_is_one_value_in_its_place) {
  const std::string password = "a@b/c:d%e?f#g h'i\\j&k=l";
  const std::string encoded = "a%40b%2Fc%3Ad%25e%3Ff%23g%20h%27i%5Cj%26k%3Dl";
  EXPECT_EQ(filled("postgresql://app:", password, "@h/db"), "postgresql://app:" + encoded + "@h/db");
  EXPECT_EQ(filled("postgres://", "a@b", ":x@h"), "postgres://a%40b:x@h");
  EXPECT_EQ(filled("postgresql://${file:/a/b?c@d}:", "p/w", "@h/${env:DB}"),
            "postgresql://${file:/a/b?c@d}:p%2Fw@h/${env:DB}");
  EXPECT_EQ(filled("postgresql://h/db?password=", password, "&sslmode=require"),
            "postgresql://h/db?password=" + encoded + "&sslmode=require");
  EXPECT_EQ(filled("postgresql://app@h/", "my db", ""), "postgresql://app@h/my%20db");
  EXPECT_EQ(filled("password=", password, " host=h"), "password=a@b/c:d%e?f#g\\ h\\'i\\\\j&k=l host=h");
  EXPECT_EQ(filled("password='", "it's \\ x", "' host=h"), "password='it\\'s \\\\ x' host=h");
  EXPECT_EQ(filled("password=", "", " host=h"), "password='' host=h");
  EXPECT_EQ(filled("password =  ", "a b", " host=h"), "password =  a\\ b host=h");
  EXPECT_EQ(filled("password = 'a ", "it's", "'"), "password = 'a it\\'s'");
  EXPECT_EQ(filled("password=x", "y z", ""), "password=xy\\ z");
}

TEST(PostgresUrl, hosts_parameters_and_whole_strings_come_as_they_are) {
  EXPECT_EQ(filled("postgresql://app@", "a:1,b:2", "/db"), "postgresql://app@a:1,b:2/db");
  EXPECT_EQ(filled("postgresql://h/db?", "a=b&c=d", ""), "postgresql://h/db?a=b&c=d");
  EXPECT_EQ(filled("", "postgresql://a:b@c/d", ""), "postgresql://a:b@c/d");
  EXPECT_EQ(filled("host=h ", "user=x password=y", ""), "host=h user=x password=y");
}

TEST(PostgresUrl, what_a_reference_brings_is_one_value_in_the_user_info_of_http_urls) {
  const auto in_urls = [](const std::string& before, const std::string& value, const std::string& after) {
    return before + encode_in_http_urls(before, after, value) + after;
  };
  EXPECT_EQ(in_urls("http://app:", "p@s/s,w:d", "@h:1/path"), "http://app:p%40s%2Fs%2Cw%3Ad@h:1/path");
  EXPECT_EQ(in_urls("http://a:1/x,https://", "a@b", ":${file:/x/y}@h:2"),
            "http://a:1/x,https://a%40b:${file:/x/y}@h:2");
  EXPECT_EQ(in_urls("http://", "a:1/x", ""), "http://a:1/x");
  EXPECT_EQ(in_urls("http://a:1/", "x/y", ",http://u:p@b:2"), "http://a:1/x/y,http://u:p@b:2");
  EXPECT_EQ(in_urls("", "http://a:1,http://u:p@b:2", ""), "http://a:1,http://u:p@b:2");
}

TEST(PostgresUrl, a_second_at_sign_is_refused_with_what_to_write) {
  for (const auto* url : {"postgresql://app:a@b@h/db", "postgresql://app:a/b@h/db", "postgresql://@@h/db"})
    EXPECT_NE(check_postgres_url(url).find("%40"), std::string::npos) << url;
  for (const auto* url : {"postgresql://app:a%40b@h/db", "postgresql://h/db", "postgresql://app@h/db?password=a@b"})
    EXPECT_EQ(check_postgres_url(url), "") << url;
}

TEST(PostgresUrl, a_parameter_that_libpq_does_not_know_is_named_with_the_nearest_and_its_value_is_not) {
  struct Case {
    const char *url, *told;
  };
  for (const auto& [url, told] : {
           Case{"postgresql://h/db?sslmod=require",
                "the parameter sslmod, which libpq does not know; did you mean sslmode?"},
           Case{"postgresql://h/db?a=hunter2", "the parameter a, which libpq does not know; remove it"},
           Case{"postgresql://h/db?SSLMODE=require",
                "the parameter SSLMODE, which libpq does not know; did you mean sslmode?"},
           Case{"postgresql://h/db?ssl=false", "the parameter ssl, which libpq does not know; did you mean sslmode?"},
           Case{"postgresql://h/db?currentSchema=x", "did you mean options=-csearch_path=?"},
           Case{"host=h database=x", "the parameter database, which libpq does not know; did you mean dbname?"},
           Case{"host=h sslmode=requir",
                "a sslmode that libpq does not know; write disable | allow | prefer | require"},
           Case{"postgresql://h/db?connect_timeout=5s", "a connect_timeout that is not a whole number"},
           Case{"postgresql://h/db?target_session_attrs=readwrite", "write any | read-write | read-only"},
           Case{"postgresql://app:pa?hunter2=x@h/db", "has the parameter, which libpq does not know; remove it"},
       }) {
    EXPECT_NE(check_postgres_url(url).find(told), std::string::npos) << url << ": " << check_postgres_url(url);
    EXPECT_EQ(check_postgres_url(url).find("hunter2"), std::string::npos) << url;
  }
  for (const auto* url :
       {"postgresql://h/db?ssl=true&%73slmode=require&require_auth=scram-sha-256",
        "host=h sslmode='verify-full' port=1",
        "postgresql://h/db?options=-c%20search_path%3Dx&connect_timeout=10&target_session_attrs=primary"})
    EXPECT_EQ(check_postgres_url(url), "") << url;
}

TEST(PostgresUrl, host_port_database_user_and_sslmode_are_shown_and_nothing_else) {
  EXPECT_EQ(shown_url("postgresql://app:secret@h:5432/shop?sslmode=require&sslpassword=secret"),
            "postgresql://app:********@h:5432/shop?sslmode=require&sslpassword=********");
  EXPECT_EQ(shown_url("postgresql://app@a,b/shop"), "postgresql://app@a,b/shop");
  EXPECT_EQ(shown_url("host=h  password = 'sec ret\\'x' user=app passfile=/x sslmode=disable"),
            "host=h password=******** user=app passfile=******** sslmode=disable");
}

}  // namespace
}  // namespace sluice::config
