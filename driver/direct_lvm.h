// SPDX-License-Identifier: Apache-2.0
// A thin pool made with the programs of lvm2 on one block device, for those who ask for it
// (dm.directlvm_device). The only place that runs them; a pool that exists is none of its business.

#ifndef DMKIT_DRIVER_DIRECT_LVM_H_
#define DMKIT_DRIVER_DIRECT_LVM_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sys/host.h"
#include "thinp/device_set.h"
#include "thinp/state.pb.h"

namespace dmkit::driver {

// The physical volume has the set's uuid: it was made for the set, whatever the device is called
// meanwhile, and what else is found there was not. The volume group is dmkit_<first 8 digits of
// that uuid>, the pool in it "thinpool", with chunks of 512 KiB that are not zeroed. It stays when
// its store is removed.
class DirectLvmMaker : public thinp::PoolMaker {
 public:
  // `config` has all its values. With `force` whatever the device holds is overwritten, but not a
  // partition table, nor a device that is in use or belongs to a volume group. `host` outlives this
  // object.
  DirectLvmMaker(sys::Host host, thinp::proto::DirectLvm config, bool force)
      : host_(host), config_(std::move(config)), force_(force) {}

  // Whether it can be done; changes nothing. ENOENT: a program is missing, or the device is.
  // INVALID_ARGUMENT: it is no block device. EBUSY: it is in use. FAILED_PRECONDITION: it holds
  // something, which is named. UNKNOWN: pvs fails.
  absl::Status Check() override;
  // pvcreate, vgcreate, lvcreate twice, lvconvert, the profile for extending the pool, lvchange; on
  // a host without udevd lvm2 is told to make its nodes itself.
  // UNKNOWN when one fails, with its last words; ETIMEDOUT when it ran for 10 minutes. Blocks while
  // they run. Not repeatable: see Undo.
  absl::StatusOr<std::string> Make(absl::string_view set_uuid) override;
  // vgremove and pvremove of the volume with the set's uuid, and the profile. What cannot be taken
  // away, or not be looked for (pvs fails), is an error that says how to do it by hand. Repeatable.
  absl::Status Undo(absl::string_view set_uuid) override;

 private:
  absl::Status CheckDevice();
  absl::Status RunAll(const std::vector<std::vector<std::string>>& commands);
  absl::Status WriteProfile(absl::string_view group);

  sys::Host host_;
  thinp::proto::DirectLvm config_;
  bool force_;
};

// The volume group for a set.
std::string DirectLvmGroup(absl::string_view set_uuid);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_DIRECT_LVM_H_
