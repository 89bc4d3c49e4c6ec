// SPDX-License-Identifier: Apache-2.0

#include "thinp/vm_fixture.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "dm/activate.h"
#include "dm/udev.h"
#include "sys/block.h"
#include "sys/durable.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::thinp {
namespace {

using sys::IsOk;
using ::testing::IsEmpty;

constexpr uint64_t kPageBytes = 4096;

sys::OpenOptions ReadWrite() {
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  return options;
}

std::string TestName() {
  const ::testing::TestInfo* info = ::testing::UnitTest::GetInstance()->current_test_info();
  return absl::StrCat(info->test_suite_name(), ".", info->name());
}

}  // namespace

dm::DmName Name(const std::string& text) { return *dm::DmName::Create(text); }
dm::DmUuid Uuid(const std::string& text) { return *dm::DmUuid::Create(text); }
ThinId Id(uint32_t value) { return *ThinId::Create(value); }

ThinpVmTest::ThinpVmTest()
    : kernel_(cases::StartKernel()),
      faulty_(kernel_->host()),
      dir_(absl::StrCat(kernel_->Dir(), TestName())) {
  auto dm = dm::DeviceMapper::Open(faulty_.host());
  EXPECT_THAT(dm, IsOk());
  dm_.emplace(*std::move(dm));
  auto plain = dm::DeviceMapper::Open(kernel_->host());
  EXPECT_THAT(plain, IsOk());
  plain_.emplace(*std::move(plain));
  EXPECT_THAT(sys::MakeDirs(*plain_host().root, dir_, 0755), IsOk());
}

ThinpVmTest::~ThinpVmTest() = default;

// What a failed test leaves is cleared away, so that it fails alone.
void ThinpVmTest::TearDown() {
  faulty_.SetPlan(nullptr);
  EXPECT_EQ(faulty_.open_handles(), 1u) << "only the control node is open";
  for (const std::string& name : linears_) Remove(name);
  EXPECT_THAT(MappedDevices(), IsEmpty());
  for (const std::string& name : SuspendedDevices()) {
    plain_->Resume(Name(name), dm::SuspendOptions(), dm::QuietCookie()).IgnoreError();
  }
  plain_->RemoveAll(/*deferred=*/false).IgnoreError();
  DropLoops();
  EXPECT_THAT(LoopFiles(), IsEmpty());
  const auto left = loop::List(plain_host());
  if (!left.ok()) return;
  for (const loop::LoopInfo& info : *left) {
    loop::Detach(plain_host(), info.number, absl::InfinitePast()).status().IgnoreError();
  }
}

std::string ThinpVmTest::MakeImage(const std::string& name, uint64_t size_bytes) {
  const std::string path = absl::StrCat(dir_, "/", name);
  sys::OpenOptions options = ReadWrite();
  options.create = true;
  const auto file = plain_host().root->OpenFile(path, options);
  EXPECT_THAT(file, IsOk());
  EXPECT_THAT((*file)->Truncate(0), IsOk());
  EXPECT_THAT((*file)->Truncate(size_bytes), IsOk());
  return path;
}

loop::AttachedLoop& ThinpVmTest::Attach(const std::string& name, uint64_t size_bytes) {
  const absl::Time deadline = plain_host().clock->Now() + absl::Seconds(10);
  auto loop =
      loop::Attach(plain_host(), MakeImage(name, size_bytes), loop::AttachOptions(), deadline);
  EXPECT_THAT(loop, IsOk());
  loops_.push_back(std::make_unique<loop::AttachedLoop>(*std::move(loop)));
  return *loops_.back();
}

std::string ThinpVmTest::NodeOf(const loop::AttachedLoop& loop) {
  return absl::StrCat("/dev/loop", loop.info.number);
}

std::string ThinpVmTest::MakeLinear(const std::string& name, const loop::AttachedLoop& loop) {
  const dm::TableLine line{sys::Sectors{0}, sys::WholeSectors(loop.info.size),
                           *dm::TargetType::Create("linear"),
                           absl::StrCat(sys::FormatDeviceNumber(loop.info.device), " 0")};
  EXPECT_THAT(dm::CreateDevice(plain(), {Name(name), Uuid("TEST-" + name), {line}, false}), IsOk());
  linears_.push_back(name);
  return "/dev/mapper/" + name;
}

void ThinpVmTest::SwapTarget(const std::string& name, const std::string& type,
                             const std::string& params) {
  const auto old = plain().Table(Name(name), dm::StatusOptions());
  ASSERT_THAT(old, IsOk());
  const dm::TableLine line{sys::Sectors{0}, old->targets[0].length, *dm::TargetType::Create(type),
                           params};
  ASSERT_THAT(plain().Load(Name(name), {line}, dm::LoadOptions()), IsOk());
  dm::SuspendOptions options;
  options.no_flush = true;
  options.skip_lockfs = true;
  ASSERT_THAT(plain().Suspend(Name(name), options), IsOk());
  ASSERT_THAT(plain().Resume(Name(name), options, dm::QuietCookie()), IsOk());
}

void ThinpVmTest::FailWrites(const std::string& name, const loop::AttachedLoop& loop) {
  SwapTarget(name, "flakey",
             absl::StrCat(sys::FormatDeviceNumber(loop.info.device), " 0 0 3600 1 error_writes"));
}

void ThinpVmTest::Remove(const std::string& name) {
  EXPECT_THAT(dm::RemoveDevice(plain(), {Name(name), Uuid("TEST-" + name)}, absl::Seconds(5),
                               /*deferred=*/false),
              IsOk());
}

absl::Status ThinpVmTest::Send(const dm::DeviceKey& device, const std::string& message) {
  return plain().Message(device, sys::Sectors{0}, message).status();
}

absl::Status ThinpVmTest::Fill(sys::DeviceNumber device, uint64_t offset, uint64_t length,
                               char fill) {
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::File> file,
                         sys::OpenBlock(plain_host(), device, ReadWrite()));
  DMKIT_RETURN_IF_ERROR(file->WriteAt(offset, std::string(length, fill)));
  return file->Sync();
}

std::string ThinpVmTest::Read(const std::string& path, uint64_t offset, uint64_t length) {
  sys::OpenOptions options;
  options.direct = true;
  auto file = plain_host().root->OpenFile(path, options);
  // 6.1 cannot do that on tmpfs.
  if (sys::GetErrno(file.status()) == EINVAL) {
    file = plain_host().root->OpenFile(path, sys::OpenOptions());
  }
  EXPECT_THAT(file, IsOk());
  if (!file.ok()) return "";
  std::string buffer(length + kPageBytes, '\0');
  const uint64_t misaligned = reinterpret_cast<uintptr_t>(buffer.data()) % kPageBytes;
  char* const start = &buffer[(kPageBytes - misaligned) % kPageBytes];
  const auto got = (*file)->ReadAt(offset, absl::MakeSpan(start, length));
  EXPECT_THAT(got, sys::IsOkAndHolds(length));
  return std::string(start, length);
}

std::string ThinpVmTest::Read(sys::DeviceNumber device, uint64_t offset, uint64_t length) {
  const auto path = sys::BlockNode(plain_host(), device);
  EXPECT_THAT(path, IsOk());
  return path.ok() ? Read(*path, offset, length) : "";
}

std::optional<std::string> ThinpVmTest::ReadText(const std::string& path) {
  auto text = sys::ReadFile(*plain_host().root, path, kMiB);
  if (!text.ok()) return std::nullopt;
  return *std::move(text);
}

void ThinpVmTest::WriteText(const std::string& path, absl::string_view contents) {
  sys::OpenOptions options = ReadWrite();
  options.create = true;
  const auto file = plain_host().root->OpenFile(path, options);
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT((*file)->Truncate(0), IsOk());
  ASSERT_THAT((*file)->WriteAt(0, contents), IsOk());
  ASSERT_THAT((*file)->Sync(), IsOk());
}

void ThinpVmTest::Overwrite(const std::string& path, uint64_t offset, absl::string_view bytes) {
  const auto file = plain_host().root->OpenFile(path, ReadWrite());
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT((*file)->WriteAt(offset, bytes), IsOk());
  ASSERT_THAT((*file)->Sync(), IsOk());
}

bool ThinpVmTest::Exists(const std::string& path) { return plain_host().root->StatLink(path).ok(); }

void ThinpVmTest::Run(const std::vector<std::string>& argv) {
  const auto result = plain_host().processes->Run(argv, absl::Seconds(60));
  ASSERT_THAT(result, IsOk());
  ASSERT_EQ(result->exit_status, 0) << argv[0] << ": " << result->output;
}

std::vector<std::string> ThinpVmTest::MappedDevices() {
  const auto devices = plain().List();
  EXPECT_THAT(devices, IsOk());
  std::vector<std::string> names;
  for (const dm::ListedDevice& device : *devices) names.push_back(device.name);
  return names;
}

std::vector<std::string> ThinpVmTest::SuspendedDevices() {
  std::vector<std::string> suspended;
  for (const std::string& name : MappedDevices()) {
    const auto info = plain().Info(Name(name));
    if (info.ok() && info->suspended) suspended.push_back(name);
  }
  return suspended;
}

std::vector<std::string> ThinpVmTest::LoopFiles() {
  const auto loops = loop::List(plain_host());
  EXPECT_THAT(loops, IsOk());
  std::vector<std::string> files;
  for (const loop::LoopInfo& info : *loops) files.push_back(info.backing_file);
  return files;
}

}  // namespace dmkit::thinp
