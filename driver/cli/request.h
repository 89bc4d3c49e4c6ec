// SPDX-License-Identifier: Apache-2.0
// What a command line asks for, as values: one struct per command, already validated. No words of
// the command line are left in here, and nothing is known of the system.

#ifndef DMKIT_DRIVER_CLI_REQUEST_H_
#define DMKIT_DRIVER_CLI_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "driver/cli/commands.h"
#include "driver/cli/completion.h"
#include "driver/layer_id.h"
#include "driver/options.h"
#include "loop/types.h"
#include "sys/units.h"

namespace dmkit::driver::cli {

enum class OutputFormat { kText, kJson };

struct GlobalValues {
  std::string root = "/var/lib/dmkit";  // as given: may be relative to the working directory
  Options options;
  OutputFormat format = OutputFormat::kText;
  bool trace = false;
};

struct CreateRequest {
  LayerId id;
  std::string parent;  // empty: the base
  std::optional<sys::Bytes> size;
  bool init = false;
};
struct RemoveRequest {
  std::vector<LayerId> ids;
};
struct GetRequest {
  LayerId id;
};
struct PutRequest {
  LayerId id;
  bool all = false;
};
struct ExistsRequest {
  LayerId id;
};
struct ListRequest {};
struct InspectRequest {
  LayerId id;
};
struct StatusRequest {};
struct CleanupRequest {};
struct GrowRequest {
  LayerId id;
  sys::Bytes size;
};
struct CollectRequest {};
struct ImportDockerRequest {
  std::string directory;  // as given
  bool dry_run = false;
  bool adopt = false;
};

// A layer and what it is compared with.
struct Comparison {
  LayerId id;
  std::optional<std::string> parent;  // unset: what it was made from; empty: nothing
};
struct ChangesRequest {
  Comparison comparison;
};
struct DiffRequest {
  Comparison comparison;
  std::string output;  // a file, as given; empty: standard output
};
struct DiffSizeRequest {
  Comparison comparison;
};
struct ApplyRequest {
  LayerId id;
  std::string file;  // as given; empty: standard input
};

struct PoolStatusRequest {};
struct PoolCheckRequest {};
struct PoolGrowRequest {};
struct PoolWatchRequest {
  std::optional<uint64_t> count;          // ends after so many events
  std::optional<absl::Duration> timeout;  // ends when so much time has passed
  uint32_t low_percent = 20;              // less of it free is low
};

struct LoopAttachRequest {
  std::string file;  // as given
  loop::AttachOptions options;
};
struct LoopDetachRequest {
  std::string device_or_file;  // as given
};
struct LoopListRequest {};

struct VersionRequest {};
struct CompletionRequest {
  Shell shell;
};
struct ManualRequest {};
// At most one of them is set; none for the overview.
struct HelpRequest {
  const CommandSpec* command = nullptr;
  const SectionSpec* section = nullptr;
  bool driver_options = false;
};

using Request =
    std::variant<CreateRequest, RemoveRequest, GetRequest, PutRequest, ExistsRequest, ListRequest,
                 InspectRequest, StatusRequest, CleanupRequest, GrowRequest, CollectRequest,
                 ImportDockerRequest, ChangesRequest, DiffRequest, DiffSizeRequest, ApplyRequest,
                 PoolStatusRequest, PoolCheckRequest, PoolGrowRequest, PoolWatchRequest,
                 LoopAttachRequest, LoopDetachRequest, LoopListRequest, VersionRequest,
                 CompletionRequest, ManualRequest, HelpRequest>;

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_REQUEST_H_
