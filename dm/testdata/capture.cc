// SPDX-License-Identifier: Apache-2.0
// Runs every control command on the kernel it is started on and prints request, reply and errno of
// each as hexadecimal text: the golden files of this folder. Builds requests from the kernel's own
// structs and must not use the codec, which is what the goldens are for. Run it in a VM: it ends
// with DM_REMOVE_ALL.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "dm/uapi.h"
#include "sys/durable.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

// What a gap in a reply is filled with in the cases that show which bytes the kernel leaves alone.
constexpr char kPoison = '\x5a';
constexpr size_t kRoomBytes = 1024;

// A request under construction. Plain bytes: header, payload, room for the reply.
class Buffer {
 public:
  explicit Buffer(size_t size = kRoomBytes, uint32_t minor = 0) : bytes_(size, '\0') {
    Edit([size, minor](dm_ioctl& header) {
      header.version[0] = 4;
      header.version[1] = minor;
      header.data_size = static_cast<uint32_t>(size);
      header.data_start = sizeof(dm_ioctl);
    });
  }

  template <typename Change>
  Buffer& Edit(Change change) {
    dm_ioctl header;
    std::memset(&header, 0, sizeof(header));
    std::memcpy(&header, bytes_.data(), std::min(sizeof(header), bytes_.size()));
    change(header);
    std::memcpy(&bytes_[0], &header, std::min(sizeof(header), bytes_.size()));
    return *this;
  }
  Buffer& Name(const char* name) {
    return Edit([name](dm_ioctl& header) { std::strncpy(header.name, name, DM_NAME_LEN - 1); });
  }
  Buffer& Uuid(const char* uuid) {
    return Edit([uuid](dm_ioctl& header) { std::strncpy(header.uuid, uuid, DM_UUID_LEN - 1); });
  }
  Buffer& Flags(uint32_t flags) {
    return Edit([flags](dm_ioctl& header) { header.flags |= flags; });
  }
  Buffer& Event(uint32_t event_nr) {
    return Edit([event_nr](dm_ioctl& header) { header.event_nr = event_nr; });
  }
  Buffer& Device(uint64_t device) {
    return Edit([device](dm_ioctl& header) { header.dev = device; });
  }
  Buffer& Version(uint32_t major, uint32_t minor) {
    return Edit([major, minor](dm_ioctl& header) {
      header.version[0] = major;
      header.version[1] = minor;
    });
  }
  Buffer& Append(const void* data, size_t size) {
    if (bytes_.size() < end_ + size) Grow(end_ + size);
    std::memcpy(&bytes_[end_], data, size);
    end_ += size;
    return *this;
  }
  Buffer& Text(const char* text) { return Append(text, std::strlen(text) + 1); }
  Buffer& Message(uint64_t sector, const char* text) {
    return Append(&sector, sizeof(sector)).Text(text);
  }
  Buffer& Target(uint64_t start, uint64_t length, const char* type, const char* params) {
    dm_target_spec spec;
    std::memset(&spec, 0, sizeof(spec));
    spec.sector_start = start;
    spec.length = length;
    spec.next = static_cast<uint32_t>((sizeof(spec) + std::strlen(params) + 1 + 7) / 8 * 8);
    std::strncpy(spec.target_type, type, DM_MAX_TYPE_NAME - 1);
    const size_t next = end_ + spec.next;
    Append(&spec, sizeof(spec)).Text(params);
    if (bytes_.size() < next) Grow(next);
    end_ = next;
    return Edit([](dm_ioctl& header) { ++header.target_count; });
  }
  // Fills what follows the payload, and the seven bytes behind the uuid, with a pattern.
  Buffer& Poison() {
    std::memset(&bytes_[end_], kPoison, bytes_.size() - end_);
    return Edit([](dm_ioctl& header) { std::memset(header.data, kPoison, sizeof(header.data)); });
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void Grow(size_t size) {
    bytes_.resize(size, '\0');
    Edit([size](dm_ioctl& header) { header.data_size = static_cast<uint32_t>(size); });
  }

  std::string bytes_;
  size_t end_ = sizeof(dm_ioctl);
};

// A request without payload, and without room for one.
Buffer HeaderOnly(const char* name) { return Buffer(sizeof(dm_ioctl)).Name(name); }

void PrintHex(const char* what, const std::string& bytes) {
  std::printf("%s %zu\n", what, bytes.size());
  for (size_t offset = 0; offset < bytes.size(); offset += 32) {
    const std::string line = bytes.substr(offset, 32);
    if (line.find_first_not_of('\0') == std::string::npos) continue;
    std::printf("%04zx ", offset);
    for (const char c : line) std::printf("%02x", static_cast<unsigned char>(c));
    std::printf("\n");
  }
}

class Capture {
 public:
  explicit Capture(sys::File& control) : control_(control) {}

  void Case(const char* name, unsigned command, const Buffer& buffer) {
    std::string reply = buffer.bytes();
    const auto result = control_.Ioctl(_IOWR(DM_IOCTL, command, struct dm_ioctl),
                                       absl::MakeSpan(&reply[0], reply.size()));
    const int error = sys::GetErrno(result.status());
    std::printf("case %s\ncommand %u\nerror %s\n", name, command,
                error == 0 ? "0" : sys::ErrnoName(error).c_str());
    PrintHex("request", buffer.bytes());
    PrintHex("reply", reply);
    std::printf("end\n");
  }

 private:
  sys::File& control_;
};

void CaptureVersions(Capture& capture) {
  capture.Case("version", DM_VERSION_CMD, Buffer(sizeof(dm_ioctl)));
  capture.Case("version_newer_minor", DM_VERSION_CMD, Buffer(sizeof(dm_ioctl)).Version(4, 999));
  capture.Case("version_other_major", DM_VERSION_CMD, Buffer(sizeof(dm_ioctl)).Version(3, 0));
  capture.Case("unknown_command", 63, Buffer(sizeof(dm_ioctl)));
  capture.Case("list_versions", DM_LIST_VERSIONS_CMD, Buffer(kRoomBytes, 1));
  capture.Case("list_versions_poisoned", DM_LIST_VERSIONS_CMD, Buffer(kRoomBytes, 1).Poison());
  capture.Case("list_versions_full", DM_LIST_VERSIONS_CMD, Buffer(320, 1));
  capture.Case("target_version", DM_GET_TARGET_VERSION_CMD, Buffer(kRoomBytes, 41).Name("linear"));
  capture.Case("target_version_unknown", DM_GET_TARGET_VERSION_CMD,
               Buffer(kRoomBytes, 41).Name("nosuch"));
}

void CaptureCreation(Capture& capture) {
  capture.Case("list_empty", DM_LIST_DEVICES_CMD, Buffer().Flags(DM_UUID_FLAG));
  capture.Case("create", DM_DEV_CREATE_CMD, HeaderOnly("zero"));
  capture.Case("create_uuid", DM_DEV_CREATE_CMD, HeaderOnly("linear").Uuid("DMKIT-golden-linear"));
  capture.Case("create_minor", DM_DEV_CREATE_CMD,
               HeaderOnly("minor").Flags(DM_PERSISTENT_DEV_FLAG).Device(0x10002c));
  capture.Case("create_taken", DM_DEV_CREATE_CMD, HeaderOnly("zero"));
  capture.Case("create_no_name", DM_DEV_CREATE_CMD, HeaderOnly(""));
  capture.Case("create_slash", DM_DEV_CREATE_CMD, HeaderOnly("a/b"));
  capture.Case("status_of_new", DM_DEV_STATUS_CMD, HeaderOnly("zero"));
  capture.Case("table_of_new", DM_TABLE_STATUS_CMD, Buffer().Name("zero"));
  capture.Case("deps_of_new", DM_TABLE_DEPS_CMD, Buffer().Name("zero"));
}

void CaptureLoading(Capture& capture) {
  capture.Case("load_zero", DM_TABLE_LOAD_CMD,
               Buffer(0x168).Name("zero").Target(0, 4096, "zero", ""));
  capture.Case("resume_first", DM_DEV_SUSPEND_CMD, HeaderOnly("zero").Event(0x4e0000));
  capture.Case("load_three", DM_TABLE_LOAD_CMD,
               Buffer(312)
                   .Uuid("DMKIT-golden-linear")
                   .Target(0, 1000, "linear", "1:0 8")
                   .Target(1000, 24, "error", "")
                   .Target(1024, 1024, "striped", "2 128 1:0 2048 1:1 0"));
  capture.Case("status_of_loaded", DM_DEV_STATUS_CMD, HeaderOnly("linear"));
  capture.Case("resume_second", DM_DEV_SUSPEND_CMD, HeaderOnly("linear"));
  capture.Case("load_bad_type", DM_TABLE_LOAD_CMD,
               Buffer(312).Name("zero").Target(0, 8, "nosuch", ""));
  capture.Case("load_gap", DM_TABLE_LOAD_CMD, Buffer(312).Name("zero").Target(8, 8, "zero", ""));
  capture.Case("load_read_only", DM_TABLE_LOAD_CMD,
               Buffer(312).Name("zero").Flags(DM_READONLY_FLAG).Target(0, 64, "zero", ""));
}

void CaptureQueries(Capture& capture) {
  capture.Case("status", DM_DEV_STATUS_CMD, HeaderOnly("linear"));
  capture.Case("status_by_uuid", DM_DEV_STATUS_CMD,
               Buffer(sizeof(dm_ioctl)).Uuid("DMKIT-golden-linear"));
  capture.Case("status_unknown_flags", DM_DEV_STATUS_CMD, HeaderOnly("linear").Flags(0x40000084));
  capture.Case("status_poisoned", DM_DEV_STATUS_CMD, HeaderOnly("linear").Poison());
  capture.Case("status_missing", DM_DEV_STATUS_CMD, HeaderOnly("nosuch"));
  capture.Case("status_two_keys", DM_DEV_STATUS_CMD,
               HeaderOnly("linear").Uuid("DMKIT-golden-linear"));
  capture.Case("status_inactive", DM_DEV_STATUS_CMD,
               HeaderOnly("zero").Flags(DM_QUERY_INACTIVE_TABLE_FLAG));
  capture.Case("targets", DM_TABLE_STATUS_CMD, Buffer().Name("linear"));
  capture.Case("targets_poisoned", DM_TABLE_STATUS_CMD, Buffer().Name("linear").Poison());
  capture.Case("targets_full", DM_TABLE_STATUS_CMD, Buffer(400).Name("linear"));
  capture.Case("table", DM_TABLE_STATUS_CMD, Buffer().Name("linear").Flags(DM_STATUS_TABLE_FLAG));
  capture.Case("table_inactive", DM_TABLE_STATUS_CMD,
               Buffer().Name("zero").Flags(DM_STATUS_TABLE_FLAG | DM_QUERY_INACTIVE_TABLE_FLAG));
  capture.Case("ima", DM_TABLE_STATUS_CMD, Buffer().Name("linear").Flags(DM_IMA_MEASUREMENT_FLAG));
  capture.Case("deps", DM_TABLE_DEPS_CMD, Buffer().Name("linear"));
  capture.Case("deps_full", DM_TABLE_DEPS_CMD, Buffer(320).Name("linear"));
  capture.Case("list", DM_LIST_DEVICES_CMD, Buffer());
  capture.Case("list_uuids", DM_LIST_DEVICES_CMD, Buffer().Flags(DM_UUID_FLAG));
  capture.Case("list_poisoned", DM_LIST_DEVICES_CMD, Buffer().Flags(DM_UUID_FLAG).Poison());
  capture.Case("list_prefix", DM_LIST_DEVICES_CMD, Buffer().Name("li").Flags(DM_UUID_FLAG));
  capture.Case("list_full", DM_LIST_DEVICES_CMD, Buffer(330));
  capture.Case("arm_poll", DM_DEV_ARM_POLL_CMD, Buffer(sizeof(dm_ioctl), 37));
}

void CaptureChanges(Capture& capture) {
  capture.Case("suspend", DM_DEV_SUSPEND_CMD,
               HeaderOnly("linear").Flags(DM_SUSPEND_FLAG | DM_SKIP_LOCKFS_FLAG | DM_NOFLUSH_FLAG));
  capture.Case("resume_again", DM_DEV_SUSPEND_CMD, HeaderOnly("linear").Event(0x400000));
  // Not on the device that is renamed below: clear and then rename corrupts the memory of these
  // kernels (dm-ima.c).
  capture.Case("load_to_clear", DM_TABLE_LOAD_CMD,
               Buffer(312).Name("linear").Target(0, 2048, "zero", ""));
  capture.Case("clear", DM_TABLE_CLEAR_CMD, HeaderOnly("linear"));
  capture.Case("message_answer", DM_TARGET_MSG_CMD,
               Buffer(kRoomBytes, 2).Name("linear").Message(0, "@stats_create - 100 dmkit-golden"));
  capture.Case("message_long_answer", DM_TARGET_MSG_CMD,
               Buffer(kRoomBytes, 2).Name("linear").Message(0, "@stats_list"));
  capture.Case("message_full", DM_TARGET_MSG_CMD,
               Buffer(332, 2).Name("linear").Message(0, "@stats_list"));
  capture.Case("message_empty_answer", DM_TARGET_MSG_CMD,
               Buffer(kRoomBytes, 2).Name("zero").Message(0, "@stats_list"));
  capture.Case("message_no_answer", DM_TARGET_MSG_CMD,
               Buffer(kRoomBytes, 2).Name("linear").Message(0, "@stats_delete 0"));
  capture.Case("message_refused", DM_TARGET_MSG_CMD,
               Buffer(kRoomBytes, 2).Name("zero").Message(0, "hello"));
  capture.Case("geometry", DM_DEV_SET_GEOMETRY_CMD,
               Buffer(kRoomBytes, 6).Name("linear").Text("1 2 3 4"));
  capture.Case("geometry_out_of_range", DM_DEV_SET_GEOMETRY_CMD,
               Buffer(kRoomBytes, 6).Name("linear").Text("65536 2 3 4"));
  capture.Case("set_uuid", DM_DEV_RENAME_CMD,
               Buffer().Name("zero").Flags(DM_UUID_FLAG).Text("DMKIT-golden-zero"));
  capture.Case("rename", DM_DEV_RENAME_CMD, Buffer().Name("zero").Event(0x4e0000).Text("null"));
  capture.Case("rename_taken", DM_DEV_RENAME_CMD, Buffer().Name("null").Text("linear"));
  capture.Case("wait", DM_DEV_WAIT_CMD, Buffer().Name("null").Event(1));
  capture.Case("wait_table", DM_DEV_WAIT_CMD,
               Buffer().Name("linear").Flags(DM_STATUS_TABLE_FLAG).Event(0xffffffff));
}

void CaptureRemoval(const sys::Host& host, Capture& capture) {
  sys::OpenOptions options;
  {
    const auto open = host.root->OpenFile("/dev/dm-0", options);
    capture.Case("remove_open", DM_DEV_REMOVE_CMD, HeaderOnly("null"));
    capture.Case("remove_deferred", DM_DEV_REMOVE_CMD,
                 HeaderOnly("null").Flags(DM_DEFERRED_REMOVE));
    capture.Case("status_deferred", DM_DEV_STATUS_CMD, HeaderOnly("null"));
    // Otherwise the last close would race with what comes next.
    capture.Case("cancel_deferred_remove", DM_TARGET_MSG_CMD,
                 Buffer(kRoomBytes, 2).Name("null").Message(0, "@cancel_deferred_remove"));
  }
  capture.Case("remove", DM_DEV_REMOVE_CMD, HeaderOnly("linear").Event(0x4e0000));
  capture.Case("remove_unloaded", DM_DEV_REMOVE_CMD, HeaderOnly("minor"));
  capture.Case("remove_missing", DM_DEV_REMOVE_CMD, HeaderOnly("linear"));
  capture.Case("remove_all", DM_REMOVE_ALL_CMD, Buffer(sizeof(dm_ioctl)));
}

// The provenance, as a comment.
absl::Status PrintKernel(sys::Dir& root) {
  for (const char* path : {"/proc/sys/kernel/osrelease", "/proc/sys/kernel/version"}) {
    absl::StatusOr<std::string> text = sys::ReadFile(root, path, 4096);
    if (!text.ok()) return text.status();
    std::printf("# %s", text->c_str());
  }
  return absl::OkStatus();
}

int Run() {
  const sys::LinuxHost linux;
  const sys::Host host = linux.host();
  // Two ram disks, 1:0 and 1:1, for tables to refer to.
  const auto loaded = host.processes->Run({"modprobe", "brd", "rd_nr=2"}, absl::Seconds(30));
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  const auto control = host.root->OpenFile("/dev/mapper/control", options);
  if (!loaded.ok() || loaded->exit_status != 0 || !control.ok()) {
    std::fprintf(stderr, "capture: no ram disks or no control device\n");
    return 1;
  }
  const absl::Status named = PrintKernel(*host.root);
  if (!named.ok()) {
    std::fprintf(stderr, "capture: %s\n", named.ToString().c_str());
    return 1;
  }
  Capture capture(**control);
  CaptureVersions(capture);
  CaptureCreation(capture);
  CaptureLoading(capture);
  CaptureQueries(capture);
  CaptureChanges(capture);
  CaptureRemoval(host, capture);
  return 0;
}

}  // namespace
}  // namespace dmkit::dm

int main() { return dmkit::dm::Run(); }
