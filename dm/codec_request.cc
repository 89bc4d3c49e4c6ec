// SPDX-License-Identifier: Apache-2.0
// Writes requests. The way back is in codec_request_decode.cc. Pure: no file descriptors, no clock.

#include "dm/codec_request.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dm/codec_header.h"
#include "dm/codec_message.h"
#include "dm/codec_table.h"
#include "dm/uapi.h"
#include "sys/secret.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

// What the kernel takes at most (dm-ioctl.c, DM_MAX_TARGETS * DM_MAX_TARGET_PARAMS).
constexpr size_t kRequestBytesMax = size_t{1} << 30;

// Fills the header and the payload for one typed request. Sizes come later: they are alike for all.
class Filler {
 public:
  Filler(HeaderFields& header, std::string& payload) : header_(header), payload_(payload) {}

  absl::Status operator()(const VersionRequest&) { return absl::OkStatus(); }
  absl::Status operator()(const ListVersionsRequest&) { return absl::OkStatus(); }
  absl::Status operator()(const ArmPollRequest&) { return absl::OkStatus(); }

  absl::Status operator()(const RemoveAllRequest& request) {
    Set(DM_DEFERRED_REMOVE, request.deferred);
    return absl::OkStatus();
  }

  absl::Status operator()(const ListDevicesRequest& request) {
    Set(DM_UUID_FLAG, request.uuids);
    DMKIT_RETURN_IF_ERROR(PutPrefix(request.name_prefix, DM_NAME_LEN, header_.name));
    return PutPrefix(request.uuid_prefix, DM_UUID_LEN, header_.uuid);
  }

  absl::Status operator()(const CreateRequest& request) {
    header_.name = request.name.text();
    if (request.uuid.has_value()) header_.uuid = request.uuid->text();
    if (request.minor.has_value()) {
      Set(DM_PERSISTENT_DEV_FLAG, true);
      // The major is not read.
      DMKIT_ASSIGN_OR_RETURN(header_.device, PackDevice({0, *request.minor}));
    }
    return absl::OkStatus();
  }

  absl::Status operator()(const RemoveRequest& request) {
    Set(DM_DEFERRED_REMOVE, request.deferred);
    header_.event_nr = request.cookie.value;
    return PutKey(request.key, header_);
  }

  absl::Status operator()(const RenameRequest& request) {
    header_.name = request.name.text();
    header_.event_nr = request.cookie.value;
    return PutText(request.new_name.text());
  }

  absl::Status operator()(const SetUuidRequest& request) {
    Set(DM_UUID_FLAG, true);
    header_.name = request.name.text();
    header_.event_nr = request.cookie.value;
    return PutText(request.uuid.text());
  }

  absl::Status operator()(const SuspendRequest& request) {
    Set(DM_SUSPEND_FLAG, true);
    Set(DM_SKIP_LOCKFS_FLAG, request.skip_lockfs);
    Set(DM_NOFLUSH_FLAG, request.no_flush);
    return PutKey(request.key, header_);
  }

  absl::Status operator()(const ResumeRequest& request) {
    Set(DM_SKIP_LOCKFS_FLAG, request.skip_lockfs);
    Set(DM_NOFLUSH_FLAG, request.no_flush);
    header_.event_nr = request.cookie.value;
    return PutKey(request.key, header_);
  }

  absl::Status operator()(const InfoRequest& request) {
    Set(DM_QUERY_INACTIVE_TABLE_FLAG, request.inactive);
    return PutKey(request.key, header_);
  }

  absl::Status operator()(const StatusRequest& request) {
    Set(DM_SECURE_DATA_FLAG, request.secure);
    return PutStatusQuery(request);
  }

  absl::Status operator()(const WaitRequest& request) {
    header_.event_nr = request.event_nr;
    return PutStatusQuery(request);
  }

  absl::Status operator()(const LoadRequest& request) {
    Set(DM_READONLY_FLAG, request.read_only);
    Set(DM_SECURE_DATA_FLAG, request.secure);
    header_.target_count = static_cast<uint32_t>(request.table.size());
    DMKIT_ASSIGN_OR_RETURN(payload_, EncodeTable(request.table));
    return PutKey(request.key, header_);
  }

  absl::Status operator()(const ClearRequest& request) { return PutKey(request.key, header_); }

  absl::Status operator()(const DependenciesRequest& request) {
    Set(DM_QUERY_INACTIVE_TABLE_FLAG, request.inactive);
    return PutKey(request.key, header_);
  }

  absl::Status operator()(const MessageRequest& request) {
    Set(DM_SECURE_DATA_FLAG, request.secure);
    DMKIT_ASSIGN_OR_RETURN(payload_, EncodeMessage(request.sector, request.message));
    return PutKey(request.key, header_);
  }

  absl::Status operator()(const SetGeometryRequest& request) {
    DMKIT_RETURN_IF_ERROR(PutText(absl::StrCat(request.cylinders, " ", request.heads, " ",
                                               request.sectors, " ", request.start)));
    return PutKey(request.key, header_);
  }

  absl::Status operator()(const TargetVersionRequest& request) {
    header_.name = request.type.text();
    return absl::OkStatus();
  }

 private:
  void Set(uint32_t flag, bool on) { header_.flags |= on ? flag : 0; }

  template <typename Query>
  absl::Status PutStatusQuery(const Query& request) {
    Set(DM_STATUS_TABLE_FLAG, request.kind == StatusKind::kTable);
    Set(DM_IMA_MEASUREMENT_FLAG, request.kind == StatusKind::kImaMeasurement);
    Set(DM_NOFLUSH_FLAG, request.no_flush);
    Set(DM_QUERY_INACTIVE_TABLE_FLAG, request.inactive);
    return PutKey(request.key, header_);
  }

  // The kernel would cut a longer prefix off and list more than was asked for.
  static absl::Status PutPrefix(const std::string& prefix, size_t field_bytes, std::string& field) {
    if (prefix.size() >= field_bytes || prefix.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat("prefix \"", sys::Printable(prefix),
                                                     "\" must have at most ", field_bytes - 1,
                                                     " bytes and no NUL"));
    }
    field = prefix;
    return absl::OkStatus();
  }

  absl::Status PutText(absl::string_view text) {
    sys::ByteWriter writer;
    writer.AppendCString(text);
    payload_ = writer.Take();
    return absl::OkStatus();
  }

  HeaderFields& header_;
  std::string& payload_;
};

}  // namespace

absl::StatusOr<std::string> EncodeRequest(const Request& request, size_t buffer_bytes) {
  const CommandFacts& facts = FactsOf(CommandOf(request));
  HeaderFields header;
  header.version = facts.since;
  header.data_start = kPayloadStart;
  std::string payload;
  const absl::Cleanup wipe = [&] {
    if ((header.flags & DM_SECURE_DATA_FLAG) != 0) sys::Wipe(payload);
  };
  DMKIT_RETURN_IF_ERROR(std::visit(Filler(header, payload), request));
  const bool grows = facts.request == RequestForm::kPayload;
  const size_t size = std::max(kPayloadStart + payload.size(), grows ? buffer_bytes : 0);
  if (size > kRequestBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("a request of ", size, " bytes; the kernel takes ", kRequestBytesMax));
  }
  header.data_size = static_cast<uint32_t>(size);
  sys::ByteWriter writer;
  writer.Reserve(size);
  writer.AppendBytes(EncodeHeader(header));
  writer.AppendBytes(payload);
  writer.PadTo(size);
  return writer.Take();
}

}  // namespace dmkit::dm
