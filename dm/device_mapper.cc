// SPDX-License-Identifier: Apache-2.0
// The client: requests to bytes, bytes to the kernel, bytes to replies. No policy, no retries but
// the growth of reply buffers.

#include "dm/device_mapper.h"

#include <cerrno>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "dm/codec_deps.h"
#include "dm/codec_header.h"
#include "dm/codec_list.h"
#include "dm/codec_message.h"
#include "dm/codec_request.h"
#include "dm/codec_table.h"
#include "dm/codec_versions.h"
#include "dm/commands.h"
#include "dm/control_node.h"
#include "dm/errors.h"
#include "dm/features.h"
#include "dm/keys.h"
#include "dm/open_modes.h"
#include "dm/tracer.h"
#include "dm/uapi.h"
#include "sys/secret.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

// Room for the replies about one device; doubled when the kernel says that it was too small. The
// kernel copies and clears all of it each time, so more is not better.
constexpr size_t kFirstBufferBytes = size_t{2} << 10;
// A message may answer with text and cannot be sent again: room for the longest that is usual.
constexpr size_t kMessageBufferBytes = size_t{16} << 10;
// Room for some hundred thousand. A kernel that asks for more is not believed.
constexpr size_t kBufferBytesMax = size_t{16} << 20;

std::string DescribeTarget(const TargetType& type) {
  return absl::StrCat("target type \"", sys::Printable(type.text()), "\"");
}

}  // namespace

struct DeviceMapper::Connection {
  sys::Host host;
  std::unique_ptr<sys::File> control;
  Version version;

  // One ioctl with `buffer`, which holds the request and then what the kernel made of it.
  absl::Status Issue(Command command, absl::string_view object, std::string& buffer) {
    const unsigned long code = RequestCode(command);
    std::string request = host.trace == nullptr ? "" : buffer;
    const auto result = control->Ioctl(code, absl::MakeSpan(&buffer[0], buffer.size()));
    const int error = sys::GetErrno(result.status());
    if (host.trace != nullptr) {
      host.trace->Line(FormatIoctl(code, request, buffer, error));
      sys::Wipe(request);
    }
    if (result.ok()) return absl::OkStatus();
    return error == 0 ? result.status() : Refusal(command, object, error);
  }

  // Issues `request` on `object`, with a larger buffer as often as the kernel asks for one and the
  // command may be repeated. `buffer` holds the bytes of the reply.
  absl::StatusOr<RawReply> Call(const Request& request, absl::string_view object,
                                std::string& buffer) {
    const CommandFacts& facts = FactsOf(CommandOf(request));
    const absl::Status supported = CheckSupported(request, version);
    if (!supported.ok()) return InContext(supported, facts, object);
    const bool is_message = facts.command == Command::kTargetMsg;
    size_t room = is_message ? kMessageBufferBytes : kFirstBufferBytes;
    for (; room <= kBufferBytesMax; room *= 2) {
      if (IsSecure(request)) sys::Wipe(buffer);
      absl::StatusOr<std::string> bytes = EncodeRequest(request, room);
      if (!bytes.ok()) return InContext(bytes.status(), facts, object);
      buffer = *std::move(bytes);
      DMKIT_RETURN_IF_ERROR(Issue(facts.command, object, buffer));
      absl::StatusOr<RawReply> reply = RawReply::Parse(facts.command, buffer);
      if (!reply.ok()) return InContext(reply.status(), facts, object);
      if (!reply->buffer_full()) return reply;
      if (!facts.repeat_on_buffer_full) {
        return absl::ResourceExhaustedError(
            absl::StrCat(facts.name, " ", object, ": the answer did not fit ", buffer.size(),
                         " bytes; the command has been acted upon and is not repeated"));
      }
    }
    return absl::ResourceExhaustedError(absl::StrCat(
        facts.name, " ", object, ": the reply does not fit ", kBufferBytesMax, " bytes"));
  }

  // Call and decode. Of a secure request nothing stays in the buffers of this object.
  template <typename Decoder>
  auto Ask(const Request& request, absl::string_view object, Decoder decode)
      -> decltype(decode(std::declval<const RawReply&>())) {
    std::string buffer;
    const absl::Cleanup wipe = [&] {
      if (IsSecure(request)) sys::Wipe(buffer);
    };
    const absl::StatusOr<RawReply> reply = Call(request, object, buffer);
    if (!reply.ok()) return reply.status();
    auto decoded = decode(*reply);
    if (!decoded.ok()) return InContext(decoded.status(), FactsOf(CommandOf(request)), object);
    return decoded;
  }

  absl::StatusOr<DeviceInfo> AskInfo(const Request& request, absl::string_view object) {
    return Ask(request, object, [](const RawReply& reply) -> absl::StatusOr<DeviceInfo> {
      return DecodeDeviceInfo(reply);
    });
  }

  absl::Status Tell(const Request& request, absl::string_view object) {
    std::string buffer;
    return Call(request, object, buffer).status();
  }

  // For errors that are not the kernel's, which say nothing of the command.
  static absl::Status InContext(const absl::Status& status, const CommandFacts& facts,
                                absl::string_view object) {
    return sys::AddContext(status, absl::StrCat(facts.name, object.empty() ? "" : " ", object));
  }
};

DeviceMapper::DeviceMapper(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)) {}
DeviceMapper::DeviceMapper(DeviceMapper&&) noexcept = default;
DeviceMapper& DeviceMapper::operator=(DeviceMapper&&) noexcept = default;
DeviceMapper::~DeviceMapper() = default;

absl::StatusOr<DeviceMapper> DeviceMapper::Open(const sys::Host& host) {
  auto connection = std::make_unique<Connection>();
  connection->host = host;
  DMKIT_ASSIGN_OR_RETURN(connection->control, OpenControlNode(host));
  DMKIT_ASSIGN_OR_RETURN(std::string buffer, EncodeRequest(VersionRequest{}));
  const absl::Status issued = connection->Issue(Command::kVersion, kControlPath, buffer);
  // The kernel writes its version also when it refuses ours (dm-ioctl.c, check_version(), v6.1).
  DMKIT_ASSIGN_OR_RETURN(const RawReply reply, RawReply::Parse(Command::kVersion, buffer));
  connection->version = reply.header().version;
  if (sys::GetErrno(issued) == EINVAL) {
    return absl::UnimplementedError(
        absl::StrCat("DM_VERSION ", kControlPath, ": the kernel has device-mapper interface ",
                     FormatVersion(connection->version), "; version 4 is needed"));
  }
  DMKIT_RETURN_IF_ERROR(issued);
  return DeviceMapper(std::move(connection));
}

const Version& DeviceMapper::version() const { return connection_->version; }
const sys::Host& DeviceMapper::host() const { return connection_->host; }

absl::Status DeviceMapper::RemoveAll(bool deferred) {
  return connection_->Tell(RemoveAllRequest{deferred}, "");
}

absl::StatusOr<std::vector<ListedDevice>> DeviceMapper::List() {
  ListDevicesRequest request;
  // A kernel that does not know the flag ignores it and says of no device whether it has a uuid.
  request.uuids = true;
  DMKIT_ASSIGN_OR_RETURN(ListDevicesReply list, connection_->Ask(request, "", DecodeListDevices));
  return std::move(list.devices);
}

absl::StatusOr<DeviceInfo> DeviceMapper::Create(const DmName& name, const CreateOptions& options) {
  return connection_->AskInfo(CreateRequest{name, options.uuid, options.minor}, Describe(name));
}

absl::StatusOr<DeviceInfo> DeviceMapper::Remove(const DeviceKey& key,
                                                const RemoveOptions& options) {
  return connection_->AskInfo(RemoveRequest{key, options.deferred, options.cookie}, Describe(key));
}

absl::Status DeviceMapper::CancelDeferredRemove(const DeviceKey& key) {
  return Message(key, sys::Sectors(0), kCancelDeferredRemove).status();
}

absl::StatusOr<DeviceInfo> DeviceMapper::Rename(const DmName& name, const DmName& new_name,
                                                UdevCookie cookie) {
  absl::StatusOr<DeviceInfo> info =
      connection_->AskInfo(RenameRequest{name, new_name, cookie}, Describe(name));
  if (info.ok()) info->name = new_name.text();
  return info;
}

absl::StatusOr<DeviceInfo> DeviceMapper::SetUuid(const DmName& name, const DmUuid& uuid,
                                                 UdevCookie cookie) {
  absl::StatusOr<DeviceInfo> info =
      connection_->AskInfo(SetUuidRequest{name, uuid, cookie}, Describe(name));
  if (info.ok()) {
    info->name = name.text();
    info->uuid = uuid.text();
  }
  return info;
}

absl::StatusOr<DeviceInfo> DeviceMapper::Suspend(const DeviceKey& key,
                                                 const SuspendOptions& options) {
  return connection_->AskInfo(SuspendRequest{key, options.skip_lockfs, options.no_flush},
                              Describe(key));
}

absl::StatusOr<DeviceInfo> DeviceMapper::Resume(const DeviceKey& key, const SuspendOptions& options,
                                                UdevCookie cookie) {
  return connection_->AskInfo(ResumeRequest{key, options.skip_lockfs, options.no_flush, cookie},
                              Describe(key));
}

absl::StatusOr<DeviceInfo> DeviceMapper::Info(const DeviceKey& key, bool inactive) {
  return connection_->AskInfo(InfoRequest{key, inactive}, Describe(key));
}

absl::StatusOr<TableReply> DeviceMapper::Wait(const DeviceKey& key, uint32_t event_nr,
                                              const StatusOptions& options) {
  return connection_->Ask(
      WaitRequest{key, event_nr, StatusKind::kStatus, options.no_flush, options.inactive},
      Describe(key), DecodeTableReply);
}

absl::StatusOr<DeviceInfo> DeviceMapper::Load(const DeviceKey& key,
                                              const std::vector<TableLine>& table,
                                              const LoadOptions& options) {
  const std::string object = Describe(key);
  absl::Status checked = CheckTable(table);
  if (checked.ok()) checked = CheckOpenModes(table, options.read_only);
  if (!checked.ok()) {
    return Connection::InContext(checked, FactsOf(Command::kTableLoad), object);
  }
  Request request = LoadRequest{key, table, options.read_only, HoldsKey(table)};
  absl::StatusOr<DeviceInfo> info = connection_->AskInfo(request, object);
  if (IsSecure(request)) WipeKeys(request);
  return info;
}

absl::StatusOr<DeviceInfo> DeviceMapper::Clear(const DeviceKey& key) {
  return connection_->AskInfo(ClearRequest{key}, Describe(key));
}

absl::StatusOr<std::vector<sys::DeviceNumber>> DeviceMapper::Dependencies(const DeviceKey& key,
                                                                          bool inactive) {
  DMKIT_ASSIGN_OR_RETURN(DependenciesReply reply, InfoAndDependencies(key, inactive));
  return std::move(reply.devices);
}

absl::StatusOr<DependenciesReply> DeviceMapper::InfoAndDependencies(const DeviceKey& key,
                                                                    bool inactive) {
  return connection_->Ask(DependenciesRequest{key, inactive}, Describe(key), DecodeDependencies);
}

absl::StatusOr<TableReply> DeviceMapper::Status(const DeviceKey& key,
                                                const StatusOptions& options) {
  return connection_->Ask(
      StatusRequest{key, StatusKind::kStatus, options.no_flush, options.inactive}, Describe(key),
      DecodeTableReply);
}

absl::StatusOr<TableReply> DeviceMapper::Table(const DeviceKey& key, const StatusOptions& options) {
  return connection_->Ask(
      StatusRequest{key, StatusKind::kTable, options.no_flush, options.inactive, true},
      Describe(key), DecodeTableReply);
}

absl::StatusOr<std::vector<TargetVersion>> DeviceMapper::ListVersions() {
  DMKIT_ASSIGN_OR_RETURN(TargetVersionsReply reply,
                         connection_->Ask(ListVersionsRequest{}, "", DecodeTargetVersions));
  return std::move(reply.targets);
}

absl::StatusOr<Version> DeviceMapper::GetTargetVersion(const TargetType& type) {
  const std::string object = DescribeTarget(type);
  const TargetVersionRequest request{type};
  const absl::Status supported = CheckSupported(request, connection_->version);
  if (!supported.ok()) {
    DMKIT_ASSIGN_OR_RETURN(const std::vector<TargetVersion> loaded, ListVersions());
    for (const TargetVersion& target : loaded) {
      if (target.type == type.text()) return target.version;
    }
    return sys::AddContext(supported, absl::StrCat("DM_GET_TARGET_VERSION ", object,
                                                   ": it is not loaded, and to ask for more"));
  }
  DMKIT_ASSIGN_OR_RETURN(const TargetVersionsReply reply,
                         connection_->Ask(request, object, DecodeTargetVersions));
  if (reply.targets.size() != 1 || reply.targets[0].type != type.text()) {
    return absl::DataLossError(
        absl::StrCat("DM_GET_TARGET_VERSION ", object, ": the reply is about something else"));
  }
  return reply.targets[0].version;
}

absl::StatusOr<MessageReply> DeviceMapper::Message(const DeviceKey& key, sys::Sectors sector,
                                                   absl::string_view message) {
  Request request = MessageRequest{key, sector, std::string(message), MessageHoldsKey(message)};
  absl::StatusOr<MessageReply> reply = connection_->Ask(request, Describe(key), DecodeMessageReply);
  if (IsSecure(request)) WipeKeys(request);
  return reply;
}

absl::Status DeviceMapper::SetGeometry(const DeviceKey& key, uint32_t cylinders, uint32_t heads,
                                       uint32_t sectors, uint64_t start) {
  return connection_->Tell(SetGeometryRequest{key, cylinders, heads, sectors, start},
                           Describe(key));
}

absl::Status DeviceMapper::ArmPoll() { return connection_->Tell(ArmPollRequest{}, kControlPath); }

absl::StatusOr<bool> DeviceMapper::WaitForEvent(absl::Time deadline) {
  return connection_->control->WaitReadable(deadline);
}

}  // namespace dmkit::dm
