// SPDX-License-Identifier: Apache-2.0
// The texts and links of /sys.

#include "testing/model/files/sys_files.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "testing/model/block_layer.h"

namespace dmkit::model {
namespace {

constexpr uint64_t kTextBytes = 4096;  // what stat shows of every attribute
constexpr int kReadAheadKib = 128;

// An attribute of a disk; -ENODEV when the disk went after the look-up.
MadeUpFile Attribute(Core& core, const std::string& disk,
                     std::function<std::string(const BlockDevice&)> text) {
  MadeUpFile file = MadeUpText([&core, disk, text = std::move(text)](std::string* out) {
    const BlockDevice* const device = core.blocks.FindByName(disk);
    if (device == nullptr) return -ENODEV;
    *out = absl::StrCat(text(*device), "\n");
    return 0;
  });
  file.size = kTextBytes;
  return file;
}

std::vector<sys::DeviceNumber> SlavesOf(const Core& core, const BlockDevice& device) {
  std::vector<sys::DeviceNumber> slaves;
  for (const BlockDevice* const other : core.blocks.List()) {
    const std::vector<sys::DeviceNumber> holders = other->Holders();
    if (std::count(holders.begin(), holders.end(), device.number()) != 0) {
      slaves.push_back(other->number());
    }
  }
  return slaves;
}

// Links to the disks that `numbers` gives for a disk. Found when somebody looks: there may be many.
MadeUpFile Links(Core& core, const std::string& disk,
                 std::function<std::vector<sys::DeviceNumber>(const BlockDevice&)> numbers) {
  MadeUpFile directory = MadeUpDirectory({});
  directory.names = [&core, disk, numbers = std::move(numbers)] {
    std::vector<std::string> names;
    const BlockDevice* const device = core.blocks.FindByName(disk);
    if (device == nullptr) return names;
    for (const sys::DeviceNumber number : numbers(*device)) {
      const BlockDevice* const other = core.blocks.FindAdded(number);
      if (other != nullptr) names.push_back(other->disk_name());
    }
    return names;
  };
  directory.find = [names = directory.names](absl::string_view name) -> std::optional<MadeUpFile> {
    const std::vector<std::string> all = names();
    if (std::count(all.begin(), all.end(), name) == 0) return std::nullopt;
    return MadeUpLink(absl::StrCat("../../", name));
  };
  return directory;
}

MadeUpFile QueueDirectory(Core& core, const std::string& disk) {
  using Device = const BlockDevice&;
  const auto attribute = [&core, &disk](std::function<std::string(Device)> text) {
    return Attribute(core, disk, std::move(text));
  };
  return MadeUpDirectory({
      {"logical_block_size",
       attribute([](Device d) { return absl::StrCat(d.limits().logical_block_bytes); })},
      {"hw_sector_size",
       attribute([](Device d) { return absl::StrCat(d.limits().logical_block_bytes); })},
      {"physical_block_size",
       attribute([](Device d) { return absl::StrCat(d.limits().physical_block_bytes); })},
      {"discard_granularity",
       attribute([](Device d) { return absl::StrCat(d.limits().discard_granularity_bytes); })},
      {"discard_max_bytes", attribute([](Device d) {
         return absl::StrCat(d.limits().max_discard_sectors * kSectorBytes);
       })},
      {"read_ahead_kb", attribute([](Device) { return absl::StrCat(kReadAheadKib); })},
  });
}

// What the driver shows: "dm/name" becomes a file in a directory.
void AddDriverFiles(Core& core, const BlockDevice& device,
                    std::map<std::string, MadeUpFile>* files) {
  std::map<std::string, std::map<std::string, MadeUpFile>> directories;
  for (const auto& [path, text] : device.Attributes()) {
    const std::pair<std::string, std::string> names = absl::StrSplit(path, absl::MaxSplits('/', 1));
    // What the disk's driver showed at the look-up, or -ENODEV when it does not show it any more.
    MadeUpFile file =
        MadeUpText([&core, disk = device.disk_name(), wanted = path](std::string* out) {
          const BlockDevice* const now = core.blocks.FindByName(disk);
          if (now == nullptr) return -ENODEV;
          for (const auto& [name, value] : now->Attributes()) {
            if (name != wanted) continue;
            *out = value;
            return 0;
          }
          return -ENODEV;
        });
    file.size = kTextBytes;
    directories[names.first].emplace(names.second, std::move(file));
  }
  for (auto& [name, entries] : directories) {
    files->emplace(name, MadeUpDirectory(std::move(entries)));
  }
}

MadeUpFile DiskDirectory(Core& core, const BlockDevice& device) {
  const std::string& disk = device.disk_name();
  using Device = const BlockDevice&;
  const auto attribute = [&core, &disk](std::function<std::string(Device)> text) {
    return Attribute(core, disk, std::move(text));
  };
  std::map<std::string, MadeUpFile> files = {
      {"uevent", attribute([](Device d) {
         return absl::StrCat("MAJOR=", d.number().major, "\nMINOR=", d.number().minor,
                             "\nDEVNAME=", d.disk_name(),
                             "\nDEVTYPE=disk\nDISKSEQ=", d.disk_sequence());
       })},
      {"dev", attribute([](Device d) { return sys::FormatDeviceNumber(d.number()); })},
      {"size", attribute([](Device d) { return absl::StrCat(d.sectors()); })},
      {"ro", attribute([](Device d) { return absl::StrCat(d.read_only() ? 1 : 0); })},
      {"removable", attribute([](Device) { return std::string("0"); })},
      {"diskseq", attribute([](Device d) { return absl::StrCat(d.disk_sequence()); })},
      {"queue", QueueDirectory(core, disk)},
      {"holders", Links(core, disk, [](Device d) { return d.Holders(); })},
      {"slaves", Links(core, disk, [&core](Device d) { return SlavesOf(core, d); })},
      {"subsystem", MadeUpLink("../../../../class/block")},
      {"bdi", MadeUpLink(absl::StrCat("../../bdi/", sys::FormatDeviceNumber(device.number())))},
  };
  AddDriverFiles(core, device, &files);
  return MadeUpDirectory(std::move(files));
}

// A directory with something for each disk, by the disk's name or by its number.
MadeUpFile ForEachDisk(Core& core, bool by_number,
                       std::function<MadeUpFile(const BlockDevice&)> entry) {
  MadeUpFile directory = MadeUpDirectory({});
  directory.find = [&core, by_number,
                    entry = std::move(entry)](absl::string_view name) -> std::optional<MadeUpFile> {
    if (!by_number) {
      const BlockDevice* const device = core.blocks.FindByName(name);
      if (device == nullptr) return std::nullopt;
      return entry(*device);
    }
    const std::pair<std::string, std::string> parts = absl::StrSplit(name, absl::MaxSplits(':', 1));
    sys::DeviceNumber number;
    if (!absl::SimpleAtoi(parts.first, &number.major) ||
        !absl::SimpleAtoi(parts.second, &number.minor) || sys::FormatDeviceNumber(number) != name) {
      return std::nullopt;
    }
    // Not Find(), which would load what is not there.
    const BlockDevice* const device = core.blocks.FindAdded(number);
    if (device == nullptr) return std::nullopt;
    return entry(*device);
  };
  directory.names = [&core, by_number] {
    std::vector<std::string> names;
    for (const BlockDevice* const device : core.blocks.List()) {
      names.push_back(by_number ? sys::FormatDeviceNumber(device->number()) : device->disk_name());
    }
    return names;
  };
  return directory;
}

}  // namespace

MadeUpFile SysRoot(Core& core) {
  const auto link = [](const std::string& up) {
    return [up](const BlockDevice& device) {
      return MadeUpLink(absl::StrCat(up, "devices/virtual/block/", device.disk_name()));
    };
  };
  const MadeUpFile disks = ForEachDisk(
      core, false, [&core](const BlockDevice& device) { return DiskDirectory(core, device); });
  const MadeUpFile bdis = ForEachDisk(core, true, [](const BlockDevice&) {
    return MadeUpDirectory({{"read_ahead_kb", MadeUpText(absl::StrCat(kReadAheadKib, "\n"))}});
  });
  const MadeUpFile devices = MadeUpDirectory({{"block", disks}, {"bdi", bdis}});
  return MadeUpDirectory({
      {"block", ForEachDisk(core, false, link("../"))},
      {"class", MadeUpDirectory({{"block", ForEachDisk(core, false, link("../../"))}})},
      {"dev", MadeUpDirectory({{"block", ForEachDisk(core, true, link("../../"))}})},
      {"devices", MadeUpDirectory({{"virtual", devices}})},
  });
}

}  // namespace dmkit::model
