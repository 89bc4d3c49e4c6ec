// SPDX-License-Identifier: Apache-2.0
// The commands on what changed in a layer: as a list, as a size and as an archive.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/archive/apply.h"
#include "driver/archive/changes.h"
#include "driver/archive/options.h"
#include "driver/cli/archive_file.h"
#include "driver/cli/change_writer.h"
#include "driver/cli/execute.h"
#include "driver/cli/progress.h"
#include "driver/cli/request.h"
#include "driver/cli/store.h"
#include "driver/driver.h"
#include "driver/report.pb.h"
#include "sys/status.h"
#include "sys/stream.h"
#include "sys/units.h"

namespace dmkit::driver::cli {
namespace {

// The parent to compare with: as asked for, or that which the layer was made from. Empty: none.
absl::StatusOr<std::string> ParentOf(const Comparison& comparison, Driver& driver, Output& output) {
  const std::string& id = comparison.id.text();
  if (comparison.parent.has_value()) {
    if (comparison.parent->empty()) return std::string();
    DMKIT_ASSIGN_OR_RETURN(const std::string warning, driver.DiffWarning(id, *comparison.parent));
    if (!warning.empty()) output.Note(id, warning);
    return *comparison.parent;
  }
  DMKIT_ASSIGN_OR_RETURN(const LayerParent parent, driver.Parent(id));
  if (!parent.removed) return parent.id;
  return absl::FailedPreconditionError(absl::StrCat(
      "its parent ", parent.id, " is removed; name another layer to compare with, or --all"));
}

// An open store and the parent to compare with; after an error, which was told, no driver.
struct Compared {
  Store store;
  std::string parent;
};

Compared OpenCompared(const Comparison& comparison, const Context& context) {
  absl::StatusOr<Store> store = OpenStore(context, WhenMissing::kFail);
  if (!store.ok()) {
    context.output.Fail(comparison.id.text(), store.status());
    return {};
  }
  absl::StatusOr<std::string> parent = ParentOf(comparison, *store->driver, context.output);
  if (!parent.ok()) {
    context.output.Fail(comparison.id.text(), parent.status());
    return {};
  }
  return {*std::move(store), *std::move(parent)};
}

Progress::Style ProgressStyle(const Context& context) {
  if (context.output.format() == OutputFormat::kJson) return Progress::Style::kJson;
  // The trace would be torn by a line that is written over.
  if (!context.streams.err_is_terminal || context.global.trace) return Progress::Style::kNone;
  return Progress::Style::kTerminal;
}

// Writes the archive and returns how many bytes it has.
absl::StatusOr<uint64_t> WriteDiff(const std::string& id, const Compared& compared,
                                   sys::ByteSink& out, const Context& context) {
  Progress progress(ProgressStyle(context), *context.host.clock, *context.streams.err, "diff", id);
  uint64_t bytes = 0;
  ArchiveOptions options;
  options.progress = [&](uint64_t so_far) {
    bytes = so_far;
    progress.Report(so_far);
  };
  options.warn = [&](absl::string_view message) { context.output.Note(id, message); };
  DMKIT_RETURN_IF_ERROR(compared.store.driver->Diff(id, compared.parent, options, out));
  progress.Done();
  return bytes;
}

absl::StatusOr<report::Archive> DiffToFile(const DiffRequest& request, const Compared& compared,
                                           const Context& context) {
  DMKIT_ASSIGN_OR_RETURN(const std::string path, AbsolutePath(context.host, request.output));
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<NewArchive> file,
                         NewArchive::Make(context.host, path));
  report::Archive report;
  report.set_id(request.comparison.id.text());
  report.set_parent(compared.parent);
  report.set_file(path);
  DMKIT_ASSIGN_OR_RETURN(const uint64_t bytes, WriteDiff(report.id(), compared, *file, context));
  DMKIT_RETURN_IF_ERROR(file->Commit());
  report.set_bytes(bytes);
  return report;
}

absl::StatusOr<report::Applied> ApplyFrom(sys::ByteSource& in, const std::string& id,
                                          Driver& driver, const Context& context) {
  Progress progress(ProgressStyle(context), *context.host.clock, *context.streams.err, "apply", id);
  ArchiveOptions options;
  options.progress = [&](uint64_t bytes) { progress.Report(bytes); };
  DMKIT_ASSIGN_OR_RETURN(const ApplyResult result, driver.ApplyDiff(id, options, in));
  progress.Done();
  for (const std::string& warning : result.warnings) context.output.Note(id, warning);
  report::Applied report;
  report.set_id(id);
  report.set_bytes(result.bytes);
  return report;
}

}  // namespace

void Execute(const ChangesRequest& request, const Context& context) {
  const std::string& id = request.comparison.id.text();
  const Compared compared = OpenCompared(request.comparison, context);
  if (compared.store.driver == nullptr) return;
  ChangeWriter writer(context.output.format(), *context.streams.out, id, compared.parent);
  absl::Status status =
      compared.store.driver->Changes(id, compared.parent, [&](const Change& change) {
        context.output.set_out_is_used();
        return writer.Add(change);
      });
  if (status.ok()) {
    context.output.set_out_is_used();
    status = writer.Finish();
  }
  if (!status.ok()) context.output.Fail(id, status);
}

void Execute(const DiffRequest& request, const Context& context) {
  const std::string& id = request.comparison.id.text();
  if (request.output.empty() && context.streams.out_is_terminal) {
    return context.output.Fail(id, absl::FailedPreconditionError(
                                       "standard output is a terminal, and an archive is no text; "
                                       "redirect it (> FILE), or name a file with --output"));
  }
  const Compared compared = OpenCompared(request.comparison, context);
  if (compared.store.driver == nullptr) return;
  if (request.output.empty()) {
    context.output.set_out_is_used();
    const absl::Status status = WriteDiff(id, compared, *context.streams.out, context).status();
    if (!status.ok()) context.output.Fail(id, status);
    return;
  }
  const absl::StatusOr<report::Archive> report = DiffToFile(request, compared, context);
  if (!report.ok()) return context.output.Fail(id, report.status());
  context.output.Print(*report);
}

void Execute(const DiffSizeRequest& request, const Context& context) {
  const std::string& id = request.comparison.id.text();
  const Compared compared = OpenCompared(request.comparison, context);
  if (compared.store.driver == nullptr) return;
  const absl::StatusOr<sys::Bytes> size = compared.store.driver->DiffSize(id, compared.parent);
  if (!size.ok()) return context.output.Fail(id, size.status());
  report::ChangesSize report;
  report.set_id(id);
  report.set_parent(compared.parent);
  report.set_bytes(size->count());
  context.output.Print(report);
}

void Execute(const ApplyRequest& request, const Context& context) {
  const std::string& id = request.id.text();
  if (request.file.empty() && context.streams.in_is_terminal) {
    return context.output.Fail(
        id, absl::FailedPreconditionError(
                "standard input is a terminal; name a file, or redirect it (< FILE)"));
  }
  std::unique_ptr<sys::ByteSource> file;
  if (!request.file.empty()) {
    absl::StatusOr<std::string> path = AbsolutePath(context.host, request.file);
    if (!path.ok()) return context.output.Fail(id, path.status());
    absl::StatusOr<std::unique_ptr<sys::ByteSource>> opened = OpenArchive(context.host, *path);
    if (!opened.ok()) return context.output.Fail(id, opened.status());
    file = *std::move(opened);
  }
  absl::StatusOr<Store> store = OpenStore(context, WhenMissing::kFail);
  if (!store.ok()) return context.output.Fail(id, store.status());
  sys::ByteSource& in = file == nullptr ? *context.streams.in : *file;
  const absl::StatusOr<report::Applied> report = ApplyFrom(in, id, *store->driver, context);
  if (!report.ok()) return context.output.Fail(id, report.status());
  context.output.Print(*report);
}

}  // namespace dmkit::driver::cli
