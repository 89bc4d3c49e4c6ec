// SPDX-License-Identifier: Apache-2.0
// The texts of /proc.

#include "testing/model/files/proc_files.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "testing/model/files/uuid.h"

namespace dmkit::model {
namespace {

MadeUpFile Text(std::function<std::string()> text) {
  return MadeUpText([text = std::move(text)](std::string* out) {
    *out = text();
    return 0;
  });
}

std::string Misc(const CharDevices& devices) {
  std::string text;
  for (const MiscDevice& device : devices.List()) {
    absl::StrAppendFormat(&text, "%3d %s\n", device.minor, device.name);
  }
  return text;
}

std::string Devices(const BlockRegistry& blocks) {
  std::string text = "Character devices:\n  1 mem\n 10 misc\n\nBlock devices:\n";
  for (const auto& [major, name] : blocks.majors()) {
    absl::StrAppendFormat(&text, "%3d %s\n", major, name);
  }
  return text;
}

// mangle(): what would end a word.
std::string Mangle(const std::string& text) {
  return absl::StrReplaceAll(
      text, {{"\\", "\\134"}, {" ", "\\040"}, {"\t", "\\011"}, {"\n", "\\012"}, {"#", "\\043"}});
}

const char* AccessWord(const Mount& mount) {
  return mount.is_read_only || mount.filesystem->is_read_only() ? "ro" : "rw";
}

std::string TargetOf(const Namespace& names, const MountPtr& mount) {
  return names.PathOf({mount, mount->filesystem->tree()->root()});
}

std::string MountsText(const Namespace& names) {
  std::string text;
  for (const MountPtr& mount : names.mounts()) {
    if (!mount->is_attached) continue;
    absl::StrAppend(&text, Mangle(mount->source), " ", Mangle(TargetOf(names, mount)), " ",
                    mount->filesystem->kind(), " ", AccessWord(*mount),
                    mount->has_no_devices ? ",nodev" : "", mount->filesystem->ShownOptions(),
                    " 0 0\n");
  }
  return text;
}

std::string MountInfoText(const Namespace& names) {
  std::string text;
  for (const MountPtr& mount : names.mounts()) {
    if (!mount->is_attached) continue;
    const uint64_t parent = mount->parent == nullptr ? 0 : mount->parent->id;
    absl::StrAppend(
        &text, mount->id, " ", parent, " ", sys::FormatDeviceNumber(mount->filesystem->device()),
        " / ", Mangle(TargetOf(names, mount)), " ", mount->is_read_only ? "ro" : "rw",
        mount->has_no_devices ? ",nodev" : "", ",relatime - ", mount->filesystem->kind(), " ",
        Mangle(mount->source), " ", mount->filesystem->is_read_only() ? "ro" : "rw", "\n");
  }
  return text;
}

MadeUpFile Descriptors(const ProcSource& source, int process) {
  MadeUpFile directory = MadeUpDirectory({});
  directory.mode = 0500;
  directory.find = [source, process](absl::string_view name) -> std::optional<MadeUpFile> {
    int number = 0;
    if (!absl::SimpleAtoi(name, &number) || absl::StrCat(number) != name) return std::nullopt;
    const std::map<int, std::string> open = source.descriptors(process);
    const auto found = open.find(number);
    if (found == open.end()) return std::nullopt;
    return MadeUpLink(found->second);
  };
  directory.names = [source, process] {
    std::vector<std::string> names;
    for (const auto& [number, path] : source.descriptors(process)) {
      names.push_back(absl::StrCat(number));
    }
    return names;
  };
  return directory;
}

MadeUpFile ProcessDirectory(const ProcSource& source, int process) {
  return MadeUpDirectory({
      {"cwd", MadeUpLink("/")},
      {"root", MadeUpLink("/")},
      {"fd", Descriptors(source, process)},
      {"mounts", Text([source] { return MountsText(source.names); })},
      {"mountinfo", Text([source] { return MountInfoText(source.names); })},
  });
}

MadeUpFile SysDirectory(const ProcSource& source) {
  Core& core = source.core;
  const MadeUpFile random = MadeUpDirectory({
      {"boot_id", Text([source] { return source.boot_id() + "\n"; })},
      {"uuid", Text([&core] { return RandomUuid(core.random) + "\n"; })},
  });
  const MadeUpFile kernel = MadeUpDirectory({
      {"osrelease", MadeUpText(absl::StrCat(core.profile.kernel_release, "\n"))},
      {"ostype", MadeUpText(std::string("Linux\n"))},
      {"random", random},
  });
  return MadeUpDirectory({{"kernel", kernel}});
}

}  // namespace

MadeUpFile ProcRoot(const ProcSource& source) {
  Core& core = source.core;
  MadeUpFile fixed = MadeUpDirectory({
      {"misc", Text([&core] { return Misc(core.chars); })},
      {"devices", Text([&core] { return Devices(core.blocks); })},
      {"filesystems",
       MadeUpText(std::string("nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\n"
                              "\text4\n\txfs\n"))},
      {"mounts", MadeUpLink("self/mounts")},
      {"self", MadeUpLink("")},
      {"sys", SysDirectory(source)},
  });
  MadeUpFile root = fixed;
  root.find = [fixed, source](absl::string_view name) -> std::optional<MadeUpFile> {
    if (name == "self") return MadeUpLink(absl::StrCat(source.core.scheduler.process()));
    int process = 0;
    if (!absl::SimpleAtoi(name, &process) || absl::StrCat(process) != name) {
      return fixed.find(name);
    }
    const std::vector<int> processes = source.processes();
    if (std::count(processes.begin(), processes.end(), process) == 0) return std::nullopt;
    return ProcessDirectory(source, process);
  };
  root.names = [fixed, source] {
    std::vector<std::string> names = fixed.names();
    for (const int process : source.processes()) names.push_back(absl::StrCat(process));
    return names;
  };
  return root;
}

}  // namespace dmkit::model
