// SPDX-License-Identifier: Apache-2.0
// What the tests of the import on a kernel share: a store as Docker would have left it, made with
// our own driver, whose thin devices and filesystems are the same, and Docker's records beside
// them.

#ifndef DMKIT_DRIVER_DOCKER_IMPORT_VM_FIXTURE_H_
#define DMKIT_DRIVER_DOCKER_IMPORT_VM_FIXTURE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dm/device_mapper.h"
#include "driver/docker/import.h"
#include "driver/driver.h"
#include "driver/report.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "testing/cases/kernel.h"

namespace dmkit::driver {

class ImportVmTest : public ::testing::Test {
 protected:
  ImportVmTest();
  ~ImportVmTest() override;
  // Every test leaves the kernel without devices.
  void TearDown() override;

  cases::Kernel& kernel() { return *kernel_; }
  const sys::Host& host() { return dm_->host(); }
  dm::DeviceMapper& dm() { return *dm_; }
  sys::FaultyHost& counted() { return counted_; }
  const std::string& dir() const { return dir_; }
  std::string docker() const { return dir_ + "/devicemapper"; }

  // A store of the layers "aaaa", "bbbb" made from it, and "cccc-init" from that; each holds a file
  // `name` with its name in it.
  void MakeStore(const std::vector<std::string>& options = {});
  // Its first half: the layers, in a store of ours in dir()/made; and its second: the records and
  // files of that as Docker has them.
  Driver& OpenMade(const std::vector<std::string>& options);
  void MakeLayers(Driver& made);
  enum class LeftBy { kCleanup, kPowerCut };
  // After a power cut the files are as they lie there now, with `made` in use.
  void ToDocker(Driver& made, LeftBy left_by = LeftBy::kCleanup);
  void WriteRecord(const std::string& name, const std::string& json);

  ImportOptions Options() const;
  report::ImportReport Import(const ImportOptions& options);
  // The imported store at `root`.
  Driver& Open(const std::string& root);
  void Close();

  std::string MustGet(Driver& driver, const std::string& id);
  std::optional<std::string> Read(const std::string& directory, const std::string& name);
  void Write(const std::string& path, absl::string_view contents);
  bool IsThere(const std::string& path) { return host().root->StatLink(path).ok(); }
  static std::vector<std::string> Ids(const report::ImportReport& report);
  static std::vector<std::string> Problems(const report::ImportReport& report);
  std::vector<std::string> DeviceNames();
  std::vector<std::string> LoopFiles();

  // Every file below `path` with its length, checksum and time of change.
  std::map<std::string, std::string> Fingerprint(const std::string& path);
  // A copy of the file, holes kept.
  void Copy(const std::string& from, const std::string& to);

  static constexpr char kBase[] =
      R"({"device_id":1,"size":67108864,"transaction_id":1,"initialized":true,"deleted":false})";

 private:
  void AddFingerprints(const std::string& path, std::map<std::string, std::string>& all);

  std::unique_ptr<cases::Kernel> kernel_;
  sys::FaultyHost counted_;
  std::optional<dm::DeviceMapper> dm_;
  std::string dir_;
  std::unique_ptr<Driver> made_;
  std::unique_ptr<Driver> driver_;
};

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_DOCKER_IMPORT_VM_FIXTURE_H_
