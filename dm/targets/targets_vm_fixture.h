// SPDX-License-Identifier: Apache-2.0
// What tests of targets on a real kernel start from: pieces of the ram disks, and devices of one
// target. No target's own rules.

#ifndef DMKIT_DM_TARGETS_TARGETS_VM_FIXTURE_H_
#define DMKIT_DM_TARGETS_TARGETS_VM_FIXTURE_H_

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "dm/codec_testing.h"
#include "dm/targets/linear.h"
#include "dm/vm_fixture.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::dm::testing {

class TargetsVmTest : public VmTest {
 protected:
  static constexpr uint64_t kPieceSectors = 4096;

  // `count` devices of 2 MiB each, one after the other on disk 1:0, which start with zeroes.
  std::vector<sys::DeviceNumber> Pieces(uint32_t count) {
    std::vector<sys::DeviceNumber> pieces;
    for (uint32_t i = 0; i < count; ++i) {
      pieces.push_back(Piece(absl::StrCat("piece", i), {1, 0}, i * kPieceSectors, kPieceSectors));
    }
    return pieces;
  }
  // A device of `length` from `start` of `disk`, with zeroes for its first MiB.
  sys::DeviceNumber Piece(absl::string_view name, sys::DeviceNumber disk, uint64_t start,
                          uint64_t length) {
    const DmName made =
        MakeActive(name, {LinearTarget(disk, sys::Sectors(start)).Line({}, sys::Sectors(length))});
    const sys::DeviceNumber device = dm_.Info(made)->device;
    const uint64_t zeroes = std::min(length * 512, uint64_t{1} << 20);
    EXPECT_THAT(Write(device, std::string(zeroes, '\0')), sys::IsOk());
    return device;
  }
  // A device of a piece's size on which all io fails.
  sys::DeviceNumber Broken(absl::string_view name) {
    return dm_.Info(MakeActive(name, {Line(0, kPieceSectors, "error", "")}))->device;
  }

  // To the start of the device, and to its disk.
  absl::Status Write(sys::DeviceNumber device, absl::string_view data) {
    const auto node = OpenNode(device, sys::Access::kReadWrite);
    if (!node.ok()) return node.status();
    const absl::Status written = (*node)->WriteAt(0, data);
    return written.ok() ? (*node)->Sync() : written;
  }
  // The first `size` bytes; empty when they cannot be read.
  std::string Read(sys::DeviceNumber device, size_t size) {
    std::string data(size, 'x');
    const auto node = OpenNode(device, sys::Access::kReadOnly);
    if (!node.ok()) return "";
    const auto read = (*node)->ReadAt(0, absl::MakeSpan(&data[0], data.size()));
    return read.ok() && *read == size ? data : "";
  }

  sys::DeviceNumber NumberOf(absl::string_view name) { return dm_.Info(TestName(name))->device; }

  // Makes the device of `line`; the parameters that the kernel shows of it.
  std::string Table(absl::string_view name, const TableLine& line, bool read_only = false) {
    const DmName made = MakeBare(name);
    EXPECT_THAT(dm_.Load(made, {line}, {read_only}), sys::IsOk())
        << line.type.text() << " " << line.params;
    EXPECT_THAT(dm_.Resume(made, {}, {}), sys::IsOk()) << line.type.text() << " " << line.params;
    return TextOf(dm_.Table(made, {}));
  }
  std::string Status(absl::string_view name) { return TextOf(dm_.Status(TestName(name), {})); }
  void Remove(absl::string_view name) {
    EXPECT_THAT(dm_.Remove(TestName(name), {}), sys::IsOk()) << name;
  }

  // Makes the device of `target` and removes it: what is shown of it is what it was made of.
  template <typename Target>
  void ExpectReadBack(const Target& target, const TableLine& line) {
    const std::string table = Table("read-back", line);
    const auto parsed = Target::Parse(table);
    EXPECT_THAT(parsed, sys::IsOk());
    EXPECT_EQ(parsed.ok() ? parsed->Params() : table, target.Params());
    Remove("read-back");
  }
  // The kernel does not take these.
  void ExpectRefused(absl::string_view type, uint64_t length, absl::string_view params,
                     int error = EINVAL, bool read_only = false) {
    const DmName name = MakeBare("refused");
    EXPECT_THAT(dm_.Load(name, {Line(0, length, type, params)}, {read_only}),
                sys::FailsWithErrno(error))
        << type << " " << params;
    EXPECT_THAT(dm_.Remove(name, {}), sys::IsOk());
  }

  // Whether `is_so` comes true in time: for what the kernel does by and by.
  template <typename Condition>
  bool InTime(Condition is_so) {
    for (int i = 0; i < 1000; ++i) {
      if (is_so()) return true;
      host_.clock->Sleep(absl::Milliseconds(20));
    }
    return false;
  }

 private:
  static std::string TextOf(const absl::StatusOr<TableReply>& reply) {
    return reply.ok() && reply->targets.size() == 1 ? reply->targets[0].text : "none";
  }
};

}  // namespace dmkit::dm::testing

#endif  // DMKIT_DM_TARGETS_TARGETS_VM_FIXTURE_H_
