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

// Whether `ancestor` is among the origins of `name`; nothing when a removed layer hides the
// answer, or it is too far away.
absl::StatusOr<std::optional<bool>> Descends(const thinp::DeviceSet& set, std::string name,
                                             const std::string& ancestor) {
  for (int i = 0; i < kAncestorsMax; ++i) {
    const auto device = set.Find(name);
    if (sys::GetErrno(device.status()) == ENOENT) return std::optional<bool>();
    if (!device.ok()) return device.status();
    name = device->origin();
    if (name == ancestor) return std::optional<bool>(true);
    // Of a layer that was imported it is not known.
    if (name.empty()) return std::optional<bool>();
    if (name == kBaseLayer) return std::optional<bool>(false);
  }
  return std::optional<bool>();
}

}  // namespace

LayerParent Driver::Impl::ParentOf(const thinp::proto::DeviceState& device) const {
  LayerParent parent;
  if (device.origin().empty() || device.origin() == kBaseLayer) return parent;
  parent.id = device.origin();
  parent.removed = sys::GetErrno(set->Find(parent.id).status()) == ENOENT;
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
  DMKIT_ASSIGN_OR_RETURN(const auto down, Descends(*impl_->set, layer.text(), other.text()));
  if (down.value_or(true)) return std::string();
  DMKIT_ASSIGN_OR_RETURN(const auto up, Descends(*impl_->set, other.text(), layer.text()));
  if (up.value_or(true)) return std::string();
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
  DMKIT_ASSIGN_OR_RETURN(const thinp::proto::DeviceState device, impl_->FindComplete(layer, lock));
  DMKIT_RETURN_IF_ERROR(sys::AddContext(CheckPoolTakesWrites(*impl_->set),
                                        absl::StrCat("layer \"", layer.text(), "\"")));
  ApplyResult result;
  DMKIT_RETURN_IF_ERROR(impl_->Fill(device, [&](sys::Dir& rootfs) -> absl::Status {
    DMKIT_ASSIGN_OR_RETURN(result, ApplyArchive(rootfs, in, options));
    return absl::OkStatus();
  }));
  return result;
}

}  // namespace dmkit::driver
