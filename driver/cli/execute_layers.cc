// SPDX-License-Identifier: Apache-2.0
// The commands on layers and on their pool. Only `create` makes a store: every other command would
// otherwise answer a mistyped --root with a new pool.

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dm/device_mapper.h"
#include "driver/cli/execute.h"
#include "driver/cli/output.h"
#include "driver/cli/request.h"
#include "driver/cli/store.h"
#include "driver/docker/import.h"
#include "driver/docker/import_options.h"
#include "driver/driver.h"
#include "driver/layer_id.h"
#include "driver/options.h"
#include "driver/report.pb.h"
#include "sys/status.h"

namespace dmkit::driver::cli {
namespace {

// How long gc waits for devices that are just being closed.
constexpr absl::Duration kCollectPatience = absl::Seconds(5);

// Opens the store and tells what `ask` finds, or the first error.
template <typename Report>
void Answer(const Context& context, absl::string_view object,
            const std::function<absl::StatusOr<Report>(Driver&)>& ask) {
  absl::StatusOr<Store> store = OpenStore(context, WhenMissing::kFail);
  if (!store.ok()) return context.output.Fail(object, store.status());
  const absl::StatusOr<Report> report = ask(*store->driver);
  if (!report.ok()) return context.output.Fail(object, report.status());
  context.output.Print(*report);
}

absl::StatusOr<report::ImportReport> Import(const ImportDockerRequest& request,
                                            const Context& context) {
  const Options& options = context.global.options;
  ImportOptions import;
  DMKIT_ASSIGN_OR_RETURN(import.docker_root, AbsolutePath(context.host, request.directory));
  DMKIT_ASSIGN_OR_RETURN(import.root, AbsolutePath(context.host, context.global.root));
  import.pool_device = options.thin_pool;
  import.data_device = options.data_device;
  import.metadata_device = options.metadata_device;
  import.adopt = request.adopt;
  import.dry_run = request.dry_run;
  DMKIT_ASSIGN_OR_RETURN(dm::DeviceMapper dm, dm::DeviceMapper::Open(context.host));
  return ImportDocker(dm, import);
}

}  // namespace

void Execute(const CreateRequest& request, const Context& context) {
  const std::string& id = request.id.text();
  // Where there is no store, there is no such parent either.
  absl::StatusOr<Store> store =
      OpenStore(context, request.parent.empty() ? WhenMissing::kMake : WhenMissing::kFail);
  if (!store.ok()) return context.output.Fail(id, store.status());
  CreateOptions options;
  options.parent = request.parent;
  options.size = request.size;
  options.init = request.init;
  const absl::Status status = store->driver->Create(id, options);
  if (!status.ok()) context.output.Fail(id, status);
}

void Execute(const RemoveRequest& request, const Context& context) {
  absl::StatusOr<Store> store = OpenStore(context, WhenMissing::kFail);
  if (!store.ok()) return context.output.Fail("", store.status());
  for (const LayerId& id : request.ids) {
    const absl::Status status = store->driver->Remove(id.text());
    if (!status.ok()) context.output.Fail(id.text(), status);
  }
}

void Execute(const GetRequest& request, const Context& context) {
  const std::string& id = request.id.text();
  Answer<report::Mounted>(context, id, [&](Driver& driver) -> absl::StatusOr<report::Mounted> {
    report::Mounted mounted;
    DMKIT_ASSIGN_OR_RETURN(const std::string path, driver.Get(id));
    mounted.set_id(id);
    mounted.set_path(path);
    return mounted;
  });
}

void Execute(const PutRequest& request, const Context& context) {
  const std::string& id = request.id.text();
  absl::StatusOr<Store> store = OpenStore(context, WhenMissing::kFail);
  if (!store.ok()) return context.output.Fail(id, store.status());
  const absl::Status status = store->driver->Put(id, request.all);
  if (!status.ok()) context.output.Fail(id, status);
}

void Execute(const ExistsRequest& request, const Context& context) {
  report::Exists report;
  report.set_id(request.id.text());
  absl::StatusOr<bool> exists = StoreExists(context);
  if (exists.ok() && *exists) {
    absl::StatusOr<Store> store = OpenStore(context, WhenMissing::kFail);
    exists = store.ok() ? store->driver->Exists(request.id.text())
                        : absl::StatusOr<bool>(store.status());
  }
  if (!exists.ok()) {
    // As test(1) does it: what could not be found out is not a no.
    context.output.Fail(request.id.text(), exists.status());
    return context.output.set_exit_status(kExitUsage);
  }
  report.set_exists(*exists);
  context.output.Print(report);
  if (!*exists) context.output.set_exit_status(kExitFailed);
}

void Execute(const ListRequest&, const Context& context) {
  const absl::StatusOr<bool> exists = StoreExists(context);
  if (!exists.ok()) return context.output.Fail("", exists.status());
  if (!*exists) {
    context.output.Note("", absl::StrCat("there are no layers at ", context.global.root, " yet"));
    return context.output.Print(report::LayerList());
  }
  Answer<report::LayerList>(context, "", [](Driver& driver) { return driver.List(); });
}

void Execute(const InspectRequest& request, const Context& context) {
  const std::string& id = request.id.text();
  Answer<report::Layer>(context, id, [&](Driver& driver) { return driver.Inspect(id); });
}

void Execute(const StatusRequest&, const Context& context) {
  Answer<report::DriverStatus>(context, "", [](Driver& driver) { return driver.Status(); });
}

void Execute(const CleanupRequest&, const Context& context) {
  const absl::StatusOr<bool> exists = StoreExists(context);
  if (!exists.ok()) return context.output.Fail("", exists.status());
  if (!*exists) return;
  absl::StatusOr<Store> store = OpenStore(context, WhenMissing::kFail);
  if (!store.ok()) return context.output.Fail("", store.status());
  const absl::Status status = store->driver->Cleanup();
  if (!status.ok()) context.output.Fail("", status);
}

void Execute(const GrowRequest& request, const Context& context) {
  const std::string& id = request.id.text();
  absl::StatusOr<Store> store = OpenStore(context, WhenMissing::kFail);
  if (!store.ok()) return context.output.Fail(id, store.status());
  const absl::Status status = store->driver->Grow(id, request.size);
  if (!status.ok()) context.output.Fail(id, status);
}

void Execute(const CollectRequest&, const Context& context) {
  Answer<report::GarbageReport>(
      context, "", [](Driver& driver) { return driver.CollectGarbage(kCollectPatience); });
}

void Execute(const ImportDockerRequest& request, const Context& context) {
  const absl::StatusOr<report::ImportReport> report = Import(request, context);
  if (!report.ok()) return context.output.Fail(request.directory, report.status());
  context.output.Print(*report);
  if (!report->problems().empty()) context.output.set_exit_status(kExitFailed);
}

void Execute(const PoolStatusRequest&, const Context& context) {
  Answer<report::PoolStatus>(context, "", [](Driver& driver) { return driver.PoolStatus(); });
}

void Execute(const PoolCheckRequest&, const Context& context) {
  bool clean = true;
  Answer<report::PoolCheck>(context, "", [&](Driver& driver) {
    absl::StatusOr<report::PoolCheck> check = driver.PoolCheck();
    clean = !check.ok() || check->clean();
    return check;
  });
  if (!clean) context.output.set_exit_status(kExitFailed);
}

void Execute(const PoolGrowRequest&, const Context& context) {
  absl::StatusOr<Store> store = OpenStore(context, WhenMissing::kFail);
  if (!store.ok()) return context.output.Fail("", store.status());
  const absl::Status status = store->driver->GrowPool();
  if (!status.ok()) context.output.Fail("", status);
}

}  // namespace dmkit::driver::cli
