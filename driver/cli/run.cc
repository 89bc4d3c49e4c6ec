// SPDX-License-Identifier: Apache-2.0
// What holds for every command, before it is executed.

#include "driver/cli/run.h"

#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dm/dmsetup/findings.h"
#include "driver/cli/commands.h"
#include "driver/cli/dm_report.h"
#include "driver/cli/execute.h"
#include "driver/cli/help.h"
#include "driver/cli/output.h"
#include "driver/cli/parse.h"
#include "driver/cli/request.h"
#include "driver/cli/streams.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::driver::cli {
namespace {

absl::Status CheckUser(const CommandSpec& command, const sys::Host& host) {
  const uint32_t user = host.processes->EffectiveUserId();
  if (!command.needs_root || user == 0) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("only root may do this, and this is user id ",
                                                  user,
                                                  "; run it as root, for instance with sudo"));
}

}  // namespace

Outcome Run(const Parsed& parsed, const sys::Host& host, const Streams& streams) {
  const std::string words = parsed.command == nullptr ? "" : CommandWords(*parsed.command);
  Output output(parsed.global.format, words);
  if (!parsed.request.ok()) {
    output.FailUsage(parsed.request.status(), ShortUsage(parsed.command, parsed.section));
    return output.Take();
  }
  DMKIT_CHECK(parsed.command != nullptr);
  const absl::Status allowed = CheckUser(*parsed.command, host);
  if (!allowed.ok()) {
    output.Fail("", allowed);
    return output.Take();
  }
  const Context context{host, parsed.global, output, streams};
  std::visit([&](const auto& request) { Execute(request, context); }, *parsed.request);
  return output.Take();
}

Outcome RunDmAsJson(const std::vector<std::string>& words,
                    const dm::dmsetup::Environment& environment, const sys::Host& host,
                    const dm::dmsetup::Streams& streams) {
  dm::dmsetup::Findings findings;
  const int status = dm::dmsetup::Run("dmkit dm", words, environment, host, streams, findings);
  return TellFindings(findings, status == kExitDone);
}

}  // namespace dmkit::driver::cli
