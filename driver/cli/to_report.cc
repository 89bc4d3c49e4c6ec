// SPDX-License-Identifier: Apache-2.0
// Field by field.

#include "driver/cli/to_report.h"

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "driver/report.pb.h"
#include "loop/types.h"
#include "sys/device_number.h"
#include "sys/units.h"
#include "thinp/thin_pool_target.h"

namespace dmkit::driver::cli {

report::PoolEvent ToReport(const thinp::PoolEvent& event, absl::Time seen) {
  report::PoolEvent report;
  report.set_unix_milliseconds(absl::ToUnixMillis(seen));
  report.set_event(std::string(thinp::PoolEventName(event.kind)));
  if (!event.sight.has_value()) return report;
  const thinp::PoolSight& sight = *event.sight;
  const thinp::ThinPoolStatus& status = sight.status;
  const uint64_t block_bytes = sight.block_size.count() * sys::kSectorBytes;
  report.set_name(sight.name);
  report.set_uuid(sight.uuid);
  report.set_device_number(sys::FormatDeviceNumber(sight.device));
  report.set_event_nr(sight.event_nr);
  report.set_mode(std::string(thinp::PoolModeName(status.mode)));
  if (event.mode_before.has_value()) {
    report.set_mode_before(std::string(thinp::PoolModeName(*event.mode_before)));
  }
  report.set_needs_check(status.needs_check);
  report.set_used_data_bytes(status.used_data.count() * block_bytes);
  report.set_total_data_bytes(status.total_data.count() * block_bytes);
  report.set_used_metadata_bytes(status.used_metadata_blocks * thinp::kMetadataBlockBytes);
  report.set_total_metadata_bytes(status.total_metadata_blocks * thinp::kMetadataBlockBytes);
  return report;
}

report::LoopDevice ToReport(const loop::LoopInfo& info) {
  report::LoopDevice device;
  device.set_number(info.number);
  device.set_path(absl::StrCat("/dev/loop", info.number));
  // The kernel's own path where there is sysfs; else what the attacher said, which may be cut off.
  device.set_backing_file(info.backing_file.empty() ? info.file_name : info.backing_file);
  device.set_offset_bytes(info.offset.count());
  device.set_size_limit_bytes(info.size_limit.count());
  device.set_read_only(info.read_only);
  device.set_autoclear(info.autoclear);
  device.set_direct_io(info.direct_io);
  return device;
}

}  // namespace dmkit::driver::cli
