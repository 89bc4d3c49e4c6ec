// SPDX-License-Identifier: Apache-2.0
// The table's contents. All of it is constant data: nothing runs before main for it.

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "driver/cli/command_words.h"
#include "driver/cli/commands.h"

namespace dmkit::driver::cli {
namespace {

constexpr SectionSpec kSections[] = {
    {SectionId::kLayers, "", "Layers"},
    {SectionId::kArchives, "", "Changes and archives"},
    {SectionId::kPool, "pool", "The thin pool"},
    {SectionId::kDm, "dm", "Mapped devices, printed as dmsetup does"},
    {SectionId::kLoop, "loop", "Loop devices"},
    {SectionId::kGeneral, "", "General"},
};

// A command of `dm` that is told of by dmsetup's own manual.
constexpr CommandSpec Dm(absl::string_view word, absl::Span<const OperandSpec> operands,
                         absl::string_view summary, absl::string_view report,
                         absl::string_view example, bool needs_root = true) {
  return {CommandId::kDmsetup,
          SectionId::kDm,
          word,
          operands,
          kNoOptions,
          summary,
          report == kNoReport
              ? "Prints what dmsetup(8) prints. Always prints text."
              : "Takes the options of dmsetup(8), prints what it prints and ends with its exit "
                "status; `dmkit dm help` lists the options.",
          kDmsetupExits,
          report,
          example,
          needs_root};
}

constexpr CommandSpec kCommands[] = {
    {CommandId::kCreate, SectionId::kLayers, "create", kNewId, kCreateOptions,
     "Make a layer, empty or from another one",
     "Makes the layer ID as a thin snapshot: of PARENT, which may be mounted and stays as it is, "
     "or of an empty filesystem. The first create under a root makes the store: thin pool, state "
     "and base filesystem.\n"
     "\n"
     "An ID starts with a letter or digit, goes on with these and \"_\", \".\" and \"-\", and has "
     "at most 85 bytes. \"base\" and \"pool\" are reserved. Creating an ID that exists is an "
     "error.",
     kUsual, kEmptyReport,
     "dmkit create debian\ndmkit create web --parent debian --init --size 20g", true},
    {CommandId::kRemove, SectionId::kLayers, "rm", kIds, kNoOptions, "Remove layers",
     "Removes each layer ID with all it holds. Layers made from it are independent and stay. A "
     "layer that is mounted is not removed: put it first. When one of several cannot be removed "
     "the others still are.",
     kRemoveExits, kEmptyReport, "dmkit rm web", true},
    {CommandId::kGet, SectionId::kLayers, "get", kOneId, kNoOptions,
     "Mount a layer and print the path of its root filesystem",
     "Activates and mounts the layer when it is not yet, and prints the directory that holds its "
     "files. Gets are counted: the layer stays mounted until each has had its put.",
     kUsual, "Mounted", "rootfs=$(dmkit get web)\nls \"$rootfs\"\ndmkit put web", true},
    {CommandId::kPut, SectionId::kLayers, "put", kOneId, kPutOptions,
     "Give a get back; the last one unmounts the layer",
     "Counts one get of the layer ID down, and unmounts and deactivates it when none is left. A "
     "layer that is not mounted is an error.",
     kUsual, kEmptyReport, "dmkit put web", true},
    {CommandId::kExists, SectionId::kLayers, "exists", kOneId, kNoOptions,
     "Tell by the exit status whether there is a layer",
     "Prints nothing as text; with --format json, an object. A layer whose making was interrupted "
     "or whose state file cannot be read exists too.",
     kExistsExits, "Exists", "dmkit exists web || dmkit create web", true},
    {CommandId::kList, SectionId::kLayers, "ls", kNoOperands, kNoOptions,
     "List the layers as a tree",
     "Each layer stands below its parent, with its size, the space it maps in the pool (shared "
     "blocks included) and where it is mounted, with the number of gets when it is not one. A "
     "parent that was removed is shown as removed. State files that cannot be read are listed last "
     "with the problem and what to do; their layers cannot be used, all others can.",
     kUsual, "LayerList", "dmkit ls", true},
    {CommandId::kInspect, SectionId::kLayers, "inspect", kOneId, kNoOptions,
     "Show all about one layer",
     "Shows what is known about the layer ID: parent, sizes, thin id, device, mount.", kUsual,
     "Layer", "dmkit inspect web --format json", true},
    {CommandId::kStatus, SectionId::kLayers, "status", kNoOperands, kNoOptions,
     "Show the rows of Docker's driver status",
     "Shows one line per row, as `Name: value`, named and ordered as by Docker's devicemapper "
     "driver.",
     kUsual, "DriverStatus", "dmkit status", true},
    {CommandId::kCleanup, SectionId::kLayers, "cleanup", kNoOperands, kNoOptions,
     "Unmount all layers and take the pool down",
     "Unmounts every layer, whatever its count, and removes all devices of this root from the "
     "kernel, the pool included unless it was given with dm.thinpooldev. No layer is lost: the "
     "next command brings back what it needs. What can be taken down is, also after an error.",
     kUsual, kEmptyReport, "dmkit cleanup", true},
    {CommandId::kGrow, SectionId::kLayers, "grow", kIdAndSize, kNoOptions, "Make a layer larger",
     "Makes the layer ID and its filesystem as large as SIZE says, also while it is mounted. A "
     "layer never becomes smaller; one that has this size already is no error.",
     kUsual, kEmptyReport, "dmkit grow web 40g", true},
    {CommandId::kCollect, SectionId::kLayers, "gc", kNoOperands, kNoOptions,
     "Delete the removed layers that were still in use",
     "With dm.use_deferred_deletion, rm also takes a layer whose device is still in use, though it "
     "is not mounted here. Nothing finds such a layer any more; its space is freed when it no "
     "longer is in use. Begins to free what it can within some seconds, and tells how much that "
     "was; handing space back is not cut short, and a lock may be waited for after it. rm "
     "does the same in passing.",
     kUsual, "GarbageReport", "dmkit gc", true},
    {CommandId::kImportDocker, SectionId::kLayers, "import-docker", kDirectory, kImportOptions,
     "Open a store that Docker's devicemapper driver left",
     "DIR is the folder devicemapper of a Docker or containers/storage root. Its layers become "
     "those of the store that --root names, which must be new or an earlier import of the same. "
     "Nothing below DIR and none of its devices is written, unless --adopt is given: layers are "
     "mounted read-only, and a filesystem that was not cleanly unmounted on a copy-on-write "
     "device. Where the store is on devices or in a pool, name these with dm.datadev and "
     "dm.metadatadev, or with dm.thinpooldev. A damaged part of the store is reported, and the "
     "rest can be used.",
     kImportExits, "ImportReport",
     "dmkit import-docker /var/lib/docker/devicemapper --root /var/lib/old\n"
     "dmkit ls --root /var/lib/old",
     true},
    {CommandId::kChanges, SectionId::kArchives, "changes", kIdAndParent, kCompareOptions,
     "List what differs between a layer and its parent",
     "Prints a line for each difference: C (changed), A (added) or D (deleted), and the path in "
     "the layer. Compares the layer ID with PARENT, or with the layer it was made from. A layer "
     "that is mounted may change meanwhile; what is told then is of no one moment.",
     kUsual, "ChangeList", "dmkit changes web", true},
    {CommandId::kDiff, SectionId::kArchives, "diff", kIdAndParent, kDiffOptions,
     "Write what differs as a tar archive",
     "Writes the changes of the layer ID as an archive that `dmkit apply`, Docker and others put "
     "onto a copy of PARENT: changed and added files whole, deleted ones as whiteouts (.wh.NAME), "
     "with all extended attributes. It goes to standard output, which must be no terminal.\n"
     "\n"
     "With --format json the object is printed when --output has the archive; on standard output "
     "the archive is alone.",
     kUsual, "Archive", "dmkit diff web > web.tar\ndmkit diff web debian | zstd > web.tar.zst",
     true},
    {CommandId::kDiffSize, SectionId::kArchives, "diffsize", kIdAndParent, kCompareOptions,
     "Print the size of what differs",
     "Prints a number of bytes: the sizes of all files that were changed or added in the layer ID "
     "since PARENT, or since the layer it was made from.",
     kUsual, "ChangesSize", "dmkit diffsize web", true},
    {CommandId::kApply, SectionId::kArchives, "apply", kIdAndFile, kNoOptions,
     "Put a tar archive onto a layer",
     "Reads a layer's archive from FILE, or from standard input without FILE or when it is \"-\". "
     "gzip, zstd, xz and bzip2 are unpacked. An archive that leads out of the layer is refused. "
     "After an error the layer holds a part of the archive and is marked as incomplete: it can be "
     "removed, and not be used.",
     kUsual, "Applied",
     "dmkit create copy --parent debian\ndmkit diff web debian | dmkit apply copy", true},
    {CommandId::kPoolStatus, SectionId::kPool, "status", kNoOperands, kNoOptions,
     "Show the pool's mode, space and devices",
     "Shows the thin pool below the layers: name, mode, transaction id, used and total space of "
     "data and metadata, and where they lie.",
     kUsual, "PoolStatus", "dmkit pool status", true},
    {CommandId::kPoolCheck, SectionId::kPool, "check", kNoOperands, kNoOptions,
     "Compare the pool with the layers and say what to do",
     "Looks at the pool's mode and needs_check, for thin devices that no layer owns, for layers "
     "whose thin device is gone, and for state files that cannot be read. Each problem is printed "
     "with what to do. Changes nothing.",
     kCheckExits, "PoolCheck", "dmkit pool check", true},
    {CommandId::kPoolGrow, SectionId::kPool, "grow", kNoOperands, kNoOptions,
     "Make the pool as large as what it lies on",
     "Takes into use what was added to the pool's loop files or devices: make these larger first. "
     "A pool that was given with dm.thinpooldev is left to whoever made it.",
     kUsual, kEmptyReport, "truncate -s 200g /var/lib/dmkit/pool/data\ndmkit pool grow", true},
    {CommandId::kPoolWatch, SectionId::kPool, "watch", kNoOperands, kWatchOptions,
     "Print what happens to the pool, as it happens",
     "Prints a line when the pool runs low on data or metadata space, is out of data space, "
     "changes its mode, needs a check of its metadata, goes away or comes back; each once when it "
     "begins, and what is so already at the start. Runs until it has printed as many as --count "
     "says, or --timeout has passed, or SIGINT or SIGTERM ends it. Changes nothing.\n"
     "\n"
     "Low is what the pool's low water mark says, or --low, whichever comes first.",
     kWatchExits, "PoolEvent",
     "dmkit pool watch --format json\ndmkit pool watch --count 1 --timeout 1h", true},
    {CommandId::kDmsetup, SectionId::kDm, "ls", kNoOperands, kNoOptions, "List the mapped devices",
     "Prints name and device number of every mapped device, whoever made it.", kDmsetupExits,
     "DmDeviceList", "dmkit dm ls", true},
    {CommandId::kDmsetup, SectionId::kDm, "status", kNames, kDmStatusOptions,
     "Show the status of each target",
     "Prints the status line of each target in the active tables of the devices NAME, or of all. A "
     "thin pool commits its metadata for it.",
     kDmsetupExits, "DmDeviceList", "dmkit dm status mypool", true},
    {CommandId::kDmsetup, SectionId::kDm, "table", kNames, kNoOptions, "Show the active tables",
     "Prints the active tables of the devices NAME, or of all, as they could be loaded again; but "
     "keys of crypt and integrity targets come out as zeros.",
     kDmsetupExits, "DmDeviceList", "dmkit dm table mypool", true},
    {CommandId::kDmsetup, SectionId::kDm, "info", kNames, kNoOptions,
     "Show state, counts and numbers of mapped devices",
     "Prints state, tables, open count, event number, device number and uuid of the devices NAME, "
     "or of all.",
     kDmsetupExits, "DmDeviceList", "dmkit dm info mypool", true},
    {CommandId::kDmsetup, SectionId::kDm, "message", kMessageOperands, kNoOptions,
     "Send a message to a target",
     "Sends the WORDs, joined by blanks, to the target at SECTOR of the device NAME, and prints "
     "what it answers, if anything. 0 is right for targets that do not care. Words that start with "
     "a dash go after `--`. What a message does and whether it can be repeated is the target's "
     "affair: a message to a pool behind dmkit's back can cost layers.",
     kDmsetupExits, "DmMessageReply", "dmkit dm message mydelay 0 @stats_list", true},
    {CommandId::kDmsetup, SectionId::kDm, "targets", kNoOperands, kNoOptions,
     "List the target types that the kernel has loaded",
     "Prints name and version of each target type. Modules that are not loaded are not listed.",
     kDmsetupExits, "DmTargetVersionList", "dmkit dm targets", true},
    Dm("create", kNewDevice, "Make a mapped device", kEmptyReport,
       "dmkit dm create plain --table '0 2048 linear /dev/loop0 0'\n"
       "dmkit dm create empty --notable --uuid U-1"),
    Dm("remove", kDevices, "Remove mapped devices", kEmptyReport, "dmkit dm remove --retry plain"),
    Dm("remove_all", kNoOperands, "Remove every mapped device that is not in use", kEmptyReport,
       "dmkit dm remove_all"),
    Dm("suspend", kDevices, "Hold the io of mapped devices back", kEmptyReport,
       "dmkit dm suspend plain"),
    Dm("resume", kDevices, "Make the inactive tables active and let io go on", kEmptyReport,
       "dmkit dm resume plain"),
    Dm("load", kDeviceAndTable, "Load an inactive table", kEmptyReport,
       "dmkit dm load plain --table '0 2048 error'"),
    Dm("reload", kDeviceAndTable, "Load an inactive table", kEmptyReport,
       "dmkit dm reload plain table.txt"),
    Dm("clear", kDevices, "Drop the inactive tables", kEmptyReport, "dmkit dm clear plain"),
    Dm("wipe_table", kDevices, "Make all io of mapped devices fail", kEmptyReport,
       "dmkit dm wipe_table --force plain"),
    Dm("rename", kDeviceAndName, "Give a mapped device a new name, or a uuid", kEmptyReport,
       "dmkit dm rename plain simple\ndmkit dm rename --setuuid simple U-2"),
    Dm("deps", kDevices, "Show the devices that tables use", "DmDeviceList",
       "dmkit dm deps -o devname"),
    Dm("wait", kDeviceAndEvent, "Wait for an event of a mapped device", "DmDeviceList",
       "dmkit dm wait mypool 3"),
    Dm("mknodes", kDevices, "Repair the nodes in /dev/mapper", kEmptyReport, "dmkit dm mknodes"),
    Dm("mangle", kDevices, "Bring names with unusual bytes into udev's form", "DmNameList",
       "dmkit dm mangle"),
    Dm("setgeometry", kGeometry, "Set the geometry of a mapped device", kEmptyReport,
       "dmkit dm setgeometry plain 4 16 63 0"),
    Dm("splitname", kDeviceAndSubsystem, "Show the parts of a volume's name", "DmSplitName",
       "dmkit dm splitname vg-lv LVM", false),
    Dm("target-version", kTypes, "Show the versions of target types", "DmTargetVersionList",
       "dmkit dm target-version thin-pool"),
    Dm("version", kNoOperands, "Show the versions of library and driver", "DmVersion",
       "dmkit dm version"),
    Dm("udevcreatecookie", kNoOperands, "Make a cookie to wait for several uevents at once",
       "DmCookie", "cookie=$(dmkit dm udevcreatecookie)"),
    Dm("udevreleasecookie", kCookie, "Wait until udevd is done with a cookie", kEmptyReport,
       "dmkit dm udevreleasecookie \"$cookie\""),
    Dm("udevflags", kOneCookie, "Show the flags in a cookie, as udev's rules import them",
       "DmUdevFlags", "dmkit dm udevflags 0x410000", false),
    Dm("udevcomplete", kOneCookie, "Tell who waits for a cookie that udevd is done", "DmCookie",
       "dmkit dm udevcomplete 0xd4d1234"),
    Dm("udevcomplete_all", kMinutes, "Complete all cookies, or the old ones", "DmCookieCleanup",
       "dmkit dm udevcomplete_all --yes 10"),
    Dm("udevcookies", kNoOperands, "List the cookies", "DmCookieList", "dmkit dm udevcookies"),
    Dm("help", kNoOperands, "Print the usage of dmsetup", kNoReport, "dmkit dm help", false),
    {CommandId::kLoopAttach, SectionId::kLoop, "attach", kFile, kLoopAttachOptions,
     "Attach a file to a loop device and print the device",
     "Prints the path of the loop device that has FILE. A file that is attached already at this "
     "offset keeps its device, which is printed; if that device differs in what the options ask "
     "for, it is an error, and nothing changes.\n"
     "\n"
     "The device stays until it is detached: it is never set to clear itself (autoclear), since "
     "then it would be gone when this command ends.",
     kUsual, "LoopDevice", "dmkit loop attach disk.img --offset 1m --read-only", true},
    {CommandId::kLoopDetach, SectionId::kLoop, "detach", kDeviceOrFile, kNoOptions,
     "Detach a loop device",
     "Detaches /dev/loopN, or the loop device that has FILE; a file that several devices have is "
     "refused. While something has the device open the kernel only notes it and detaches at the "
     "last close: a line on standard error says so. Detaching what is not attached is no error.",
     kUsual, kEmptyReport, "dmkit loop detach /dev/loop3", true},
    {CommandId::kLoopList, SectionId::kLoop, "ls", kNoOperands, kNoOptions,
     "List the loop devices in use",
     "Prints number, offset, limit, flags and file of each loop device that has one, whoever "
     "attached it.",
     kUsual, "LoopDeviceList", "dmkit loop ls", true},
    {CommandId::kVersion, SectionId::kGeneral, "version", kNoOperands, kNoOptions,
     "Show the version of dmkit and of the kernel's interface",
     "Prints dmkit's version, the commit it was built from, and the version of the kernel's "
     "device-mapper interface where it can be asked (as root, with device-mapper there).",
     kUsual, "VersionInfo", "dmkit version", false},
    {CommandId::kCompletion, SectionId::kGeneral, "completion", kShell, kNoOptions,
     "Print the completion script of a shell",
     "Prints a script that teaches the shell to complete dmkit's commands, options, layers and "
     "devices. For layers it looks at the names of the state files below the root: no store is "
     "opened, and no pool comes up, for a completion. Always prints text.",
     kUsual, kNoReport,
     "dmkit completion bash > /usr/share/bash-completion/completions/dmkit\n"
     "dmkit completion zsh > /usr/local/share/zsh/site-functions/_dmkit\n"
     "dmkit completion fish > /usr/share/fish/vendor_completions.d/dmkit.fish",
     false},
    {CommandId::kManual, SectionId::kGeneral, "man", kNoOperands, kNoOptions,
     "Print the manual page",
     "Prints the manual page dmkit(8), in the macros of man(7). Always prints text.", kUsual,
     kNoReport,
     "mkdir -p /usr/local/share/man/man8\ndmkit man > /usr/local/share/man/man8/dmkit.8\n"
     "dmkit man | man -l -",
     false},
    {CommandId::kHelp, SectionId::kGeneral, "help", kCommandWords, kNoOptions,
     "Explain dmkit, a group of commands, or one command",
     "Prints this overview, or all about COMMAND; for the word options, the storage options that "
     "--opt takes. Always prints text.",
     kUsual, kNoReport,
     "dmkit help create\ndmkit help dm\ndmkit help loop attach\ndmkit help options", false},
};

}  // namespace

absl::Span<const SectionSpec> AllSections() { return kSections; }
absl::Span<const CommandSpec> AllCommands() { return kCommands; }
absl::Span<const OptionSpec> GlobalOptions() { return kGlobalOptions; }

}  // namespace dmkit::driver::cli
