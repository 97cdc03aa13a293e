// TLS is demanded where the connection leaves the machine, and pieces of a secret are not told.
#include "sink/connection_options.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace sluice::sink {
namespace {

std::vector<ConnectionOptions> options(const std::string& url) {
  const auto made = connection_options(Secret(url), "sluice");
  EXPECT_TRUE(made);
  return made.value_or(std::vector<ConnectionOptions>{});
}

TEST(ConnectionOptions, a_host_elsewhere_gets_verify_full_unless_an_sslmode_is_given) {
  for (const auto* remote : {"postgresql://app@db/shop", "host=10.0.0.1", "host=localhost hostaddr=10.0.0.1",
                             "host=db hostaddr=127.0.0.1", "postgresql://app@[2001:db8::1]/shop",
                             "host=127.0.0.1.example", "host=localhost.example", "hostaddr=192.168.0.1"}) {
    const auto made = options(remote);
    ASSERT_EQ(made.size(), 1u);
    EXPECT_EQ(made[0].get("sslmode"), "verify-full") << remote;
    EXPECT_TRUE(made[0].demands_tls);
    EXPECT_EQ(options(std::string(remote) +
                      (std::string(remote).find("://") != std::string::npos ? "?sslmode=prefer" : " sslmode=prefer"))[0]
                  .get("sslmode"),
              "prefer");
  }
  for (const auto* local :
       {"postgresql:///shop", "host=/var/run/postgresql", "host=127.3.4.5", "postgresql://app@[::1]/shop",
        "host=localhost hostaddr=127.0.0.1", "hostaddr=::1", "postgresql://%2Ftmp/shop"}) {
    EXPECT_NE(options(local)[0].get("sslmode"), "verify-full") << local;
  }
}

TEST(ConnectionOptions, each_of_several_hosts_is_judged_by_itself) {
  const auto made = options("postgresql://app@127.0.0.1:1,db:2,localhost:3/shop");
  ASSERT_EQ(made.size(), 3u);
  EXPECT_FALSE(made[0].demands_tls);
  EXPECT_TRUE(made[1].demands_tls);
  EXPECT_FALSE(made[2].demands_tls);
  EXPECT_EQ(made[1].server(), "db:2");
}

TEST(ConnectionOptions, the_environment_names_host_and_sslmode) {
  setenv("PGHOST", "db", 1);
  EXPECT_TRUE(options("user=app")[0].demands_tls);
  setenv("PGSSLMODE", "prefer", 1);
  EXPECT_FALSE(options("user=app")[0].demands_tls);
  unsetenv("PGHOST");
  unsetenv("PGSSLMODE");
}

TEST(ConnectionOptions, pieces_of_a_secret_are_masked_and_other_words_are_left) {
  const std::string secret = "S3cretHead@S3cretTail";
  EXPECT_EQ(without_secret("could not translate host name \"S3cretTail@127.0.0.1\"", secret),
            "could not translate host name \"********@127.0.0.1\"");
  EXPECT_EQ(without_secret("nothing of it", secret), "nothing of it");
  EXPECT_EQ(without_secret("a pass: word1", "word1"), "a pass: ********");
  EXPECT_EQ(without_secret("an app", "a"), "an app");
}

}  // namespace
}  // namespace sluice::sink
