// SPDX-License-Identifier: Apache-2.0
// Prints requests and replies. Pure: no file descriptors, no clock, no output.

#include "dm/tracer.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dm/codec_header.h"
#include "dm/codec_reply.h"
#include "dm/codec_request.h"
#include "dm/commands.h"
#include "dm/flags.h"
#include "dm/keys.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

std::string Quoted(absl::string_view text) {
  return absl::StrCat("\"", sys::Printable(text), "\"");
}

std::string Undecoded(const absl::Status& status) {
  return absl::StrCat("<", sys::Printable(status.message()), ">");
}

// The fields that any command may be given, as far as they are set.
std::string FormatRequestHeader(const CommandFacts& facts, const HeaderFields& header) {
  std::string text;
  if (header.device != 0) {
    absl::StrAppend(&text, " dev=", sys::FormatDeviceNumber(UnpackDevice(header.device)));
  }
  if (!header.name.empty()) absl::StrAppend(&text, " name=", Quoted(header.name));
  if (!header.uuid.empty()) absl::StrAppend(&text, " uuid=", Quoted(header.uuid));
  absl::StrAppend(&text, " flags=", FormatFlags(header.flags));
  if (facts.event_field == EventField::kEventNumber) {
    absl::StrAppend(&text, " event=", header.event_nr);
  } else if (header.event_nr != 0) {
    absl::StrAppend(&text, " cookie=0x", absl::Hex(header.event_nr));
  }
  if (facts.request == RequestForm::kPayload) absl::StrAppend(&text, " room=", header.data_size);
  return text;
}

std::string FormatSpec(sys::Sectors start, sys::Sectors length, absl::string_view type,
                       absl::string_view text) {
  return absl::StrCat(start.count(), " ", length.count(), " ", sys::Printable(type),
                      text.empty() ? "" : " ", sys::Printable(text));
}

// What stands in the payload of a request, with a leading space; nothing for those without one.
struct PayloadFormatter {
  std::string operator()(const RenameRequest& request) const {
    return absl::StrCat(" new_name=", Quoted(request.new_name.text()));
  }
  std::string operator()(const SetUuidRequest& request) const {
    return absl::StrCat(" new_uuid=", Quoted(request.uuid.text()));
  }
  std::string operator()(const LoadRequest& request) const {
    std::vector<std::string> lines;
    for (const TableLine& line : request.table) {
      lines.push_back(FormatSpec(line.start, line.length, line.type.text(),
                                 HideKeys(line.type.text(), line.params)));
    }
    return absl::StrCat(" table=[", absl::StrJoin(lines, "; "), "]");
  }
  std::string operator()(const MessageRequest& request) const {
    return absl::StrCat(" sector=", request.sector.count(),
                        " message=", Quoted(HideMessageKey(request.message)));
  }
  std::string operator()(const SetGeometryRequest& request) const {
    return absl::StrCat(" geometry=\"", request.cylinders, " ", request.heads, " ", request.sectors,
                        " ", request.start, "\"");
  }
  template <typename Other>
  std::string operator()(const Other&) const {
    return "";
  }
};

std::string FormatRequest(const CommandFacts& facts, absl::string_view request) {
  const auto raw = RawRequest::Parse(facts.command, request);
  if (!raw.ok()) return absl::StrCat(" ", Undecoded(raw.status()));
  if (facts.request == RequestForm::kVersionOnly) {
    return absl::StrCat(" version=", FormatVersion(raw->header().version));
  }
  const std::string header = FormatRequestHeader(facts, raw->header());
  absl::StatusOr<Request> decoded = DecodeRequest(facts.command, request);
  if (!decoded.ok()) return absl::StrCat(header, " ", Undecoded(decoded.status()));
  std::string line = absl::StrCat(header, std::visit(PayloadFormatter{}, *decoded));
  WipeKeys(*decoded);
  return line;
}

std::string FormatInfo(const HeaderFields& header) {
  return absl::StrCat(
      sys::FormatDeviceNumber(UnpackDevice(header.device)), " ", Quoted(header.name),
      header.uuid.empty() ? "" : " uuid=", header.uuid.empty() ? "" : Quoted(header.uuid),
      " flags=", FormatFlags(header.flags), " open=", header.open_count,
      " events=", header.event_nr, " targets=", header.target_count);
}

// The decoded reply behind the fields of its header, which is printed as it came: a decoded one
// keeps no unknown flags.
struct ReplyFormatter {
  const HeaderFields& header;

  std::string operator()(const VersionReply& reply) const { return FormatVersion(reply.version); }
  std::string operator()(const DoneReply&) const { return "ok"; }
  std::string operator()(const DeviceInfo&) const { return FormatInfo(header); }
  std::string operator()(const ListDevicesReply& reply) const {
    std::vector<std::string> devices;
    for (const ListedDevice& device : reply.devices) {
      std::string text =
          absl::StrCat(sys::FormatDeviceNumber(device.device), " ", Quoted(device.name));
      if (device.uuid.has_value() && !device.uuid->empty()) {
        absl::StrAppend(&text, " uuid=", Quoted(*device.uuid));
      }
      if (device.event_nr.has_value()) absl::StrAppend(&text, " events=", *device.event_nr);
      devices.push_back(std::move(text));
    }
    return absl::StrCat("flags=", FormatFlags(header.flags), " devices=[",
                        absl::StrJoin(devices, "; "), "]");
  }
  std::string operator()(const TableReply& reply) const {
    std::vector<std::string> lines;
    for (const TargetStatus& target : reply.targets) {
      lines.push_back(
          FormatSpec(target.start, target.length, target.type, HideKeys(target.type, target.text)));
    }
    return absl::StrCat(FormatInfo(header), " [", absl::StrJoin(lines, "; "), "]");
  }
  std::string operator()(const DependenciesReply& reply) const {
    std::vector<std::string> devices;
    for (sys::DeviceNumber device : reply.devices) {
      devices.push_back(sys::FormatDeviceNumber(device));
    }
    return absl::StrCat(FormatInfo(header), " devices=[", absl::StrJoin(devices, " "), "]");
  }
  std::string operator()(const TargetVersionsReply& reply) const {
    std::vector<std::string> targets;
    for (const TargetVersion& target : reply.targets) {
      targets.push_back(
          absl::StrCat(sys::Printable(target.type), " ", FormatVersion(target.version)));
    }
    return absl::StrCat("flags=", FormatFlags(header.flags), " targets=[",
                        absl::StrJoin(targets, "; "), "]");
  }
  std::string operator()(const MessageReply& reply) const {
    return absl::StrCat(FormatInfo(header), reply.text.has_value()
                                                ? absl::StrCat(" answer=", Quoted(*reply.text))
                                                : "");
  }
};

std::string FormatReply(const CommandFacts& facts, absl::string_view reply) {
  const auto raw = RawReply::Parse(facts.command, reply);
  if (!raw.ok()) return Undecoded(raw.status());
  if (raw->buffer_full()) return absl::StrCat("flags=", FormatFlags(raw->header().flags));
  absl::StatusOr<Reply> decoded = DecodeReply(*raw);
  if (!decoded.ok())
    return absl::StrCat(FormatInfo(raw->header()), " ", Undecoded(decoded.status()));
  std::string line = std::visit(ReplyFormatter{raw->header()}, *decoded);
  if (auto* table = std::get_if<TableReply>(&*decoded)) WipeTexts(*table);
  return line;
}

}  // namespace

std::string FormatIoctl(unsigned long code, absl::string_view request, absl::string_view reply,
                        int error) {
  const CommandFacts* facts = FindRequestCode(code);
  if (facts == nullptr) {
    return absl::StrCat("ioctl 0x", absl::Hex(code), " = ",
                        error == 0 ? "ok" : sys::ErrnoName(error));
  }
  return absl::StrCat(facts->name, FormatRequest(*facts, request), " = ",
                      error == 0 ? FormatReply(*facts, reply) : sys::ErrnoName(error));
}

}  // namespace dmkit::dm
