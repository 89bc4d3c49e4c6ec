// SPDX-License-Identifier: Apache-2.0
// Reading and writing below a mount point.

#include "testing/fuzz/history/layer_files.h"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sys/durable.h"
#include "sys/host.h"
#include "sys/status.h"

namespace dmkit::history {
namespace {

constexpr size_t kFileBytesMax = 1 << 20;

bool HasLostAndFound(const std::vector<sys::DirEntry>& entries) {
  return std::any_of(entries.begin(), entries.end(),
                     [](const sys::DirEntry& entry) { return entry.name == "lost+found"; });
}

std::unique_ptr<sys::Dir> OpenLayer(World& world, int user, const std::string& path) {
  auto dir = world.host(user).root->OpenDir(path);
  world.ExpectOk(dir.status(), "a mounted layer can be opened");
  return *std::move(dir);
}

}  // namespace

Contents ReadLayer(World& world, int user, const std::string& path) {
  const std::unique_ptr<sys::Dir> dir = OpenLayer(world, user, path);
  Contents found;
  for (size_t i = 0; i < kFiles; ++i) {
    auto contents = sys::ReadFile(*dir, absl::StrCat("f", i), kFileBytesMax);
    world.Expect(contents.ok() || sys::GetErrno(contents.status()) == ENOENT, "a file is read");
    if (contents.ok()) found[i] = *std::move(contents);
  }
  const auto entries = dir->List(".");
  world.ExpectOk(entries.status(), "a listing");
  const auto files = found.size() - static_cast<size_t>(std::count(found.begin(), found.end(), ""));
  world.Expect(entries->size() == files + (HasLostAndFound(*entries) ? 1 : 0),
               "a layer has a file of somebody else");
  return found;
}

void WriteFile(World& world, int user, const std::string& path, size_t file,
               absl::string_view text) {
  const std::unique_ptr<sys::Dir> dir = OpenLayer(world, user, path);
  world.ExpectOk(sys::ReplaceFileDurably(*dir, absl::StrCat("f", file), text), "a write");
}

std::string Words(const Contents& contents) {
  std::string words;
  for (const std::string& text : contents) absl::StrAppend(&words, "'", text.substr(0, 8), "' ");
  return words;
}

}  // namespace dmkit::history
