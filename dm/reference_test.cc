// SPDX-License-Identifier: Apache-2.0
// REFERENCE.md names a test for every statement: each of them must exist.

#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace dmkit::dm {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// All that the pattern's groups match, joined by a dot.
std::set<std::string> Matches(const std::string& text, const std::string& pattern) {
  std::set<std::string> found;
  const std::regex regex(pattern);
  for (std::sregex_iterator i(text.begin(), text.end(), regex), end; i != end; ++i) {
    found.insert((*i)[1].str() + "." + (*i)[2].str());
  }
  return found;
}

TEST(ReferenceTest, EveryTestThatItNamesExists) {
  std::string sources;
  for (const char* name : {"activate_vm", "device_mapper_vm", "queries_vm", "codec_golden"}) {
    sources += ReadAll("dm/" + std::string(name) + "_test.cc");
  }
  const auto tests = Matches(sources, "TEST_[FP]\\(\\s*(\\w+),\\s*(\\w+)\\)");
  const auto named = Matches(ReadAll("dm/REFERENCE.md"), "[ \\[]([DQAG])\\.(\\w+)");
  ASSERT_GT(named.size(), 40u);
  const std::map<char, std::string> suites = {{'D', "DeviceMapperVmTest"},
                                              {'Q', "QueriesVmTest"},
                                              {'A', "ActivateVmTest"},
                                              {'G', "GoldenTest"}};
  for (const std::string& name : named) {
    EXPECT_EQ(tests.count(suites.at(name[0]) + name.substr(1)), 1u) << name;
  }
}

}  // namespace
}  // namespace dmkit::dm
