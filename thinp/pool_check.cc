// SPDX-License-Identifier: Apache-2.0

#include "thinp/pool_check.h"

#include <set>

namespace dmkit::thinp {

void CompareOwners(const std::vector<proto::DeviceState>& devices, const PoolContents& contents,
                   CheckReport& report) {
  std::set<uint32_t> owned;
  for (const proto::DeviceState& device : devices) {
    owned.insert(device.thin_id());
    if (contents.count(device.thin_id()) == 0) report.devices_without_thin.push_back(device.name());
  }
  for (const auto& [id, device] : contents) {
    if (owned.count(id) == 0) report.unowned_thin_ids.push_back(id);
  }
}

}  // namespace dmkit::thinp
