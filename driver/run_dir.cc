// SPDX-License-Identifier: Apache-2.0

#include "driver/run_dir.h"

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "sys/durable.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

constexpr uint32_t kMode = 0700;

}  // namespace

absl::StatusOr<std::unique_ptr<sys::Dir>> OpenRunDir(const sys::Host& host,
                                                     absl::string_view run_dir,
                                                     absl::string_view name) {
  const std::string path = absl::StrCat(run_dir, "/", name);
  DMKIT_RETURN_IF_ERROR(sys::MakeDirs(*host.root, path, kMode));
  return host.root->OpenDir(path);
}

}  // namespace dmkit::driver
