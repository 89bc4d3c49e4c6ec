// SPDX-License-Identifier: Apache-2.0
// Device-mapper as one object: its target types, its devices by number, name and uuid, and the
// global event number. The ioctls are in dm_control.h; a target's author needs dm_target.h,
// dm_table.h and RegisterModule() here.

#ifndef DMKIT_TESTING_MODEL_DM_CORE_H_
#define DMKIT_TESTING_MODEL_DM_CORE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/strings/string_view.h"
#include "testing/model/core.h"
#include "testing/model/dm_device.h"
#include "testing/model/dm_target.h"

namespace dmkit::model {

class DmCore {
 public:
  // Registers the control node 10:236, `major` or with 0 a dynamic one, and the types that are
  // built into dm-mod: error, linear, striped. The module dm-zero can be loaded.
  explicit DmCore(Core& core, uint32_t major = 0);
  // Everybody must have closed the devices, as after a power loss.
  ~DmCore();
  DmCore(const DmCore&) = delete;
  DmCore& operator=(const DmCore&) = delete;

  Core& core() const { return core_; }
  const Profile& profile() const { return core_.profile; }
  uint32_t major() const { return major_; }
  // What all devices in tables are claimed with.
  const void* claim() const { return this; }

  // ---- Target types.

  // A kernel module that is not loaded yet: `names` are the target names whose lookup loads it (the
  // module's own, "dm-<name>", and its aliases), `types` what it registers, in this order.
  struct Module {
    std::vector<std::string> names;
    std::vector<std::shared_ptr<const TargetType>> types;
  };
  void RegisterModule(Module module);
  // dm_get_target_type(): loads the module when it has to. Null when nobody knows the name.
  const TargetType* FindType(absl::string_view name);
  // Only what is loaded, the most recently registered first.
  const std::vector<std::shared_ptr<const TargetType>>& types() const { return types_; }

  // ---- Devices.

  // dm_create(): the lowest free minor, or the one that is wanted, which is below 2^20. -ENXIO when
  // that one is in use, or none is left.
  int CreateDevice(std::optional<uint32_t> wanted, std::shared_ptr<DmDevice>* device);
  // dm_hash_insert(): -EBUSY when a name or uuid is in use.
  int Insert(const std::shared_ptr<DmDevice>& device, absl::string_view name,
             absl::string_view uuid);
  std::shared_ptr<DmDevice> FindByName(absl::string_view name) const;
  std::shared_ptr<DmDevice> FindByUuid(absl::string_view uuid) const;
  // dm_get_md(): not one that is being deleted or is in no lookup.
  std::shared_ptr<DmDevice> FindByNumber(sys::DeviceNumber number) const;
  // The same for targets: the device whatever its state is, null when it is none of ours.
  DmDevice* DeviceOf(const BlockDevice& device) const;
  void Rename(DmDevice& device, absl::string_view name);
  void SetUuid(DmDevice& device, absl::string_view uuid);
  // __hash_remove(): out of the lookups, with the event of the live table. The inactive table comes
  // back.
  std::shared_ptr<DmTable> Unlink(DmDevice& device);
  // dm_destroy(): ends a device that was unlinked, after waiting for those who still look at it.
  void Destroy(const std::shared_ptr<DmDevice>& device);
  // dm_hash_remove_all(): those that nobody has open, again and again until none is left.
  void RemoveAll(bool mark_deferred, bool only_deferred);
  // Runs dm_deferred_remove() soon, as kdmremove does.
  void QueueDeferredRemove();

  // By name, in the order of their bytes.
  const std::map<std::string, std::shared_ptr<DmDevice>>& devices() const { return by_name_; }

  // ---- Events.
  uint32_t global_event() const { return global_event_; }
  void GlobalEvent();

 private:
  void RegisterType(std::shared_ptr<const TargetType> type);
  void ForgetDevice(const DmDevice& device);

  Core& core_;
  uint32_t major_ = 0;
  std::vector<std::shared_ptr<const TargetType>> types_;
  std::vector<Module> modules_;
  std::map<std::string, std::shared_ptr<DmDevice>> by_name_;
  std::unordered_map<std::string, std::shared_ptr<DmDevice>> by_uuid_;
  std::unordered_map<uint32_t, std::shared_ptr<DmDevice>> by_minor_;
  std::set<uint32_t> free_minors_;  // below next_minor_: all that are
  uint32_t next_minor_ = 0;         // from here on those are free that have no device
  uint32_t global_event_ = 0;
  bool is_removal_queued_ = false;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_DM_CORE_H_
