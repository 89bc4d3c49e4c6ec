// SPDX-License-Identifier: Apache-2.0
// Pools for cases, and io with buffers that direct io can use.

#include "testing/conformance/thin_fixture.h"

#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "sys/crc32c.h"
#include "sys/status.h"

namespace dmkit::conformance {
namespace {

constexpr char kTimeoutPath[] = "/sys/module/dm_thin_pool/parameters/no_space_timeout";
constexpr unsigned long kDiscard = 0x1277;
constexpr uint32_t kSuperblockXor = 160774;
constexpr uint64_t kDataBlocks = 512;
constexpr size_t kAlignment = 4096;

struct Free {
  void operator()(char* bytes) const { std::free(bytes); }
};
using Buffer = std::unique_ptr<char, Free>;

Buffer MakeBuffer(size_t bytes) {
  const size_t size = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  return Buffer(static_cast<char*>(std::aligned_alloc(kAlignment, size)));
}

// One character for a sector.
char Summary(absl::string_view sector) {
  if (sector.find_first_not_of(sector[0]) != absl::string_view::npos) return '?';
  return sector[0] == '\0' ? '.' : sector[0];
}

absl::StatusOr<std::unique_ptr<sys::File>> OpenDirect(const sys::Host& host, absl::string_view path,
                                                      sys::Access access) {
  sys::OpenOptions options;
  options.access = access;
  options.direct = true;
  return host.root->OpenFile(path, options);
}

}  // namespace

void ThinTest::SetUp() {
  ASSERT_NO_FATAL_FAILURE(DmTest::SetUp());
  meta_disk_ = Device(kMetadataSize * kMetadataBlock);
  data_disk_ = Device(kDataBlocks * kBlock);
  metadata_ = meta_disk_.number;
  data_ = data_disk_.number;
}

void ThinTest::TearDown() {
  if (!timeout_before_.empty()) {
    const auto file = Open(kTimeoutPath, sys::Access::kReadWrite);
    EXPECT_TRUE(file->WriteAt(0, timeout_before_).ok());
  }
  DmTest::TearDown();
}

void ThinTest::SetNoSpaceTimeout(uint32_t seconds) {
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  const auto file = host().root->OpenFile(kTimeoutPath, options);
  if (!file.ok()) return;
  char text[32];
  const auto got = (*file)->ReadAt(0, absl::MakeSpan(text));
  ASSERT_TRUE(got.ok()) << got.status();
  timeout_before_ = std::string(text, *got);
  ASSERT_TRUE((*file)->WriteAt(0, absl::StrCat(seconds)).ok());
}

std::string ThinTest::PoolLine(absl::string_view more) const {
  return absl::StrCat(metadata_, " ", data_, " ", kBlock, " 0 ", more);
}

int ThinTest::LoadPool(uint64_t blocks, absl::string_view more) {
  return Load("pool", blocks * kBlock, "thin-pool", PoolLine(more));
}

void ThinTest::MakePool(uint64_t blocks, absl::string_view more) {
  Activate("pool", blocks * kBlock, "thin-pool", PoolLine(more));
}

int ThinTest::ReloadPool(uint64_t blocks, absl::string_view more) {
  const int error = LoadPool(blocks, more);
  return error == 0 ? Resume("pool") : error;
}

void ThinTest::PutMetaBetween(uint64_t blocks) {
  meta_blocks_ = blocks;
  Activate("meta", blocks * kMetadataBlock, "linear", meta_disk_.number + " 0");
  metadata_ = Number("meta");
}

void ThinTest::ResizeMeta(uint64_t blocks) {
  meta_blocks_ = blocks;
  ASSERT_EQ(Load("meta", blocks * kMetadataBlock, "linear", meta_disk_.number + " 0"), 0);
  ASSERT_EQ(Resume("meta"), 0);
}

void ThinTest::LoseMeta() {
  ASSERT_EQ(Load("meta", meta_blocks_ * kMetadataBlock, "error", ""), 0);
  ASSERT_EQ(Resume("meta"), 0);
}

void ThinTest::FailWritesOf(absl::string_view name, const ScratchDevice& disk, uint64_t sectors) {
  ASSERT_EQ(Load(name, sectors, "flakey", disk.number + " 0 0 1 1 error_writes"), 0);
  ASSERT_EQ(Resume(name), 0);
}

uint64_t ThinTest::U64(const std::string& bytes, size_t at) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

uint32_t ThinTest::U32(const std::string& bytes, size_t at) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

void ThinTest::WriteSuperblock(const std::string& bytes) {
  ASSERT_EQ(WriteBytes(meta_disk_.path, 0, bytes), 0);
}

void ThinTest::SealSuperblock(std::string bytes) {
  // The kernel's has no inversion at the end.
  const uint32_t sum = ~sys::Crc32c(absl::string_view(bytes).substr(4)) ^ kSuperblockXor;
  std::memcpy(&bytes[0], &sum, sizeof(sum));
  WriteSuperblock(bytes);
}

void ThinTest::MakeThin(absl::string_view name, absl::string_view id, uint64_t blocks) {
  ASSERT_EQ(Send(absl::StrCat("create_thin ", id)), 0);
  UseThin(name, id, blocks);
}

void ThinTest::UseThin(absl::string_view name, absl::string_view id, uint64_t blocks) {
  Activate(name, blocks * kBlock, "thin", ThinLine(id));
}

std::string ThinTest::Info(absl::string_view name, uint32_t flags) {
  const Lines lines = Table(name, flags);
  EXPECT_EQ(lines.size(), 1u);
  if (lines.size() != 1) return "";
  // Start, length and type before it.
  const std::vector<std::string> words = absl::StrSplit(lines[0], absl::MaxSplits(' ', 3));
  return words.size() == 4 ? words[3] : "";
}

std::string ThinTest::Word(size_t number, uint32_t flags) {
  const std::vector<std::string> words = absl::StrSplit(Info("pool", flags), ' ');
  return number < words.size() ? words[number] : "";
}

std::string ThinTest::Mode(uint32_t flags) {
  const std::string info = Info("pool", flags);
  const std::vector<std::string> words = absl::StrSplit(info, ' ');
  if (words.size() < 8) return info;
  return absl::StrJoin(words.begin() + 4, words.begin() + 8, " ");
}

int ThinTest::WriteBytes(absl::string_view path, uint64_t sector, absl::string_view bytes) {
  const auto file = OpenDirect(host(), path, sys::Access::kReadWrite);
  if (!file.ok()) return -sys::GetErrno(file.status());
  const Buffer buffer = MakeBuffer(bytes.size());
  std::memcpy(buffer.get(), bytes.data(), bytes.size());
  const absl::string_view aligned(buffer.get(), bytes.size());
  return -sys::GetErrno((*file)->WriteAt(sector * kSectorBytes, aligned));
}

std::string ThinTest::ReadBytes(absl::string_view path, uint64_t sector, uint64_t sectors) {
  const auto file = OpenDirect(host(), path, sys::Access::kReadOnly);
  EXPECT_TRUE(file.ok()) << file.status();
  if (!file.ok()) return "";
  const size_t size = sectors * kSectorBytes;
  const Buffer buffer = MakeBuffer(size);
  const auto got = (*file)->ReadAt(sector * kSectorBytes, absl::MakeSpan(buffer.get(), size));
  if (!got.ok()) return sys::ErrnoName(sys::GetErrno(got.status()));
  return std::string(buffer.get(), *got);
}

int ThinTest::Write(absl::string_view name, uint64_t sector, uint64_t sectors, char fill) {
  return WriteBytes(Node(name), sector, std::string(sectors * kSectorBytes, fill));
}

std::string ThinTest::Read(absl::string_view name, uint64_t sector, uint64_t sectors) {
  const std::string bytes = ReadBytes(Node(name), sector, sectors);
  if (bytes.size() != sectors * kSectorBytes) return bytes;
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += kSectorBytes) {
    text += Summary(absl::string_view(bytes).substr(at, kSectorBytes));
  }
  return text;
}

int ThinTest::Flush(absl::string_view name) {
  const auto file = Open(Node(name), sys::Access::kReadWrite);
  return -sys::GetErrno(file->Sync());
}

int ThinTest::Discard(absl::string_view name, uint64_t sector, uint64_t sectors) {
  const uint64_t range[2] = {sector * kSectorBytes, sectors * kSectorBytes};
  char bytes[sizeof(range)];
  std::memcpy(bytes, range, sizeof(bytes));
  const auto file = Open(Node(name), sys::Access::kReadWrite);
  return -sys::GetErrno(file->Ioctl(kDiscard, absl::MakeSpan(bytes)).status());
}

void ThinTest::SoilData(uint64_t blocks) {
  ASSERT_EQ(WriteBytes(data_disk_.path, 0, std::string(blocks * kBlock * kSectorBytes, 'o')), 0);
}

}  // namespace dmkit::conformance
