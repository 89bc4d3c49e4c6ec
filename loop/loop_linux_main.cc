// SPDX-License-Identifier: Apache-2.0
// The tests on a real kernel: googletest's flags, --require-loop, and the worker that the tests
// start.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "loop/linux_fixture.h"
#include "loop/linux_worker.h"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments[0] == dmkit::loop::kWorkerFlag) {
    return dmkit::loop::WorkerMain({arguments.begin() + 1, arguments.end()});
  }
  testing::InitGoogleMock(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--require-loop") dmkit::loop::require_loop = true;
  }
  return RUN_ALL_TESTS();
}
