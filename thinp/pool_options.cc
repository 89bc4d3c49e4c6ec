// SPDX-License-Identifier: Apache-2.0

#include "thinp/pool_options.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "sys/status.h"
#include "sys/units.h"
#include "thinp/given_pool.h"

namespace dmkit::thinp {
namespace {

absl::Status Differs(absl::string_view option, absl::string_view wanted, absl::string_view known) {
  return absl::FailedPreconditionError(
      absl::StrCat(option, " is \"", wanted, "\", but this store was made with ", known,
                   ", which cannot be changed: leave the option out"));
}

std::string PoolKind(const proto::PoolState& state, const proto::Backing& half) {
  if (!state.given_pool().empty()) return absl::StrCat("the pool \"", state.given_pool(), "\"");
  if (!half.device().empty()) return absl::StrCat("the device \"", half.device(), "\"");
  if (state.read_only()) return absl::StrCat("the file \"", half.imported_file(), "\" to be read");
  return absl::StrCat("the loop file \"", half.loop_file(), half.imported_file(), "\"");
}

absl::Status CheckHalf(const proto::PoolState& state, const proto::Backing& half,
                       absl::string_view device_option, const std::string& device,
                       absl::string_view size_option, const std::optional<sys::Bytes>& size) {
  if (!device.empty() && device != half.device()) {
    return Differs(device_option, device, PoolKind(state, half));
  }
  // Beside the device the size says what the file would have been.
  const bool is_file = !half.loop_file().empty() || !half.imported_file().empty();
  if (size.has_value() && device.empty() && (!is_file || state.read_only())) {
    return Differs(size_option, absl::StrCat(size->count()), PoolKind(state, half));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckOptions(const proto::PoolState& state, const PoolOptions& options) {
  if (!options.given_pool.empty() && !IsSameGivenPool(options.given_pool, state.given_pool())) {
    return Differs("dm.thinpooldev", options.given_pool, PoolKind(state, state.data()));
  }
  DMKIT_RETURN_IF_ERROR(CheckHalf(state, state.data(), "dm.datadev", options.data_device,
                                  "dm.loopdatasize", options.data_loop_size));
  DMKIT_RETURN_IF_ERROR(CheckHalf(state, state.metadata(), "dm.metadatadev",
                                  options.metadata_device, "dm.loopmetadatasize",
                                  options.metadata_loop_size));
  if (options.block_size.has_value() && options.block_size->count() != state.block_size_sectors()) {
    return Differs("dm.blocksize (sectors)", absl::StrCat(options.block_size->count()),
                   absl::StrCat("\"", state.block_size_sectors(), "\""));
  }
  return absl::OkStatus();
}

}  // namespace dmkit::thinp
