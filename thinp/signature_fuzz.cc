// SPDX-License-Identifier: Apache-2.0
// A device of 72 KiB. The input is records
//   offset in units of 2 bytes (2 bytes, little-endian), length (1 byte), that many bytes
// that are written into a blank device; after them, where one is left over, a last byte cuts the
// device down to that many pages of 512 bytes.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "sys/status.h"
#include "thinp/signature.h"
#include "thinp/testdata/memory_file.h"

namespace {

constexpr size_t kDeviceBytes = size_t{72} * 1024;

std::string Build(absl::string_view records) {
  std::string device(kDeviceBytes, '\0');
  const auto byte = [&records](size_t i) { return static_cast<uint8_t>(records[i]); };
  while (records.size() >= 3) {
    const size_t offset = (byte(0) | size_t{byte(1)} << 8) * 2;
    const absl::string_view bytes = records.substr(3, byte(2));
    for (size_t i = 0; i < bytes.size() && offset + i < kDeviceBytes; ++i) {
      device[offset + i] = bytes[i];
    }
    records.remove_prefix(3 + bytes.size());
  }
  if (!records.empty()) device.resize(byte(0) * size_t{512});
  return device;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dmkit::thinp::MemoryFile device(Build({reinterpret_cast<const char*>(data), size}));
  device.RequireAlignment();
  const auto signature = dmkit::thinp::ProbeSignature(device);
  DMKIT_CHECK(signature.ok());
  if (!signature->has_value()) return 0;
  DMKIT_CHECK(!dmkit::thinp::SignatureName((*signature)->kind).empty());
  DMKIT_CHECK((*signature)->uuid.empty() || (*signature)->uuid.size() == 36);
  return 0;
}
