#include "listener/registry/registry_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/codec.h"
#include "base/http/http_client.h"
#include "base/http_url.h"
#include "base/printable.h"

namespace sluice::listener {
namespace {

using Json = nlohmann::json;

constexpr std::size_t longest_answer = 16u << 20;
constexpr std::size_t most_references = 500;
constexpr int deepest_reference = 32;
// The API's error codes for what it does not know: a schema; a subject, or a version of it, also one that was deleted.
constexpr std::array unknown_schema{40403};
constexpr std::array unknown_reference{40401, 40402, 40403, 40404, 40406};

std::unexpected<Error> cannot_ask(const std::string& url, std::string_view why) {
  return fail(ErrorClass::stop_partition, fmt::format("schema registry {}: {}", without_user(url), why));
}

std::string text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The number of a status that has one meaning for whoever runs the registry.
std::string_view advice(long status) {
  switch (status) {
    case 401:
      return "; set user and password in registry.url";
    case 403:
      return "; let this user read schemas";
    default:
      return "";
  }
}

}  // namespace

struct RegistryClient::Answer {
  long status = 0;
  std::string body;
  Json json;  // of the body; discarded if it is none
};

struct RegistryClient::Handle {
  Handle(const std::stop_token& stop, HttpTrust trust) : client(stop, std::move(trust)) {}
  HttpClient client;
};

RegistryClient::RegistryClient(const config::Registry& settings, std::stop_token stop)
    : settings_(settings),
      urls_(split_urls(settings.url.reveal())),
      stop_(std::move(stop)),
      handle_(std::make_unique<Handle>(stop_, HttpTrust{settings.ca, settings.cert, settings.key})) {}

RegistryClient::~RegistryClient() = default;

// Any answer of HTTP; an error if there is none.
Result<RegistryClient::Answer> RegistryClient::get_from(const std::string& url, const std::string& path) {
  HttpRequest request;
  request.url = url + path;
  request.headers = {"Accept: application/vnd.schemaregistry.v1+json, application/json"};
  request.timeout = settings_.timeout;
  request.longest_answer = longest_answer;
  auto answer = handle_->client.send(request);
  if (!answer) return cannot_ask(url, answer.error());
  return Answer{answer->status, std::move(answer->body), {}};
}

// An answer of the API's: 200 with a document, or 404 with one of the error codes in `unknown`. Everything else is the
// registry's own trouble.
Result<RegistryClient::Answer> RegistryClient::get(const std::string& path, std::span<const int> unknown) {
  std::string trouble;
  for (std::size_t n = 0; n < urls_.size(); ++n) {
    const std::size_t index = (preferred_ + n) % urls_.size();
    const std::string& url = urls_[index];
    auto answer = get_from(url, path);
    if (answer) {
      answer->json = Json::parse(answer->body, nullptr, false);
      const Json& json = answer->json;
      const bool is_object = json.is_object();
      const bool known = answer->status == 200 && is_object && json.contains("schema") && json["schema"].is_string();
      const Json code = is_object ? json.value("error_code", Json()) : Json();
      const auto is_code = [&](int one) { return code == one; };
      if (known || (answer->status == 404 && std::ranges::any_of(unknown, is_code))) {
        preferred_ = index;
        return answer;
      }
      const std::string said = is_object ? text_of(json, "message") : std::string();
      const bool refused = answer->status != 200;
      answer =
          cannot_ask(url, refused ? fmt::format("answered {}{}{}{}", answer->status, said.empty() ? "" : ": ",
                                                said.empty() ? "" : printable(said, 200), advice(answer->status))
                                  : fmt::format("answered 200 with {}, not with a schema; does the URL need a path?",
                                                printable(answer->body)));
    }
    trouble += (trouble.empty() ? "" : "; ") + answer.error().message;
    if (stop_.stop_requested()) break;
  }
  return fail(ErrorClass::stop_partition, trouble.empty() ? "no schema registry is configured" : trouble);
}

Result<RegisteredSchema> RegistryClient::fetch(const SchemaName& schema) {
  const std::string id = schema.text();
  const auto answer = get((schema.is_guid ? "/schemas/guids/" : "/schemas/ids/") + id, unknown_schema);
  if (!answer) return std::unexpected(answer.error());
  if (answer->status == 404)
    return fail(ErrorClass::reject, fmt::format("found schema {}, expected one that the registry knows", id));
  const std::string type = text_of(answer->json, "schemaType");
  RegisteredSchema found{type.empty() ? SchemaKind::avro : schema_kind(type), text_of(answer->json, "schema"), {}};
  if (const auto done = add_references(answer->json, deepest_reference, found); !done)
    return std::unexpected(done.error());
  return found;
}

// What a document refers to, each document after those that it refers to itself and once.
Result<void> RegistryClient::add_references(const Json& document, int depth, RegisteredSchema& schema) {
  const auto list = document.find("references");
  if (list == document.end() || !list->is_array()) return {};
  for (const Json& reference : *list) {
    const std::string name = reference.is_object() ? text_of(reference, "name") : std::string();
    const std::string subject = reference.is_object() ? text_of(reference, "subject") : std::string();
    const Json version = reference.is_object() ? reference.value("version", Json()) : Json();
    if (name.empty() || subject.empty() || !version.is_number_integer())
      return cannot_ask(urls_[preferred_], "a reference has no name, subject or version");
    if (std::ranges::find(schema.references, name, &SchemaDocument::name) != schema.references.end()) continue;
    if (depth == 0 || schema.references.size() >= most_references)
      return cannot_ask(urls_[preferred_], fmt::format("references are deeper than {} or more than {}",
                                                       deepest_reference, most_references));
    const auto path = fmt::format("/subjects/{}/versions/{}", percent_encoded(subject), version.get<std::int64_t>());
    auto answer = get(path, unknown_reference);
    // A schema outlives its subject: by its number it is still there, and so is what it refers to, for who asks so.
    if (answer && answer->status == 404) answer = get(path + "?deleted=true", unknown_reference);
    if (!answer) return std::unexpected(answer.error());
    if (answer->status == 404)
      return cannot_ask(urls_[preferred_],
                        fmt::format("it does not know {}, which a schema refers to", printable(subject)));
    if (const auto done = add_references(answer->json, depth - 1, schema); !done) return done;
    schema.references.push_back({name, text_of(answer->json, "schema")});
  }
  return {};
}

}  // namespace sluice::listener
