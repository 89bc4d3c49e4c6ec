// SPDX-License-Identifier: Apache-2.0
// The model against the bytes that two real kernels wrote: the requests of dm/testdata are made
// again, in their order, and each reply must be the kernel's to the last byte.

#include <gtest/gtest.h>

#include <cerrno>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "testing/model/dm_testing.h"

namespace dmkit::model {
namespace {

constexpr size_t kGoldens = 73;

struct Golden {
  std::string name;
  uint32_t command = 0;
  std::string error;
  std::string request;
  std::string reply;
};

// The lines of a dump behind "<what> <size>"; lines of zeros are left out of the file.
std::string ReadHex(std::istream& file, size_t size) {
  std::string bytes(size, '\0');
  while (file.peek() >= '0' && file.peek() <= '9') {
    std::string offset, digits;
    file >> offset >> digits >> std::ws;
    const std::string line = absl::HexStringToBytes(digits);
    bytes.replace(std::stoul(offset, nullptr, 16), line.size(), line);
  }
  return bytes;
}

std::vector<Golden> ReadGoldens(const std::string& kernel) {
  std::ifstream file("dm/testdata/golden_" + kernel + ".txt");
  std::vector<Golden> goldens;
  std::string word;
  while (file >> word) {
    if (word == "#") {
      std::getline(file, word);
    } else if (word == "case") {
      file >> goldens.emplace_back().name;
    } else if (word == "command") {
      file >> goldens.back().command;
    } else if (word == "error") {
      file >> goldens.back().error;
    } else if (word == "request" || word == "reply") {
      size_t size = 0;
      file >> size >> std::ws;
      (word == "request" ? goldens.back().request : goldens.back().reply) = ReadHex(file, size);
    }
  }
  return goldens;
}

std::string ErrorName(int error) {
  const std::map<int, std::string> names = {
      {0, "0"}, {-EINVAL, "EINVAL"}, {-EBUSY, "EBUSY"}, {-ENXIO, "ENXIO"}, {-ENOTTY, "ENOTTY"}};
  const auto found = names.find(error);
  return found == names.end() ? std::to_string(error) : found->second;
}

// The first byte that differs, with its neighbours.
std::string Difference(const std::string& got, const std::string& wanted) {
  for (size_t at = 0; at < wanted.size(); ++at) {
    if (at < got.size() && got[at] == wanted[at]) continue;
    return "byte " + std::to_string(at) + ": got " + absl::BytesToHexString(got.substr(at, 16)) +
           ", the kernel wrote " + absl::BytesToHexString(wanted.substr(at, 16));
  }
  return "";
}

class DmGoldenTest : public ::testing::TestWithParam<std::string> {};

TEST_P(DmGoldenTest, EveryReplyIsTheKernelsToTheLastByte) {
  const std::vector<Golden> goldens = ReadGoldens(GetParam());
  ASSERT_EQ(goldens.size(), kGoldens);
  DmMachine machine(GetParam() == "6_1" ? Linux61() : Linux612());
  machine.core.blocks.RegisterMajor(1, "ramdisk");
  Disk ram0(machine.core, {1, 0}, "ram0", 16 << 20);
  Disk ram1(machine.core, {1, 1}, "ram1", 16 << 20);
  BlockHandle open;
  for (const Golden& golden : goldens) {
    if (golden.name == "remove_open") {
      ASSERT_EQ(machine.Open("null", &open), 0);
    }
    if (golden.name == "remove") open.Reset();
    std::string bytes = golden.request;
    const int error =
        machine.CallOn(*machine.control, golden.command, absl::MakeSpan(&bytes[0], bytes.size()));
    EXPECT_EQ(ErrorName(error), golden.error) << golden.name;
    EXPECT_EQ(Difference(bytes, golden.reply), "") << golden.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, DmGoldenTest, ::testing::Values("6_1", "6_12"));

}  // namespace
}  // namespace dmkit::model
