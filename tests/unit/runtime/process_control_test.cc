// Orders to end and their being taken back, as the main thread sees them.
#include "runtime/control/process_control.h"

#include <gtest/gtest.h>

namespace sluice::runtime {
namespace {

struct NoFile : ConfigurationFile {
  Result<std::vector<SettingChange>> changes() const override { return {}; }
  std::shared_ptr<const config::Pipeline> in_force() const override { return nullptr; }
};

TEST(ProcessControl, a_drain_that_is_ordered_again_after_it_was_taken_back_is_another_one) {
  const NoFile file;
  ProcessControl control(file);
  control.serving();
  EXPECT_EQ(control.take_back_shutdown(), TakenBack::none);
  EXPECT_TRUE(control.shut_down(false));
  EXPECT_EQ(control.drain_orders(), 1);
  EXPECT_FALSE(control.shut_down(false)) << "it drains already";
  EXPECT_EQ(control.drain_orders(), 1);
  EXPECT_EQ(control.take_back_shutdown(), TakenBack::done);
  EXPECT_FALSE(control.drain_ordered());
  EXPECT_TRUE(control.shut_down(false));
  EXPECT_EQ(control.drain_orders(), 2) << "with a deadline of its own";
  EXPECT_TRUE(control.drain_for_good());
  EXPECT_EQ(control.take_back_shutdown(), TakenBack::too_late);
}

}  // namespace
}  // namespace sluice::runtime
