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

TEST(StopSignalsTest, HeldSignalsAreToldAndKeptHoweverManyCome) {
  EXPECT_EXIT(
      {
        const std::unique_ptr<StopSignals> signals = MakeStopSignals();
        if (!signals->Hold().ok() || !signals->Hold().ok()) _exit(1);
        if (signals->HasCome().value_or(true)) _exit(2);
        for (const int signal : {SIGTERM, SIGTERM, SIGINT}) {
          raise(signal);
          if (!signals->HasCome().value_or(false)) _exit(3);
        }
        _exit(0);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(StopSignalsTest, ATakenSignalIsForgottenAndTheNextOneEndsTheProcess) {
  for (const int signal : {SIGINT, SIGTERM}) {
    EXPECT_EXIT(
        {
          const std::unique_ptr<StopSignals> signals = MakeStopSignals();
          if (signals->Take().value_or(true) || !signals->Hold().ok()) _exit(1);
          if (signals->Take().value_or(true)) _exit(2);
          raise(SIGINT);
          raise(SIGTERM);
          if (!signals->HasCome().value_or(false)) _exit(3);
          if (!signals->Take().value_or(false)) _exit(4);
          if (signals->HasCome().value_or(true) || !signals->Release().ok()) _exit(5);
          raise(signal);
          _exit(6);
        },
        KilledBySignal(signal), "");
  }
}

TEST(StopSignalsTest, AReleaseLetsTheHeldSignalEndTheProcess) {
  for (const bool is_told : {false, true}) {
    for (const int signal : {SIGINT, SIGTERM}) {
      EXPECT_EXIT(
          {
            const std::unique_ptr<StopSignals> signals = MakeStopSignals();
            if (!signals->Hold().ok()) _exit(1);
            raise(signal);
            if (is_told && !signals->HasCome().value_or(false)) _exit(2);
            signals->Release().IgnoreError();
            _exit(3);
          },
          KilledBySignal(signal), "");
    }
  }
}

TEST(StopSignalsTest, AfterAReleaseASignalEndsTheProcessUnlessHeldAgain) {
  const auto hold_and_release = [](StopSignals& signals) {
    if (!signals.Release().ok() || !signals.Hold().ok() || !signals.Release().ok()) _exit(1);
  };
  EXPECT_EXIT(
      {
        const std::unique_ptr<StopSignals> signals = MakeStopSignals();
        hold_and_release(*signals);
        raise(SIGTERM);
        _exit(2);
      },
      KilledBySignal(SIGTERM), "");
  EXPECT_EXIT(
      {
        const std::unique_ptr<StopSignals> signals = MakeStopSignals();
        hold_and_release(*signals);
        if (!signals->Hold().ok()) _exit(3);
        raise(SIGTERM);
        _exit(signals->HasCome().value_or(false) ? 0 : 4);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(StopSignalsTest, ASignalThatIsIgnoredStaysSo) {
  EXPECT_EXIT(
      {
        signal(SIGINT, SIG_IGN);
        const std::unique_ptr<StopSignals> signals = MakeStopSignals();
        if (!signals->Hold().ok()) _exit(1);
        raise(SIGINT);
        if (signals->HasCome().value_or(true)) _exit(2);
        _exit(signals->Release().ok() ? 0 : 3);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(StopSignalsTest, ASignalThatIsBlockedStaysSo) {
  EXPECT_EXIT(
      {
        sigset_t term;
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        sigprocmask(SIG_BLOCK, &term, nullptr);
        raise(SIGTERM);
        const std::unique_ptr<StopSignals> signals = MakeStopSignals();
        if (!signals->Hold().ok()) _exit(1);
        if (signals->HasCome().value_or(true)) _exit(2);
        if (!signals->Release().ok()) _exit(3);
        sigset_t pending;
        if (sigpending(&pending) != 0 || sigismember(&pending, SIGTERM) != 1) _exit(4);
        if (!signals->Hold().ok()) _exit(5);
        raise(SIGINT);
        signals->Release().IgnoreError();
        _exit(6);
      },
      KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace dmkit::sys
