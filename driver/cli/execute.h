// SPDX-License-Identifier: Apache-2.0
// What the command files have in common. One Execute per request; each tells its result or its
// error through the output.

#ifndef DMKIT_DRIVER_CLI_EXECUTE_H_
#define DMKIT_DRIVER_CLI_EXECUTE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "driver/cli/output.h"
#include "driver/cli/request.h"
#include "driver/cli/streams.h"
#include "sys/host.h"

namespace dmkit::driver::cli {

struct Context {
  const sys::Host& host;
  const GlobalValues& global;
  Output& output;
  const Streams& streams;
};

void Execute(const CreateRequest& request, const Context& context);
void Execute(const RemoveRequest& request, const Context& context);
void Execute(const GetRequest& request, const Context& context);
void Execute(const PutRequest& request, const Context& context);
void Execute(const ExistsRequest& request, const Context& context);
void Execute(const ListRequest& request, const Context& context);
void Execute(const InspectRequest& request, const Context& context);
void Execute(const StatusRequest& request, const Context& context);
void Execute(const CleanupRequest& request, const Context& context);
void Execute(const GrowRequest& request, const Context& context);
void Execute(const CollectRequest& request, const Context& context);
void Execute(const ImportDockerRequest& request, const Context& context);
void Execute(const ChangesRequest& request, const Context& context);
void Execute(const DiffRequest& request, const Context& context);
void Execute(const DiffSizeRequest& request, const Context& context);
void Execute(const ApplyRequest& request, const Context& context);
void Execute(const PoolStatusRequest& request, const Context& context);
void Execute(const PoolCheckRequest& request, const Context& context);
void Execute(const PoolGrowRequest& request, const Context& context);
void Execute(const PoolWatchRequest& request, const Context& context);
void Execute(const LoopAttachRequest& request, const Context& context);
void Execute(const LoopDetachRequest& request, const Context& context);
void Execute(const LoopListRequest& request, const Context& context);
void Execute(const VersionRequest& request, const Context& context);
void Execute(const CompletionRequest& request, const Context& context);
void Execute(const ManualRequest& request, const Context& context);
void Execute(const HelpRequest& request, const Context& context);

// `path`, or where it is seen from the working directory (by /proc/self/cwd) when it is relative.
absl::StatusOr<std::string> AbsolutePath(const sys::Host& host, absl::string_view path);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_EXECUTE_H_
