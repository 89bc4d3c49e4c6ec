// SPDX-License-Identifier: Apache-2.0
// Io of a device, beside what is known of it.

#include "testing/fuzz/history/known_device.h"

#include <cerrno>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "sys/status.h"

namespace dmkit::history {
namespace {

constexpr uint64_t kBlockBytes = 65536;
constexpr size_t kIoBytes = 4096;

}  // namespace

void NoteFound(World& world, absl::string_view name, const absl::Status& found,
               KnownDevice& known) {
  world.Expect(found.ok() || sys::GetErrno(found) == ENOENT,
               absl::StrCat(name, ": ", found.ToString()));
  if (known.state == KnownDevice::kPresent) world.ExpectOk(found, "a device is lost");
  if (known.state == KnownDevice::kAbsent) {
    world.Expect(!found.ok(), "a device that nobody made");
  }
  known.state = found.ok() ? KnownDevice::kPresent : KnownDevice::kAbsent;
}

void NoteMade(World& world, const Outcome& outcome, bool expected, const KnownDevice& made,
              KnownDevice& known) {
  const auto before = known.state;
  if (outcome.status.ok()) {
    world.Expect(before != KnownDevice::kPresent, "a device is made twice");
    known.state = KnownDevice::kPresent;
    known.blocks = made.blocks;
    return;
  }
  if (expected) {
    const bool exists = sys::GetErrno(outcome.status) == EEXIST;
    world.Expect(exists && before != KnownDevice::kAbsent, "a device cannot be made");
    known.state = KnownDevice::kPresent;
    return;
  }
  if (before == KnownDevice::kPresent) return;
  // It may have been there before, too.
  if (before == KnownDevice::kUnknown) {
    for (size_t i = 0; i < kBlocks; ++i) {
      if (known.blocks[i] != made.blocks[i]) known.blocks[i].reset();
    }
  } else {
    known.blocks = made.blocks;
  }
  known.state = KnownDevice::kUnknown;
}

void WriteBlock(World& world, sys::File& file, size_t block, char byte, KnownDevice& known) {
  world.ExpectOk(file.WriteAt(block * kBlockBytes, std::string(kIoBytes, byte)), "a write");
  world.ExpectOk(file.Sync(), "a sync");
  known.blocks[block] = byte;
}

void CompareBlocks(World& world, absl::string_view name, sys::File& file, KnownDevice& known) {
  for (size_t block = 0; block < kBlocks; ++block) {
    std::string bytes(kIoBytes, '\0');
    const auto got = file.ReadAt(block * kBlockBytes, absl::MakeSpan(bytes));
    world.ExpectOk(got.status(), "a read");
    const std::optional<char> expected = known.blocks[block];
    const bool whole = bytes.find_first_not_of(bytes[0]) == std::string::npos;
    if (!whole || (expected.has_value() && bytes[0] != *expected)) {
      world.Fail(absl::StrCat(name, ", block ", block, ": ", bytes.substr(0, 1), " for ",
                              std::string(1, expected.value_or('?'))));
    }
    known.blocks[block] = bytes[0];
  }
}

}  // namespace dmkit::history
