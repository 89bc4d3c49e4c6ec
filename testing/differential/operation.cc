// SPDX-License-Identifier: Apache-2.0
// Operations and outcomes as text.

#include "testing/differential/operation.h"

#include <sys/ioctl.h>

#include <cctype>
#include <map>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "dm/commands.h"
#include "dm/tracer.h"
#include "loop/uapi.h"
#include "sys/status.h"

namespace dmkit::differential {
namespace {

constexpr uint32_t kDmType = 0xfd;

bool IsDm(const Operation& operation) {
  return operation.kind == Kind::kIoctl && operation.slot == kControlSlot &&
         _IOC_TYPE(operation.request) == kDmType;
}

std::string RequestName(unsigned long request) {
  static const auto& names = *new std::map<unsigned long, absl::string_view>{
      {LOOP_SET_FD, "LOOP_SET_FD"},
      {LOOP_CLR_FD, "LOOP_CLR_FD"},
      {LOOP_SET_STATUS, "LOOP_SET_STATUS"},
      {LOOP_GET_STATUS, "LOOP_GET_STATUS"},
      {LOOP_SET_STATUS64, "LOOP_SET_STATUS64"},
      {LOOP_GET_STATUS64, "LOOP_GET_STATUS64"},
      {LOOP_CHANGE_FD, "LOOP_CHANGE_FD"},
      {LOOP_SET_CAPACITY, "LOOP_SET_CAPACITY"},
      {LOOP_SET_DIRECT_IO, "LOOP_SET_DIRECT_IO"},
      {LOOP_SET_BLOCK_SIZE, "LOOP_SET_BLOCK_SIZE"},
      {LOOP_CONFIGURE, "LOOP_CONFIGURE"},
      {LOOP_CTL_ADD, "LOOP_CTL_ADD"},
      {LOOP_CTL_REMOVE, "LOOP_CTL_REMOVE"},
      {LOOP_CTL_GET_FREE, "LOOP_CTL_GET_FREE"},
      {BLKDISCARD, "BLKDISCARD"},
      {BLKZEROOUT, "BLKZEROOUT"},
      {BLKGETSIZE64, "BLKGETSIZE64"},
      {BLKROGET, "BLKROGET"},
      {BLKROSET, "BLKROSET"},
      {BLKSSZGET, "BLKSSZGET"},
      {BLKFLSBUF, "BLKFLSBUF"},
  };
  const auto found = names.find(request);
  return found == names.end() ? absl::StrCat("ioctl 0x", absl::Hex(request))
                              : std::string(found->second);
}

// "/dev/dm-3" as "/dev/dm-N".
std::string Family(absl::string_view path) {
  std::string family(path);
  while (!family.empty() && std::isdigit(static_cast<unsigned char>(family.back()))) {
    family.pop_back();
  }
  return family.size() == path.size() ? family : absl::StrCat(family, "N");
}

// Hexadecimal, with a run of four or more equal bytes as "5a*12".
std::string Folded(absl::string_view bytes) {
  constexpr size_t kLongest = 600;
  std::string text;
  for (size_t i = 0; i < bytes.size() && text.size() < kLongest;) {
    size_t run = 1;
    while (i + run < bytes.size() && bytes[i + run] == bytes[i]) ++run;
    const std::string byte = absl::BytesToHexString(bytes.substr(i, 1));
    if (run < 4) run = 1;
    absl::StrAppend(&text, byte, run == 1 ? "" : absl::StrCat("*", run), " ");
    i += run;
  }
  return text;
}

absl::string_view Verb(Kind kind) {
  switch (kind) {
    case Kind::kIoctl:
    case Kind::kIoctlValue:
      return "ioctl";
    case Kind::kOpen:
      return "open";
    case Kind::kClose:
      return "close";
    case Kind::kRead:
      return "read";
    case Kind::kWrite:
      return "write";
    case Kind::kSync:
      return "fsync";
    case Kind::kTruncate:
      return "ftruncate";
    case Kind::kReadable:
      return "poll";
  }
  return "?";
}

}  // namespace

std::string NameOf(const Operation& operation) {
  if (IsDm(operation)) {
    const std::string line = dm::FormatIoctl(operation.request, operation.bytes, "", 0);
    return line.substr(0, line.find(' '));
  }
  switch (operation.kind) {
    case Kind::kIoctl:
    case Kind::kIoctlValue:
      return RequestName(operation.request);
    case Kind::kOpen:
      return absl::StrCat("open ", Family(operation.path));
    default:
      return std::string(Verb(operation.kind));
  }
}

std::string Show(const Operation& operation) {
  if (IsDm(operation)) {
    // Without a reply the tracer shows the request alone, up to the sign.
    const std::string line = dm::FormatIoctl(operation.request, operation.bytes, "", EPERM);
    const std::string request = line.substr(0, line.rfind(" = "));
    // What cannot be decoded is shown as it is.
    const bool is_broken = request.find('<') != std::string::npos;
    const std::string writable =
        operation.writable_bytes.has_value()
            ? absl::StrCat(", ", *operation.writable_bytes, " of them writable")
            : "";
    return absl::StrCat(request, " [", operation.bytes.size(), " bytes", writable, "]",
                        is_broken ? absl::StrCat(" | ", Folded(operation.bytes)) : "");
  }
  std::string text = absl::StrCat("slot ", operation.slot, ": ", NameOf(operation));
  switch (operation.kind) {
    case Kind::kIoctl:
      absl::StrAppend(&text, " with ", Folded(operation.bytes));
      break;
    case Kind::kIoctlValue:
      absl::StrAppend(&text, " ", operation.value);
      break;
    case Kind::kOpen:
      text = absl::StrCat("slot ", operation.slot, ": open ", operation.path,
                          operation.options.access == sys::Access::kReadWrite ? " rw" : " ro",
                          operation.options.exclusive ? " excl" : "",
                          operation.options.direct ? " direct" : "");
      break;
    case Kind::kRead:
    case Kind::kTruncate:
      absl::StrAppend(&text, " ", operation.offset, "+", operation.length);
      break;
    case Kind::kWrite:
      absl::StrAppend(&text, " ", operation.offset, "+", operation.bytes.size(), " of ",
                      Folded(operation.bytes));
      break;
    default:
      break;
  }
  if (operation.descriptor_slot.has_value()) {
    absl::StrAppend(&text, " with the descriptor of slot ", *operation.descriptor_slot);
  }
  return text;
}

std::string Show(const Operation& operation, const Outcome& outcome) {
  const int error = outcome.result < 0 ? -outcome.result : 0;
  const std::string result = error != 0 ? sys::ErrnoName(error) : absl::StrCat(outcome.result);
  const bool has_bytes = operation.kind == Kind::kIoctl || operation.kind == Kind::kRead;
  std::string text = result;
  if (IsDm(operation)) {
    const std::string line =
        dm::FormatIoctl(operation.request, operation.bytes, outcome.bytes, error);
    text = absl::StrCat(result, line.substr(line.rfind(" = ") + 2));
  }
  if (has_bytes) absl::StrAppend(&text, " | ", Folded(outcome.bytes));
  return text;
}

}  // namespace dmkit::differential
