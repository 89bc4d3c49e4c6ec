// SPDX-License-Identifier: Apache-2.0
// Evidence of a udevd: its socket, its rules, its process and its namespace.

#include "dm/udev_host.h"

#include <cerrno>
#include <cstddef>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "sys/durable.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

// In the order in which udevd looks: the first file of a name hides the others.
constexpr absl::string_view kRuleDirs[] = {"/etc/udev/rules.d", "/run/udev/rules.d",
                                           "/usr/local/lib/udev/rules.d", "/usr/lib/udev/rules.d",
                                           "/lib/udev/rules.d"};
constexpr absl::string_view kNotifyRules[] = {"95-dm-notify.rules"};
// As it comes from its authors, and as Debian calls it.
constexpr absl::string_view kLinkRules[] = {"10-dm.rules", "55-dm.rules"};
constexpr size_t kRuleBytesMax = size_t{1} << 16;
constexpr size_t kSocketBytesMax = size_t{1} << 20;
// What every kernel calls the namespaces it boots with (PROC_IPC_INIT_INO, PROC_PID_INIT_INO in
// include/linux/proc_ns.h).
constexpr absl::string_view kFirstIpcNamespace = "ipc:[4026531839]";
constexpr absl::string_view kFirstPidNamespace = "pid:[4026531836]";

bool IsMissing(const absl::Status& status) { return sys::GetErrno(status) == ENOENT; }

// The text of the first file of one of `names` that udevd would read. ENOENT: there is none; an
// empty text: it is masked.
absl::StatusOr<std::string> ReadRule(sys::Dir& root, absl::Span<const absl::string_view> names) {
  for (const absl::string_view name : names) {
    for (const absl::string_view dir : kRuleDirs) {
      absl::StatusOr<std::string> text =
          sys::ReadFile(root, absl::StrCat(dir, "/", name), kRuleBytesMax);
      if (!IsMissing(text.status())) return text;
    }
  }
  return sys::ErrnoStatus(ENOENT, absl::StrCat("find rule ", names.front()));
}

// The program that a rule in `text` runs with `command` for its first word; nothing when no rule
// does.
std::optional<std::string> ProgramOf(absl::string_view text, absl::string_view command) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (absl::StartsWith(line, "#")) continue;
    const size_t at = line.find(absl::StrCat(" ", command));
    if (at == absl::string_view::npos) continue;
    line = line.substr(0, at);
    const size_t start = line.find_last_of(" \"");
    return std::string(start == absl::string_view::npos ? line : line.substr(start + 1));
  }
  return std::nullopt;
}

// Why the rules of `names` do not run `command`; empty when they do, as far as can be told.
std::string WhyRuleIsOff(sys::Dir& root, absl::Span<const absl::string_view> names,
                         absl::string_view command) {
  const absl::StatusOr<std::string> text = ReadRule(root, names);
  if (IsMissing(text.status())) return absl::StrCat("udevd has no rule ", names.front());
  if (!text.ok()) return "";
  const std::optional<std::string> program = ProgramOf(*text, command);
  if (!program.has_value()) return absl::StrCat("rule ", names.front(), " is masked");
  if (!absl::StartsWith(*program, "/") || !IsMissing(root.Stat(*program).status())) return "";
  return absl::StrCat("rule ", names.front(), " runs ", *program, ", which is missing");
}

bool IsUdevd(absl::string_view comm) {
  return comm == "systemd-udevd" || comm == "udevd" || comm == "(udev-worker)";
}

// The directories in /proc of the processes that are called like a udevd.
std::vector<std::string> UdevdProcesses(sys::Dir& root) {
  std::vector<std::string> found;
  const absl::StatusOr<std::vector<sys::DirEntry>> entries = root.List("/proc");
  if (!entries.ok()) return found;
  for (const sys::DirEntry& entry : *entries) {
    if (!sys::ParseUnsigned32(entry.name).has_value()) continue;
    const std::string process = absl::StrCat("/proc/", entry.name);
    // A process that ends meanwhile is none.
    const absl::StatusOr<std::string> comm =
        sys::ReadFile(root, absl::StrCat(process, "/comm"), 64);
    if (comm.ok() && IsUdevd(absl::StripSuffix(*comm, "\n"))) found.push_back(process);
  }
  return found;
}

bool IsForeignIpcNamespace(sys::Dir& root) {
  const absl::StatusOr<std::string> own = root.ReadLink("/proc/self/ns/ipc");
  if (!own.ok() || *own == kFirstIpcNamespace) return false;
  for (const std::string& process : UdevdProcesses(root)) {
    const absl::StatusOr<std::string> its = root.ReadLink(absl::StrCat(process, "/ns/ipc"));
    if (!its.ok() || *its == *own) return false;
  }
  // A udevd with another namespace, or one that is not seen from within this container.
  return true;
}

// Whether the socket is one that a udevd left behind when it was killed. It is in the kernel's list
// while udevd, or an init that starts udevd on demand, has it open.
bool IsSocketDead(sys::Dir& root) {
  const absl::StatusOr<std::string> sockets =
      sys::ReadFile(root, "/proc/net/unix", kSocketBytesMax);
  if (!sockets.ok() || absl::StrContains(*sockets, kUdevdSocket)) return false;
  // The list is that of a network namespace, which need not be udevd's.
  const absl::StatusOr<std::string> pids = root.ReadLink("/proc/self/ns/pid");
  if (!pids.ok() || *pids != kFirstPidNamespace) return false;
  return UdevdProcesses(root).empty();
}

}  // namespace

bool UdevdHasEnded(const sys::Host& host) {
  return IsMissing(host.root->Stat(kUdevdSocket).status()) || IsSocketDead(*host.root);
}

std::string WhyUdevCannotNotify(const sys::Host& host) {
  sys::Dir& root = *host.root;
  if (IsMissing(root.Stat(kUdevdSocket).status())) return "no udevd runs";
  std::string rule = WhyRuleIsOff(root, kNotifyRules, "udevcomplete");
  if (!rule.empty()) return rule;
  if (IsForeignIpcNamespace(root)) return "the IPC namespace of udevd is another one";
  if (IsSocketDead(root)) return "udevd has ended";
  return "";
}

bool UdevMakesLinks(const sys::Host& host) {
  sys::Dir& root = *host.root;
  if (!root.Stat(kUdevdSocket).ok()) return false;
  // A udevd outside of this container has, as a rule, another /dev as well.
  return WhyRuleIsOff(root, kLinkRules, "udevflags").empty() && !IsForeignIpcNamespace(root) &&
         !IsSocketDead(root);
}

}  // namespace dmkit::dm
