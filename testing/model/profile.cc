// SPDX-License-Identifier: Apache-2.0
// The two kernels.

#include "testing/model/profile.h"

namespace dmkit::model {
namespace {

constexpr Profile MakeLinux61() {
  Profile profile = {};
  profile.name = "6.1";
  profile.kernel_release = "6.1.0-56-cloud-amd64";
  profile.dm_interface = {4, 47, 0};
  profile.error_version = {1, 5, 0};
  profile.zero_version = {1, 1, 0};
  profile.linear_version = {1, 4, 0};
  profile.striped_version = {1, 6, 0};
  profile.thin_version = {1, 22, 0};
  return profile;
}

constexpr Profile MakeLinux612() {
  Profile profile = {};
  profile.name = "6.12";
  profile.kernel_release = "6.12.117+deb12-cloud-amd64";
  profile.dm_interface = {4, 48, 0};
  profile.refuses_reserved_names = true;
  profile.checks_spec_layout = true;
  profile.pads_target_type = true;
  profile.reports_path_errno = true;
  profile.refuses_self_reference = true;
  profile.error_target_takes_device = true;
  profile.discards_without_devices = true;
  profile.stats_limit_areas = true;
  profile.flakey_has_error_reads = true;
  profile.error_version = {1, 7, 0};
  profile.zero_version = {1, 2, 0};
  profile.linear_version = {1, 4, 0};
  profile.striped_version = {1, 6, 0};
  profile.thin_version = {1, 23, 0};
  profile.thin_discard_blocks_max = 1024;
  profile.pool_discards_need_passdown = true;
  profile.loop_detaches_at_last_close = true;
  profile.loop_block_size_zero_is_default = true;
  profile.loop_failed_configure_mutes_uevents = true;
  profile.loop_reads_write_only_files = true;
  profile.loop_checks_file_first = true;
  profile.loop_reports_file_results = true;
  profile.loop_keeps_write_cache = true;
  profile.tmpfs_has_direct_io = true;
  profile.tmpfs_has_user_xattrs = true;
  return profile;
}

constexpr Profile kLinux61 = MakeLinux61();
constexpr Profile kLinux612 = MakeLinux612();

}  // namespace

const Profile& Linux61() { return kLinux61; }
const Profile& Linux612() { return kLinux612; }

}  // namespace dmkit::model
