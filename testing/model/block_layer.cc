// SPDX-License-Identifier: Apache-2.0
// Opening, claiming and announcing block devices, and io below the page cache.

#include "testing/model/block_layer.h"

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "sys/status.h"

namespace dmkit::model {
namespace {

// Deeper than any stack of devices that makes sense: this is a circle.
constexpr int kIoDepthMax = 256;

}  // namespace

void BlockHandle::Reset() {
  if (BlockDevice* const device = std::exchange(device_, nullptr); device != nullptr) {
    device->Release(id_);
  }
}

BlockDevice::BlockDevice(Core& core, sys::DeviceNumber number, std::string disk_name)
    : core_(core), number_(number), disk_name_(std::move(disk_name)) {}

BlockDevice::~BlockDevice() { DMKIT_CHECK(openers_.empty() && !is_added_); }

void BlockDevice::SetReadOnly(bool read_only) {
  if (std::exchange(is_disk_read_only_, read_only) == read_only) return;
  SendUevent("change", {read_only ? "DISK_RO=1" : "DISK_RO=0"});
}

void BlockDevice::BumpDiskSequence() { disk_sequence_ = core_.blocks.NextDiskSequence(); }

void BlockDevice::AddDisk() {
  core_.blocks.Add(number_, disk_name_, this);
  is_added_ = true;
  SendUevent("add", {});
}

void BlockDevice::DeleteDisk() {
  SendUevent("remove", {});
  is_added_ = false;
  core_.blocks.Delete(number_, disk_name_);
}

bool BlockDevice::SendUevent(absl::string_view action, std::vector<std::string> extra) {
  if (!is_added_ || uevents_suppressed_) return false;
  core_.uevents.Send(core_.scheduler.Now(), action,
                     absl::StrCat("/devices/virtual/block/", disk_name_), std::move(extra),
                     {absl::StrCat("MAJOR=", number_.major), absl::StrCat("MINOR=", number_.minor),
                      absl::StrCat("DEVNAME=", disk_name_), "DEVTYPE=disk",
                      absl::StrCat("DISKSEQ=", disk_sequence_)});
  return true;
}

int BlockDevice::CheckClaim(const void* claim) const {
  return claim_ == nullptr || claim_ == claim ? 0 : -EBUSY;
}

int BlockDevice::Open(const Opener& opener, BlockHandle* handle) {
  if (!is_added_) return -ENXIO;
  if (opener.claim != nullptr && CheckClaim(opener.claim) != 0) return -EBUSY;
  const int error = OnOpen(opener);
  if (error != 0) return error;
  if (opener.claim != nullptr) {
    claim_ = opener.claim;
    ++claims_;
  }
  const uint64_t id = next_opener_++;
  openers_.emplace(id, opener);
  *handle = BlockHandle(this, id);
  return 0;
}

void BlockDevice::Release(uint64_t id) {
  const auto found = openers_.find(id);
  DMKIT_CHECK(found != openers_.end());
  // What cannot be written now is lost: nobody is left to hear of it.
  if (openers_.size() == 1 && !pages_.empty()) {
    WriteBack(0, sectors_ * kSectorBytes);
    // That may have waited, and somebody may have opened it meanwhile.
    if (openers_.size() == 1) pages_.clear();
  }
  const Opener opener = std::move(found->second);
  openers_.erase(found);
  if (opener.claim != nullptr && --claims_ == 0) claim_ = nullptr;
  OnRelease(opener);
}

std::vector<Opener> BlockDevice::Openers() const {
  std::vector<Opener> list;
  for (const auto& [id, opener] : openers_) list.push_back(opener);
  return list;
}

std::vector<sys::DeviceNumber> BlockDevice::Holders() const {
  std::map<std::pair<uint32_t, uint32_t>, sys::DeviceNumber> holders;
  for (const auto& [id, opener] : openers_) {
    if (!opener.holder.has_value()) continue;
    holders.emplace(std::make_pair(opener.holder->major, opener.holder->minor), *opener.holder);
  }
  std::vector<sys::DeviceNumber> list;
  for (const auto& [key, number] : holders) list.push_back(number);
  return list;
}

int BlockDevice::Submit(const Io& io) {
  if (!core_.has_power) return -EIO;
  const uint64_t size = sectors_ * kSectorBytes;
  if (io.kind != IoKind::kFlush) {
    if (io.offset % kSectorBytes != 0 || io.length % kSectorBytes != 0) return -EINVAL;
    if (io.length > size || io.offset > size - io.length) return -EIO;
    if (io.length == 0) return 0;
  }
  if (io.kind == IoKind::kFlush && !limits_.has_write_cache) return 0;
  if (io.kind == IoKind::kDiscard && limits_.max_discard_sectors == 0) return -EOPNOTSUPP;
  int& depth = core_.scheduler.io_depth();
  if (depth >= kIoDepthMax) return -EIO;
  ++depth;
  const int error = DoIo(io);
  --depth;
  return error;
}

int BlockDevice::Read(uint64_t offset, absl::Span<char> into) {
  Io io;
  io.offset = offset;
  io.length = into.size();
  io.into = into.data();
  return Submit(io);
}

int BlockDevice::Write(uint64_t offset, absl::string_view from, bool fua) {
  Io io;
  io.kind = IoKind::kWrite;
  io.offset = offset;
  io.length = from.size();
  io.from = from.data();
  io.fua = fua;
  return Submit(io);
}

int BlockDevice::Discard(uint64_t offset, uint64_t length) {
  Io io;
  io.kind = IoKind::kDiscard;
  io.offset = offset;
  io.length = length;
  return Submit(io);
}

int BlockDevice::Flush() {
  Io io;
  io.kind = IoKind::kFlush;
  return Submit(io);
}

int BlockDevice::Freeze() {
  if (freezes_++ > 0 || filesystem_ == nullptr) return 0;
  const int error = filesystem_->Freeze();
  if (error != 0) --freezes_;
  return error;
}

void BlockDevice::Thaw() {
  DMKIT_CHECK(freezes_ > 0);
  if (--freezes_ == 0 && filesystem_ != nullptr) filesystem_->Thaw();
}

int OpenBlockDevice(Core& core, sys::DeviceNumber number, const Opener& opener,
                    BlockHandle* handle) {
  BlockDevice* const device = core.blocks.Find(number);
  return device == nullptr ? -ENXIO : device->Open(opener, handle);
}

}  // namespace dmkit::model
