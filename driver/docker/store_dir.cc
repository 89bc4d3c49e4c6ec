// SPDX-License-Identifier: Apache-2.0
// Mirrors daemon/graphdriver/devmapper/deviceset.go: loadDeviceFilesOnStart(),
// migrateOldMetaData().

#include "driver/docker/store_dir.h"

#include <cerrno>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "driver/layer_id.h"
#include "sys/durable.h"
#include "sys/status.h"

namespace dmkit::driver {
namespace {

constexpr char kMetadataDir[] = "metadata";
constexpr char kSetFile[] = "deviceset-metadata";
constexpr char kTransactionFile[] = "transaction-metadata";
constexpr char kOldFile[] = "devicemapper/json";
constexpr char kSetupFile[] = "setup-config.json";

// A record has about 100 bytes, and so has each one in the old file.
constexpr size_t kRecordBytesMax = size_t{64} << 10;
constexpr size_t kOldFileBytesMax = size_t{64} << 20;

bool IsMissing(const absl::Status& status) {
  return sys::GetErrno(status) == ENOENT || sys::GetErrno(status) == ENOTDIR;
}

absl::StatusOr<bool> Has(sys::Dir& dir, absl::string_view name) {
  const absl::Status found = dir.Stat(name).status();
  if (IsMissing(found)) return false;
  DMKIT_RETURN_IF_ERROR(found);
  return true;
}

class Reader {
 public:
  explicit Reader(sys::Dir& dir) : dir_(dir) {}

  absl::StatusOr<DockerStore> Read() {
    DMKIT_RETURN_IF_ERROR(ReadRecords());
    ReadOldFile();
    if (const auto setup = Parsed(kSetupFile, kRecordBytesMax, ParseDockerSetup,
                                  "which disk Docker's pool is on is not known")) {
      store_.direct_lvm_device = *setup;
    }
    DMKIT_ASSIGN_OR_RETURN(store_.has_data_file, Has(dir_, kDockerDataFile));
    DMKIT_ASSIGN_OR_RETURN(store_.has_metadata_file, Has(dir_, kDockerMetadataFile));
    return std::move(store_);
  }

 private:
  // What `parse` makes of the file; nothing, and a problem, when it is damaged; nothing when it is
  // missing.
  template <typename Parse>
  auto Parsed(const std::string& file, size_t bytes_max, Parse parse, absl::string_view consequence)
      -> std::optional<std::decay_t<decltype(*parse(""))>> {
    const absl::StatusOr<std::string> text = sys::ReadFile(dir_, file, bytes_max);
    if (IsMissing(text.status())) return std::nullopt;
    if (!text.ok()) {
      AddProblem(file, text.status(), consequence);
      return std::nullopt;
    }
    auto value = parse(*text);
    if (value.ok()) return *std::move(value);
    AddProblem(file, value.status(), consequence);
    return std::nullopt;
  }

  void AddProblem(absl::string_view object, const absl::Status& status,
                  absl::string_view consequence) {
    report::Problem& problem = store_.problems.emplace_back();
    problem.set_object(std::string(object));
    problem.set_problem(std::string(status.message()));
    problem.set_advice(absl::StrCat(consequence, "; restore the file, and import again"));
  }

  absl::Status ReadRecords() {
    const auto entries = dir_.List(kMetadataDir);
    if (IsMissing(entries.status())) return absl::OkStatus();
    DMKIT_RETURN_IF_ERROR(entries.status());
    for (const sys::DirEntry& entry : *entries) {
      if (absl::StartsWith(entry.name, ".") || absl::EndsWith(entry.name, ".migrated")) continue;
      DMKIT_ASSIGN_OR_RETURN(const bool is_file, IsFile(entry.name));
      if (is_file) ReadRecord(entry.name);
    }
    return absl::OkStatus();
  }

  // Nothing else is opened: opening a pipe would wait for its other end.
  absl::StatusOr<bool> IsFile(const std::string& name) {
    const auto stat = dir_.Stat(absl::StrCat(kMetadataDir, "/", name));
    if (IsMissing(stat.status())) return false;
    DMKIT_RETURN_IF_ERROR(stat.status());
    return stat->type == sys::FileType::kRegular;
  }

  void ReadRecord(const std::string& name) {
    const std::string file = absl::StrCat(kMetadataDir, "/", name);
    if (name == kSetFile) {
      const auto set = Parsed(file, kRecordBytesMax, ParseDockerSet,
                              "the filesystem is looked up instead, and ids are checked");
      if (set.has_value()) store_.set = *set;
    } else if (name == kTransactionFile) {
      store_.transaction =
          Parsed(file, kRecordBytesMax, ParseDockerTransaction,
                 "a layer that was just being made or removed cannot be told from the others");
    } else {
      const auto device = Parsed(file, kRecordBytesMax, ParseDockerDevice, "its layer is left out");
      if (device.has_value()) store_.devices.emplace(name, *device);
    }
  }

  void ReadOldFile() {
    const auto devices = Parsed(kOldFile, kOldFileBytesMax, ParseDockerDevices,
                                "the layers that it alone names are left out");
    if (!devices.has_value()) return;
    for (const auto& [hash, device] : *devices) {
      const std::string name = hash.empty() ? std::string(kBaseLayer) : hash;
      if (device.ok()) {
        store_.devices.emplace(name, *device);
      } else if (store_.devices.count(name) == 0) {
        AddProblem(absl::StrCat(kOldFile, ": ", name), device.status(), "its layer is left out");
      }
    }
  }

  sys::Dir& dir_;
  DockerStore store_;
};

absl::Status CheckIsStore(sys::Dir& dir, const std::string& path) {
  for (const absl::string_view sign :
       {absl::string_view(kMetadataDir), absl::string_view(kOldFile)}) {
    DMKIT_ASSIGN_OR_RETURN(const bool found, Has(dir, sign));
    if (found) return absl::OkStatus();
  }
  DMKIT_ASSIGN_OR_RETURN(const bool is_below,
                         Has(dir, absl::StrCat("devicemapper/", kMetadataDir)));
  // The loop files of a store lie in a directory of the same name, whose `metadata` is a file.
  const auto below = dir.Stat(absl::StrCat("devicemapper/", kMetadataDir));
  const bool hint = is_below && below.ok() && below->type == sys::FileType::kDirectory;
  return absl::FailedPreconditionError(
      absl::StrCat(path, " is no store of Docker's devicemapper driver: there is neither ",
                   kMetadataDir, "/ nor ", kOldFile, " in it",
                   hint ? absl::StrCat("; did you mean ", path, "/devicemapper?") : ""));
}

}  // namespace

absl::StatusOr<DockerStore> ReadDockerStore(const sys::Host& host, const std::string& path) {
  DMKIT_ASSIGN_OR_RETURN(const std::unique_ptr<sys::Dir> dir, host.root->OpenDir(path));
  DMKIT_RETURN_IF_ERROR(CheckIsStore(*dir, path));
  return Reader(*dir).Read();
}

}  // namespace dmkit::driver
