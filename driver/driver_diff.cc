// SPDX-License-Identifier: Apache-2.0
// Layers as differences: what changed, as a list, a size and an archive; and an archive put into a
// layer.

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/archive/apply.h"
#include "driver/archive/changes.h"
#include "driver/archive/export.h"
#include "driver/archive/options.h"
#include "driver/driver_impl.h"
#include "driver/layer_id.h"
#include "driver/layer_mount.h"
#include "driver/layer_size.h"
#include "sys/host.h"
#include "sys/lock_file.h"
#include "sys/status.h"
#include "sys/stream.h"
#include "sys/units.h"

namespace dmkit::driver {
namespace {

using thinp::proto::DeviceState;

// The trees of a layer and of what it is compared with, handed out while `work` runs. Neither
// layer's lock is held meanwhile: a layer may be large.
class Trees {
 public:
  // `what` is what others are told that the layers are needed for.
  Trees(Driver::Impl& impl, absl::string_view what) : impl_(impl), what_(what) {}

  absl::Status With(absl::string_view id, absl::string_view parent,
                    absl::FunctionRef<absl::Status(sys::Dir& newer, sys::Dir* older)> work) {
    DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
    std::optional<LayerId> older;
    if (!parent.empty()) {
      DMKIT_ASSIGN_OR_RETURN(older, LayerId::Create(parent));
    }
    return WithLayer(layer, [&](sys::Dir& newer_tree) {
      if (!older.has_value()) return work(newer_tree, nullptr);
      return WithLayer(*older, [&](sys::Dir& older_tree) { return work(newer_tree, &older_tree); });
    });
  }

 private:
  absl::Status WithLayer(const LayerId& layer,
                         absl::FunctionRef<absl::Status(sys::Dir& tree)> work) {
    DMKIT_ASSIGN_OR_RETURN(Driver::Impl::Reading reading, impl_.StartReading(layer, what_));
    absl::Status worked;
    {
      const auto tree = impl_.host().root->OpenDir(reading.path);
      worked = tree.ok() ? work(**tree) : tree.status();
    }
    const absl::Status ended = impl_.EndReading(layer, std::move(reading.reader));
    return worked.ok() ? ended : sys::WithSecondError(worked, "putting the layer", ended);
  }

  Driver::Impl& impl_;
  const absl::string_view what_;
};

// Layers that an ancestor is looked for among: more than container engines stack.
constexpr int kAncestorsMax = 128;

// Whether `device` was made from `origin`, which has the name of what it was made from: a device
// that is younger took over the name of one that was removed. Every device comes with a transaction
// of its own, imported ones with one that their pool had had before.
bool IsOrigin(const DeviceState& origin, const DeviceState& device) {
  return origin.transaction_id() <= device.transaction_id();
}

// Whether `ancestor` is among the origins of `layer`; nothing when a layer that was removed, or
// whose state file cannot be read, hides the answer, or it is too far away.
std::optional<bool> Descends(const thinp::DeviceSet& set, const DeviceState& layer,
                             const DeviceState& ancestor) {
  DeviceState device = layer;
  for (int i = 0; i < kAncestorsMax; ++i) {
    if (device.origin() == kBaseLayer) return false;
    // Of a layer that was imported none is known.
    if (device.origin().empty()) return std::nullopt;
    auto origin = set.Find(device.origin());
    if (!origin.ok() || !IsOrigin(*origin, device)) return std::nullopt;
    if (origin->name() == ancestor.name()) return true;
    device = *std::move(origin);
  }
  return std::nullopt;
}

}  // namespace

LayerParent Driver::Impl::ParentOf(const DeviceState& device) const {
  LayerParent parent;
  if (device.origin().empty() || device.origin() == kBaseLayer) return parent;
  parent.id = device.origin();
  const auto origin = set->Find(parent.id);
  parent.removed =
      origin.ok() ? !IsOrigin(*origin, device) : sys::GetErrno(origin.status()) == ENOENT;
  return parent;
}

absl::StatusOr<LayerParent> Driver::Parent(absl::string_view id) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  const auto device = impl_->set->Find(layer.text());
  if (sys::GetErrno(device.status()) == ENOENT) return impl_->NoSuchLayer(layer);
  DMKIT_RETURN_IF_ERROR(device.status());
  return impl_->ParentOf(*device);
}

absl::StatusOr<std::string> Driver::DiffWarning(absl::string_view id, absl::string_view parent) {
  if (parent.empty() || id == parent) return std::string();
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  DMKIT_ASSIGN_OR_RETURN(const LayerId other, LayerId::Create(parent));
  const thinp::DeviceSet& set = *impl_->set;
  const auto newer = set.Find(layer.text());
  const auto older = set.Find(other.text());
  // The comparison says what is wrong.
  if (!newer.ok() || !older.ok()) return std::string();
  if (Descends(set, *newer, *older).value_or(true)) return std::string();
  if (Descends(set, *older, *newer).value_or(true)) return std::string();
  return absl::StrCat("layer \"", id, "\" does not descend from \"", parent,
                      "\": what differs between them is all that either has of its own");
}

absl::Status Driver::Changes(absl::string_view id, absl::string_view parent,
                             absl::FunctionRef<absl::Status(const Change& change)> visit) {
  return Trees(*impl_, "changes").With(id, parent, [&](sys::Dir& newer, sys::Dir* older) {
    return WalkChanges(newer, older,
                       [&](const Change& change, sys::Dir&, const std::string&,
                           const sys::FileStat*) { return visit(change); });
  });
}

absl::Status Driver::Diff(absl::string_view id, absl::string_view parent,
                          const ArchiveOptions& options, sys::ByteSink& out) {
  return Trees(*impl_, "diff").With(id, parent, [&](sys::Dir& newer, sys::Dir* older) {
    return ExportChanges(newer, older, options, out);
  });
}

absl::StatusOr<sys::Bytes> Driver::DiffSize(absl::string_view id, absl::string_view parent) {
  uint64_t bytes = 0;
  DMKIT_RETURN_IF_ERROR(
      Trees(*impl_, "diffsize")
          .With(id, parent, [&](sys::Dir& newer, sys::Dir* older) -> absl::Status {
            DMKIT_ASSIGN_OR_RETURN(bytes, ChangesSize(newer, older));
            return absl::OkStatus();
          }));
  return sys::Bytes{bytes};
}

absl::StatusOr<ApplyResult> Driver::ApplyDiff(absl::string_view id, const ArchiveOptions& options,
                                              sys::ByteSource& in) {
  DMKIT_ASSIGN_OR_RETURN(const LayerId layer, LayerId::Create(id));
  // Held to the end: nobody is to see the layer half done.
  DMKIT_ASSIGN_OR_RETURN(const sys::HeldLock lock, impl_->locks.Acquire(layer.text(), "apply"));
  DMKIT_RETURN_IF_ERROR(impl_->RequireUnused(layer));
  DMKIT_ASSIGN_OR_RETURN(const DeviceState device, impl_->FindComplete(layer, lock));
  DMKIT_RETURN_IF_ERROR(sys::AddContext(CheckPoolTakesWrites(*impl_->set),
                                        absl::StrCat("layer \"", layer.text(), "\"")));
  ApplyResult result;
  DMKIT_RETURN_IF_ERROR(impl_->Fill(layer, device, [&](sys::Dir& rootfs) -> absl::Status {
    DMKIT_ASSIGN_OR_RETURN(result, ApplyArchive(rootfs, in, options));
    return absl::OkStatus();
  }));
  return result;
}

}  // namespace dmkit::driver
