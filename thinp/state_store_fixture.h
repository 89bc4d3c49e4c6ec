// SPDX-License-Identifier: Apache-2.0
// A state store in a temporary directory, with a way past it to its files. For tests.

#ifndef DMKIT_THINP_STATE_STORE_FIXTURE_H_
#define DMKIT_THINP_STATE_STORE_FIXTURE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "sys/durable.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"
#include "thinp/state.pb.h"
#include "thinp/state_store.h"

namespace dmkit::thinp {

inline proto::SetState Set(const std::string& uuid) {
  proto::SetState set;
  set.set_set_uuid(uuid);
  set.mutable_pool()->mutable_data()->set_loop_file("pool/data");
  set.mutable_pool()->set_formatted(true);
  return set;
}

inline proto::DeviceState Device(const std::string& name, uint32_t thin_id) {
  proto::DeviceState device;
  device.set_name(name);
  device.set_thin_id(thin_id);
  device.set_size_bytes(1 << 20);
  return device;
}

class StateStoreFixture : public ::testing::Test {
 protected:
  StateStoreFixture() : faulty_(linux_.host()) {}

  StateStore Open() {
    auto store = StateStore::Open(faulty_.host(), Root(), /*create=*/true);
    EXPECT_THAT(store, sys::IsOk());
    return *std::move(store);
  }

  std::string Root() const { return temp_.path() + "/a/b"; }

  std::string ReadRaw(const std::string& name) {
    auto contents = sys::ReadFile(*linux_.host().root, absl::StrCat(Root(), "/", name), 1 << 20);
    EXPECT_THAT(contents, sys::IsOk());
    return contents.value_or("");
  }

  void WriteRaw(const std::string& name, absl::string_view contents) {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    options.create = true;
    auto file = linux_.host().root->OpenFile(absl::StrCat(Root(), "/", name), options);
    ASSERT_THAT(file, sys::IsOk());
    ASSERT_THAT((*file)->Truncate(0), sys::IsOk());
    ASSERT_THAT((*file)->WriteAt(0, contents), sys::IsOk());
  }

  std::vector<std::string> QuarantinedFiles(const StateStore& store) {
    const auto list = store.ListDevices();
    EXPECT_THAT(list, sys::IsOk());
    std::vector<std::string> files;
    for (const Quarantined& file : list->quarantined) files.push_back(file.file);
    return files;
  }

  std::vector<std::string> ListedDevices(const StateStore& store) {
    const auto list = store.ListDevices();
    EXPECT_THAT(list, sys::IsOk());
    std::vector<std::string> names;
    for (const proto::DeviceState& device : list->devices) names.push_back(device.name());
    return names;
  }

  sys::TempDir temp_;
  sys::LinuxHost linux_;
  sys::FaultyHost faulty_;
};

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_STATE_STORE_FIXTURE_H_
