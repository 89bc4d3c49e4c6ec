// SPDX-License-Identifier: Apache-2.0
// Fuzzes the options, sizes and mount options: the input's lines are the words of a command line.
// What is accepted must keep the promises that the driver builds on.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "driver/filesystem.h"
#include "driver/options.h"
#include "sys/status.h"
#include "sys/units.h"

namespace dmkit::driver {
namespace {

void CheckRefusal(const absl::Status& status) {
  DMKIT_CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  DMKIT_CHECK(sys::GetErrno(status) == 0);
  for (const char c : status.message()) {
    DMKIT_CHECK(absl::ascii_isprint(static_cast<unsigned char>(c)));
  }
}

void FuzzSize(absl::string_view text) {
  const absl::StatusOr<sys::Bytes> size = ParseSize(text);
  if (!size.ok()) return CheckRefusal(size.status());
  DMKIT_CHECK(size->count() > 0);
  DMKIT_CHECK(size->count() >> 63 == 0);
  DMKIT_CHECK(!HumanSize(*size).empty());
}

void FuzzMountOptions(absl::string_view text) {
  const absl::StatusOr<MountOptions> options = ParseMountOptions(text);
  if (!options.ok()) return CheckRefusal(options.status());
  const absl::StatusOr<MountOptions> data = ParseMountOptions(options->data);
  DMKIT_CHECK(data.ok());
  DMKIT_CHECK(data->flags == 0);
  DMKIT_CHECK(data->data == options->data);
}

void FuzzOptions(const std::vector<std::string>& words) {
  const absl::StatusOr<Options> options = ParseOptions(words);
  if (!options.ok()) return CheckRefusal(options.status());
  if (options->block_size.has_value()) DMKIT_CHECK(options->block_size->count() % 128 == 0);
  if (options->base_size.has_value()) DMKIT_CHECK(sys::ToSectors(*options->base_size).ok());
  DMKIT_CHECK(options->thin_pool.find('/') == std::string::npos);
  DMKIT_CHECK(options->thin_pool.empty() || options->data_device.empty());
  DMKIT_CHECK(ParseMountOptions(options->mount_options).ok());
  DMKIT_CHECK(options->min_free_space_percent.value_or(0) < 100);
  DMKIT_CHECK(options->direct_lvm.device.empty() || options->thin_pool.empty());
  DMKIT_CHECK(options->direct_lvm.data_percent.value_or(0) +
                  options->direct_lvm.metadata_percent.value_or(0) <=
              100);
}

void FuzzLayerOptions(const std::vector<std::string>& words) {
  const absl::StatusOr<LayerOptions> options = ParseLayerOptions(words);
  if (!options.ok()) return CheckRefusal(options.status());
  if (!options->size.has_value()) return;
  DMKIT_CHECK(options->size->count() > 0);
  DMKIT_CHECK(sys::ToSectors(*options->size).ok());
}

}  // namespace
}  // namespace dmkit::driver

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> words = absl::StrSplit(text, '\n');
  for (const std::string& word : words) {
    dmkit::driver::FuzzSize(word);
    dmkit::driver::FuzzMountOptions(word);
  }
  dmkit::driver::FuzzOptions(words);
  dmkit::driver::FuzzLayerOptions(words);
  return 0;
}
