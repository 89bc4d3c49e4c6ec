// SPDX-License-Identifier: Apache-2.0
// Answers of device-mapper, compared with each other and with what was loaded.

#include "testing/fuzz/history/mapper_checks.h"

#include <algorithm>
#include <cstddef>

namespace dmkit::history {

bool AnySuspended(absl::Span<const Mapped> devices) {
  return std::any_of(devices.begin(), devices.end(),
                     [](const Mapped& mapped) { return mapped.suspended; });
}

bool AnyZeros(absl::Span<const Mapped> devices) {
  return std::any_of(devices.begin(), devices.end(), [](const Mapped& mapped) {
    return std::any_of(mapped.active.begin(), mapped.active.end(),
                       [](const dm::TableLine& line) { return line.type.text() == "zero"; });
  });
}

void ExpectFound(World& world, dm::DeviceMapper& dm, const dm::DmName& name,
                 const dm::ListedDevice& listed) {
  const auto by_name = dm.Info(name);
  const auto by_number = dm.Info(listed.device);
  world.ExpectOk(by_name.status(), "a listed device");
  world.ExpectOk(by_number.status(), "the number of a listed device");
  world.Expect(*by_name == *by_number, "two ways to one device");
  world.Expect(by_name->device == listed.device, "the number of a device");
  world.Expect(by_name->open_count >= 0, "the open count");
  if (!listed.uuid.has_value() || listed.uuid->empty()) return;
  const auto by_uuid = dm.Info(*dm::DmUuid::Create(*listed.uuid));
  world.ExpectOk(by_uuid.status(), "the uuid of a listed device");
  world.Expect(*by_uuid == *by_name, "two ways to one device");
}

void ExpectTable(World& world, const std::vector<dm::TargetStatus>& lines,
                 const std::vector<dm::TableLine>& loaded) {
  world.Expect(lines.size() == loaded.size(), "the lines of a table");
  for (size_t i = 0; i < loaded.size(); ++i) {
    world.Expect(lines[i].start == loaded[i].start && lines[i].length == loaded[i].length &&
                     lines[i].type == loaded[i].type.text(),
                 "a line of a table");
    if (loaded[i].params.empty()) world.Expect(lines[i].text.empty(), "the words of a table");
  }
}

}  // namespace dmkit::history
