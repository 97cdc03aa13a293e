// Reads one line of `sluice publish`: key, value and headers, as bytes for the record.
//
// A parser keeps its buffers; one thread. Views of a parsed line stay valid until the next parse(). A line that is not
// one JSON object is refused with the reason; numbers are passed on as they are spelled and never converted.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <string_view>

#include "listener/producer.h"

namespace sluice::runtime {

class PublishLineParser {
 public:
  // `key`: the field that becomes the record key, empty for none. `envelope`: lines are {"key","value","headers"},
  // where a string means its text, null no key, no value (a tombstone) or a header without value, and anything
  // else its JSON text; or as the console's `dead export` writes them: key_base64 and value_base64 for bytes that are
  // no text, headers as a list of [name, value] with {"base64": text} for such bytes, and a "letter", which is left
  // out.
  PublishLineParser(std::string key, bool envelope);
  ~PublishLineParser();

  std::expected<listener::Outgoing, std::string> parse(std::string_view line);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::runtime
