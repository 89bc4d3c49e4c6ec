// SPDX-License-Identifier: Apache-2.0
// A store that Docker itself made: what we find in it is what Docker's driver said of it.

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "driver/archive/changes.h"
#include "driver/archive/export.h"
#include "driver/archive/options.h"
#include "driver/archive/test_archive.h"
#include "driver/docker/import_vm_fixture.h"
#include "sys/crc32c.h"
#include "sys/durable.h"
#include "sys/status_matchers.h"
#include "sys/string_stream.h"

namespace dmkit::driver {
namespace {

using sys::IsOk;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Where the guest has testdata/docker-store.tar.xz.
constexpr char kFixture[] = "/docker-store.tar.xz";
constexpr size_t kArchiveBytesMax = size_t{1} << 20;

std::string Id(absl::string_view tail) { return absl::StrCat(std::string(60, '0'), tail); }

// How an entry looks without what differs between two tars of the same tree: the order of entries,
// parts of seconds, and which of a file's names has the contents.
std::string Describe(const TestArchive& archive, const TestEntry& entry) {
  const TestEntry* file = entry.hard_link.empty() ? &entry : archive.Find(entry.hard_link);
  if (file == nullptr) return "a link to nothing";
  if (absl::StrContains(entry.name, ".wh.")) return "whiteout";
  std::string xattrs;
  for (const auto& [name, value] : file->xattrs) absl::StrAppend(&xattrs, name, "=", value, " ");
  return absl::StrCat(file->type, " ", file->mode, " ", file->uid, ":", file->gid, " ", file->mtime,
                      " ", file->size, " ", file->major, ":", file->minor, " ", file->symlink, " ",
                      xattrs, sys::Crc32c(file->data));
}

std::map<std::string, std::string> Describe(const TestArchive& archive) {
  std::map<std::string, std::string> all;
  for (const TestEntry& entry : archive.entries) all[entry.name] = Describe(archive, entry);
  return all;
}

// The names of each file that has several.
std::set<std::set<std::string>> LinkGroups(const TestArchive& archive) {
  std::map<std::string, std::set<std::string>> groups;
  for (const TestEntry& entry : archive.entries) {
    if (entry.hard_link.empty()) continue;
    groups[entry.hard_link].insert(entry.hard_link);
    groups[entry.hard_link].insert(entry.name);
  }
  std::set<std::set<std::string>> result;
  for (const auto& [first, names] : groups) result.insert(names);
  return result;
}

class DockerStoreTest : public ImportVmTest {
 protected:
  void SetUp() override {
    Unpack();
    options_.docker_root = dir() + "/s11/devicemapper";
    options_.root = dir() + "/imported";
  }

  // Sparse files stay sparse.
  void Unpack() {
    const std::unique_ptr<struct archive, int (*)(struct archive*)> in(archive_read_new(),
                                                                       &archive_read_free);
    ASSERT_EQ(archive_read_support_format_tar(in.get()), ARCHIVE_OK);
    ASSERT_EQ(archive_read_support_filter_xz(in.get()), ARCHIVE_OK);
    ASSERT_EQ(archive_read_open_filename(in.get(), kFixture, 1 << 16), ARCHIVE_OK)
        << archive_error_string(in.get());
    struct archive_entry* entry = nullptr;
    while (archive_read_next_header(in.get(), &entry) == ARCHIVE_OK) {
      const std::string path = absl::StrCat(dir(), "/", archive_entry_pathname(entry));
      if (archive_entry_filetype(entry) == AE_IFDIR) {
        ASSERT_THAT(sys::MakeDirs(*host().root, path, 0700), IsOk());
      } else {
        UnpackFile(in.get(), entry, path);
      }
    }
  }

  void UnpackFile(struct archive* in, struct archive_entry* entry, const std::string& path) {
    ASSERT_THAT(sys::MakeDirs(*host().root, path.substr(0, path.rfind('/')), 0700), IsOk());
    sys::OpenOptions create;
    create.access = sys::Access::kReadWrite;
    create.create = true;
    const auto file = host().root->OpenFile(path, create);
    ASSERT_THAT(file, IsOk());
    ASSERT_THAT((*file)->Truncate(static_cast<uint64_t>(archive_entry_size(entry))), IsOk());
    const void* data = nullptr;
    size_t size = 0;
    la_int64_t offset = 0;
    while (archive_read_data_block(in, &data, &size, &offset) == ARCHIVE_OK) {
      if (size == 0) continue;
      ASSERT_THAT((*file)->WriteAt(static_cast<uint64_t>(offset),
                                   absl::string_view(static_cast<const char*>(data), size)),
                  IsOk());
    }
  }

  std::string Expected(const std::string& name) {
    const auto text =
        sys::ReadFile(*host().root, absl::StrCat(dir(), "/s11/expected/", name), kArchiveBytesMax);
    EXPECT_THAT(text, IsOk());
    return text.ok() ? *text : "";
  }

  std::unique_ptr<sys::Dir> OpenLayer(Driver& driver, const std::string& id) {
    auto opened = host().root->OpenDir(MustGet(driver, id));
    EXPECT_THAT(opened, IsOk());
    return *std::move(opened);
  }

  // Compares with what Docker said of `newer` against `older`, empty for no parent.
  void Compare(Driver& driver, const std::string& newer, const std::string& older,
               const std::string& name) {
    SCOPED_TRACE(name);
    {
      const std::unique_ptr<sys::Dir> layer = OpenLayer(driver, newer);
      const std::unique_ptr<sys::Dir> parent = older.empty() ? nullptr : OpenLayer(driver, older);
      CompareChanges(*layer, parent.get(), name);
      CompareDiff(*layer, parent.get(), name);
    }
    EXPECT_THAT(driver.Put(newer, false), IsOk());
    if (older.empty()) return;
    EXPECT_THAT(driver.Put(older, false), IsOk());
  }

  void CompareChanges(sys::Dir& layer, sys::Dir* parent, const std::string& name) {
    std::set<std::string> found;
    EXPECT_THAT(
        WalkChanges(layer, parent,
                    [&](const Change& change, sys::Dir&, const std::string&, const sys::FileStat*) {
                      found.insert(absl::StrCat(std::string(1, ChangeLetter(change.kind)), " ",
                                                change.path));
                      return absl::OkStatus();
                    }),
        IsOk());
    const std::string text = Expected(absl::StrCat("changes-", name, ".txt"));
    const std::set<std::string> expected = absl::StrSplit(text, '\n', absl::SkipEmpty());
    EXPECT_EQ(found, expected);
  }

  void CompareDiff(sys::Dir& layer, sys::Dir* parent, const std::string& name) {
    sys::StringSink out;
    ASSERT_THAT(ExportChanges(layer, parent, ArchiveOptions(), out), IsOk());
    const TestArchive found = ReadTestArchive(out.data());
    const TestArchive expected = ReadTestArchive(Expected(absl::StrCat("diff-", name, ".tar")));
    EXPECT_EQ(found.error, "");
    EXPECT_FALSE(expected.entries.empty());
    EXPECT_EQ(Describe(found), Describe(expected));
    EXPECT_EQ(LinkGroups(found), LinkGroups(expected));
  }

  ImportOptions options_;
};

TEST_F(DockerStoreTest, LayersAreWhatDockerSaidOfThem) {
  const auto before = Fingerprint(options_.docker_root);
  const report::ImportReport report = Import(options_);
  EXPECT_THAT(Ids(report), ElementsAre(Id("2af9"), Id("2afa"), Id("2afb"), Id("2afc"),
                                       Id("2afc") + "-init", Id("2afd")));
  EXPECT_THAT(Problems(report), IsEmpty());
  Driver& driver = Open(options_.root);
  Compare(driver, Id("2af9"), "", "1-none");
  Compare(driver, Id("2afa"), Id("2af9"), "2-1");
  Compare(driver, Id("2afb"), Id("2afa"), "3-2");
  Compare(driver, Id("2afc"), Id("2afc") + "-init", "4-init");
  EXPECT_THAT(driver.Get(Id("2afd")), IsOk());
  const auto large = driver.Inspect(Id("2afd"));
  ASSERT_THAT(large, IsOk());
  EXPECT_EQ(large->size_bytes(), 314572800u);
  Close();
  EXPECT_EQ(Fingerprint(options_.docker_root), before);
}

TEST_F(DockerStoreTest, TheStatusHasDockersFigures) {
  Import(options_);
  const auto status = Open(options_.root).Status();
  ASSERT_THAT(status, IsOk());
  std::vector<std::string> rows;
  for (const report::StatusRow& row : status->rows()) {
    rows.push_back(absl::StrCat(row.name(), ": ", row.value()));
  }
  for (const absl::string_view line : absl::StrSplit(Expected("status.txt"), '\n')) {
    for (const absl::string_view same :
         {"Pool Blocksize:", "Base Device Size:", "Backing Filesystem:", "Data Space Used:",
          "Data Space Total:", "Metadata Space Used:", "Metadata Space Total:",
          "Metadata Space Available:"}) {
      if (!absl::StartsWith(line, same)) continue;
      EXPECT_THAT(rows, Contains(std::string(line)));
    }
  }
}

TEST_F(DockerStoreTest, AnAdoptedStoreGoesOn) {
  options_.adopt = true;
  options_.root = "";
  Import(options_);
  const std::string root = options_.docker_root;
  {
    Driver& driver = Open(root);
    ASSERT_THAT(driver.Create("child", {Id("2afb")}), IsOk());
    Write(MustGet(driver, "child") + "/new", "of the child");
    EXPECT_THAT(driver.Remove(Id("2afd")), IsOk());
  }
  Close();
  Driver& driver = Open(root);
  EXPECT_EQ(Read(MustGet(driver, "child"), "new"), "of the child");
  const auto check = driver.PoolCheck();
  ASSERT_THAT(check, IsOk());
  EXPECT_TRUE(check->clean()) << check->DebugString();
}

}  // namespace
}  // namespace dmkit::driver
