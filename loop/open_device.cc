// SPDX-License-Identifier: Apache-2.0
// Bytes of the codec through the seam. No policy.

#include "loop/open_device.h"

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "loop/ioctl.h"
#include "loop/uapi.h"
#include "sys/block.h"
#include "sys/bytes.h"
#include "sys/status.h"

namespace dmkit::loop {
namespace {

absl::Span<char> Writable(std::string& bytes) { return absl::MakeSpan(&bytes[0], bytes.size()); }

}  // namespace

OpenDevice::OpenDevice(uint32_t number, std::unique_ptr<sys::File> file, sys::TraceSink* trace)
    : number_(number),
      path_(absl::StrCat("/dev/loop", number)),
      file_(std::move(file)),
      trace_(trace) {}

absl::Status OpenDevice::Value(unsigned long request, uint64_t value) {
  return IoctlWithValue(*file_, path_, trace_, request, value).status();
}

absl::Status OpenDevice::Configure(const ConfigureRequest& request) {
  DMKIT_ASSIGN_OR_RETURN(std::string bytes, EncodeConfigure(request));
  return IoctlWithBuffer(*file_, path_, trace_, LOOP_CONFIGURE, Writable(bytes)).status();
}

absl::Status OpenDevice::SetBackingFile(int descriptor) {
  DMKIT_CHECK(descriptor >= 0);
  return Value(LOOP_SET_FD, static_cast<uint64_t>(descriptor));
}

absl::Status OpenDevice::Clear() { return Value(LOOP_CLR_FD, 0); }

absl::Status OpenDevice::SetStatus(const SetStatusRequest& request) {
  DMKIT_ASSIGN_OR_RETURN(std::string bytes, EncodeSetStatus(request));
  return IoctlWithBuffer(*file_, path_, trace_, LOOP_SET_STATUS64, Writable(bytes)).status();
}

absl::StatusOr<StatusReply> OpenDevice::GetStatus() {
  std::string bytes(kStatusBytes, '\0');
  DMKIT_RETURN_IF_ERROR(IoctlWithBuffer(*file_, path_, trace_, LOOP_GET_STATUS64, Writable(bytes)));
  absl::StatusOr<StatusReply> reply = DecodeStatus(bytes);
  if (!reply.ok()) return sys::AddContext(reply.status(), path_);
  return reply;
}

absl::Status OpenDevice::UpdateCapacity() { return Value(LOOP_SET_CAPACITY, 0); }

absl::Status OpenDevice::SetDirectIo(bool on) { return Value(LOOP_SET_DIRECT_IO, on ? 1 : 0); }

absl::Status OpenDevice::SetBlockSize(uint32_t bytes) { return Value(LOOP_SET_BLOCK_SIZE, bytes); }

absl::StatusOr<uint32_t> OpenDevice::LogicalBlockSize() {
  std::string bytes(sizeof(int32_t), '\0');
  DMKIT_RETURN_IF_ERROR(IoctlWithBuffer(*file_, path_, trace_, BLKSSZGET, Writable(bytes)));
  DMKIT_ASSIGN_OR_RETURN(int32_t size, sys::ByteReader(bytes).At<int32_t>(0, "block size"));
  if (size <= 0) return absl::DataLossError(absl::StrCat(path_, ": block size ", size));
  return static_cast<uint32_t>(size);
}

absl::StatusOr<sys::Bytes> OpenDevice::Size() { return sys::BlockSize(*file_); }

}  // namespace dmkit::loop
