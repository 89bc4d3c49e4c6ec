// SPDX-License-Identifier: Apache-2.0
// Fuzzes apply, on a tree of the model: the first byte of the input says how, the rest is the
// archive. Whatever it is, nothing outside of the tree changes.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "driver/archive/apply.h"
#include "driver/archive/options.h"
#include "driver/archive/rooted_tree.h"
#include "driver/archive/testdata/tar_builder.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "sys/status.h"
#include "sys/string_stream.h"
#include "testing/model/model_kernel.h"
#include "testing/model/profile.h"

namespace dmkit::driver {
namespace {

// A model is too slow to be made for each input: its tree is emptied instead, and synced, since the
// model remembers every change until then.
class World {
 public:
  World() : kernel_(model::Linux612(), 1), faulty_(kernel_.host()) {
    sys::Dir& slash = *faulty_.host().root;
    DMKIT_CHECK(slash.MakeDir("/fuzz", 0755).ok());
    above_ = *slash.OpenDir("/fuzz");
    DMKIT_CHECK(above_->MakeDir("canary", 0711).ok());
  }

  void Run(const std::string& archive, bool with_openat2) {
    DMKIT_CHECK(above_->MakeDir("tree", 0755).ok());
    faulty_.SetPlan([with_openat2](const sys::SeamCall& call) {
      return call.method == "OpenDirInRoot" && !with_openat2 ? ENOSYS : 0;
    });
    const std::unique_ptr<sys::Dir> tree = *above_->OpenDir("tree");
    // What an archive may meet.
    DMKIT_CHECK(tree->MakeDir("d", 0755).ok());
    DMKIT_CHECK(tree->MakeSymlink("../../canary", "d/out").ok());
    DMKIT_CHECK(tree->MakeSymlink("/fuzz/canary", "out").ok());
    DMKIT_CHECK(tree->MakeSymlink("loop", "loop").ok());
    const sys::FileStat before = *above_->StatLink("canary");

    sys::StringSource in(archive);
    const absl::StatusOr<ApplyResult> result = ApplyArchive(*tree, in, ArchiveOptions{});
    if (!result.ok()) CheckError(result.status());

    const sys::FileStat after = *above_->StatLink("canary");
    DMKIT_CHECK(after.inode == before.inode && after.changed == before.changed);
    DMKIT_CHECK(above_->List("canary")->empty());
    DMKIT_CHECK(above_->List(".")->size() == 2);
    DMKIT_CHECK(sys::GetErrno(tree->StatLink(".wh..wh.dmkit").status()) == ENOENT);
    DMKIT_CHECK(RootedTree(*above_).Remove(*above_, "tree").ok());
    DMKIT_CHECK(above_->Sync().ok());
  }

 private:
  static void CheckError(const absl::Status& status) {
    if (sys::GetErrno(status) != 0) return;
    DMKIT_CHECK(status.code() == absl::StatusCode::kDataLoss ||
                status.code() == absl::StatusCode::kInvalidArgument);
    for (const char c : status.message()) {
      DMKIT_CHECK(absl::ascii_isprint(static_cast<unsigned char>(c)));
    }
  }

  model::ModelKernel kernel_;
  sys::FaultyHost faulty_;
  std::unique_ptr<sys::Dir> above_;
};

// No fuzzer finds a checksum.
void FixChecksums(std::string& archive) {
  constexpr size_t kBlock = 512;
  constexpr size_t kMagic = 257;
  for (size_t at = 0; at + kBlock <= archive.size(); at += kBlock) {
    if (absl::string_view(archive).substr(at + kMagic, 5) == "ustar") FixChecksum(archive, at);
  }
}

}  // namespace
}  // namespace dmkit::driver

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static auto& world = *new dmkit::driver::World;
  if (size == 0) return 0;
  std::string archive(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1) != 0) dmkit::driver::FixChecksums(archive);
  world.Run(archive, (data[0] & 2) != 0);
  return 0;
}
