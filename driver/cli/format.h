// SPDX-License-Identifier: Apache-2.0
// Reports as text for people. Programs read the JSON: this text may change.

#ifndef DMKIT_DRIVER_CLI_FORMAT_H_
#define DMKIT_DRIVER_CLI_FORMAT_H_

#include <string>

#include "driver/report.pb.h"

namespace dmkit::driver::cli {

// The tree of layers in columns, then what is quarantined.
std::string FormatText(const report::LayerList& list);
// `Name: value` lines.
std::string FormatText(const report::Layer& layer);
std::string FormatText(const report::DriverStatus& status);
std::string FormatText(const report::PoolStatus& status);
// One line: when, what, and the pool as it was then.
std::string FormatText(const report::PoolEvent& event);
std::string FormatText(const report::VersionInfo& version);
// The pool's mode in one line, then each problem and what to do.
std::string FormatText(const report::PoolCheck& check);
// The path alone, as it is: for scripts.
std::string FormatText(const report::Mounted& mounted);
// Nothing: the exit status says it.
std::string FormatText(const report::Exists& exists);
// What was found, the layers as a tree, and what cannot be used.
std::string FormatText(const report::ImportReport& import);
// How many were freed, and what was not.
std::string FormatText(const report::GarbageReport& garbage);
// The number of bytes alone.
std::string FormatText(const report::ChangesSize& size);
// Nothing: that it is done is all.
std::string FormatText(const report::Archive& archive);
std::string FormatText(const report::Applied& applied);
// The path alone.
std::string FormatText(const report::LoopDevice& device);
std::string FormatText(const report::LoopDeviceList& list);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_FORMAT_H_
