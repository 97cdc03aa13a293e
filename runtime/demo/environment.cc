#include "runtime/demo/environment.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/clock.h"
#include "runtime/demo/shop.h"

namespace sluice::runtime::demo {
namespace {

// A loopback port that was free a moment ago.
int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(fd);
  return bound ? ntohs(address.sin_port) : 0;
}

std::string configuration(const std::string& brokers, const Secret& url, int http_port, const SshLogin& access) {
  std::string text = fmt::format(
      "pipeline = \"shop\"\n\n[kafka]\nbrokers = \"{}\"\ngroup = \"sluice-shop\"\n\n"
      "[postgres]\nurl = \"{}\"\n\n[http]\nlisten = \"127.0.0.1:{}\"\n",
      brokers, url.reveal(), http_port);
  text += access.configuration();
  for (const auto& table : shop_tables()) {
    text += fmt::format(
        "\n[[route]]\ntopics = [\"{}\"]\ntable = \"public.{}\"\nkey = [\"id\"]\n"
        "max_dead_letters = 100000  # the demo seeds poison at any rate\n",
        table.topic, table.name);
  }
  return text;
}

Result<std::string> address_of(Process& broker, const std::string& output) {
  const auto deadline = Clock::now() + std::chrono::seconds(10);
  while (broker.running() && Clock::now() < deadline) {
    std::ifstream file(output);
    std::string line;
    if (std::getline(file, line) && !file.eof()) return line;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return fail(ErrorClass::stop_service, "the demo's broker does not start");
}

}  // namespace

Result<std::unique_ptr<Environment>> Environment::set_up(TemporaryDirectory folder) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string broker_output = folder.path() + "/broker.log";
  std::vector<std::string> arguments{self, "demo-broker"};
  for (const auto& table : shop_tables()) arguments.push_back(table.topic);
  auto broker = Process::start({.arguments = arguments, .output = broker_output, .account = {}});
  if (!broker) return std::unexpected(broker.error());
  auto cluster = PostgresCluster::start(folder, "shop");
  if (!cluster) return std::unexpected(cluster.error());
  auto query = sink::SqlClient::open(cluster->url());
  if (!query) return std::unexpected(query.error());
  for (const auto& table : shop_tables()) {
    if (const auto made = query->run(table.ddl); !made) return std::unexpected(made.error());
  }
  const auto brokers = address_of(*broker, broker_output);
  if (!brokers) return std::unexpected(brokers.error());

  const int http_port = free_port();
  auto access = SshLogin::make(folder.path(), free_port());
  if (!access) return std::unexpected(access.error());
  const std::string config_path = folder.path() + "/sluice.toml";
  std::ofstream(config_path) << configuration(*brokers, cluster->url(), http_port, *access);
  auto service = Process::start(
      {.arguments = {self, "run", "--config", config_path}, .output = folder.path() + "/sluice.log", .account = {}});
  if (!service) return std::unexpected(service.error());
  return std::unique_ptr<Environment>(new Environment{std::move(folder), std::move(*cluster), std::move(*broker),
                                                      std::move(*service), std::move(*query), http_port, *brokers,
                                                      std::move(*access)});
}

std::string tail(const std::string& path, std::size_t lines) {
  std::ifstream file(path);
  std::deque<std::string> last;
  for (std::string line; std::getline(file, line);) {
    last.push_back(line);
    if (last.size() > lines) last.pop_front();
  }
  std::string text;
  for (const auto& line : last) text += "  " + line + "\n";
  return text;
}

}  // namespace sluice::runtime::demo
