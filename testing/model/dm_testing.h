// SPDX-License-Identifier: Apache-2.0
// What the tests of device-mapper in the model share: a machine with a control device and without a
// file side, and requests as bytes.

#ifndef DMKIT_TESTING_MODEL_DM_TESTING_H_
#define DMKIT_TESTING_MODEL_DM_TESTING_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "testing/model/core.h"
#include "testing/model/disk.h"
#include "testing/model/dm_control.h"
#include "testing/model/dm_core.h"
#include "testing/model/dm_params.h"
#include "testing/model/process.h"

namespace dmkit::model {

// Numbers of the commands.
enum DmNumber : uint32_t {
  kVersion,
  kRemoveAll,
  kListDevices,
  kDevCreate,
  kDevRemove,
  kDevRename,
  kDevSuspend,
  kDevStatus,
  kDevWait,
  kTableLoad,
  kTableClear,
  kTableDeps,
  kTableStatus,
  kListVersions,
  kTargetMsg,
  kSetGeometry,
  kArmPoll,
  kGetTargetVersion,
};

inline constexpr char kPoison = '\x5a';

// A request under construction, and after the call the reply in its place.
class DmBytes {
 public:
  explicit DmBytes(size_t size = 1024);

  DmBytes& Name(absl::string_view name);
  DmBytes& Uuid(absl::string_view uuid);
  DmBytes& Flags(uint32_t flags);
  DmBytes& Event(uint32_t event);
  DmBytes& Device(uint64_t device);
  DmBytes& Version(uint32_t major, uint32_t minor);
  DmBytes& DataStart(uint32_t start);
  // The payload grows behind what is there; the buffer as well when it has to.
  DmBytes& Text(absl::string_view text);
  DmBytes& Message(uint64_t sector, absl::string_view text);
  DmBytes& Target(uint64_t start, uint64_t length, absl::string_view type,
                  absl::string_view params);
  DmBytes& Raw(absl::string_view bytes);
  // Fills what follows the payload, and the seven bytes behind the uuid.
  DmBytes& Poison();

  std::string& bytes() { return bytes_; }
  uint32_t U32(size_t at) const;
  uint64_t U64(size_t at) const;
  void Put32(size_t at, uint32_t value);
  void Put64(size_t at, uint64_t value);

  // Of a reply.
  uint32_t flags() const { return U32(kFlagsAt); }
  uint32_t data_size() const { return U32(kDataSizeAt); }
  std::string TextAt(size_t at) const { return std::string(bytes_.c_str() + at); }
  std::string name() const { return TextAt(kNameAt); }
  std::string uuid() const { return TextAt(kUuidAt); }
  // "0 8 zero " and so on for each target of a status; the words "full" behind them when it was.
  std::vector<std::string> Targets() const;

 private:
  std::string bytes_;
  size_t end_ = kStructBytes;
};

class TestProcess : public Process {
 public:
  explicit TestProcess(uint32_t user = 0) : user_(user) {}
  int id() const override { return 1; }
  uint32_t effective_user() const override { return user_; }
  std::shared_ptr<OpenFile> FileAt(int) const override { return nullptr; }

 private:
  const uint32_t user_;
};

// A kernel with device-mapper and two disks, 8:0 of 8192 sectors and 8:16 of 4096.
class DmMachine {
 public:
  explicit DmMachine(const Profile& profile);
  ~DmMachine();

  // Makes the call through `control`: 0 or a negative errno. The bytes become the reply.
  int Call(uint32_t number, DmBytes& bytes);
  int CallOn(DmControl& file, uint32_t number, absl::Span<char> memory);

  // Shorthands for what tests do most; all give 0 or a negative errno.
  int Create(absl::string_view name);
  int Load(absl::string_view name, uint64_t length, absl::string_view type,
           absl::string_view params, uint32_t flags = 0);
  int Suspend(absl::string_view name, uint32_t flags = 0);
  int Resume(absl::string_view name, uint32_t cookie = 0);
  int Remove(absl::string_view name, uint32_t flags = 0);
  int Clear(absl::string_view name);
  // Create, load and resume; each must succeed.
  void Activate(absl::string_view name, uint64_t length, absl::string_view type,
                absl::string_view params);
  // The reply of DEV_STATUS.
  DmBytes Status(absl::string_view name, uint32_t flags = 0);
  DmBytes Table(absl::string_view name, uint32_t flags = kStatusTableFlag);
  // "253:3", for tables.
  std::string Number(absl::string_view name);

  DmDevice& device(absl::string_view name) { return *dm->FindByName(name); }
  // Opens a mapped device as a process would.
  int Open(absl::string_view name, BlockHandle* handle, const void* claim = nullptr);
  // What was sent since the last call: "change dm-0 DM_COOKIE=1".
  std::vector<std::string> TakeUevents();

  Core core;
  TestProcess root;
  std::unique_ptr<Disk> disk;
  std::unique_ptr<Disk> small_disk;
  std::unique_ptr<DmCore> dm;
  std::unique_ptr<DmControl> control;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_DM_TESTING_H_
