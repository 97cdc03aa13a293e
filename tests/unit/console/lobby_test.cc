// Connections before their greeting: no thread, no place in the crowd, bounded in number and time.
#include "console/ssh/lobby.h"

#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "console/ssh/charset.h"
#include "console/ssh/input_buffer.h"

namespace sluice::console {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;
const Clock::time_point lobby_now{1000s};

class LobbyTest : public testing::Test {
 protected:
  // A guest; returns the client's end.
  int enter(Clock::time_point at = lobby_now) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    lobby_.enter(ends[0], *Address::parse("127.0.0.1"), at);
    clients_.push_back(ends[1]);
    return ends[1];
  }
  static void say(int client, std::string_view text) {
    EXPECT_EQ(send(client, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  static bool closed(int client) {
    char c = 0;
    return recv(client, &c, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN;  // unread bytes make it a reset
  }
  // Why guests were closed.
  std::string reasons() {
    std::vector<std::string> all;
    for (const auto& one : lobby_.take_closed()) all.push_back(one.why);
    return fmt::format("{}", fmt::join(all, ", "));
  }
  ~LobbyTest() override {
    for (const int client : clients_) close(client);
  }

  Lobby lobby_;
  std::vector<int> clients_;
};

TEST_F(LobbyTest, a_whole_greeting_is_let_in_unread) {
  const int client = enter();
  say(client, "SSH-2.0-Open");
  lobby_.look(lobby_now);
  EXPECT_FALSE(lobby_.next_greeted());
  say(client, "SSH_9.2\r\n\0\0\0\x1c"sv);
  lobby_.look(lobby_now);
  const auto guest = lobby_.next_greeted();
  ASSERT_TRUE(guest);
  char text[64];
  EXPECT_EQ(recv(guest->fd, text, sizeof text, 0), 25);
  EXPECT_EQ(lobby_.size(), 0U);
  close(guest->fd);
}

TEST_F(LobbyTest, what_is_not_a_greeting_is_closed_at_once) {
  const std::pair<std::string, std::string> cases[] = {
      {"GET / HTTP/1.1\r\nHost: x\r\n", "said 'GET / HTTP/1.1', which is not SSH 2"},
      {"SSH-1.5-x\r\n", "said 'SSH-1.5-x', which is not SSH 2"},
      {"\n", "said '\\u{a}', which is not SSH 2"},
      {"SSH-3", "said 'SSH-3', which is not SSH 2"},
      {{"\x16\x03\x01\x02\x00\x01", 6}, "said '\\u{16}\\u{3}\\u{1}\\u{2}\\u{0}\\u{1}', which is not SSH 2"},
      {{"SSH-2.0-\0\r\n", 11}, "said 'SSH-2.0-\\u{0}', which is not SSH 2"},
      {"SSH-2.0-" + std::string(300, 'x'), "began 'SSH-2.0-" + std::string(32, 'x') + "…', a greeting without an end"}};
  for (const auto& [text, why] : cases) {
    const int client = enter();
    say(client, text);
    lobby_.look(lobby_now);
    EXPECT_TRUE(closed(client)) << text;
    EXPECT_EQ(reasons(), why);
  }
}

TEST_F(LobbyTest, what_follows_a_greeting_and_is_no_packet_is_closed_at_once) {
  const std::string greeting = "SSH-2.0-x\r\n";
  for (const std::string_view junk :
       {"\0\0\0\0"sv, "\xff\xff\xff\xff"sv, "\0\0\1\0\x04\x14"sv, "\0\0\0\x1c\x04\xff"sv, "\0\0\0\x1c\x03\x14"sv,
        "\0\0\0\x1c\x1c\x14"sv, "GET / HTTP"sv, "x"sv, "\r"sv, "\0\0\0\x1c\x0a\x14"sv}) {
    const int client = enter();
    say(client, greeting + std::string(junk));
    lobby_.look(lobby_now);
    EXPECT_TRUE(closed(client));
    EXPECT_THAT(reasons(), testing::StartsWith("greeted as 'SSH-2.0-x' and sent '"));
  }
  for (const std::string_view packet :
       {""sv, "\0"sv, "\0\0\1"sv, "\0\0\1\x1c"sv, "\0\0\1\x1c\x0a\x14"sv, "\0\0\0\x1c\x0a\x02"sv}) {
    say(enter(), greeting + std::string(packet));
    lobby_.look(lobby_now);
    const auto guest = lobby_.next_greeted();
    ASSERT_TRUE(guest);
    close(guest->fd);
  }
  EXPECT_EQ(reasons(), "");
}

// A proposal of the keys with so many lists and what is behind them; whole, or its first bytes only.
std::string proposal(const std::string& list, int lists, std::size_t bytes = std::string::npos) {
  std::string body("\x14", 1);
  body += std::string(16, '\xff');
  for (int i = 0; i < lists; ++i) body += std::string(3, '\0') + static_cast<char>(list.size()) + list;
  body += std::string(5, '\0');
  const std::size_t padding = 4 + (8 - (body.size() + 9) % 8) % 8, length = body.size() + 1 + padding;
  std::string packet(2, '\0');
  packet += {static_cast<char>(length >> 8), static_cast<char>(length), static_cast<char>(padding)};
  return (packet + body + std::string(padding, 'p')).substr(0, bytes);
}

TEST_F(LobbyTest, a_proposal_that_holds_no_names_is_closed_at_once_also_in_part) {
  const std::string good = "curve25519-sha256,x@y", whole = proposal(good, 10);
  for (std::size_t bytes = 0; bytes <= whole.size(); ++bytes) {
    say(enter(), "SSH-2.0-x\r\n" + proposal(good, 10, bytes));
    lobby_.look(lobby_now);
    const auto guest = lobby_.next_greeted();
    ASSERT_TRUE(guest) << bytes << ": " << reasons();
    close(guest->fd);
  }
  for (const auto& junk : {proposal("a b", 10), proposal("a\x80", 10), proposal("\n", 10, 30), proposal(good, 1),
                           proposal(good, 10).replace(22, 2, "\xff\xff"), proposal("abc", 1, 22) + "\xff"}) {
    const int client = enter();
    say(client, "SSH-2.0-x\r\n" + junk);
    lobby_.look(lobby_now);
    EXPECT_TRUE(closed(client));
    EXPECT_THAT(reasons(), testing::HasSubstr("which is not an SSH packet"));
  }
}

TEST_F(LobbyTest, who_leaves_is_closed_at_once_and_told_of) {
  shutdown(enter(), SHUT_WR);
  lobby_.look(lobby_now);
  EXPECT_EQ(reasons(), "left without a word");
  const int half = enter();
  say(half, "SSH-2.0-half");
  shutdown(half, SHUT_WR);
  lobby_.look(lobby_now);
  EXPECT_EQ(reasons(), "left after 'SSH-2.0-half'");
}

TEST_F(LobbyTest, who_says_nothing_is_closed_after_three_seconds) {
  const int silent = enter(), halting = enter();
  say(halting, "SSH-2.0");
  lobby_.look(lobby_now + 2s);
  EXPECT_EQ(lobby_.size(), 2U);
  lobby_.look(lobby_now + 4s);
  EXPECT_EQ(lobby_.size(), 0U);
  EXPECT_TRUE(closed(silent));
  EXPECT_EQ(reasons(), "said nothing for 3 s, said 'SSH-2.0' within 3 s and no more");
}

TEST_F(LobbyTest, the_oldest_leaves_when_there_are_too_many) {
  const int first = enter();
  for (std::size_t i = 1; i <= Lobby::most; ++i) enter();
  EXPECT_EQ(lobby_.size(), Lobby::most);
  EXPECT_TRUE(closed(first));
}

TEST_F(LobbyTest, a_client_that_waits_for_the_servers_greeting_is_let_in_a_moment_later) {
  enter();
  EXPECT_FALSE(lobby_.next_patient(lobby_now + 100ms));
  const auto guest = lobby_.next_patient(lobby_now + 300ms);
  ASSERT_TRUE(guest);
  EXPECT_FALSE(guest->greeted);
  close(guest->fd);
}

TEST(Charset, is_what_the_locale_says_else_what_the_terminal_is_known_for) {
  EXPECT_TRUE(Charset().utf8("xterm-256color"));
  EXPECT_FALSE(Charset().utf8("vt100"));
  EXPECT_FALSE(Charset().utf8(""));
  const auto of = [](std::initializer_list<std::pair<const char*, const char*>> said, std::string_view term) {
    Charset charset;
    for (const auto& [name, value] : said) EXPECT_TRUE(charset.hear(name, value));
    return charset.utf8(term);
  };
  EXPECT_TRUE(of({{"LANG", "de_DE.UTF-8"}}, "vt100"));
  EXPECT_FALSE(of({{"LANG", "de_DE.ISO-8859-1"}}, "xterm"));
  EXPECT_FALSE(of({{"LANG", "de_DE.UTF-8"}, {"LC_ALL", "C"}}, "xterm"));
  EXPECT_TRUE(of({{"LC_ALL", ""}, {"LC_CTYPE", "C.utf8"}, {"LANG", "C"}}, "vt100"));
  EXPECT_FALSE(Charset().hear("PATH", "x"));
}

TEST(InputBuffer, is_used_from_the_front) {
  InputBuffer input;
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    input.append("0123456789");
    all += "0123456789";
    const auto part = std::string(input.rest().substr(0, 7));
    EXPECT_EQ(part, all.substr(0, 7));
    input.consume(7);
    all.erase(0, 7);
  }
  EXPECT_EQ(input.rest(), all);
  EXPECT_EQ(input.size(), all.size());
}

}  // namespace
}  // namespace sluice::console
