// SPDX-License-Identifier: Apache-2.0
// What tests of commands start from: a model kernel, and what a command prints.

#ifndef DMKIT_DM_DMSETUP_COMMANDS_FIXTURE_H_
#define DMKIT_DM_DMSETUP_COMMANDS_FIXTURE_H_

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "dm/device_mapper.h"
#include "dm/dmsetup/run.h"
#include "gtest/gtest.h"
#include "sys/host.h"
#include "sys/string_stream.h"
#include "testing/cases/kernel.h"

namespace dmkit::dm::dmsetup::testing {

class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() { kernel_->AddRamDisks(); }

  // Runs `dmsetup WORDS...`; what it printed is in out_ and err_.
  int Dmsetup(const std::vector<std::string>& words, const std::string& input = "") {
    sys::StringSource in(input);
    sys::StringSink out;
    sys::StringSink err;
    const int status =
        dmsetup::Run("dmsetup", words, environment_, host_, Streams{&in, &out, &err});
    out_ = out.data();
    err_ = err.data();
    return status;
  }
  // A command that must work without a word.
  void Quiet(const std::vector<std::string>& words, const std::string& input = "") {
    EXPECT_EQ(Dmsetup(words, input), 0) << words[0];
    EXPECT_EQ(out_, "") << words[0];
    EXPECT_EQ(err_, "") << words[0];
  }
  // Exit status 1 and what stands on standard error, before "Command failed.".
  std::string Failure(const std::vector<std::string>& words, const std::string& input = "") {
    EXPECT_EQ(Dmsetup(words, input), 1) << words[0];
    EXPECT_EQ(out_, "") << words[0];
    const std::string end = "Command failed.\n";
    EXPECT_TRUE(absl::EndsWith(err_, end)) << err_;
    return err_.substr(0, err_.size() - std::min(err_.size(), end.size()));
  }

  DeviceMapper Dm() { return DeviceMapper::Open(kernel_->host()).value(); }
  std::vector<std::string> Devices() {
    std::vector<std::string> names;
    const std::vector<ListedDevice> devices = Dm().List().value();
    for (const ListedDevice& device : devices) names.push_back(device.name);
    return names;
  }
  DeviceInfo Info(absl::string_view name) {
    return Dm().Info(DmName::Create(name).value()).value();
  }
  // "START LENGTH TYPE PARAMETERS" of each target, separated by bars.
  std::string Table(absl::string_view name, bool inactive = false) {
    StatusOptions options;
    options.inactive = inactive;
    const TableReply table = Dm().Table(DmName::Create(name).value(), options).value();
    std::string text;
    for (const TargetStatus& target : table.targets) {
      absl::StrAppend(&text, text.empty() ? "" : "|", target.start.count(), " ",
                      target.length.count(), " ", target.type, " ", target.text);
    }
    return text;
  }
  absl::StatusOr<sys::FileStat> Node(absl::string_view name) {
    return kernel_->host().root->StatLink(absl::StrCat("/dev/mapper/", name));
  }
  void CleanUp() { Dmsetup({"remove_all", "--force"}); }

  const std::unique_ptr<cases::Kernel> kernel_ = cases::StartKernel();
  sys::Host host_ = kernel_->host();
  Environment environment_;
  std::string out_;
  std::string err_;
};

}  // namespace dmkit::dm::dmsetup::testing

#endif  // DMKIT_DM_DMSETUP_COMMANDS_FIXTURE_H_
