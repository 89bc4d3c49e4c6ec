// SPDX-License-Identifier: Apache-2.0
// One small file per layer, "<boot id> <count>\n", or "<boot id> <count> ro\n". A file is never
// trusted: what is not exactly that counts as no count.

#include "driver/mount_count.h"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "driver/layer_id.h"
#include "driver/run_dir.h"
#include "sys/durable.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::driver {
namespace {

constexpr absl::string_view kBootIdPath = "/proc/sys/kernel/random/boot_id";
constexpr size_t kBootIdBytes = 36;
constexpr size_t kFileBytesMax = 128;
constexpr absl::string_view kReadOnly = " ro";

bool IsBootId(absl::string_view text) {
  return text.size() == kBootIdBytes &&
         text.find_first_not_of("0123456789abcdef-") == absl::string_view::npos;
}

absl::StatusOr<std::string> ReadBootId(sys::Dir& root) {
  const absl::StatusOr<std::string> text = sys::ReadFile(root, kBootIdPath, kFileBytesMax);
  if (sys::GetErrno(text.status()) == ENOENT) {
    return sys::AddContext(text.status(), "read the boot id (is /proc mounted?)");
  }
  if (!text.ok()) return sys::AddContext(text.status(), "read the boot id");
  const absl::string_view boot_id = absl::StripSuffix(*text, "\n");
  if (!IsBootId(boot_id)) {
    return absl::DataLossError(absl::StrCat("read the boot id ", kBootIdPath, ": \"",
                                            sys::Printable(boot_id), "\" is none"));
  }
  return std::string(boot_id);
}

absl::Status Context(const absl::Status& status, absl::string_view operation,
                     const LayerId& layer) {
  return sys::AddContext(status, absl::StrCat(operation, " mount count of layer ", layer.text()));
}

}  // namespace

std::optional<MountCount> ParseMountCount(absl::string_view text, absl::string_view boot_id) {
  if (!absl::ConsumePrefix(&text, boot_id) || !absl::ConsumePrefix(&text, " ") ||
      !absl::ConsumeSuffix(&text, "\n")) {
    return std::nullopt;
  }
  const bool read_only = absl::ConsumeSuffix(&text, kReadOnly);
  const std::optional<uint32_t> count = sys::ParseUnsigned32(text);
  if (!count.has_value()) return std::nullopt;
  return MountCount(*count, read_only);
}

std::string PrintMountCount(const MountCount& count, absl::string_view boot_id) {
  return absl::StrCat(boot_id, " ", count.count, count.read_only ? kReadOnly : "", "\n");
}

absl::StatusOr<MountCounts> MountCounts::Open(const sys::Host& host, absl::string_view run_dir) {
  DMKIT_ASSIGN_OR_RETURN(std::string boot_id, ReadBootId(*host.root));
  absl::StatusOr<std::unique_ptr<sys::Dir>> dir = OpenRunDir(host, run_dir, "mounts");
  if (!dir.ok()) return sys::AddContext(dir.status(), "open mount counts");
  return MountCounts(*std::move(dir), std::move(boot_id));
}

absl::StatusOr<std::optional<MountCount>> MountCounts::Read(const LayerId& layer) const {
  const absl::StatusOr<std::string> text = sys::ReadFile(*dir_, layer.text(), kFileBytesMax);
  const int error = sys::GetErrno(text.status());
  if (error == ENOENT || error == EFBIG) return std::optional<MountCount>();
  if (!text.ok()) return Context(text.status(), "read", layer);
  return ParseMountCount(*text, boot_id_);
}

absl::Status MountCounts::Write(const LayerId& layer, MountCount count) {
  return Context(sys::ReplaceFile(*dir_, layer.text(), PrintMountCount(count, boot_id_)), "write",
                 layer);
}

absl::Status MountCounts::Clear(const LayerId& layer) {
  const absl::Status removed = dir_->Unlink(layer.text());
  return sys::GetErrno(removed) == ENOENT ? absl::OkStatus() : Context(removed, "clear", layer);
}

}  // namespace dmkit::driver
