// Asks a schema registry over HTTP: Confluent's API, as Confluent, Apicurio, Karapace and Redpanda serve it.
//
// Used by one thread; a question takes up to the configured time-out for each URL and document, and ends at once when
// its owner stops. The URLs are of one registry: the next one is asked when one does not answer. Errors tell who is at
// fault: `reject`, the registry does not know the schema; `stop_partition`, it cannot be asked. Nothing printed or
// returned holds the password of a URL.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/schema.h"
#include "config/pipeline.h"

namespace sluice::listener {

class RegistryClient {
 public:
  // `stop`: ends what is under way once it is asked for.
  RegistryClient(const config::Registry& settings, std::stop_token stop);
  ~RegistryClient();
  RegistryClient(const RegistryClient&) = delete;
  RegistryClient& operator=(const RegistryClient&) = delete;

  // The schema with all that it refers to.
  Result<RegisteredSchema> fetch(const SchemaName& schema);

 private:
  struct Handle;
  struct Answer;

  Result<Answer> get(const std::string& path, std::span<const int> unknown);
  Result<Answer> get_from(const std::string& url, const std::string& path);
  Result<void> add_references(const nlohmann::json& document, int depth, RegisteredSchema& schema);

  const config::Registry settings_;
  const std::vector<std::string> urls_;
  const std::stop_token stop_;
  std::size_t preferred_ = 0;  // the URL that answered last
  std::unique_ptr<Handle> handle_;
};

}  // namespace sluice::listener
