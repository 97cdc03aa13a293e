// The subcommands of `sluice`. main.cc turns the command line into these calls; each returns the exit code of the
// process: 0 done, 1 failed while running, 2 wrong usage or configuration (one line on stderr, no connection made).
//
// Called on the main thread. Results go to stdout, everything else to stderr.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace sluice::runtime {

inline constexpr int wrong_usage = 2;

struct RunOptions {
  std::string config;       // path of the file
  bool wait_ready = false;  // READY=1 only once every assigned partition is claimed
};

struct PublishOptions {
  std::string brokers;
  std::string topic;
  std::string key;                       // field of the value that becomes the record key; empty = none
  std::vector<std::string> headers;      // NAME=VALUE, added to every record
  std::vector<std::string> properties;   // NAME=VALUE for librdkafka; a value may hold references to secrets
  std::string properties_file;           // the same, a line each; empty = none
  bool envelope = false;                 // lines are {"key":…,"value":…,"headers":{}}
  bool snapshot = false;                 // stdin is the whole state: what else the topic holds gets a tombstone
  bool allow_empty = false;              // also of a snapshot without a row
  std::string receipt;                   // path of a file for what is acknowledged; empty = none
  bool wait = false;                     // until all of it has taken effect in the pipeline of `config`
  std::string config;                    // path of the file
  std::chrono::milliseconds timeout{0};  // of the wait
};

struct ExplainOptions {
  std::string config;  // path of the file
  std::string topic;   // empty: the only one of the routes
  std::string at;      // PARTITION:OFFSET; empty: events from stdin
  bool dry = false;    // PostgreSQL is not asked what it says to the rows
};

struct InitOptions {
  std::string from_connect;  // file of a Kafka Connect sink; empty: a topic is looked at
  std::string brokers;       // with from_connect empty: a placeholder
  std::string topic;
  std::string postgres;                 // connection string for the result; nothing is connected to
  std::string registry;                 // empty = none
  std::vector<std::string> properties;  // NAME=VALUE for librdkafka; a value may hold references to secrets
};

struct WaitOptions {
  std::string config;  // path of the file
  std::string topic;
  std::vector<std::string> at;  // PARTITION:OFFSET
  std::chrono::milliseconds timeout{0};
};

struct VerifyOptions {
  std::string config;   // path of the file
  std::string receipt;  // path of a file that `publish --receipt` wrote; empty = none
  bool deep = false;    // read the topics again and compare the tables
};

struct DemoOptions {
  std::chrono::milliseconds run_for{0};  // 0: until Ctrl-C
  int rate = 2000;                       // events per second
  bool keep = false;                     // leave the folder with cluster, configuration and log behind
};

int run(const RunOptions& options);
int check(const std::string& config_path, bool connect);
// Prints the SQL that gives the service's role what the routes need; makes no connection.
int grants(const std::string& config_path);
// Prints a proposed configuration: for a topic, which it looks at, or equivalent to a Kafka Connect sink's, without any
// connection.
int init(const InitOptions& options);
int config_page(const std::string& page);  // sample | reference | metrics | states | console | connect
int explain_event(const ExplainOptions& options);
int publish(const PublishOptions& options);
// Returns 0 once these offsets have taken effect, 6 at the time-out.
int wait(const WaitOptions& options);
// Returns 0 if completeness is proved, 1 if not.
int verify(const VerifyOptions& options);
int run_demo(const DemoOptions& options);
// The demo's broker, a process of its own: prints its bootstrap address and runs until SIGTERM.
int demo_broker(const std::vector<std::string>& topics);
int version(bool as_json);
// "version", then one for each library.
std::vector<std::pair<std::string, std::string>> versions();

}  // namespace sluice::runtime
