// SPDX-License-Identifier: Apache-2.0

#include "testing/bench/floor.h"

#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace dmkit::bench {
namespace {

constexpr char kControl[] = "/dev/mapper/control";
// Of one state file; what dmkit writes for a device has about this size.
constexpr size_t kStateBytes = 300;

// A request with room for its payload and for the reply, all zeros but the header's fixed part.
struct Packet {
  dm_ioctl header;
  char payload[512];

  Packet() {
    std::memset(this, 0, sizeof(*this));
    header.version[0] = DM_VERSION_MAJOR;
    header.data_size = sizeof(*this);
    header.data_start = sizeof(header);
  }
};

absl::Status Failed(const char* what) { return absl::ErrnoToStatus(errno, what); }

void SetDevice(Packet& packet, uint32_t id) {
  std::snprintf(packet.header.name, sizeof(packet.header.name), "bench-floor-%" PRIu32, id);
}

absl::Status MakeDir(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return Failed("mkdir");
}

int OpenDir(const std::string& path) {
  return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

}  // namespace

Floor::Floor(FloorConfig config, int control, int directory, int devices)
    : config_(std::move(config)), control_(control), directory_(directory), devices_(devices) {}

Floor::~Floor() {
  for (const int descriptor : {control_, directory_, devices_}) close(descriptor);
}

absl::StatusOr<std::unique_ptr<Floor>> Floor::Open(const FloorConfig& config) {
  for (const char* name : {"", "/devices", "/mnt"}) {
    const absl::Status made = MakeDir(config.directory + name);
    if (!made.ok()) return made;
  }
  const int control = open(kControl, O_RDWR | O_CLOEXEC);
  const int directory = OpenDir(config.directory);
  const int devices = OpenDir(config.directory + "/devices");
  if (control < 0 || directory < 0 || devices < 0) return Failed("open");
  return std::unique_ptr<Floor>(new Floor(config, control, directory, devices));
}

absl::Status Floor::Ioctl(unsigned long request, dm_ioctl& header) {
  ++ioctls_;
  return ioctl(control_, request, &header) < 0 ? Failed("ioctl") : absl::OkStatus();
}

absl::Status Floor::Sync(int descriptor) {
  ++fsyncs_;
  return fsync(descriptor) != 0 ? Failed("fsync") : absl::OkStatus();
}

absl::Status Floor::Replace(int directory, const char* name, const char* temporary) {
  const int file = openat(directory, temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return Failed("open");
  char text[kStateBytes];
  std::memset(text, 'x', sizeof(text));
  absl::Status done = absl::OkStatus();
  if (pwrite(file, text, sizeof(text), 0) != static_cast<ssize_t>(sizeof(text))) {
    done = Failed("write");
  }
  if (done.ok()) done = Sync(file);
  if (done.ok() && renameat(directory, temporary, directory, name) != 0) done = Failed("rename");
  if (done.ok()) done = Sync(directory);
  close(file);
  return done;
}

std::string Floor::MountPoint(uint32_t id) const {
  return config_.directory + "/mnt/" + std::to_string(id);
}

absl::Status Floor::Message(const char* text) {
  Packet packet;
  std::snprintf(packet.header.name, sizeof(packet.header.name), "%s", config_.pool_name.c_str());
  // struct dm_target_msg: the sector, 0 here, and then the text.
  std::snprintf(packet.payload + sizeof(dm_target_msg),
                sizeof(packet.payload) - sizeof(dm_target_msg), "%s", text);
  return Ioctl(DM_TARGET_MSG, packet.header);
}

absl::StatusOr<uint64_t> Floor::TransactionId() {
  Packet packet;
  std::snprintf(packet.header.name, sizeof(packet.header.name), "%s", config_.pool_name.c_str());
  packet.header.flags = DM_NOFLUSH_FLAG;
  const absl::Status answered = Ioctl(DM_TABLE_STATUS, packet.header);
  --ioctls_;
  if (!answered.ok()) return answered;
  packet.payload[sizeof(packet.payload) - 1] = '\0';
  // A status line of a thin pool that works starts with its transaction id.
  return std::strtoull(packet.payload + sizeof(dm_target_spec), nullptr, 10);
}

absl::Status Floor::Create(uint32_t id, uint32_t origin, uint64_t transaction_id) {
  char text[80];
  absl::Status done = Replace(directory_, "transaction", "transaction.tmp");
  if (!done.ok()) return done;
  std::snprintf(text, sizeof(text), "create_snap %" PRIu32 " %" PRIu32, id, origin);
  done = Message(text);
  if (!done.ok()) return done;
  const std::string name = std::to_string(id);
  done = Replace(devices_, name.c_str(), (name + ".tmp").c_str());
  if (!done.ok()) return done;
  std::snprintf(text, sizeof(text), "set_transaction_id %" PRIu64 " %" PRIu64, transaction_id,
                transaction_id + 1);
  return Message(text);
}

absl::Status Floor::Get(uint32_t id) {
  Packet create;
  SetDevice(create, id);
  absl::Status done = Ioctl(DM_DEV_CREATE, create.header);
  if (!done.ok()) return done;

  Packet load;
  SetDevice(load, id);
  load.header.target_count = 1;
  dm_target_spec target = {};
  target.length = config_.length_sectors;
  std::memcpy(target.target_type, "thin", sizeof("thin"));
  std::memcpy(load.payload, &target, sizeof(target));
  std::snprintf(load.payload + sizeof(target), sizeof(load.payload) - sizeof(target), "%s %" PRIu32,
                config_.pool_device.c_str(), id);
  done = Ioctl(DM_TABLE_LOAD, load.header);
  if (!done.ok()) return done;

  Packet resume;
  SetDevice(resume, id);
  done = Ioctl(DM_DEV_SUSPEND, resume.header);
  if (!done.ok()) return done;

  const std::string target_path = MountPoint(id);
  if (mkdir(target_path.c_str(), 0700) != 0) return Failed("mkdir");
  char node[32];
  std::snprintf(node, sizeof(node), "/dev/dm-%u", minor(static_cast<dev_t>(create.header.dev)));
  if (mount(node, target_path.c_str(), config_.filesystem.c_str(), config_.mount_flags,
            config_.mount_data.c_str()) != 0) {
    return Failed("mount");
  }
  return absl::OkStatus();
}

absl::Status Floor::Put(uint32_t id) {
  const std::string target_path = MountPoint(id);
  if (umount2(target_path.c_str(), 0) != 0) return Failed("umount");
  if (rmdir(target_path.c_str()) != 0) return Failed("rmdir");
  Packet remove;
  SetDevice(remove, id);
  return Ioctl(DM_DEV_REMOVE, remove.header);
}

absl::Status Floor::Remove(uint32_t id, uint64_t transaction_id) {
  char text[80];
  absl::Status done = Replace(directory_, "transaction", "transaction.tmp");
  if (!done.ok()) return done;
  std::snprintf(text, sizeof(text), "delete %" PRIu32, id);
  done = Message(text);
  if (!done.ok()) return done;
  if (unlinkat(devices_, std::to_string(id).c_str(), 0) != 0) return Failed("unlink");
  done = Sync(devices_);
  if (!done.ok()) return done;
  std::snprintf(text, sizeof(text), "set_transaction_id %" PRIu64 " %" PRIu64, transaction_id,
                transaction_id + 1);
  return Message(text);
}

}  // namespace dmkit::bench
