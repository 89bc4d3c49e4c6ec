// SPDX-License-Identifier: Apache-2.0
// The control commands, one function each, on the kernel's copy of the parameters. Mirrors the
// functions of drivers/md/dm-ioctl.c that stand beside their names; read in v6.1 and v6.12. Each
// returns 0 or a negative errno and leaves the reply in its parameters.

#ifndef DMKIT_TESTING_MODEL_DM_COMMANDS_H_
#define DMKIT_TESTING_MODEL_DM_COMMANDS_H_

#include <memory>

#include "testing/model/dm_core.h"
#include "testing/model/dm_params.h"

namespace dmkit::model {

// dm_commands_device.cc
int RemoveAll(DmCore& dm, DmParams& params);     // remove_all
int CreateDevice(DmCore& dm, DmParams& params);  // dev_create
int RemoveDevice(DmCore& dm, DmParams& params);  // dev_remove
int RenameDevice(DmCore& dm, DmParams& params);  // dev_rename, dm_hash_rename
int DeviceStatus(DmCore& dm, DmParams& params);  // dev_status
int SetGeometry(DmCore& dm, DmParams& params);   // dev_set_geometry

// dm_commands_suspend.cc
int SuspendDevice(DmCore& dm, DmParams& params);  // dev_suspend

// dm_commands_table.cc
int LoadTable(DmCore& dm, DmParams& params);   // table_load, populate_table
int ClearTable(DmCore& dm, DmParams& params);  // table_clear

// dm_commands_status.cc
int TableStatus(DmCore& dm, DmParams& params);  // table_status, retrieve_status
int TableDeps(DmCore& dm, DmParams& params);    // table_deps, retrieve_deps
int WaitDevice(DmCore& dm, DmParams& params);   // dev_wait

// dm_commands_list.cc
int ListDevices(DmCore& dm, DmParams& params);       // list_devices
int ListVersions(DmCore& dm, DmParams& params);      // list_versions
int GetTargetVersion(DmCore& dm, DmParams& params);  // get_target_version

// dm_commands_message.cc
int TargetMessage(DmCore& dm, DmParams& params);  // target_message, message_for_md

// ---- What they share (dm_commands_device.cc).

// __find_device_hash_cell(): by uuid, name or number; writes name, uuid and the flag of the
// inactive table. Null when there is none.
std::shared_ptr<DmDevice> FindDevice(DmCore& dm, DmParams& params);
// __dev_status(): the fields and flags that say what state the device is in.
void PutStatus(const DmDevice& device, DmParams& params);

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_DM_COMMANDS_H_
