// SPDX-License-Identifier: Apache-2.0
// Archives for tests, header by header, good ones and bad ones. Nothing here may share code with
// what it tests.

#ifndef DMKIT_DRIVER_ARCHIVE_TESTDATA_TAR_BUILDER_H_
#define DMKIT_DRIVER_ARCHIVE_TESTDATA_TAR_BUILDER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace dmkit::driver {

struct TarItem {
  std::string name;
  char type = '0';
  std::string data;
  std::string link;
  uint32_t mode = 0644;
  int64_t modified = 1000000000;
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  // Records of a pax header in front of it.
  std::vector<std::pair<std::string, std::string>> pax = {};
};

// The user that runs the test owns every entry.
class TarBuilder {
 public:
  TarBuilder& Add(const TarItem& item);
  TarBuilder& File(std::string name, std::string data = "");
  TarBuilder& Directory(std::string name, uint32_t mode = 0755);
  TarBuilder& Symlink(std::string name, std::string target);
  TarBuilder& HardLink(std::string name, std::string target);
  TarBuilder& Raw(absl::string_view bytes);

  // All so far, without and with an end marker.
  const std::string& bytes() const { return bytes_; }
  std::string Finish() const { return bytes_ + std::string(1024, '\0'); }

 private:
  std::string bytes_;
};

// Sets the checksum of the header that begins at `offset` anew.
void FixChecksum(std::string& archive, size_t offset);

// One record of a pax header: "<length> <key>=<value>\n".
std::string PaxRecord(absl::string_view key, absl::string_view value);

enum class PackKind { kGzip, kZstd, kXz, kBzip2 };

std::string Pack(PackKind kind, const std::string& bytes);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_TESTDATA_TAR_BUILDER_H_
