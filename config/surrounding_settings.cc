// What stands around the records: the registry, dead letters, console, HTTP and log.
#include "config/setting_field.h"
#include "config/validators.h"

namespace sluice::config {

using enum Type;

std::vector<Setting> registry() {
  return {
      {.section = "registry",
       .name = "url",
       .type = urls,
       .field = in<&Pipeline::registry, &Registry::url>(),
       .help =
           "Where the schema registry's API (Confluent's) is, http://HOST:PORT or https://HOST:PORT, with its path if "
           "it has one; several URLs of the same registry are separated by commas. May hold user:password@, best by "
           "${credential:NAME}. Empty: records with a schema's number cannot be read.",
       .check = check_registry_url},
      {.section = "registry",
       .name = "ca",
       .field = in<&Pipeline::registry, &Registry::ca>(),
       .help = "File of the certificate authorities (PEM) that https trusts; empty: the system's.",
       .check = check_optional_path},
      {.section = "registry",
       .name = "cert",
       .field = in<&Pipeline::registry, &Registry::cert>(),
       .help = "File of the client certificate (PEM) for a registry that wants one; needs `key`.",
       .check = check_optional_path},
      {.section = "registry",
       .name = "key",
       .field = in<&Pipeline::registry, &Registry::key>(),
       .help = "File of the client certificate's key (PEM).",
       .check = check_optional_path},
      {.section = "registry",
       .name = "timeout",
       .type = duration,
       .field = in<&Pipeline::registry, &Registry::timeout>(),
       .help =
           "How long one question may take, for each URL and each document that a schema refers to. Partitions that "
           "still lack a schema after this time are in state schema until the registry answers.",
       .least = 100,
       .most = 60'000},
  };
}

std::vector<Setting> dead_letters() {
  return {
      {.section = "dead_letters",
       .name = "keep",
       .type = duration,
       .field = in<&Pipeline::dead_letters, &DeadLetters::keep>(),
       .help = "How long resolved dead letters and the rows of the audit trail are kept; open letters always are. "
               "Empty: for ever.",
       .least = 3'600'000,
       .most = 3650LL * 86'400'000,
       .may_be_empty = true},
      {.section = "dead_letters",
       .name = "values",
       .type = boolean,
       .field = in<&Pipeline::dead_letters, &DeadLetters::values>(),
       .help = "With false a letter keeps key, place and reason, not the record's value and headers nor the reason's "
               "detail; a replay reads the record from Kafka then."},
  };
}

std::vector<Setting> surroundings() {
  return {
      {.section = "verify",
       .name = "every",
       .type = duration,
       .field = in<&Pipeline::verify, &Verify::every>(),
       .help =
           "How often, such as every 1h, the service proves the books of the pipeline, as `sluice verify` does without --deep: one "
           "instance at a time, beside the lanes. Empty: never.",
       .least = 1000,
       .most = 30LL * 86'400'000,
       .may_be_empty = true},
      {.section = "console",
       .name = "listen",
       .field = in<&Pipeline::console, &Console::listen>(),
       .help =
           "Where the SSH console listens, HOST:PORT, or unix:/path for a socket that its owner and group reach; empty "
           "switches it off.",
       .check = check_console_listen},
      {.section = "console",
       .name = "user",
       .field = in<&Pipeline::console, &Console::user>(),
       .help = "The only user name that may log in.",
       .check = check_user},
      {.section = "console",
       .name = "host_key",
       .field = in<&Pipeline::console, &Console::host_key>(),
       .help =
           "The server's key: a file, created on first start and readable by its owner only, or the key itself, such "
           "as ${credential:host_key}.",
       .check = check_path},
      {.section = "console",
       .name = "keys",
       .field = in<&Pipeline::console, &Console::keys>(),
       .help = "File of the keys that may log in, in the syntax of authorized_keys with the option "
               "role=\"viewer|operator|admin\".",
       .check = check_path},
      {.section = "http",
       .name = "listen",
       .field = in<&Pipeline::http, &Http::listen>(),
       .help = "Where /metrics, /healthz and /readyz are served, HOST:PORT; empty switches it off.",
       .check = check_listen},
      {.section = "log",
       .name = "level",
       .type = choice,
       .field = in<&Pipeline::log, &Log::level>(),
       .help = "Minimum level that is logged.",
       .choices = {"debug", "info", "warning", "error"},
       .reloadable = true},
      {.section = "log",
       .name = "format",
       .type = choice,
       .field = in<&Pipeline::log, &Log::format>(),
       .help = "For people, or one JSON object per line.",
       .choices = {"text", "json"},
       .reloadable = true},
  };
}

}  // namespace sluice::config
