// Orders to the process that this is, as the signals that an administrator would send. Any thread; nothing waits.
//
// A drain that is ordered while the service runs is no signal, as one could not be taken back: the main thread asks
// whether there is an order, and says when it is carried out for good.
#pragma once

#include <atomic>
#include <cstdint>

#include "admin/service_control.h"
#include "runtime/control/service_parts.h"

namespace sluice::runtime {

class ProcessControl final : public ServiceControl {
 public:
  explicit ProcessControl(const ConfigurationFile& file) : file_(file) {}

  Result<std::vector<SettingChange>> check_file() const override { return file_.changes(); }
  std::shared_ptr<const config::Pipeline> settings() const override { return file_.in_force(); }
  void reload() override;
  // To drain a second time changes nothing; at once ends a drain that is under way, too.
  bool shut_down(bool at_once) override;
  TakenBack take_back_shutdown() override;

  // From the main thread. The service runs: from now on it asks for orders.
  void serving();
  bool drain_ordered() const { return state_ == State::drain_ordered; }
  // How many drains have been ordered: each has its own deadline.
  int drain_orders() const { return drain_orders_; }
  // Nothing takes the drain back any more. Returns false if somebody just has.
  bool drain_for_good();
  // The service ends, whoever ordered it.
  void draining() { state_ = State::ending; }

 private:
  enum class State : std::uint8_t { starting, serving, drain_ordered, ending };

  const ConfigurationFile& file_;
  std::atomic<State> state_{State::starting};
  std::atomic<int> drain_orders_{0};
};

}  // namespace sluice::runtime
