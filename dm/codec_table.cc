// SPDX-License-Identifier: Apache-2.0
// Reads and writes target specs. Pure: no file descriptors, no clock, no logging.

#include "dm/codec_table.h"

#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "dm/uapi.h"
#include "sys/bytes.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::dm {
namespace {

std::string LineName(size_t index) { return absl::StrCat("table line ", index + 1); }

// Where the spec behind the one at `current` starts, in a TABLE_LOAD request: "the number of bytes
// from the start of the current dm_target_spec to the start of the next one" (dm-ioctl.h).
size_t NextInLoad(size_t current, uint32_t next) { return current + next; }

// The same in a status reply: "from the start of the first dm_target_spec" (dm-ioctl.h).
size_t NextInStatus(size_t first, uint32_t next) { return first + next; }

struct Spec {
  dm_target_spec raw;
  absl::string_view type;
  absl::string_view params;
};

absl::StatusOr<dm_target_spec> ReadSpec(const sys::ByteReader& bytes, size_t offset, size_t index) {
  return bytes.At<dm_target_spec>(offset, absl::StrCat("target ", index));
}

// The two texts of the spec at `offset`, which must end before `end`.
absl::StatusOr<Spec> ReadTexts(const sys::ByteReader& bytes, const dm_target_spec& raw,
                               size_t offset, size_t end, size_t index) {
  Spec spec = {raw, {}, {}};
  const size_t type_offset = offset + offsetof(dm_target_spec, target_type);
  DMKIT_ASSIGN_OR_RETURN(spec.type, bytes.CString(type_offset, type_offset + DM_MAX_TYPE_NAME,
                                                  absl::StrCat("type of target ", index)));
  DMKIT_ASSIGN_OR_RETURN(spec.params, bytes.CString(offset + sizeof(dm_target_spec), end,
                                                    absl::StrCat("text of target ", index)));
  return spec;
}

// What `line` takes in a request.
size_t SpecBytes(const TableLine& line) {
  return AlignRecord(sizeof(dm_target_spec) + line.params.size() + 1);
}

absl::Status Misplaced(size_t index, size_t offset, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("target ", index, " at offset ", offset, " ", what));
}

absl::StatusOr<TableLine> ToLine(const Spec& spec, size_t index, size_t offset) {
  absl::StatusOr<TargetType> type = TargetType::Create(spec.type);
  if (!type.ok()) return Misplaced(index, offset, type.status().message());
  return TableLine{sys::Sectors(spec.raw.sector_start), sys::Sectors(spec.raw.length),
                   *std::move(type), std::string(spec.params)};
}

}  // namespace

absl::Status CheckTable(const std::vector<TableLine>& table) {
  if (table.empty()) return absl::InvalidArgumentError("a table needs at least one line");
  if (table.size() > kTargetsMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("a table has at most ", kTargetsMax, " lines, not ", table.size()));
  }
  uint64_t expected = 0;
  for (size_t i = 0; i < table.size(); ++i) {
    const uint64_t start = table[i].start.count();
    const uint64_t length = table[i].length.count();
    if (length == 0) return absl::InvalidArgumentError(absl::StrCat(LineName(i), " is empty"));
    if (start != expected) {
      return absl::InvalidArgumentError(
          absl::StrCat(LineName(i), " starts at sector ", start, "; it must start at ", expected));
    }
    if (length > kTableSectorsMax - start) {
      return absl::InvalidArgumentError(
          absl::StrCat(LineName(i), " ends behind sector ", kTableSectorsMax));
    }
    expected = start + length;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> EncodeTable(const std::vector<TableLine>& table) {
  size_t room = 0;
  for (const TableLine& line : table) room += SpecBytes(line);
  sys::ByteWriter writer;
  // One line may hold a key, which must not stay behind where the buffer was before it grew.
  writer.Reserve(room);
  for (size_t i = 0; i < table.size(); ++i) {
    const TableLine& line = table[i];
    if (line.params.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("parameters of ", LineName(i), " hold a NUL byte"));
    }
    dm_target_spec spec;
    std::memset(&spec, 0, sizeof(spec));
    spec.sector_start = line.start.count();
    spec.length = line.length.count();
    spec.next = static_cast<uint32_t>(SpecBytes(line));
    const std::string& type = line.type.text();
    static_assert(sizeof(spec.target_type) == DM_MAX_TYPE_NAME);
    std::memcpy(spec.target_type, type.data(), type.size());
    writer.Append(spec);
    writer.AppendCString(line.params);
    writer.AlignTo(kRecordAlignment);
  }
  return writer.Take();
}

absl::StatusOr<std::vector<TableLine>> DecodeTable(const RawRequest& request) {
  const HeaderFields& header = request.header();
  const sys::ByteReader& bytes = request.bytes();
  std::vector<TableLine> table;
  size_t offset = header.data_start;
  size_t free_from = kPayloadStart;
  for (uint32_t i = 0; i < header.target_count; ++i) {
    if (offset < free_from) return Misplaced(i, offset, "overlaps what lies before it");
    if (offset % kRecordAlignment != 0) return Misplaced(i, offset, "is not at a multiple of 8");
    DMKIT_ASSIGN_OR_RETURN(const dm_target_spec raw, ReadSpec(bytes, offset, i));
    DMKIT_ASSIGN_OR_RETURN(const Spec spec, ReadTexts(bytes, raw, offset, bytes.size(), i));
    DMKIT_ASSIGN_OR_RETURN(TableLine line, ToLine(spec, i, offset));
    table.push_back(std::move(line));
    free_from = offset + sizeof(dm_target_spec) + spec.params.size() + 1;
    offset = NextInLoad(offset, raw.next);
  }
  return table;
}

absl::StatusOr<TableReply> DecodeTableReply(const RawReply& reply) {
  DMKIT_RETURN_IF_ERROR(CheckPayload(reply));
  TableReply table;
  table.info = DecodeDeviceInfo(reply);
  if (!reply.has_payload()) return table;
  const sys::ByteReader& bytes = reply.bytes();
  const size_t first = reply.header().data_start;
  const uint32_t count = reply.header().target_count;
  size_t offset = first;
  for (uint32_t i = 0; i < count; ++i) {
    DMKIT_ASSIGN_OR_RETURN(const dm_target_spec raw, ReadSpec(bytes, offset, i));
    const size_t next = NextInStatus(first, raw.next);
    // The `next` of the last one is the aligned end, which may lie behind data_size.
    const size_t end = i + 1 == count ? bytes.size() : next;
    DMKIT_ASSIGN_OR_RETURN(const Spec spec, ReadTexts(bytes, raw, offset, end, i));
    table.targets.push_back({sys::Sectors(raw.sector_start), sys::Sectors(raw.length),
                             std::string(spec.type), std::string(spec.params)});
    // Forward, since the text that ended before `next` starts behind this spec.
    offset = next;
  }
  return table;
}

ReplyPayload EncodeTableReply(const std::vector<TargetStatus>& targets) {
  ReplyPayload payload;
  size_t offset = 0;
  for (const TargetStatus& target : targets) {
    const size_t end = offset + sizeof(dm_target_spec) + target.text.size() + 1;
    dm_target_spec spec;
    std::memset(&spec, 0, sizeof(spec));
    spec.sector_start = target.start.count();
    spec.length = target.length.count();
    spec.next = static_cast<uint32_t>(AlignRecord(end));
    DMKIT_CHECK(target.type.size() < sizeof(spec.target_type));
    std::memcpy(spec.target_type, target.type.data(), target.type.size());
    sys::ByteWriter writer;
    writer.Append(spec);
    writer.AppendCString(target.text);
    payload.pieces.push_back({offset, writer.Take()});
    payload.claimed_bytes = end;
    offset = AlignRecord(end);
  }
  payload.needed_bytes = offset;
  return payload;
}

}  // namespace dmkit::dm
