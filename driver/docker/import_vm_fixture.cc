// SPDX-License-Identifier: Apache-2.0

#include "driver/docker/import_vm_fixture.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "driver/options.h"
#include "loop/loop_device.h"
#include "sys/durable.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {

using sys::IsOk;

namespace {

constexpr size_t kPieceBytes = size_t{1} << 16;

// The file's pieces that are not all zeros, in order. Where its holes lie makes no difference.
void ForEachPiece(sys::File& file,
                  const std::function<void(uint64_t offset, absl::string_view)>& each) {
  std::string piece(kPieceBytes, '\0');
  for (uint64_t offset = 0;; offset += kPieceBytes) {
    const auto data = file.NextData(offset);
    ASSERT_THAT(data, IsOk());
    if (!data->has_value()) return;
    offset = (*data)->begin / kPieceBytes * kPieceBytes;
    const auto length = file.ReadAt(offset, absl::MakeSpan(piece));
    ASSERT_THAT(length, IsOk());
    const absl::string_view bytes = absl::string_view(piece).substr(0, *length);
    if (bytes.find_first_not_of('\0') != absl::string_view::npos) each(offset, bytes);
  }
}

}  // namespace

ImportVmTest::ImportVmTest()
    : kernel_(cases::StartKernel()),
      counted_(kernel_->host()),
      dir_(absl::StrCat(kernel_->Dir(), "/import-",
                        ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
  auto dm = dm::DeviceMapper::Open(counted_.host());
  EXPECT_THAT(dm, IsOk());
  dm_.emplace(*std::move(dm));
  EXPECT_THAT(sys::MakeDirs(*host().root, dir_, 0755), IsOk());
}

ImportVmTest::~ImportVmTest() = default;

void ImportVmTest::TearDown() {
  Close();
  EXPECT_THAT(DeviceNames(), ::testing::IsEmpty());
  EXPECT_THAT(LoopFiles(), ::testing::IsEmpty());
}

void ImportVmTest::Close() {
  for (std::unique_ptr<Driver>* driver : {&driver_, &made_}) {
    if (*driver == nullptr) continue;
    EXPECT_THAT((*driver)->Cleanup(), IsOk());
    driver->reset();
  }
}

Driver& ImportVmTest::OpenMade(const std::vector<std::string>& options) {
  std::vector<std::string> words = {"dm.basesize=64M", "dm.loopdatasize=96M",
                                    "dm.loopmetadatasize=4M"};
  words.insert(words.end(), options.begin(), options.end());
  DriverConfig config;
  config.root = dir_ + "/made";
  config.options = *ParseOptions(words);
  auto made = Driver::Open(dm(), config);
  EXPECT_THAT(made, IsOk());
  made_ = *std::move(made);
  return *made_;
}

void ImportVmTest::MakeLayers(Driver& made) {
  std::string parent;
  for (const char* id : {"aaaa", "bbbb", "cccc-init"}) {
    ASSERT_THAT(made.Create(id, {parent}), IsOk());
    const std::string path = MustGet(made, id);
    Write(absl::StrCat(path, "/name"), id);
    Write(absl::StrCat(path, "/from-", id), id);
    ASSERT_THAT(made.Put(id, false), IsOk());
    parent = id;
  }
}

void ImportVmTest::ToDocker(Driver& made, LeftBy left_by) {
  const auto layers = made.List();
  ASSERT_THAT(layers, IsOk());
  const auto pool = made.PoolStatus();
  ASSERT_THAT(pool, IsOk());
  for (const char* path : {"/devicemapper/metadata", "/devicemapper/devicemapper"}) {
    ASSERT_THAT(sys::MakeDirs(*host().root, dir_ + path, 0700), IsOk());
  }
  const auto move_halves = [&](auto move) {
    for (const char* half : {"data", "metadata"}) {
      move(absl::StrCat(dir_, "/made/pool/", half), absl::StrCat(docker(), "/devicemapper/", half));
    }
  };
  if (left_by == LeftBy::kPowerCut) {
    move_halves([&](const std::string& from, const std::string& to) { Copy(from, to); });
  }
  ASSERT_THAT(made.Cleanup(), IsOk());
  made_.reset();
  if (left_by == LeftBy::kCleanup) {
    move_halves([&](const std::string& from, const std::string& to) {
      ASSERT_THAT(host().root->Rename(from, to), IsOk());
    });
  }
  uint32_t next = 2;
  for (const report::Layer& layer : layers->layers()) {
    next = std::max(next, layer.thin_id() + 1);
    WriteRecord(layer.id(),
                absl::StrCat("{\"device_id\":", layer.thin_id(), ",\"size\":", layer.size_bytes(),
                             ",\"transaction_id\":", layer.thin_id(),
                             ",\"initialized\":false,\"deleted\":false}"));
  }
  WriteRecord("base", kBase);
  WriteRecord("deviceset-metadata",
              absl::StrCat("{\"next_device_id\":", next,
                           ",\"BaseDeviceUUID\":\"\",\"BaseDeviceFilesystem\":\"ext4\"}"));
  WriteRecord("transaction-metadata",
              absl::StrCat("{\"open_transaction_id\":", pool->transaction_id(),
                           ",\"device_hash\":\"cccc-init\",\"device_id\":", next - 1, "}"));
}

void ImportVmTest::MakeStore(const std::vector<std::string>& options) {
  Driver& made = OpenMade(options);
  MakeLayers(made);
  ToDocker(made);
}

void ImportVmTest::WriteRecord(const std::string& name, const std::string& json) {
  Write(absl::StrCat(docker(), "/metadata/", name), json);
}

ImportOptions ImportVmTest::Options() const {
  ImportOptions options;
  options.docker_root = docker();
  options.root = dir_ + "/imported";
  return options;
}

report::ImportReport ImportVmTest::Import(const ImportOptions& options) {
  const auto report = ImportDocker(dm(), options);
  EXPECT_THAT(report, IsOk());
  return report.ok() ? *report : report::ImportReport();
}

Driver& ImportVmTest::Open(const std::string& root) {
  DriverConfig config;
  config.root = root;
  config.create = false;
  auto driver = Driver::Open(dm(), config);
  EXPECT_THAT(driver, IsOk());
  driver_ = *std::move(driver);
  return *driver_;
}

std::string ImportVmTest::MustGet(Driver& driver, const std::string& id) {
  const auto path = driver.Get(id);
  EXPECT_THAT(path, IsOk());
  return path.ok() ? *path : "";
}

std::optional<std::string> ImportVmTest::Read(const std::string& directory,
                                              const std::string& name) {
  const auto contents =
      sys::ReadFile(*host().root, absl::StrCat(directory, "/", name), kPieceBytes);
  if (!contents.ok()) return std::nullopt;
  return *contents;
}

void ImportVmTest::Write(const std::string& path, absl::string_view contents) {
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  options.create = true;
  const auto file = host().root->OpenFile(path, options);
  ASSERT_THAT(file, IsOk());
  ASSERT_THAT((*file)->Truncate(0), IsOk());
  ASSERT_THAT((*file)->WriteAt(0, contents), IsOk());
  ASSERT_THAT((*file)->Sync(), IsOk());
}

std::vector<std::string> ImportVmTest::Ids(const report::ImportReport& report) {
  std::vector<std::string> ids;
  for (const report::Layer& layer : report.layers()) ids.push_back(layer.id());
  return ids;
}

std::vector<std::string> ImportVmTest::Problems(const report::ImportReport& report) {
  std::vector<std::string> lines;
  for (const report::Problem& problem : report.problems()) {
    lines.push_back(absl::StrCat(problem.object(), ": ", problem.problem()));
  }
  return lines;
}

std::vector<std::string> ImportVmTest::DeviceNames() {
  const auto devices = dm_->List();
  EXPECT_THAT(devices, IsOk());
  std::vector<std::string> names;
  for (const dm::ListedDevice& device : *devices) names.push_back(device.name);
  return names;
}

std::vector<std::string> ImportVmTest::LoopFiles() {
  const auto loops = loop::List(host());
  EXPECT_THAT(loops, IsOk());
  std::vector<std::string> files;
  for (const loop::LoopInfo& info : *loops) files.push_back(info.backing_file);
  return files;
}

void ImportVmTest::AddFingerprints(const std::string& path,
                                   std::map<std::string, std::string>& all) {
  const auto stat = host().root->StatLink(path);
  ASSERT_THAT(stat, IsOk());
  std::string& print = all[path];
  print = absl::StrCat(stat->size_bytes, " ", absl::ToUnixNanos(stat->modified));
  if (stat->type == sys::FileType::kDirectory) {
    const auto entries = host().root->List(path);
    ASSERT_THAT(entries, IsOk());
    for (const sys::DirEntry& entry : *entries) {
      AddFingerprints(absl::StrCat(path, "/", entry.name), all);
    }
  }
  if (stat->type != sys::FileType::kRegular) return;
  const auto file = host().root->OpenFile(path, sys::OpenOptions{});
  ASSERT_THAT(file, IsOk());
  ForEachPiece(**file, [&](uint64_t offset, absl::string_view bytes) {
    absl::StrAppend(&print, " ", offset, ":", absl::HashOf(bytes));
  });
}

std::map<std::string, std::string> ImportVmTest::Fingerprint(const std::string& path) {
  std::map<std::string, std::string> all;
  AddFingerprints(path, all);
  return all;
}

void ImportVmTest::Copy(const std::string& from, const std::string& to) {
  sys::OpenOptions options;
  options.access = sys::Access::kReadWrite;
  options.create = true;
  const auto source = host().root->OpenFile(from, sys::OpenOptions{});
  const auto target = host().root->OpenFile(to, options);
  ASSERT_THAT(source, IsOk());
  ASSERT_THAT(target, IsOk());
  const auto stat = (*source)->Stat();
  ASSERT_THAT(stat, IsOk());
  ASSERT_THAT((*target)->Truncate(stat->size_bytes), IsOk());
  ForEachPiece(**source, [&](uint64_t offset, absl::string_view bytes) {
    ASSERT_THAT((*target)->WriteAt(offset, bytes), IsOk());
  });
}

}  // namespace dmkit::driver
