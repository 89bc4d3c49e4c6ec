// SPDX-License-Identifier: Apache-2.0
// A tree for tests of apply, with something beside it that nobody may touch: in a directory of this
// machine, with and without openat2, and in the model.

#ifndef DMKIT_DRIVER_ARCHIVE_APPLY_FIXTURE_H_
#define DMKIT_DRIVER_ARCHIVE_APPLY_FIXTURE_H_

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "driver/archive/apply.h"
#include "driver/archive/options.h"
#include "driver/archive/testdata/tar_builder.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status_matchers.h"
#include "sys/string_stream.h"
#include "testing/model/model_kernel.h"
#include "testing/model/profile.h"

namespace dmkit::driver {

enum class Where { kOpenat2, kWalk, kModel };

class ApplyTest : public testing::TestWithParam<Where> {
 protected:
  ApplyTest()
      : model_(model::Linux612(), 1),
        faulty_(GetParam() == Where::kModel ? model_.host() : linux_.host()) {
    FailNothing();
    sys::Dir& slash = *faulty_.host().root;
    const std::string base = GetParam() == Where::kModel ? "/test" : temp_.path();
    if (GetParam() == Where::kModel) {
      EXPECT_THAT(slash.MakeDir(base, 0755), sys::IsOk());
    }
    above_ = *slash.OpenDir(base);
    EXPECT_THAT(above_->MakeDir("tree", 0755), sys::IsOk());
    EXPECT_THAT(above_->MakeDir("outside", 0755), sys::IsOk());
    root_ = *above_->OpenDir("tree");
    Put(*above_, "outside/canary", "canary");
    outside_before_ = Lines(*above_, "outside");
  }

  // The plan of the host, without further faults.
  void FailNothing() { Fail("", 0); }
  // Calls of `method` fail with `error`, beside what the parameter asks for.
  void Fail(const std::string& method, int error) {
    faulty_.SetPlan([method, error](const sys::SeamCall& call) {
      if (call.method == method) return error;
      return call.method == "OpenDirInRoot" && GetParam() == Where::kWalk ? ENOSYS : 0;
    });
  }

  absl::StatusOr<ApplyResult> Apply(const std::string& archive) {
    sys::StringSource in(archive);
    return ApplyArchive(*root_, in, ArchiveOptions{});
  }
  absl::StatusOr<ApplyResult> Apply(const TarBuilder& builder) { return Apply(builder.Finish()); }

  static void Put(sys::Dir& dir, const std::string& path, const std::string& data) {
    sys::OpenOptions options;
    options.access = sys::Access::kReadWrite;
    options.create = true;
    options.mode = 0644;
    const auto file = dir.OpenFile(path, options);
    ASSERT_THAT(file, sys::IsOk());
    ASSERT_THAT((*file)->WriteAt(0, data), sys::IsOk());
  }
  static std::string Contents(sys::Dir& dir, const std::string& path) {
    const auto file = dir.OpenFile(path, {});
    if (!file.ok()) return file.status().ToString();
    std::string data((*file)->Stat()->size_bytes, '\0');
    return data.empty() || (*file)->ReadAt(0, absl::MakeSpan(&data[0], data.size())).ok()
               ? data
               : "unread";
  }
  std::string Contents(const std::string& path) { return Contents(*root_, path); }
  sys::FileStat Stat(const std::string& path) {
    const auto stat = root_->StatLink(path);
    EXPECT_THAT(stat, sys::IsOk()) << path;
    return stat.ok() ? *stat : sys::FileStat{};
  }
  bool Exists(const std::string& path) { return root_->StatLink(path).ok(); }
  // "d/f" for all that is in the tree, sorted.
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    AddNames(*root_, "", names);
    std::sort(names.begin(), names.end());
    return names;
  }
  // What cannot be seen from the tree is as it was.
  void ExpectOutsideUntouched() {
    EXPECT_EQ(Lines(*above_, "outside"), outside_before_);
    EXPECT_EQ(above_->List(".")->size(), 2u);
  }

  sys::TempDir temp_;
  sys::LinuxHost linux_;
  model::ModelKernel model_;
  sys::FaultyHost faulty_;
  std::unique_ptr<sys::Dir> above_;
  std::unique_ptr<sys::Dir> root_;

 private:
  static void AddNames(sys::Dir& dir, const std::string& path, std::vector<std::string>& names) {
    const std::vector<sys::DirEntry> entries = *dir.List(path.empty() ? "." : path);
    for (const sys::DirEntry& entry : entries) {
      const std::string name = path.empty() ? entry.name : absl::StrCat(path, "/", entry.name);
      names.push_back(name);
      if (entry.type == sys::FileType::kDirectory) AddNames(dir, name, names);
    }
  }
  static std::vector<std::string> Lines(sys::Dir& dir, const std::string& path) {
    std::vector<std::string> names = {path};
    AddNames(dir, path, names);
    for (std::string& name : names) {
      const sys::FileStat stat = *dir.StatLink(name);
      absl::StrAppend(&name, " ", stat.mode, " ", stat.uid, " ", stat.links, " ", stat.size_bytes,
                      " ", absl::ToUnixNanos(stat.modified));
    }
    return names;
  }

  std::vector<std::string> outside_before_;
};

inline std::string WhereName(const testing::TestParamInfo<Where>& info) {
  if (info.param == Where::kOpenat2) return "Openat2";
  return info.param == Where::kWalk ? "Walk" : "Model";
}

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_ARCHIVE_APPLY_FIXTURE_H_
