// SPDX-License-Identifier: Apache-2.0
// What commands have in common: operands, options and meanings of exit statuses, by name. For
// command_table.cc only.

#ifndef DMKIT_DRIVER_CLI_COMMAND_WORDS_H_
#define DMKIT_DRIVER_CLI_COMMAND_WORDS_H_

#include "absl/types/span.h"
#include "driver/cli/commands.h"

namespace dmkit::driver::cli {

inline constexpr OptionSpec kGlobalOptions[] = {
    {OptionId::kRoot, 0, false, "root", "DIR", WordKind::kDirectory,
     "Where the layers are kept. Default: /var/lib/dmkit. Used by the commands on layers and on "
     "the pool."},
    {OptionId::kOpt, 0, true, "opt", "dm.KEY=VALUE", WordKind::kDriverOption,
     "A storage option, spelled as for Docker's devicemapper driver; `dmkit help options` tells "
     "them all. May be given several times. Used by the commands on layers and on the pool; most "
     "matter only when the store is made, which remembers them."},
    {OptionId::kFormat, 0, false, "format", "text|json", WordKind::kChoice,
     "text (the default) is for people; json prints one object on standard output, and an error as "
     "one object on standard error."},
    {OptionId::kTrace, 0, false, "trace", "", WordKind::kOther,
     "Shows each device-mapper and loop ioctl, request and reply, as one line on standard error "
     "that starts with \"trace: \"."},
    {OptionId::kHelp, 'h', false, "help", "", WordKind::kOther,
     "Explains the command and does nothing else."},
    {OptionId::kVersion, 0, false, "version", "", WordKind::kOther,
     "The same as the command version."},
};

inline constexpr OperandSpec kOneId[] = {{"ID", Count::kOne, WordKind::kLayer}};
inline constexpr OperandSpec kNewId[] = {{"ID", Count::kOne, WordKind::kOther}};
inline constexpr OperandSpec kIds[] = {{"ID", Count::kOneOrMore, WordKind::kLayer}};
inline constexpr OperandSpec kIdAndSize[] = {{"ID", Count::kOne, WordKind::kLayer},
                                             {"SIZE", Count::kOne, WordKind::kOther}};
inline constexpr OperandSpec kIdAndParent[] = {{"ID", Count::kOne, WordKind::kLayer},
                                               {"PARENT", Count::kOptional, WordKind::kLayer}};
inline constexpr OperandSpec kIdAndFile[] = {{"ID", Count::kOne, WordKind::kLayer},
                                             {"FILE", Count::kOptional, WordKind::kFile}};
inline constexpr OperandSpec kDirectory[] = {{"DIR", Count::kOne, WordKind::kDirectory}};
inline constexpr OperandSpec kNames[] = {{"NAME", Count::kAny, WordKind::kMappedDevice}};
inline constexpr OperandSpec kMessageOperands[] = {{"NAME", Count::kOne, WordKind::kMappedDevice},
                                                   {"SECTOR", Count::kOne, WordKind::kOther},
                                                   {"WORD", Count::kOneOrMore, WordKind::kOther}};
inline constexpr OperandSpec kNewDevice[] = {{"NAME", Count::kOne, WordKind::kOther},
                                             {"TABLE_FILE", Count::kOptional, WordKind::kFile}};
inline constexpr OperandSpec kDevices[] = {{"DEVICE", Count::kAny, WordKind::kMappedDevice}};
inline constexpr OperandSpec kDeviceAndTable[] = {
    {"DEVICE", Count::kOne, WordKind::kMappedDevice},
    {"TABLE_FILE", Count::kOptional, WordKind::kFile}};
inline constexpr OperandSpec kDeviceAndName[] = {{"DEVICE", Count::kOne, WordKind::kMappedDevice},
                                                 {"NEW_NAME", Count::kOne, WordKind::kOther}};
inline constexpr OperandSpec kDeviceAndEvent[] = {
    {"DEVICE", Count::kOne, WordKind::kMappedDevice},
    {"EVENT_NUMBER", Count::kOptional, WordKind::kOther}};
inline constexpr OperandSpec kGeometry[] = {{"DEVICE", Count::kOne, WordKind::kMappedDevice},
                                            {"CYLINDERS", Count::kOne, WordKind::kOther},
                                            {"HEADS", Count::kOne, WordKind::kOther},
                                            {"SECTORS", Count::kOne, WordKind::kOther},
                                            {"START", Count::kOne, WordKind::kOther}};
inline constexpr OperandSpec kDeviceAndSubsystem[] = {
    {"DEVICE", Count::kOne, WordKind::kMappedDevice},
    {"SUBSYSTEM", Count::kOptional, WordKind::kOther}};
inline constexpr OperandSpec kTypes[] = {{"TYPE", Count::kOneOrMore, WordKind::kOther}};
inline constexpr OperandSpec kCookie[] = {{"COOKIE", Count::kOptional, WordKind::kOther}};
inline constexpr OperandSpec kOneCookie[] = {{"COOKIE", Count::kOne, WordKind::kOther}};
inline constexpr OperandSpec kMinutes[] = {{"MINUTES", Count::kOptional, WordKind::kOther}};
inline constexpr OperandSpec kFile[] = {{"FILE", Count::kOne, WordKind::kFile}};
inline constexpr OperandSpec kDeviceOrFile[] = {
    {"DEVICE|FILE", Count::kOne, WordKind::kLoopDevice}};
inline constexpr OperandSpec kShell[] = {{"bash|zsh|fish", Count::kOne, WordKind::kChoice}};
inline constexpr OperandSpec kCommandWords[] = {{"COMMAND", Count::kAny, WordKind::kCommand}};

inline constexpr OptionSpec kCreateOptions[] = {
    {OptionId::kParent, 0, false, "parent", "PARENT", WordKind::kLayer,
     "The layer to start from. Without it the new layer is an empty filesystem."},
    {OptionId::kSize, 0, false, "size", "SIZE", WordKind::kOther,
     "How large the layer is, at least as its parent; its filesystem grows at once. A SIZE is a "
     "number of bytes, or has a suffix k, m, g, t or p for powers of 1024. Without it, as large as "
     "the parent."},
    {OptionId::kInit, 0, false, "init", "", WordKind::kOther,
     "Makes the layer ID-init from PARENT, with the files and directories that a container runtime "
     "mounts over (Docker's init layer), and the new layer from that one. rm removes both."},
};
inline constexpr OptionSpec kCompareOptions[] = {
    {OptionId::kAll, 0, false, "all", "", WordKind::kOther,
     "Compares with nothing, so that everything in the layer counts as added."},
};
inline constexpr OptionSpec kDiffOptions[] = {
    {OptionId::kAll, 0, false, "all", "", WordKind::kOther,
     "Compares with nothing, so that the archive holds the whole layer."},
    {OptionId::kOutput, 0, false, "output", "FILE", WordKind::kFile,
     "Writes the archive to FILE, which appears when it is whole, in place of an older one."},
};
inline constexpr OptionSpec kImportOptions[] = {
    {OptionId::kDryRun, 0, false, "dry-run", "", WordKind::kOther,
     "Only looks and reports: makes no device and writes no file."},
    {OptionId::kAdopt, 0, false, "adopt", "", WordKind::kOther,
     "Makes the store dmkit's own, so that its layers can be written, made and removed. Docker "
     "could go on with it only as long as nothing was changed."},
};
inline constexpr OptionSpec kPutOptions[] = {
    {OptionId::kAll, 0, false, "all", "", WordKind::kOther,
     "Gives back however many gets there were."},
};
inline constexpr OptionSpec kWatchOptions[] = {
    {OptionId::kCount, 0, false, "count", "NUMBER", WordKind::kOther, "Ends after so many lines."},
    {OptionId::kTimeout, 0, false, "timeout", "DURATION", WordKind::kOther,
     "Ends when so much time has passed: a number of seconds, or one with a suffix ms, s, m or h. "
     "0: tells what is so now, and ends."},
    {OptionId::kLow, 0, false, "low", "PERCENT", WordKind::kOther,
     "Less than PERCENT of the data, or of the metadata, being free is low. Default: 20. 0: what "
     "the pool's low water mark says alone."},
};
inline constexpr OptionSpec kDmStatusOptions[] = {
    {OptionId::kNoFlush, 0, false, "noflush", "", WordKind::kOther,
     "Does not make a thin pool commit its metadata first, and so does not wait for it."},
};
inline constexpr OptionSpec kLoopAttachOptions[] = {
    {OptionId::kReadOnly, 0, false, "read-only", "", WordKind::kOther,
     "The device refuses to be written."},
    {OptionId::kOffset, 0, false, "offset", "SIZE", WordKind::kOther,
     "The device starts this far into the file. A SIZE is a number of bytes, or has a suffix k, m, "
     "g or t for powers of 1024."},
    {OptionId::kSizeLimit, 0, false, "size-limit", "SIZE", WordKind::kOther,
     "The device is not larger than this. Without it, it reaches to the end of the file."},
    {OptionId::kBlockSize, 0, false, "block-size", "BYTES", WordKind::kOther,
     "The device's logical block size: 512, 1024, 2048 or 4096."},
    {OptionId::kDirectIo, 0, false, "direct-io", "", WordKind::kOther,
     "Reads and writes the file past the page cache; an error where its filesystem cannot."},
};

// Named, since empty braces would tear each entry of the table into one line per field.
inline constexpr absl::Span<const OperandSpec> kNoOperands;
inline constexpr absl::Span<const OptionSpec> kNoOptions;
inline constexpr ExitTexts kUsual = {"", "", ""};
inline constexpr ExitTexts kRemoveExits = {
    "all of them are removed", "at least one was not; each has its line on standard error", ""};
inline constexpr ExitTexts kExistsExits = {"there is such a layer", "there is none",
                                           "wrong usage, or it could not be found out"};
inline constexpr ExitTexts kCheckExits = {"nothing is wrong",
                                          "there are problems, or the check failed", ""};
inline constexpr ExitTexts kWatchExits = {
    "it has printed --count lines, or was not asked for so many and was ended",
    "it was ended before it had printed --count lines, or failed", ""};
inline constexpr ExitTexts kDmsetupExits = {"", "it failed, or wrong usage of dmsetup", ""};
inline constexpr ExitTexts kImportExits = {
    "the store can be used", "it cannot, or parts of it cannot: the report names them", ""};

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_COMMAND_WORDS_H_
