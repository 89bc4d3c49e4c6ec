// SPDX-License-Identifier: Apache-2.0
// Histories of device-mapper: all 18 commands, the targets linear, striped, zero and error over
// four loop devices, opens of mapped devices, io to them.
//
// In a history of fixed minors each name has a minor of its own and tables refer only to mapped
// devices of lower minors, so that none refers to itself; in the others, where minors are the
// kernel's choice, tables refer to loop devices only.

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dm/uapi.h"
#include "loop/uapi.h"
#include "testing/conformance/dm_request.h"
#include "testing/differential/dm_words.h"
#include "testing/differential/generator.h"
#include "testing/differential/random.h"
#include "testing/differential/swarm.h"

namespace dmkit::differential {
namespace {

using conformance::DmRequest;

constexpr unsigned long kGetGeometry = 0x0301;  // HDIO_GETGEO

class DmGeneratorImpl : public Generator {
 public:
  DmGeneratorImpl(uint64_t seed, const Setting& setting)
      : setting_(setting), choices_(seed), swarm_(choices_) {
    has_fixed_minors_ = choices_.OneIn(2);
    has_odd_names_ = choices_.OneIn(3);
    has_odd_addresses_ = choices_.OneIn(2);
    has_odd_layout_ = choices_.OneIn(3);
    has_odd_flags_ = choices_.OneIn(3);
    has_odd_tables_ = choices_.OneIn(2);
    has_short_buffers_ = choices_.OneIn(3);
    has_read_only_memory_ = !has_short_buffers_ && choices_.OneIn(3);
    AddOperations();
  }

  Operation Next() override { return swarm_.Next(); }

 private:
  void AddOperations() {
    swarm_.Always(10, [this] { return Create(); });
    swarm_.Always(16, [this] { return Load(); });
    swarm_.Always(12, [this] { return Suspend(0); });
    swarm_.Sometimes(6, [this] { return Suspend(DM_SUSPEND_FLAG); });
    swarm_.Sometimes(5, [this] { return Plain(DM_DEV_REMOVE, {0, DM_DEFERRED_REMOVE}); });
    swarm_.Sometimes(1, [this] { return Plain(DM_REMOVE_ALL, {0, DM_DEFERRED_REMOVE}); });
    // Never both in one history: see generator.h.
    if (choices_.OneIn(2)) {
      swarm_.Always(4, [this] { return Plain(DM_TABLE_CLEAR, {0}); });
    } else if (!has_fixed_minors_) {
      swarm_.Always(4, [this] { return Rename(); });
    }
    swarm_.Sometimes(6, [this] { return Plain(DM_DEV_STATUS, {0, DM_QUERY_INACTIVE_TABLE_FLAG}); });
    swarm_.Sometimes(10, [this] { return Status(DM_TABLE_STATUS); });
    swarm_.Sometimes(2, [this] { return Wait(); });
    swarm_.Sometimes(4, [this] { return Plain(DM_TABLE_DEPS, {0, DM_QUERY_INACTIVE_TABLE_FLAG}); });
    swarm_.Sometimes(3, [this] { return Plain(DM_LIST_DEVICES, {0, DM_UUID_FLAG}); });
    swarm_.Sometimes(1, [this] { return Plain(DM_LIST_VERSIONS, {0}); });
    swarm_.Sometimes(1, [this] { return Plain(DM_VERSION, {0}); });
    swarm_.Sometimes(4, [this] { return Message(); });
    swarm_.Sometimes(2, [this] { return Geometry(); });
    swarm_.Sometimes(2, [this] { return Plain(DM_DEV_ARM_POLL, {0}); });
    swarm_.Sometimes(2, [this] { return TargetVersion(); });
    swarm_.Sometimes(2, [this] { return OtherRequest(); });
    swarm_.Sometimes(3, [] { return Poll(); });
    swarm_.Sometimes(10, [this] { return Open(); });
    swarm_.Sometimes(2, [this] { return OnSlot(Kind::kClose); });
    swarm_.Sometimes(4, [this] { return Io(Kind::kRead); });
    swarm_.Sometimes(4, [this] { return Io(Kind::kWrite); });
    swarm_.Sometimes(2, [this] { return BlockIoctl(); });
  }

  // ---- Requests.

  Operation Ioctl(unsigned long request, const DmRequest& bytes) {
    Operation operation;
    operation.request = request;
    operation.bytes = bytes.bytes();
    if (has_read_only_memory_ && choices_.OneIn(8)) {
      operation.writable_bytes = choices_.Of<uint64_t>({0, 4, 12, 300, 304, 305, 312, 352, 400});
    }
    return operation;
  }

  std::string Name() {
    if (has_odd_names_ && choices_.OneIn(6)) return choices_.Of(OddNames());
    return choices_.Of(Names());
  }

  std::string Uuid() {
    switch (choices_.Below(has_odd_names_ ? 8 : 3)) {
      case 0:
        return "";
      case 6:
        return std::string(128, 'U');
      case 7:
        return "u/u";
      default:
        return absl::StrCat("U-", choices_.Of(Names()));
    }
  }

  uint64_t Device() {
    const auto minor = static_cast<uint32_t>(choices_.Below(6));
    return conformance::EncodeDevice(choices_.OneIn(8) ? 7 : setting_.dm_major, minor);
  }

  DmRequest Start(size_t size = 1024) {
    DmRequest request(size);
    if (has_odd_layout_ && choices_.OneIn(10)) {
      request.Version(static_cast<uint32_t>(choices_.Of<uint64_t>({3, 4, 4, 5})),
                      static_cast<uint32_t>(choices_.Of<uint64_t>({0, 46, 47, 48, 49, 999})),
                      static_cast<uint32_t>(choices_.Below(2)));
    }
    return request;
  }

  // By name mostly, else by uuid, by number, by several or by nothing.
  void Address(DmRequest* request) {
    const uint64_t way = has_odd_addresses_ ? choices_.Below(10) : 0;
    if (way < 6 || way == 9) request->Name(Name());
    if (way == 6 || way == 9) request->Uuid(Uuid());
    if (way == 7 || (way == 9 && choices_.OneIn(2))) request->Device(Device());
  }

  void Finish(DmRequest* request) {
    if (choices_.OneIn(2)) request->Poison();
    if (has_odd_flags_ && choices_.OneIn(5)) {
      request->Flags(request->flags() | 1u << choices_.Below(22));
    }
    if (has_odd_layout_ && choices_.OneIn(8)) {
      request->DataStart(static_cast<uint32_t>(
          choices_.Of<uint64_t>({0, 40, 304, 305, 308, 311, 313, 320, 1023, 4096, 0xfffffff8})));
    }
    if (has_short_buffers_ && choices_.OneIn(4)) {
      const uint64_t room = choices_.Of<uint64_t>(
          {0, 12, 304, 305, 311, 312, 313, 320, 352, 360, 400, 1023, 1025, 2048, 1u << 30});
      request->DataSize(static_cast<uint32_t>(room + choices_.Below(3)));
    }
  }

  Operation Plain(unsigned long command, const std::vector<uint32_t>& flags) {
    DmRequest request = Start();
    Address(&request);
    request.Flags(choices_.Of(flags));
    if (choices_.OneIn(4)) request.Event(static_cast<uint32_t>(choices_.Of(OddNumbers())));
    Finish(&request);
    return Ioctl(command, request);
  }

  Operation Create() {
    DmRequest request = Start();
    const std::string name = Name();
    request.Name(name);
    if (choices_.OneIn(3)) request.Uuid(Uuid());
    if (has_fixed_minors_) {
      request.Flags(DM_PERSISTENT_DEV_FLAG);
      request.Device(conformance::EncodeDevice(setting_.dm_major, MinorOf(name)));
    } else if (choices_.OneIn(8)) {
      request.Flags(DM_PERSISTENT_DEV_FLAG);
      request.Device(Device());
    }
    Finish(&request);
    return Ioctl(DM_DEV_CREATE, request);
  }

  // Odd names share one, behind the others.
  static uint32_t MinorOf(const std::string& name) {
    return name.size() == 1 && name[0] >= 'a' && name[0] <= 'd'
               ? static_cast<uint32_t>(name[0] - 'a')
               : 4;
  }

  Operation Suspend(uint32_t flags) {
    return Plain(DM_DEV_SUSPEND, {flags, flags | DM_NOFLUSH_FLAG, flags | DM_SKIP_LOCKFS_FLAG});
  }

  Operation Status(unsigned long command) {
    return Plain(command,
                 {0, DM_STATUS_TABLE_FLAG, DM_NOFLUSH_FLAG, DM_QUERY_INACTIVE_TABLE_FLAG,
                  DM_QUERY_INACTIVE_TABLE_FLAG | DM_STATUS_TABLE_FLAG, DM_IMA_MEASUREMENT_FLAG});
  }

  // Numbers that no device's events reach, so that it does not wait; and 0, that may.
  Operation Wait() {
    DmRequest request = Start();
    Address(&request);
    request.Event(static_cast<uint32_t>(choices_.Of<uint64_t>({0, 1, 1000000, 0xffffffff})));
    Finish(&request);
    return Ioctl(DM_DEV_WAIT, request);
  }

  Operation Rename() {
    DmRequest request = Start();
    Address(&request);
    if (choices_.OneIn(3)) {
      request.Flags(DM_UUID_FLAG);
      request.Text(Uuid());
    } else {
      request.Text(Name());
    }
    Finish(&request);
    return Ioctl(DM_DEV_RENAME, request);
  }

  Operation Message() {
    DmRequest request = Start();
    Address(&request);
    request.Message(choices_.OneIn(6) ? choices_.Of(OddNumbers()) : 0, choices_.Of(Messages()));
    Finish(&request);
    return Ioctl(DM_TARGET_MSG, request);
  }

  Operation Geometry() {
    DmRequest request = Start();
    Address(&request);
    request.Text(choices_.Of(Geometries()));
    Finish(&request);
    return Ioctl(DM_DEV_SET_GEOMETRY, request);
  }

  Operation TargetVersion() {
    DmRequest request = Start();
    request.Name(choices_.Of<std::string>(
        {"zero", "linear", "error", "striped", "thin", "thin-pool", "", "Zero", "nonsense"}));
    Finish(&request);
    return Ioctl(DM_GET_TARGET_VERSION, request);
  }

  // Of another type, or a number that no command has.
  Operation OtherRequest() {
    DmRequest request = Start();
    Address(&request);
    const auto number = static_cast<unsigned int>(18 + choices_.Below(4));
    return Ioctl(choices_.OneIn(4) ? _IOWR(0xfe, 0, dm_ioctl) : _IOWR(0xfd, number, dm_ioctl),
                 request);
  }

  // ---- Tables.

  std::string DeviceWord(const std::string& name) {
    if (has_odd_tables_ && choices_.OneIn(10)) {
      return choices_.Of<std::string>({"7:9", "nope", "/dev/null", "/nope", "7:0x", "99:3", "",
                                       "/dev/loop9", "7:99999999", "4294967295:0", "/dev"});
    }
    const uint32_t below = has_fixed_minors_ ? MinorOf(name) : 0;
    if (below > 0 && choices_.OneIn(3)) {
      return absl::StrCat(setting_.dm_major, ":", choices_.Below(below));
    }
    return choices_.OneIn(4) ? absl::StrCat("/dev/loop", choices_.Below(4))
                             : absl::StrCat("7:", choices_.Below(4));
  }

  std::string Offset() {
    if (has_odd_tables_ && choices_.OneIn(8)) {
      return choices_.Of<std::string>({"x", "-1", "+8", "0x10", "18446744073709551615",
                                       "36028797018963968", "8 ", "8x", "99999"});
    }
    return absl::StrCat(choices_.Of<uint64_t>({0, 8, 128, 1024, 4096, 8184}));
  }

  std::string Parameters(const std::string& type, const std::string& name) {
    if (has_odd_tables_ && choices_.OneIn(12)) {
      return choices_.Of<std::string>({"", "x", "a b c", "\\", " ", "0 0 0 0"});
    }
    if (type == "linear") return absl::StrCat(DeviceWord(name), " ", Offset());
    if (type == "striped") {
      const uint64_t stripes = 1 + choices_.Below(3);
      std::string text = absl::StrCat(
          stripes, " ", choices_.Of<std::string>({"8", "8", "16", "128", "7", "0", "x", "64"}));
      for (uint64_t i = 0; i < stripes; ++i) {
        absl::StrAppend(&text, " ", DeviceWord(name), " ", Offset());
      }
      return text;
    }
    return "";
  }

  Operation Load() {
    DmRequest request = Start(2048);
    const std::string name = Name();
    request.Name(name);
    if (choices_.OneIn(6)) request.Flags(DM_READONLY_FLAG);
    const uint64_t targets = choices_.OneIn(3) ? 1 + choices_.Below(3) : 1;
    uint64_t start = 0;
    for (uint64_t i = 0; i < targets; ++i) {
      const std::string type =
          has_odd_tables_ && choices_.OneIn(10)
              ? choices_.Of<std::string>({"nonsense", "", "Linear"})
              : choices_.Of<std::string>({"linear", "linear", "striped", "zero", "error"});
      const bool is_odd = has_odd_tables_ && choices_.OneIn(12);
      const uint64_t length = choices_.Of(is_odd ? OddNumbers() : Lengths());
      const uint64_t begin = is_odd && choices_.OneIn(2) ? choices_.Of(OddNumbers()) : start;
      request.Target(begin, length, type, Parameters(type, name));
      start += length;
    }
    if (has_odd_layout_ && choices_.OneIn(12)) {
      request.TargetCount(static_cast<uint32_t>(choices_.Of<uint64_t>({0, 2, 4, 1048577})));
    }
    Finish(&request);
    return Ioctl(DM_TABLE_LOAD, request);
  }

  // ---- Nodes.

  Operation OnSlot(Kind kind) {
    Operation operation;
    operation.kind = kind;
    operation.slot = kFirstSlot + choices_.Below(2);
    return operation;
  }

  Operation Open() {
    Operation operation = OnSlot(Kind::kOpen);
    operation.path = choices_.OneIn(6) ? absl::StrCat("/dev/loop", choices_.Below(4))
                                       : absl::StrCat("/dev/dm-", choices_.Below(5));
    operation.options.access = choices_.OneIn(3) ? sys::Access::kReadOnly : sys::Access::kReadWrite;
    operation.options.direct = true;
    operation.options.exclusive = choices_.OneIn(6);
    return operation;
  }

  static Operation Poll() {
    Operation operation;
    operation.kind = Kind::kReadable;
    return operation;
  }

  Operation Io(Kind kind) {
    Operation operation = OnSlot(kind);
    operation.offset = 512 * choices_.Of<uint64_t>({0, 1, 7, 8, 16, 63, 64, 128, 1000, 2048, 8192});
    operation.length = 512 * (1 + choices_.Below(16));
    if (kind == Kind::kWrite) {
      operation.bytes.assign(operation.length, static_cast<char>('a' + choices_.Below(26)));
    }
    return operation;
  }

  Operation BlockIoctl() {
    Operation operation = OnSlot(Kind::kIoctl);
    operation.request = choices_.Of<unsigned long>(
        {BLKGETSIZE64, BLKROGET, BLKROSET, BLKSSZGET, BLKDISCARD, BLKZEROOUT, kGetGeometry});
    operation.bytes.assign(operation.request == kGetGeometry ? 16 : sizeof(uint64_t), '\0');
    if (operation.request == BLKROSET) operation.bytes[0] = static_cast<char>(choices_.Below(2));
    if (operation.request == BLKDISCARD || operation.request == BLKZEROOUT) {
      const uint64_t range[2] = {512 * choices_.Below(70), 512 * choices_.Below(40)};
      operation.bytes.assign(reinterpret_cast<const char*>(range), sizeof(range));
    }
    return operation;
  }

  const Setting setting_;
  Choices choices_;
  Swarm swarm_;
  bool has_fixed_minors_ = false;
  bool has_odd_names_ = false;
  bool has_odd_addresses_ = false;
  bool has_odd_layout_ = false;
  bool has_odd_flags_ = false;
  bool has_odd_tables_ = false;
  bool has_short_buffers_ = false;
  // Not with short buffers: what can only be read has no end where the request has.
  bool has_read_only_memory_ = false;
};

}  // namespace

std::unique_ptr<Generator> DmGenerator(uint64_t seed, const Setting& setting) {
  return std::make_unique<DmGeneratorImpl>(seed, setting);
}

}  // namespace dmkit::differential
