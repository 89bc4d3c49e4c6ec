// SPDX-License-Identifier: Apache-2.0
// The flakey target: another device that fails, loses writes or lies part of the time, for tests.
// Its status is empty (plain_status.h). Pure text, no system calls. Mirrors
// drivers/md/dm-flakey.c: flakey_ctr(), parse_features(), flakey_status(); read in v6.1 and v6.12.

#ifndef DMKIT_DM_TARGETS_FLAKEY_H_
#define DMKIT_DM_TARGETS_FLAKEY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dm/types.h"
#include "sys/device_number.h"
#include "sys/units.h"

namespace dmkit::dm {

class FlakeyTarget {
 public:
  static constexpr absl::string_view kType = "flakey";
  // Of the chances below, which are parts of this.
  static constexpr uint32_t kAlways = 1000000000;

  struct CorruptByte {
    uint32_t nth = 1;        // of each bio; the first byte is 1
    bool write = false;      // in what is written, else in what is read
    uint8_t value = 0;       // what stands there then
    uint32_t bio_flags = 0;  // only bios that have all of these; the bits are the kernel's own
    auto Fields() const { return std::tie(nth, write, value, bio_flags); }
  };

  // What happens while the device is down. Without any of these all io fails; 6.12 then shows
  // error_reads and error_writes, 6.1 shows none.
  struct Features {
    bool error_reads = false;  // not known to 6.1, which refuses it with EINVAL
    bool drop_writes = false;  // reads are well
    bool error_writes = false;
    std::optional<CorruptByte> corrupt_byte;
    // The chance that a bio is corrupted at a random place; 0: none. Not known to 6.1, as above.
    uint32_t random_read_corrupt = 0;
    uint32_t random_write_corrupt = 0;
    auto Fields() const {
      return std::tie(error_reads, drop_writes, error_writes, corrupt_byte, random_read_corrupt,
                      random_write_corrupt);
    }
  };

  struct Arguments {
    sys::DeviceNumber device;
    sys::Sectors offset;
    uint32_t up_seconds = 0;    // it is well for so long,
    uint32_t down_seconds = 0;  // then down for so long, and so on
    Features features;
    auto Fields() const { return std::tie(device, offset, up_seconds, down_seconds, features); }
  };

  // INVALID_ARGUMENT for what flakey_ctr() would refuse: intervals that are both 0 or whose sum
  // does not fit 32 bits, drop_writes with error_writes, either of them with a corrupt byte in
  // writes, byte 0, and a chance above kAlways.
  static absl::StatusOr<FlakeyTarget> Create(const Arguments& arguments);
  // The parameters in the string that the kernel prints: "MAJOR:MINOR OFFSET UP DOWN", the number
  // of the words that follow, and the features. DATA_LOSS when it is not understood.
  static absl::StatusOr<FlakeyTarget> Parse(absl::string_view params);

  const Arguments& arguments() const { return arguments_; }

  std::string Params() const;
  TableLine Line(sys::Sectors start, sys::Sectors length) const;

  auto Fields() const { return std::tie(arguments_); }

 private:
  explicit FlakeyTarget(const Arguments& arguments) : arguments_(arguments) {}

  Arguments arguments_;
};

}  // namespace dmkit::dm

#endif  // DMKIT_DM_TARGETS_FLAKEY_H_
