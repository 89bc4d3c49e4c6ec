// SPDX-License-Identifier: Apache-2.0

#include "thinp/state_store.h"

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/message.h"
#include "sys/durable.h"
#include "sys/status.h"
#include "thinp/state_file.h"

namespace dmkit::thinp {
namespace {

// The newest of each kind; all older ones are read.
constexpr uint32_t kSetVersion = 2;
constexpr uint32_t kTransactionVersion = 1;
constexpr uint32_t kDeviceVersion = 2;
constexpr char kSetFile[] = "set";
constexpr char kSetCopyFile[] = "set.copy";
constexpr char kTransactionFile[] = "transaction";
constexpr char kQuarantinedTransactionFile[] = "transaction.quarantined";
constexpr char kDevicesDir[] = "devices";
constexpr char kDeletedDir[] = "deleted";
constexpr uint32_t kDirMode = 0700;

bool IsMissing(const absl::Status& status) { return sys::GetErrno(status) == ENOENT; }

// The file was read and does not say what it should: no system call failed.
bool IsUnreadable(const absl::Status& status) { return sys::GetErrno(status) == 0; }

// Whatever stands where a state file should: what cannot be one is as good as damaged.
absl::Status Read(sys::Dir& dir, absl::string_view name, absl::string_view kind, uint32_t version,
                  google::protobuf::Message& state) {
  const absl::Status read = ReadState(dir, name, kind, version, state);
  return sys::GetErrno(read) == EISDIR ? absl::DataLossError(read.message()) : read;
}

absl::StatusOr<bool> Has(sys::Dir& dir, absl::string_view name) {
  const auto stat = dir.StatLink(name);
  if (stat.ok()) return true;
  if (IsMissing(stat.status())) return false;
  return stat.status();
}

// The files in `path`, without the temporary ones that a crash left.
absl::StatusOr<std::vector<std::string>> NamesIn(sys::Dir& dir, absl::string_view path) {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<sys::DirEntry> entries, dir.List(path));
  std::vector<std::string> names;
  for (const sys::DirEntry& entry : entries) {
    if (!absl::StartsWith(entry.name, ".")) names.push_back(entry.name);
  }
  return names;
}

// A file whose contents belong to another device: copied or renamed by hand.
absl::Status CheckOwnName(const proto::DeviceState& device, absl::string_view name) {
  if (absl::string_view(device.name()) == name) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("it is the state of device \"", device.name(), "\", not of this one"));
}

}  // namespace

absl::StatusOr<StateStore> StateStore::Open(const sys::Host& host, absl::string_view root,
                                            bool create) {
  if (create) {
    const std::string devices_path = absl::StrCat(root, "/", kDevicesDir);
    DMKIT_RETURN_IF_ERROR(sys::MakeDirs(*host.root, devices_path, kDirMode));
  }
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::Dir> root_dir, host.root->OpenDir(root));
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::Dir> devices, root_dir->OpenDir(kDevicesDir));
  return StateStore(std::string(root), std::move(root_dir), std::move(devices));
}

absl::StatusOr<std::optional<StateStore::SetRecord>> StateStore::ReadSet() const {
  SetRecord record;
  const absl::Status first = Read(*root_, kSetFile, kSetFile, kSetVersion, record.state);
  if (first.ok()) return record;
  // Of a newer version: then the copy says the same or is older.
  if (absl::IsFailedPrecondition(first) && IsUnreadable(first)) return first;
  const absl::Status second = Read(*root_, kSetCopyFile, kSetFile, kSetVersion, record.state);
  if (second.ok()) {
    record.damaged = Quarantined{kSetFile, first};
    return record;
  }
  if (IsMissing(first) && IsMissing(second)) return std::nullopt;
  return sys::AddContext(
      IsMissing(first) ? second : first,
      absl::StrCat(path_, ": neither ", kSetFile, " nor ", kSetCopyFile, " can be read"));
}

absl::StatusOr<bool> StateStore::HasSet() const {
  DMKIT_ASSIGN_OR_RETURN(const bool first, Has(*root_, kSetFile));
  return first ? first : Has(*root_, kSetCopyFile);
}

absl::Status StateStore::WriteSet(const proto::SetState& state) {
  // The copy first: whichever write is cut off, the other file is whole.
  DMKIT_RETURN_IF_ERROR(WriteState(*root_, kSetCopyFile, kSetFile, kSetVersion, state));
  return WriteState(*root_, kSetFile, kSetFile, kSetVersion, state);
}

absl::Status StateStore::RemoveSet() {
  DMKIT_RETURN_IF_ERROR(sys::RemoveFileDurably(*root_, kSetFile));
  return sys::RemoveFileDurably(*root_, kSetCopyFile);
}

absl::StatusOr<std::optional<proto::TransactionState>> StateStore::ReadTransaction() const {
  proto::TransactionState state;
  const absl::Status read =
      Read(*root_, kTransactionFile, kTransactionFile, kTransactionVersion, state);
  if (read.ok()) return state;
  if (IsMissing(read)) return std::nullopt;
  return sys::AddContext(read, absl::StrCat(path_, "/", kTransactionFile));
}

absl::Status StateStore::WriteTransaction(const proto::TransactionState& state) {
  return WriteState(*root_, kTransactionFile, kTransactionFile, kTransactionVersion, state);
}

absl::Status StateStore::RemoveTransaction() {
  return sys::RemoveFileDurably(*root_, kTransactionFile);
}

absl::Status StateStore::QuarantineTransaction() {
  DMKIT_RETURN_IF_ERROR(root_->Rename(kTransactionFile, kQuarantinedTransactionFile));
  return root_->Sync();
}

absl::StatusOr<bool> StateStore::HasDevice(absl::string_view name) const {
  return Has(*devices_, name);
}

absl::StatusOr<proto::DeviceState> StateStore::ReadFrom(sys::Dir& dir, absl::string_view dir_name,
                                                        absl::string_view name) const {
  proto::DeviceState device;
  absl::Status read = Read(dir, name, "device", kDeviceVersion, device);
  if (read.ok()) read = CheckOwnName(device, name);
  if (read.ok()) return device;
  if (!IsUnreadable(read)) return read;
  return sys::AddContext(read, absl::StrCat("state file ", path_, "/", dir_name, "/", name,
                                            " cannot be used and its device is left alone "
                                            "(restore the file, or see `dmkit pool check`)"));
}

absl::StatusOr<proto::DeviceState> StateStore::ReadDevice(absl::string_view name) const {
  return ReadFrom(*devices_, kDevicesDir, name);
}

absl::Status StateStore::WriteDevice(const proto::DeviceState& device) {
  return WriteState(*devices_, device.name(), "device", kDeviceVersion, device);
}

absl::Status StateStore::RemoveDevice(absl::string_view name) {
  return sys::RemoveFileDurably(*devices_, name);
}

absl::Status StateStore::WriteDeleted(const proto::DeviceState& device) {
  const absl::Status made = root_->MakeDir(kDeletedDir, kDirMode);
  if (!made.ok() && sys::GetErrno(made) != EEXIST) return made;
  // Also when it was there: whoever made it may have ended before this.
  DMKIT_RETURN_IF_ERROR(root_->Sync());
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::Dir> dir, root_->OpenDir(kDeletedDir));
  return WriteState(*dir, device.name(), "device", kDeviceVersion, device);
}

absl::StatusOr<bool> StateStore::HasDeleted(absl::string_view name) const {
  return Has(*root_, absl::StrCat(kDeletedDir, "/", name));
}

absl::StatusOr<proto::DeviceState> StateStore::ReadDeleted(absl::string_view name) const {
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::Dir> dir, root_->OpenDir(kDeletedDir));
  return ReadFrom(*dir, kDeletedDir, name);
}

absl::Status StateStore::RemoveDeleted(absl::string_view name) {
  DMKIT_ASSIGN_OR_RETURN(const bool there, HasDeleted(name));
  if (!there) return absl::OkStatus();
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::Dir> dir, root_->OpenDir(kDeletedDir));
  return sys::RemoveFileDurably(*dir, name);
}

absl::StatusOr<std::vector<std::string>> StateStore::DeletedNames() const {
  auto names = NamesIn(*root_, kDeletedDir);
  if (IsMissing(names.status())) return std::vector<std::string>();
  return names;
}

absl::StatusOr<DeviceList> StateStore::ListDeleted() const {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<std::string> names, DeletedNames());
  if (names.empty()) return DeviceList();
  DMKIT_ASSIGN_OR_RETURN(std::unique_ptr<sys::Dir> dir, root_->OpenDir(kDeletedDir));
  return ReadAll(*dir, kDeletedDir, names);
}

absl::StatusOr<DeviceList> StateStore::ListDevices() const {
  DMKIT_ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(*devices_, "."));
  return ReadAll(*devices_, kDevicesDir, names);
}

DeviceList StateStore::ReadAll(sys::Dir& dir, absl::string_view dir_name,
                               const std::vector<std::string>& names) const {
  DeviceList list;
  for (const std::string& name : names) {
    auto device = ReadFrom(dir, dir_name, name);
    if (device.ok()) {
      list.devices.push_back(*std::move(device));
    } else if (!IsMissing(device.status())) {  // removed since the directory was read
      list.quarantined.push_back({absl::StrCat(dir_name, "/", name), device.status()});
    }
  }
  return list;
}

absl::StatusOr<std::vector<Quarantined>> StateStore::ListQuarantined() const {
  std::vector<Quarantined> found;
  DMKIT_ASSIGN_OR_RETURN(const bool transaction, Has(*root_, kQuarantinedTransactionFile));
  if (transaction) {
    found.push_back(
        {kQuarantinedTransactionFile,
         absl::DataLossError("a transaction file that could not be read was put aside")});
  }
  return found;
}

}  // namespace dmkit::thinp
