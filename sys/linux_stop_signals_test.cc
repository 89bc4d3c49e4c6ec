// SPDX-License-Identifier: Apache-2.0

#include "sys/linux_stop_signals.h"

#include <signal.h>
#include <unistd.h>

#include <memory>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::sys {
namespace {

using ::testing::KilledBySignal;

TEST(StopSignalsTest, WithoutHoldASignalEndsTheProcess) {
  const std::unique_ptr<StopSignals> signals = MakeStopSignals();
  EXPECT_THAT(signals->HasCome(), IsOkAndHolds(false));
  EXPECT_EXIT(raise(SIGTERM), KilledBySignal(SIGTERM), "");
}

TEST(StopSignalsTest, AHeldSignalIsToldAndTheNextOneEndsTheProcess) {
  for (const int signal : {SIGINT, SIGTERM}) {
    EXPECT_EXIT(
        {
          const std::unique_ptr<StopSignals> signals = MakeStopSignals();
          if (!signals->Hold().ok() || !signals->Hold().ok()) _exit(1);
          if (signals->HasCome().value_or(true)) _exit(2);
          raise(signal);
          if (!signals->HasCome().value_or(false)) _exit(3);
          if (!signals->HasCome().value_or(false)) _exit(4);
          raise(signal);
          _exit(5);
        },
        KilledBySignal(signal), "");
  }
}

TEST(StopSignalsTest, ASignalThatIsIgnoredStaysSo) {
  EXPECT_EXIT(
      {
        signal(SIGINT, SIG_IGN);
        const std::unique_ptr<StopSignals> signals = MakeStopSignals();
        if (!signals->Hold().ok()) _exit(1);
        raise(SIGINT);
        _exit(signals->HasCome().value_or(true) ? 2 : 0);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace dmkit::sys
