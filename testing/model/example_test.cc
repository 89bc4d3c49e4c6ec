// SPDX-License-Identifier: Apache-2.0
// How a program that is not dmkit's is tested against the model; README.md shows it. The program
// moves a volume to another place of a disk, with a struct dm_ioctl of its own.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "dm/uapi.h"
#include "testing/model/disk.h"
#include "testing/model/model_kernel.h"
#include "testing/model/syscalls.h"

namespace dmkit::model {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// ---- The program: everything it asks of the system goes through `system`. In production that is
// libc.
class VolumeMover {
 public:
  explicit VolumeMover(Syscalls& system) : system_(system) {
    control_ = system_.Open("/dev/mapper/control", O_RDWR);
  }
  ~VolumeMover() { system_.Close(control_); }

  // A new volume of 64 sectors at `place` of the first disk. -1 and errno when it fails.
  int Create(const std::string& name, int place) {
    if (Call(DM_DEV_CREATE, name, "", 0) != 0) return -1;
    if (Load(name, place) == 0 && Call(DM_DEV_SUSPEND, name, "", 0) == 0) return 0;
    const int error = errno;
    Call(DM_DEV_REMOVE, name, "", 0);
    errno = error;
    return -1;
  }

  // Moves it, with io held back meanwhile. `copy` moves the contents.
  template <typename Copy>
  int Move(const std::string& name, int place, Copy copy) {
    if (Load(name, place) != 0 || Call(DM_DEV_SUSPEND, name, "", DM_SUSPEND_FLAG) != 0) return -1;
    copy();
    return Call(DM_DEV_SUSPEND, name, "", 0);
  }

 private:
  int Load(const std::string& name, int place) {
    return Call(DM_TABLE_LOAD, name, "254:0 " + std::to_string(place), 0);
  }

  // With one linear target when there are parameters for it.
  int Call(unsigned long request, const std::string& name, const std::string& parameters,
           uint32_t flags) {
    std::string buffer(1024, '\0');
    dm_ioctl header = {};
    header.version[0] = DM_VERSION_MAJOR;
    header.data_size = static_cast<uint32_t>(buffer.size());
    header.data_start = sizeof(header);
    header.flags = flags;
    header.target_count = parameters.empty() ? 0 : 1;
    name.copy(header.name, sizeof(header.name) - 1);
    dm_target_spec target = {};
    target.length = 64;
    std::strncpy(target.target_type, "linear", sizeof(target.target_type));
    std::memcpy(&buffer[0], &header, sizeof(header));
    std::memcpy(&buffer[sizeof(header)], &target, sizeof(target));
    parameters.copy(&buffer[sizeof(header) + sizeof(target)], parameters.size());
    return system_.Ioctl(control_, request, &buffer[0]);
  }

  Syscalls& system_;
  int control_ = -1;
};

// ---- Its tests.
class VolumeMoverTest : public ::testing::Test {
 protected:
  ModelKernel kernel_{Linux612(), /*seed=*/1};
  Disk& disk_ = kernel_.AddDisk("vda", 1 << 20);
  Syscalls system_{kernel_.host()};
};

TEST_F(VolumeMoverTest, MovesAVolume) {
  VolumeMover mover(system_);
  ASSERT_EQ(mover.Create("web", 0), 0);
  EXPECT_EQ(mover.Move("web", 128, [] {}), 0);
  EXPECT_THAT(kernel_.MappedDevices(), ElementsAre("web (253:0) open 0"));
}

TEST_F(VolumeMoverTest, LeavesNothingBehindWhenTheDiskIsTooSmall) {
  {
    VolumeMover mover(system_);
    EXPECT_EQ(mover.Create("web", 1 << 20), -1);
    EXPECT_EQ(errno, EINVAL);
  }
  EXPECT_THAT(kernel_.Leaks(), IsEmpty());
}

// What the author of the program may not have thought of: a process that dies in the middle of a
// move leaves the volume suspended, and whoever reads it hangs.
TEST_F(VolumeMoverTest, ACrashInAMoveLeavesTheVolumeSuspended) {
  VolumeMover mover(system_);
  ASSERT_EQ(mover.Create("web", 0), 0);
  mover.Move("web", 128, [this] { kernel_.CrashProcess(); });
  EXPECT_THAT(kernel_.MappedDevices(), ElementsAre("web (253:0) open 0 suspended"));
}

TEST_F(VolumeMoverTest, ADiskKeepsWhatWasSyncedWhenThePowerGoes) {
  {
    VolumeMover mover(system_);
    ASSERT_EQ(mover.Create("web", 0), 0);
  }
  const int volume = system_.Open("/dev/dm-0", O_RDWR);
  ASSERT_GE(volume, 0);
  EXPECT_EQ(system_.Pwrite(volume, "kept", 4, 0), 4);
  EXPECT_EQ(system_.Fsync(volume), 0);
  EXPECT_EQ(system_.Pwrite(volume, "lost", 4, 0), 4);
  kernel_.Reboot();
  EXPECT_THAT(kernel_.MappedDevices(), IsEmpty());
  std::string bytes(4, '\0');
  disk_.contents().Read(0, absl::MakeSpan(&bytes[0], bytes.size()));
  EXPECT_EQ(bytes, "kept");
}

}  // namespace
}  // namespace dmkit::model
