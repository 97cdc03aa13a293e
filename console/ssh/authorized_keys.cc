#include "console/ssh/authorized_keys.h"

#include <fmt/format.h>
#include <libssh/libssh.h>

#include <algorithm>

#include "console/ssh/authorized_keys_parser.h"

namespace sluice::console {
namespace {

Error refused_keys(std::string message) {
  return {ErrorClass::stop_service, {}, std::move(message)};
}

}  // namespace

struct KeyRing::Entry {
  Entry(KeyLine line, ssh_key imported) : text(std::move(line)), key(imported) {
    grant.login.caller.name = text.name;
    grant.login.caller.role = text.role;
    grant.login.caller.fingerprint = fingerprint(key);
    grant.login.commands = text.commands;
    grant.login.four_eyes = text.four_eyes;
    grant.login.no_color = text.no_color;
    grant.max_sessions = text.max_sessions;
    grant.pty = text.pty;
  }
  ~Entry() { ssh_key_free(key); }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

  KeyLine text;
  ssh_key key;
  Grant grant;
};

std::vector<Grant> KeyRing::grants() const {
  std::vector<Grant> all;
  for (const auto& entry : entries_) all.push_back(entry->grant);
  return all;
}

bool Grant::same_rights(const Grant& other) const {
  return login.caller.name == other.login.caller.name && login.caller.role == other.login.caller.role &&
         login.commands == other.login.commands && login.four_eyes == other.login.four_eyes &&
         login.no_color == other.login.no_color && pty == other.pty;
}

KeyRing::KeyRing() = default;
KeyRing::~KeyRing() = default;

Result<std::shared_ptr<const KeyRing>> KeyRing::load(const std::string& file, Owner owner) {
  const auto text = read_trusted(file, Readers::everybody, owner);
  if (!text) return std::unexpected(text.error());
  auto lines = parse_keys(*text, file);
  if (!lines) return std::unexpected(refused_keys(lines.error()));

  auto ring = std::make_shared<KeyRing>();
  for (auto& line : *lines) {
    ssh_key key = nullptr;
    const auto type = ssh_key_type_from_name(line.type.c_str());
    if (ssh_pki_import_pubkey_base64(line.base64.c_str(), type, &key) != SSH_OK) {
      return std::unexpected(
          refused_keys(fmt::format("{}:{}: the key is broken; copy the line of the .pub file again", file, line.line)));
    }
    ring->entries_.push_back(std::make_unique<Entry>(std::move(line), key));
  }
  return ring;
}

std::expected<const Grant*, std::string> KeyRing::find(ssh_key_struct* key, const Address& from,
                                                       WallClock::time_point now) const {
  const auto match = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) {
    return ssh_key_cmp(entry->key, key, SSH_KEY_CMP_PUBLIC) == 0;
  });
  if (match == entries_.end()) return std::unexpected("not listed");
  return permit(**match, from, now);
}

std::expected<const Grant*, std::string> KeyRing::find(const std::string& print, const Address& from,
                                                       WallClock::time_point now) const {
  const auto match = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const auto& entry) { return entry->grant.login.caller.fingerprint == print; });
  if (match == entries_.end()) return std::unexpected("not listed");
  return permit(**match, from, now);
}

std::expected<const Grant*, std::string> KeyRing::permit(const Entry& entry, const Address& from,
                                                         WallClock::time_point now) {
  if (entry.text.expires && now >= *entry.text.expires) {
    return std::unexpected(fmt::format("key of {} has expired", entry.text.name));
  }
  const bool near =
      entry.text.from.empty() || std::any_of(entry.text.from.begin(), entry.text.from.end(),
                                             [&](const Network& network) { return network.contains(from); });
  if (!near) return std::unexpected(fmt::format("key of {} is not allowed from here", entry.text.name));
  return &entry.grant;
}

std::size_t KeyRing::size() const {
  return entries_.size();
}

std::string revoked(const KeyRing& keys, const Grant& grant, const Address& from, WallClock::time_point now,
                    int older) {
  const auto& print = grant.login.caller.fingerprint;
  const auto found = keys.find(print, from, now);
  if (!found) return fmt::format("your key is not accepted any more: {}", found.error());
  if (!(*found)->same_rights(grant)) return "your rights were changed; log in again";
  if (older < (*found)->max_sessions) return {};
  return fmt::format("your key may have {} sessions at a time now", (*found)->max_sessions);
}

std::string fingerprint(ssh_key_struct* key) {
  unsigned char* hash = nullptr;
  std::size_t length = 0;
  if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &length) != 0) {
    return "unknown";
  }
  char* text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, length);
  std::string print = text == nullptr ? "unknown" : text;
  ssh_string_free_char(text);
  ssh_clean_pubkey_hash(&hash);
  return print;
}

}  // namespace sluice::console
