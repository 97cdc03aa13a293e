// The table of what becomes of each setting of a Connect JDBC sink: the converter works it off, and the page
// docs/from-kafka-connect.md is written from it.
//
// Constant; pure functions of any thread. A row takes its setting into the Sink, or has none and says why there is no
// equivalent. Values of the file are only ever read, never part of a reason.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "runtime/init/sink_model.h"

namespace sluice::runtime {

struct SinkSetting {
  std::string_view name;      // ends in a dot: all settings that begin so
  unsigned sinks = any_sink;  // that read it
  std::string_view becomes;   // Sluice's setting; empty: it has no equivalent
  std::string_view text;      // how, or why not
  void (*apply)(Sink& sink, const ConnectEntry& entry) = nullptr;
};

inline constexpr std::string_view tries_again =
    "Sluice tries again until it succeeds, with a back-off; nothing is given up";

// In the order in which they are applied: the chain of transforms comes last.
std::span<const SinkSetting> sink_settings();
// The parts of the table.
std::span<const SinkSetting> connection_settings();
std::span<const SinkSetting> write_settings();
std::span<const SinkSetting> connect_settings();
std::span<const SinkSetting> chain_settings();

// A transform of the chain: the last part of its class's name, with $Key or $Value.
struct TransformSetting {
  std::string_view type;
  std::string_view becomes;
  std::string_view text;
  // `prefix` is transforms.NAME. with its dot. Options that it does not take have no equivalent.
  void (*apply)(Sink& sink, const std::string& prefix) = nullptr;
};
std::span<const TransformSetting> transform_settings();
void apply_transforms(Sink& sink, const ConnectEntry& list);

// The class of a value converter and the format that it stands for.
struct ConverterFormat {
  std::string_view type;  // the last part of its class's name
  std::string_view format;
  std::string_view text;
};
std::span<const ConverterFormat> converter_formats();

}  // namespace sluice::runtime
