// SPDX-License-Identifier: Apache-2.0
// The commands that need nothing below, and the working directory.

#include "driver/cli/execute.h"

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "dm/device_mapper.h"
#include "driver/cli/completion.h"
#include "driver/cli/help.h"
#include "driver/cli/manual.h"
#include "driver/cli/request.h"
#include "driver/cli/version.h"
#include "driver/report.pb.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::driver::cli {

absl::StatusOr<std::string> AbsolutePath(const sys::Host& host, absl::string_view path) {
  if (!path.empty() && path[0] == '/') return std::string(path);
  const absl::StatusOr<std::string> directory = host.root->ReadLink("/proc/self/cwd");
  if (!directory.ok()) {
    return sys::AddContext(directory.status(),
                           absl::StrCat("find the working directory for \"", path,
                                        "\" (an absolute path needs no /proc)"));
  }
  return *directory == "/" ? absl::StrCat("/", path) : absl::StrCat(*directory, "/", path);
}

void Execute(const VersionRequest&, const Context& context) {
  report::VersionInfo version;
  version.set_version(std::string(kVersion));
  version.set_commit(std::string(Commit()));
  // Asking may make the control node and load the module, which only root can.
  if (context.host.processes->EffectiveUserId() == 0) {
    const absl::StatusOr<dm::DeviceMapper> dm = dm::DeviceMapper::Open(context.host);
    if (dm.ok()) version.set_dm_interface(dm::FormatVersion(dm->version()));
  }
  context.output.Print(version);
}

void Execute(const CompletionRequest& request, const Context& context) {
  context.output.PrintPlain(CompletionScript(request.shell));
}

void Execute(const ManualRequest&, const Context& context) {
  context.output.PrintPlain(ManualPage(kVersion));
}

void Execute(const HelpRequest& request, const Context& context) {
  if (request.command != nullptr) {
    context.output.PrintPlain(CommandHelp(*request.command));
  } else if (request.section != nullptr) {
    context.output.PrintPlain(SectionHelp(*request.section));
  } else if (request.driver_options) {
    context.output.PrintPlain(DriverOptionsHelp());
  } else {
    context.output.PrintPlain(Overview());
  }
}

}  // namespace dmkit::driver::cli
