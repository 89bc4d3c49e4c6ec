// SPDX-License-Identifier: Apache-2.0
// Histories of loop devices: the control node, attaching and detaching, status, capacity, block
// size, direct io, reads and writes, and a mapped device that holds one.

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/uapi.h"
#include "loop/uapi.h"
#include "testing/conformance/dm_request.h"
#include "testing/differential/generator.h"
#include "testing/differential/random.h"
#include "testing/differential/swarm.h"

namespace dmkit::differential {
namespace {

using conformance::DmRequest;

// Slots of loop devices, then those of files.
constexpr size_t kDeviceSlots = 4;
constexpr size_t kFileSlots = 3;

class LoopGeneratorImpl : public Generator {
 public:
  LoopGeneratorImpl(uint64_t seed, const Setting& setting)
      : setting_(setting), choices_(seed), swarm_(choices_) {
    has_odd_values_ = choices_.OneIn(2);
    swarm_.Always(12, [this] { return OpenDevice(); });
    swarm_.Always(8, [this] { return OpenFile(); });
    swarm_.Always(8, [this] { return Configure(); });
    swarm_.Sometimes(6, [this] { return WithFile(LOOP_SET_FD); });
    swarm_.Sometimes(2, [this] { return WithFile(LOOP_CHANGE_FD); });
    swarm_.Sometimes(6, [this] { return Value(LOOP_CLR_FD, {0}); });
    swarm_.Always(8, [this] { return GetStatus(); });
    swarm_.Sometimes(5, [this] { return SetStatus(); });
    swarm_.Sometimes(1, [this] { return NoMemory(); });
    swarm_.Sometimes(3, [this] { return Value(LOOP_SET_CAPACITY, {0}); });
    swarm_.Sometimes(2, [this] { return Value(LOOP_SET_DIRECT_IO, {0, 1, 2}); });
    swarm_.Sometimes(3, [this] {
      return Value(LOOP_SET_BLOCK_SIZE,
                   {512, 1024, 4096, 0, 511, 8192, 1000, (uint64_t{1} << 32) + 512});
    });
    swarm_.Sometimes(1, [this] { return Value(0x4cff, {0}); });
    swarm_.Sometimes(2, [this] { return Control(LOOP_CTL_GET_FREE); });
    swarm_.Sometimes(2, [this] { return Control(LOOP_CTL_ADD); });
    swarm_.Sometimes(2, [this] { return Control(LOOP_CTL_REMOVE); });
    swarm_.Sometimes(1, [this] { return Control(0x4c83); });
    swarm_.Sometimes(5, [this] { return Io(Kind::kRead); });
    swarm_.Sometimes(5, [this] { return Io(Kind::kWrite); });
    swarm_.Sometimes(4, [this] { return OnDevice(Kind::kClose); });
    swarm_.Sometimes(2, [this] { return OnDevice(Kind::kSync); });
    swarm_.Sometimes(2, [this] { return Truncate(); });
    swarm_.Sometimes(3, [this] { return Query(); });
    if (choices_.OneIn(2)) {
      swarm_.Always(2, [this] { return Mapped(DM_DEV_CREATE); });
      swarm_.Always(3, [this] { return Mapped(DM_TABLE_LOAD); });
      swarm_.Always(2, [this] { return Mapped(DM_DEV_SUSPEND); });
      swarm_.Always(1, [this] { return Mapped(DM_DEV_REMOVE); });
      swarm_.Sometimes(1, [this] { return Mapped(DM_DEV_STATUS); });
      swarm_.Sometimes(1, [this] { return Mapped(DM_TABLE_DEPS); });
    }
  }

  Operation Next() override { return swarm_.Next(); }

 private:
  size_t FileSlot() { return kFirstSlot + kDeviceSlots + choices_.Below(kFileSlots); }

  Operation OnDevice(Kind kind) {
    Operation operation;
    operation.kind = kind;
    operation.slot = kFirstSlot + choices_.Below(kDeviceSlots);
    return operation;
  }

  Operation OpenDevice() {
    Operation operation = OnDevice(Kind::kOpen);
    operation.path = absl::StrCat("/dev/loop", choices_.Below(3));
    operation.options.access = choices_.OneIn(4) ? sys::Access::kReadOnly : sys::Access::kReadWrite;
    operation.options.direct = true;
    operation.options.exclusive = choices_.OneIn(8);
    return operation;
  }

  Operation OpenFile() {
    Operation operation;
    operation.kind = Kind::kOpen;
    operation.slot = FileSlot();
    operation.path = absl::StrCat(setting_.scratch, "/f", choices_.Below(kFileBytes.size()));
    if (choices_.OneIn(8)) operation.path = absl::StrCat("/dev/loop", choices_.Below(3));
    if (has_odd_values_ && choices_.OneIn(10)) operation.path = "/dev/null";
    operation.options.access = choices_.OneIn(4) ? sys::Access::kReadOnly : sys::Access::kReadWrite;
    return operation;
  }

  uint64_t Offset() {
    if (has_odd_values_ && choices_.OneIn(3)) {
      return choices_.Of<uint64_t>({1, 511, 1000, 1u << 30, uint64_t{1} << 63, ~uint64_t{0}});
    }
    return choices_.Of<uint64_t>({0, 0, 512, 4096, 1u << 20});
  }

  loop_info64 Info() {
    loop_info64 info{};
    if (choices_.OneIn(2)) info.lo_offset = Offset();
    if (choices_.OneIn(3)) info.lo_sizelimit = Offset();
    info.lo_flags = static_cast<uint32_t>(
        choices_.Of<uint64_t>({0, 0, LO_FLAGS_AUTOCLEAR, LO_FLAGS_READ_ONLY, LO_FLAGS_DIRECT_IO}));
    if (has_odd_values_ && choices_.OneIn(4)) {
      info.lo_flags = static_cast<uint32_t>(choices_.Below(40));
      // A scan of partitions opens the device in its own time.
      info.lo_flags &= ~uint32_t{LO_FLAGS_PARTSCAN};
    }
    if (has_odd_values_ && choices_.OneIn(8)) info.lo_encrypt_type = 1;
    if (has_odd_values_ && choices_.OneIn(8)) info.lo_encrypt_key_size = 33;
    const size_t length = choices_.Below(has_odd_values_ ? LO_NAME_SIZE + 1 : 8);
    std::memset(info.lo_file_name, 'n', length);
    return info;
  }

  Operation Configure() {
    loop_config config{};
    config.info = Info();
    config.block_size = static_cast<uint32_t>(
        has_odd_values_ ? choices_.Of<uint64_t>({0, 512, 4096, 511, 8192, 256})
                        : choices_.Of<uint64_t>({0, 0, 512, 1024, 4096}));
    Operation operation = OnDevice(Kind::kIoctl);
    operation.request = LOOP_CONFIGURE;
    operation.bytes.assign(reinterpret_cast<const char*>(&config), sizeof(config));
    operation.descriptor_slot = FileSlot();
    return operation;
  }

  Operation WithFile(unsigned long request) {
    Operation operation = OnDevice(Kind::kIoctlValue);
    operation.request = request;
    operation.descriptor_slot = FileSlot();
    return operation;
  }

  Operation Value(unsigned long request, const std::vector<uint64_t>& values) {
    Operation operation = OnDevice(Kind::kIoctlValue);
    operation.request = request;
    operation.value = choices_.Of(values);
    return operation;
  }

  Operation GetStatus() {
    Operation operation = OnDevice(Kind::kIoctl);
    const bool is_old = choices_.OneIn(4);
    operation.request = is_old ? LOOP_GET_STATUS : LOOP_GET_STATUS64;
    operation.bytes.assign(is_old ? sizeof(loop_info) : sizeof(loop_info64), '\x5a');
    return operation;
  }

  Operation SetStatus() {
    Operation operation = OnDevice(Kind::kIoctl);
    const loop_info64 info = Info();
    if (choices_.OneIn(4)) {
      operation.request = LOOP_SET_STATUS;
      const loop_info old = Old(info);
      operation.bytes.assign(reinterpret_cast<const char*>(&old), sizeof(old));
    } else {
      operation.request = LOOP_SET_STATUS64;
      operation.bytes.assign(reinterpret_cast<const char*>(&info), sizeof(info));
    }
    return operation;
  }

  // What the old form has room for; an offset of 2^31 and more is a negative one.
  static loop_info Old(const loop_info64& info) {
    loop_info old{};
    old.lo_offset = static_cast<int>(info.lo_offset);
    old.lo_flags = static_cast<int>(info.lo_flags);
    old.lo_encrypt_type = static_cast<int>(info.lo_encrypt_type);
    old.lo_encrypt_key_size = static_cast<int>(info.lo_encrypt_key_size);
    std::memcpy(old.lo_name, info.lo_file_name, sizeof(old.lo_name));
    return old;
  }

  // A request with a pointer to nothing.
  Operation NoMemory() {
    return Value(choices_.Of<unsigned long>({LOOP_CONFIGURE, LOOP_GET_STATUS64, LOOP_GET_STATUS,
                                             LOOP_SET_STATUS64, LOOP_SET_STATUS}),
                 {0, 1});
  }

  Operation Control(unsigned long request) {
    Operation operation;
    operation.kind = Kind::kIoctlValue;
    operation.slot = kLoopControlSlot;
    operation.request = request;
    operation.value = has_odd_values_ ? choices_.Of<uint64_t>({0, 3, 9, 1048576, ~uint64_t{0}})
                                      : choices_.Below(10);
    return operation;
  }

  Operation Io(Kind kind) {
    Operation operation = OnDevice(kind);
    operation.offset = 4096 * choices_.Below(300);
    operation.length = choices_.Of<uint64_t>({512, 4096, 8192});
    if (kind == Kind::kWrite) {
      operation.bytes.assign(operation.length, static_cast<char>('a' + choices_.Below(26)));
    }
    return operation;
  }

  Operation Truncate() {
    Operation operation;
    operation.kind = Kind::kTruncate;
    operation.slot = FileSlot();
    operation.length = choices_.Of<uint64_t>({0, 1000, 65536, 1u << 20, 3u << 20});
    return operation;
  }

  Operation Query() {
    Operation operation = OnDevice(Kind::kIoctl);
    operation.request = choices_.Of<unsigned long>({BLKGETSIZE64, BLKROGET, BLKROSET, BLKSSZGET});
    operation.bytes.assign(sizeof(uint64_t), '\0');
    if (operation.request == BLKROSET) operation.bytes[0] = static_cast<char>(choices_.Below(2));
    return operation;
  }

  Operation Mapped(unsigned long command) {
    DmRequest request(1024);
    request.Name("m");
    if (command == DM_TABLE_LOAD) {
      request.Target(0, 8, "linear", absl::StrCat("7:", choices_.Below(3), " 0"));
    }
    Operation operation;
    operation.request = command;
    operation.bytes = request.bytes();
    return operation;
  }

  const Setting setting_;
  Choices choices_;
  Swarm swarm_;
  bool has_odd_values_ = false;
};

}  // namespace

std::unique_ptr<Generator> LoopGenerator(uint64_t seed, const Setting& setting) {
  return std::make_unique<LoopGeneratorImpl>(seed, setting);
}

}  // namespace dmkit::differential
