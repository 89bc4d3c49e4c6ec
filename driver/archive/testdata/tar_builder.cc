// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/testdata/tar_builder.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>
#include <zstd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kNameMax = 100;

void Put(std::string& header, size_t at, absl::string_view text) {
  header.replace(at, text.size(), text.data(), text.size());
}

std::string Padded(std::string data) {
  data.resize((data.size() + kBlock - 1) / kBlock * kBlock, '\0');
  return data;
}

std::string Header(const TarItem& item, size_t size) {
  std::string header(kBlock, '\0');
  Put(header, 0, absl::string_view(item.name).substr(0, kNameMax));
  Put(header, 100, absl::StrFormat("%07o", item.mode));
  Put(header, 108, absl::StrFormat("%07o", geteuid()));
  Put(header, 116, absl::StrFormat("%07o", getegid()));
  Put(header, 124, absl::StrFormat("%011o", size));
  Put(header, 136, absl::StrFormat("%011o", item.modified));
  header[156] = item.type;
  Put(header, 157, absl::string_view(item.link).substr(0, kNameMax));
  Put(header, 257, absl::string_view("ustar\00000", 8));
  Put(header, 329, absl::StrFormat("%07o", item.device_major));
  Put(header, 337, absl::StrFormat("%07o", item.device_minor));
  FixChecksum(header, 0);
  return header;
}

}  // namespace

void FixChecksum(std::string& archive, size_t offset) {
  Put(archive, offset + 148, "        ");
  unsigned sum = 0;
  for (size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(archive[offset + i]);
  Put(archive, offset + 148, absl::StrFormat("%06o", sum));
}

std::string PaxRecord(absl::string_view key, absl::string_view value) {
  const size_t rest = key.size() + value.size() + 3;
  size_t length = rest + 1;
  while (absl::StrCat(length).size() + rest != length) {
    length = absl::StrCat(length).size() + rest;
  }
  return absl::StrCat(length, " ", key, "=", value, "\n");
}

TarBuilder& TarBuilder::Add(const TarItem& item) {
  std::string records;
  for (const auto& [key, value] : item.pax) absl::StrAppend(&records, PaxRecord(key, value));
  if (item.name.size() > kNameMax) absl::StrAppend(&records, PaxRecord("path", item.name));
  if (item.link.size() > kNameMax) absl::StrAppend(&records, PaxRecord("linkpath", item.link));
  if (!records.empty()) {
    TarItem pax;
    pax.name = "PaxHeaders/x";
    pax.type = 'x';
    absl::StrAppend(&bytes_, Header(pax, records.size()), Padded(records));
  }
  absl::StrAppend(&bytes_, Header(item, item.data.size()), Padded(item.data));
  return *this;
}

TarBuilder& TarBuilder::File(std::string name, std::string data) {
  TarItem item;
  item.name = std::move(name);
  item.data = std::move(data);
  return Add(item);
}

TarBuilder& TarBuilder::Directory(std::string name, uint32_t mode) {
  TarItem item;
  item.name = std::move(name);
  item.type = '5';
  item.mode = mode;
  return Add(item);
}

TarBuilder& TarBuilder::Symlink(std::string name, std::string target) {
  TarItem item;
  item.name = std::move(name);
  item.type = '2';
  item.link = std::move(target);
  item.mode = 0777;
  return Add(item);
}

TarBuilder& TarBuilder::HardLink(std::string name, std::string target) {
  TarItem item;
  item.name = std::move(name);
  item.type = '1';
  item.link = std::move(target);
  return Add(item);
}

TarBuilder& TarBuilder::Raw(absl::string_view bytes) {
  bytes_.append(bytes.data(), bytes.size());
  return *this;
}

namespace {

// libarchive writes no checksum, unlike everybody else.
std::string PackZstd(const std::string& bytes) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  std::string packed(ZSTD_compressBound(bytes.size()), '\0');
  const size_t size =
      ZSTD_compress2(context, &packed[0], packed.size(), bytes.data(), bytes.size());
  DMKIT_CHECK(ZSTD_isError(size) == 0);
  ZSTD_freeCCtx(context);
  packed.resize(size);
  return packed;
}

}  // namespace

std::string Pack(PackKind kind, const std::string& bytes) {
  if (kind == PackKind::kZstd) return PackZstd(bytes);
  struct archive* const archive = archive_write_new();
  struct archive_entry* const entry = archive_entry_new();
  const auto add = kind == PackKind::kGzip ? &archive_write_add_filter_gzip
                   : kind == PackKind::kXz ? &archive_write_add_filter_xz
                                           : &archive_write_add_filter_bzip2;
  std::string packed(bytes.size() + 65536, '\0');
  size_t used = 0;
  DMKIT_CHECK(add(archive) == ARCHIVE_OK);
  archive_write_set_format_raw(archive);
  archive_write_set_bytes_per_block(archive, 0);
  archive_entry_set_filetype(entry, AE_IFREG);
  DMKIT_CHECK(archive_write_open_memory(archive, &packed[0], packed.size(), &used) == ARCHIVE_OK);
  DMKIT_CHECK(archive_write_header(archive, entry) == ARCHIVE_OK);
  DMKIT_CHECK(archive_write_data(archive, bytes.data(), bytes.size()) >= 0);
  DMKIT_CHECK(archive_write_close(archive) == ARCHIVE_OK);
  archive_entry_free(entry);
  archive_write_free(archive);
  packed.resize(used);
  return packed;
}

}  // namespace dmkit::driver
