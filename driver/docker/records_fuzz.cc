// SPDX-License-Identifier: Apache-2.0
// Fuzzes the readers of all of Docker's records. What is accepted must be in range and survive
// being written again.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/docker/records.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

constexpr uint64_t kNumberMax = uint64_t{1} << 53;

// True when there is a value to look at.
bool IsOkOrRefusal(const absl::Status& status) {
  if (status.ok()) return true;
  DMKIT_CHECK(absl::IsDataLoss(status));
  for (const char c : status.message()) {
    DMKIT_CHECK(absl::ascii_isprint(static_cast<unsigned char>(c)));
  }
  return false;
}

void CheckDevice(const DockerDevice& device) {
  DMKIT_CHECK(device.device_id <= 0xffffff);
  DMKIT_CHECK(device.size_bytes < kNumberMax);
  DMKIT_CHECK(device.transaction_id < kNumberMax);
  const auto again = ParseDockerDevice(absl::StrCat(
      "{\"device_id\":", device.device_id, ",\"size\":", device.size_bytes, ",\"transaction_id\":",
      device.transaction_id, ",\"initialized\":", device.initialized ? "true" : "false",
      ",\"deleted\":", device.deleted ? "true" : "false", "}"));
  DMKIT_CHECK(again.ok());
  DMKIT_CHECK(again->device_id == device.device_id);
  DMKIT_CHECK(again->size_bytes == device.size_bytes);
  DMKIT_CHECK(again->transaction_id == device.transaction_id);
  DMKIT_CHECK(again->initialized == device.initialized);
  DMKIT_CHECK(again->deleted == device.deleted);
}

void FuzzRecords(absl::string_view text) {
  const auto device = ParseDockerDevice(text);
  if (IsOkOrRefusal(device.status())) CheckDevice(*device);
  const auto set = ParseDockerSet(text);
  if (IsOkOrRefusal(set.status())) DMKIT_CHECK(set->next_device_id <= 0xffffff);
  const auto transaction = ParseDockerTransaction(text);
  if (IsOkOrRefusal(transaction.status())) {
    DMKIT_CHECK(transaction->id < kNumberMax);
    DMKIT_CHECK(transaction->device_id <= 0xffffff);
  }
  IsOkOrRefusal(ParseDockerSetup(text).status());
  const auto devices = ParseDockerDevices(text);
  if (!IsOkOrRefusal(devices.status())) return;
  for (const auto& [hash, found] : *devices) {
    if (IsOkOrRefusal(found.status())) CheckDevice(*found);
  }
}

}  // namespace
}  // namespace dmkit::driver

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dmkit::driver::FuzzRecords(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
