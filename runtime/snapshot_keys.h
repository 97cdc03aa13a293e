// Which keys a topic holds, and what a snapshot of its whole state leaves of them: for `publish --snapshot`.
//
// Used by one thread; pure but for read_keys(), which reads the topic with consumers of its own, blocking, a minute for
// a thousand records at most. Memory: each key that the log still holds, once, with about 90 bytes beside it; no
// values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "config/pipeline.h"

namespace sluice::runtime {

class SnapshotKeys {
 public:
  // A record of the topic, in the order of its partition.
  void see(std::int32_t partition, std::optional<std::string_view> key, bool tombstone);
  // The partition is read from its beginning once more: its records without a key are counted again, and what they say
  // of keys they say once more.
  void begin_again(std::int32_t partition) { without_key_.erase(partition); }
  // The partition that has the key's records; nothing if the key is new, or has been in several.
  std::optional<std::int32_t> partition_of(std::string_view key) const;
  // The key is in the snapshot.
  void keep(std::string_view key);
  // Calls with each live key that is not in the snapshot, once for each partition that it lives in, as long as true is
  // returned; returns false after a false.
  bool each_gone(const std::function<bool(std::string_view key, std::int32_t partition)>& visit) const;

  std::int64_t without_key() const;  // records that no tombstone can remove
  std::size_t live() const;
  std::size_t kept() const { return kept_; }  // live ones that are in the snapshot

 private:
  struct Place {
    std::int32_t partition = 0;  // of the first record
    bool live = false;           // there
    bool kept = false;
    std::unique_ptr<std::map<std::int32_t, bool>> others{};  // further partitions; live there

    bool lives() const;
  };
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  std::unordered_map<std::string, Place, Hash, std::equal_to<>> places_;
  std::map<std::int32_t, std::int64_t> without_key_;  // by partition
  std::size_t kept_ = 0;
};

// Of the committed records that the topic has now; empty for a topic that does not exist yet.
Result<SnapshotKeys> read_keys(const config::Kafka& kafka, const std::string& topic);

}  // namespace sluice::runtime
