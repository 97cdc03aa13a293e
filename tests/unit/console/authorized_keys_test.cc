// The keys file of the console: what it grants, and what it refuses to load.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libssh/libssh.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "console/ssh/authorized_keys.h"
#include "console/ssh/authorized_keys_parser.h"
#include "console/ssh/key_pair.h"

namespace sluice::console {
namespace {

using testing::HasSubstr;

constexpr std::string_view key_a = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA11rmQd+lbcn8BPBu0gMcPEs9AOxUzxkqsO1cj7RzDl";

std::string base64(const std::string& bytes) {
  static constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) text += i + j <= bytes.size() ? alphabet[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

std::string field(const std::string& bytes) {
  const auto n = bytes.size();
  return std::string{static_cast<char>(n >> 24), static_cast<char>(n >> 16), static_cast<char>(n >> 8),
                     static_cast<char>(n)} +
         bytes;
}

std::string rsa_key(std::size_t bits) {
  std::string modulus(bits / 8, '\x55');
  modulus.front() = '\x80';
  return "ssh-rsa " + base64(field("ssh-rsa") + field(std::string("\x01\x00\x01", 3)) + field('\0' + modulus));
}

std::string line_of(std::string_view options, std::string_view key = key_a) {
  return std::string(options) + " " + std::string(key) + " comment\n";
}

std::string error_of(const std::string& text) {
  const auto keys = parse_keys(text, "keys");
  return keys ? "no error" : keys.error();
}

TEST(KeysFile, options_without_a_value_stand_alone_or_among_others) {
  const auto keys = parse_keys(line_of(R"(role="admin",four-eyes,no-color)"), "keys");
  ASSERT_TRUE(keys) << keys.error();
  EXPECT_TRUE(keys->front().four_eyes && keys->front().no_color && keys->front().pty);
  EXPECT_NE(error_of(line_of(R"(role="admin",four-eyes="yes")")).find("unknown option 'four-eyes'"), std::string::npos);
  EXPECT_NE(error_of(line_of(R"(role="admin",six-eyes)")).find("no-pty, no-color, four-eyes"), std::string::npos);
}

TEST(KeysFile, options_become_what_the_key_may_do) {
  const auto keys =
      parse_keys("# people\r\n\r\n" + line_of(R"(role="operator",name="alice",from="10.0.0.0/8, ::1",max-sessions="3",)"
                                              R"(expiry-time="20271231Z",commands="status,count",no-pty)"),
                 "keys");
  ASSERT_TRUE(keys) << keys.error();
  ASSERT_EQ(keys->size(), 1U);
  const auto& key = keys->front();
  EXPECT_EQ(key.line, 3);
  EXPECT_EQ(key.role, "operator");
  EXPECT_EQ(key.name, "alice");
  EXPECT_EQ(key.max_sessions, 3);
  EXPECT_FALSE(key.pty);
  EXPECT_THAT(key.commands, testing::ElementsAre("status", "count"));
  EXPECT_EQ(WallClock::to_time_t(key.expires.value()), 1830211200);
  ASSERT_EQ(key.from.size(), 2U);
  EXPECT_TRUE(key.from[0].contains(*Address::parse("10.255.0.1")));
  EXPECT_FALSE(key.from[0].contains(*Address::parse("11.0.0.1")));
  EXPECT_TRUE(key.from[1].contains(*Address::parse("::1")));
}

TEST(KeysFile, without_a_name_the_comment_names_the_key_and_a_role_is_never_implied) {
  const auto keys = parse_keys(line_of(R"(role="viewer")"), "keys");
  ASSERT_TRUE(keys) << keys.error();
  EXPECT_EQ(keys->front().name, "comment");
  EXPECT_EQ(error_of(std::string(key_a) + " comment\n"),
            R"(keys:1: the key has no role; begin the line with role="viewer")");
}

TEST(KeysFile, what_is_not_understood_is_an_error_that_names_the_line) {
  EXPECT_THAT(error_of("\n" + line_of(R"(role="viewer",command="x")")), HasSubstr("keys:2: unknown option 'command'"));
  EXPECT_THAT(error_of(line_of(R"(role="boss")")), HasSubstr("unknown role 'boss'"));
  EXPECT_THAT(error_of(line_of(R"(role="viewer,name="x")")), HasSubstr("unknown role"));
  EXPECT_THAT(error_of(line_of(R"(role="viewer)")), HasSubstr("no closing quote"));
  EXPECT_THAT(error_of(line_of(R"(role=viewer)")), HasSubstr("no quotes"));
  EXPECT_THAT(error_of(line_of(R"(role="viewer",role="admin")")), HasSubstr("appears twice"));
  EXPECT_THAT(error_of(line_of(R"(role="viewer",from="10.0.0.0/33")")), HasSubstr("'10.0.0.0/33' is not an address"));
  EXPECT_THAT(error_of(line_of(R"(role="viewer",expiry-time="20270230Z")")), HasSubstr("is not a time"));
  EXPECT_THAT(error_of(line_of(R"(role="viewer",max-sessions="0")")), HasSubstr("is not a number of sessions"));
  EXPECT_THAT(error_of(line_of(R"(role="viewer",name="a b")")), HasSubstr("is not a plain word"));
  EXPECT_THAT(error_of(line_of(R"(role="viewer")", "ssh-dss AAAA")), HasSubstr("unknown key type"));
  EXPECT_THAT(error_of(line_of(R"(role="viewer")", "ssh-ed25519-cert-v01@openssh.com AAAA")),
              HasSubstr("certificates are not supported"));
  EXPECT_THAT(error_of(line_of(R"(role="viewer")", "ssh-ed25519 AAAA!AAA")), HasSubstr("not valid base64"));
  EXPECT_THAT(error_of(line_of(R"(role="viewer")", "ssh-rsa" + std::string(key_a.substr(11)))),
              HasSubstr("of another type"));
}

TEST(KeysFile, an_error_shows_no_control_character_of_the_file) {
  const auto error = error_of("\x1b[2J\x07 AAAA\n");
  EXPECT_THAT(error, HasSubstr("unknown key type"));
  EXPECT_EQ(error.find('\x1b'), std::string::npos);
}

TEST(KeysFile, an_rsa_key_below3072_bits_is_refused_by_the_length_of_its_modulus) {
  EXPECT_THAT(error_of(line_of(R"(role="viewer")", rsa_key(1024))), HasSubstr("RSA key of 1024 bits"));
  EXPECT_THAT(error_of(line_of(R"(role="viewer")", rsa_key(3064))), HasSubstr("RSA key of 3064 bits"));
  EXPECT_EQ(error_of(line_of(R"(role="viewer")", rsa_key(3072))), "no error");
}

TEST(KeysFile, a_key_stands_in_the_file_once) {
  EXPECT_THAT(error_of(line_of(R"(role="viewer")") + line_of(R"(role="admin")")),
              HasSubstr("keys:2: the key is already in line 1"));
}

class KeyRingTest : public testing::Test {
 protected:
  KeyRingTest() { std::filesystem::create_directory(folder_); }
  ~KeyRingTest() override {
    ssh_key_free(key_);
    std::filesystem::remove_all(folder_);
  }
  std::string write(const std::string& text, mode_t mode = 0600) {
    const auto file = (folder_ / "keys").string();
    std::ofstream(file) << text;
    chmod(file.c_str(), mode);
    return file;
  }
  static ssh_key import() {
    ssh_key key = nullptr;
    const auto text = std::string(key_a.substr(key_a.find(' ') + 1));
    EXPECT_EQ(ssh_pki_import_pubkey_base64(text.c_str(), SSH_KEYTYPE_ED25519, &key), SSH_OK);
    return key;
  }

  std::filesystem::path folder_ = std::filesystem::temp_directory_path() / ("console_keys_" + std::to_string(getpid()));
  ssh_key key_ = import();
  Address here_ = *Address::parse("127.0.0.1");
};

TEST_F(KeyRingTest, a_listed_key_is_granted_its_role_under_its_fingerprint) {
  const auto ring = KeyRing::load(write(line_of(R"(role="operator",name="alice")")));
  ASSERT_TRUE(ring) << ring.error().message;
  const auto grant = (*ring)->find(key_, here_, WallClock::now());
  ASSERT_TRUE(grant) << grant.error();
  EXPECT_EQ((*grant)->login.caller.name, "alice");
  EXPECT_EQ((*grant)->login.caller.role, "operator");
  EXPECT_EQ((*grant)->login.caller.fingerprint, fingerprint(key_));
  EXPECT_EQ(*(*ring)->find(fingerprint(key_), here_, WallClock::now()), *grant);
}

TEST_F(KeyRingTest, an_expired_key_and_one_from_elsewhere_are_refused) {
  const auto ring = KeyRing::load(write(line_of(R"(role="viewer",from="10.0.0.0/8",expiry-time="20300101Z")")));
  ASSERT_TRUE(ring) << ring.error().message;
  const auto before = WallClock::from_time_t(1893455999), expired = WallClock::from_time_t(1893456000);
  EXPECT_TRUE((*ring)->find(key_, *Address::parse("10.1.2.3"), before));
  EXPECT_EQ((*ring)->find(key_, *Address::parse("10.1.2.3"), expired).error(), "key of comment has expired");
  EXPECT_EQ((*ring)->find(key_, here_, before).error(), "key of comment is not allowed from here");
  EXPECT_EQ(KeyRing().find(key_, here_, before).error(), "not listed");
}

TEST_F(KeyRingTest, a_session_goes_on_while_its_key_would_be_let_in_with_the_same_rights) {
  const auto before = WallClock::from_time_t(1893455999), expired = WallClock::from_time_t(1893456000);
  const auto ring_of = [&](const std::string& options) { return *KeyRing::load(write(line_of(options))); };
  const auto first = ring_of(R"(role="viewer",name="eve")");
  const Grant grant = **first->find(key_, here_, before);
  const auto why = [&](const std::string& options, WallClock::time_point at, int older = 0) {
    return revoked(*ring_of(options), grant, here_, at, older);
  };
  EXPECT_EQ(revoked(*first, grant, here_, before, 3), "");
  EXPECT_THAT(revoked(KeyRing(), grant, here_, before, 0), HasSubstr("not listed"));
  EXPECT_THAT(why(R"(role="viewer",name="eve",from="10.0.0.0/8")", before), HasSubstr("not allowed from here"));
  EXPECT_EQ(why(R"(role="viewer",name="eve",expiry-time="20300101Z")", before), "");
  EXPECT_THAT(why(R"(role="viewer",name="eve",expiry-time="20300101Z")", expired), HasSubstr("has expired"));
  for (const auto* changed : {R"(role="admin",name="eve")", R"(role="viewer",name="adam")",
                              R"(role="viewer",name="eve",no-pty)", R"(role="viewer",name="eve",commands="status")"}) {
    EXPECT_THAT(why(changed, before), HasSubstr("rights were changed")) << changed;
  }
  EXPECT_EQ(why(R"(role="viewer",name="eve",max-sessions="2")", before, 1), "");
  EXPECT_THAT(why(R"(role="viewer",name="eve",max-sessions="2")", before, 2), HasSubstr("2 sessions at a time"));
}

TEST_F(KeyRingTest, a_link_within_its_mount_is_followed_as_kubernetes_makes_them) {
  const auto folder = folder_ / "..2026";
  std::filesystem::create_directory(folder);
  std::filesystem::rename(write(line_of(R"(role="viewer")")), folder / "keys");
  std::filesystem::create_directory_symlink("..2026", folder_ / "..data");
  std::filesystem::create_symlink("..data/keys", folder_ / "keys");
  EXPECT_TRUE(KeyRing::load((folder_ / "keys").string()));
  const auto made = load_host_key((folder / "host").string());
  ASSERT_TRUE(made) << made.error().message;
  ssh_key_free(*made);
  std::filesystem::create_symlink("..data/host", folder_ / "host");
  const auto linked = load_host_key((folder_ / "host").string());
  ASSERT_TRUE(linked) << linked.error().message;
  ssh_key_free(*linked);
  std::filesystem::create_symlink("/proc/self/maps", folder_ / "elsewhere");
  EXPECT_THAT(KeyRing::load((folder_ / "elsewhere").string()).error().message, HasSubstr("another file system"));
  std::filesystem::create_symlink("nowhere", folder_ / "dangling");
  EXPECT_FALSE(load_host_key((folder_ / "dangling").string()));
}

TEST_F(KeyRingTest, a_folder_that_everybody_may_write_is_refused) {
  const auto file = write(line_of(R"(role="viewer")"));
  chmod(folder_.c_str(), 0777);
  EXPECT_THAT(KeyRing::load(file).error().message, HasSubstr("chmod o-w"));
  chmod(folder_.c_str(), 01777);
  EXPECT_TRUE(KeyRing::load(file)) << "the sticky bit keeps others from replacing it";
  chmod(folder_.c_str(), 0755);
}

TEST_F(KeyRingTest, a_pipe_is_refused_at_once) {
  const auto pipe = (folder_ / "pipe").string();
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(KeyRing::load(pipe).error().message, HasSubstr("not a regular file"));
}

TEST_F(KeyRingTest, a_host_key_may_be_the_setting_itself) {
  const auto file = (folder_ / "host").string();
  const auto made = load_host_key(file);
  ASSERT_TRUE(made);
  std::ifstream in(file);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const auto given = load_host_key(text.substr(0, text.size() - 1));  // a reference loses the last line end
  ASSERT_TRUE(given) << given.error().message;
  EXPECT_EQ(fingerprint(*made), fingerprint(*given));
  ssh_key_free(*made);
  ssh_key_free(*given);
  EXPECT_THAT(load_host_key("-----BEGIN nonsense").error().message,
              HasSubstr("console.host_key: is not a private key"));
}

TEST_F(KeyRingTest, a_file_that_others_may_write_is_refused) {
  for (const mode_t mode : {mode_t{0620}, mode_t{0602}}) {
    const auto ring = KeyRing::load(write(line_of(R"(role="viewer")"), mode));
    ASSERT_FALSE(ring);
    EXPECT_THAT(ring.error().message, HasSubstr("chmod go-w"));
  }
  EXPECT_TRUE(KeyRing::load(write(line_of(R"(role="viewer")"), 0644)));
}

TEST_F(KeyRingTest, a_host_key_is_made_once_with_mode0600_and_refused_when_others_may_read_it) {
  const auto file = (folder_ / "host").string();
  const auto made = load_host_key(file);
  ASSERT_TRUE(made) << made.error().message;
  const auto again = load_host_key(file);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(fingerprint(*made), fingerprint(*again));
  ssh_key_free(*made);
  ssh_key_free(*again);
  struct stat about{};
  ASSERT_EQ(stat(file.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0600U);
  chmod(file.c_str(), 0644);
  const auto open = load_host_key(file);
  ASSERT_FALSE(open);
  EXPECT_THAT(open.error().message, HasSubstr("chmod 600"));
}

}  // namespace
}  // namespace sluice::console
