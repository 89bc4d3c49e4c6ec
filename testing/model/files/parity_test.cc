// SPDX-License-Identifier: Apache-2.0
// The same calls on this machine's Linux and on the model, each in a directory of its own: every
// result, errno and byte must be the same. What two filesystems may do differently (sizes of
// directories, space) is not looked at.

#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/linux_host.h"
#include "sys/linux_temp_dir.h"
#include "sys/status.h"
#include "testing/model/core.h"
#include "testing/model/files/vfs.h"
#include "testing/model/profile.h"

namespace dmkit::model {
namespace {

using sys::Access;
using sys::FileType;
using sys::LockMode;
using sys::OpenOptions;

std::string Show(const absl::Status& status) {
  return status.ok() ? "ok" : sys::ErrnoName(sys::GetErrno(status));
}

OpenOptions Options(absl::string_view words) {
  OpenOptions options;
  for (const char word : words) {
    if (word == 'w') options.access = Access::kReadWrite;
    if (word == 'c') options.create = true;
    if (word == 'x') options.exclusive = true;
    if (word == 'n') options.no_follow = true;
    if (word == 'b') options.nonblock = true;
  }
  options.mode = 0644;
  return options;
}

// One side: makes calls relative to a directory and writes down what came of them.
class Side {
 public:
  Side(sys::Dir& root, std::string base) : root_(root), base_(std::move(base)) {
    dir_ = *root_.OpenDir(base_);
  }

  void Note(absl::string_view call, absl::string_view result) {
    log_.push_back(absl::StrCat(call, " -> ", absl::StrReplaceAll(result, {{base_, "<base>"}})));
  }
  sys::Dir& dir() { return *dir_; }
  sys::Dir& root() { return root_; }
  const std::string& base() const { return base_; }
  const std::vector<std::string>& log() const { return log_; }

  void MakeDir(absl::string_view path, uint32_t mode = 0755) {
    Note(absl::StrCat("mkdir ", path), Show(dir_->MakeDir(path, mode)));
  }
  void RemoveDir(absl::string_view path) {
    Note(absl::StrCat("rmdir ", path), Show(dir_->RemoveDir(path)));
  }
  void Unlink(absl::string_view path) {
    Note(absl::StrCat("unlink ", path), Show(dir_->Unlink(path)));
  }
  void Link(absl::string_view target, absl::string_view path) {
    Note(absl::StrCat("symlink ", path), Show(dir_->MakeSymlink(target, path)));
  }
  void Rename(absl::string_view from, absl::string_view to) {
    Note(absl::StrCat("rename ", from, " ", to), Show(dir_->Rename(from, to)));
  }
  std::unique_ptr<sys::File> Open(absl::string_view path, absl::string_view words) {
    auto file = dir_->OpenFile(path, Options(words));
    Note(absl::StrCat("open ", path, " ", words), Show(file.status()));
    return file.ok() ? *std::move(file) : nullptr;
  }
  void OpenDir(absl::string_view path) {
    Note(absl::StrCat("opendir ", path), Show(dir_->OpenDir(path).status()));
  }
  void Put(absl::string_view path, absl::string_view text) {
    const auto file = Open(path, "wc");
    if (file != nullptr) Note("write", Show(file->WriteAt(0, text)));
  }
  void Read(absl::string_view path) {
    const auto file = Open(path, "");
    if (file == nullptr) return;
    std::string buffer(64, '?');
    const auto got = file->ReadAt(0, absl::MakeSpan(&buffer[0], buffer.size()));
    Note("read", got.ok() ? buffer.substr(0, *got) : Show(got.status()));
  }
  void List(absl::string_view path) {
    const auto entries = dir_->List(path);
    std::string text = Show(entries.status());
    if (entries.ok()) {
      for (const sys::DirEntry& entry : *entries) {
        absl::StrAppend(&text, " ", entry.name, ":", static_cast<int>(entry.type));
      }
    }
    Note(absl::StrCat("list ", path), text);
  }
  void Stat(absl::string_view path, bool follow = true) {
    const auto stat = follow ? dir_->Stat(path) : dir_->StatLink(path);
    Note(absl::StrCat(follow ? "stat " : "lstat ", path),
         stat.ok() ? ShowStat(*stat) : Show(stat.status()));
  }
  static std::string ShowStat(const sys::FileStat& stat) {
    const bool is_directory = stat.type == FileType::kDirectory;
    return absl::StrCat("type ", static_cast<int>(stat.type), " mode ", stat.mode, " uid ",
                        stat.uid, " links ", is_directory ? 0 : stat.links, " size ",
                        is_directory ? 0 : stat.size_bytes, " rdev ",
                        sys::FormatDeviceNumber(stat.rdevice));
  }
  void ReadLink(absl::string_view path) {
    const auto target = dir_->ReadLink(path);
    Note(absl::StrCat("readlink ", path), target.ok() ? *target : Show(target.status()));
  }

 private:
  sys::Dir& root_;
  const std::string base_;
  std::unique_ptr<sys::Dir> dir_;
  std::vector<std::string> log_;
};

class ParityTest : public ::testing::Test {
 protected:
  // What the umask takes away is the same on both sides.
  ParityTest() { umask(022); }

  void Compare(const std::function<void(Side&)>& scenario) {
    const sys::TempDir temp;
    const sys::LinuxHost linux_host;
    Side linux_side(*linux_host.host().root, temp.path());
    scenario(linux_side);

    Core core(Linux612(), 1);
    Vfs vfs(core, Vfs::Options());
    vfs.AddProcess(1, 0);
    ASSERT_TRUE(vfs.RootOf(1).MakeDir("/mnt/base", 0700).ok());
    ASSERT_TRUE(vfs.RootOf(1).SetOwner("/mnt/base", geteuid(), getegid()).ok());
    vfs.EndProcess(1);
    vfs.AddProcess(1, geteuid());
    {
      Side model_side(vfs.RootOf(1), "/mnt/base");
      scenario(model_side);
      ASSERT_EQ(linux_side.log().size(), model_side.log().size());
      for (size_t i = 0; i < linux_side.log().size(); ++i) {
        EXPECT_EQ(linux_side.log()[i], model_side.log()[i]) << "line " << i;
      }
    }
    EXPECT_THAT(vfs.OpenHandles(), ::testing::IsEmpty());
  }
};

TEST_F(ParityTest, FilesAreMadeWrittenAndRead) {
  Compare([](Side& side) {
    side.Read("a");
    side.Put("a", "one");
    side.Put("a", "T");
    side.Read("a");
    side.Stat("a");
    side.Open("a", "cx");
    side.Open("b", "cxw");
    side.Open("b", "cw");
    side.Open("c", "c");
    side.List(".");
    side.List("a");
    side.List("");
    side.Unlink("b");
    side.Unlink("b");
    side.List(".");
  });
}

TEST_F(ParityTest, OffsetsAndSizes) {
  Compare([](Side& side) {
    const auto file = side.Open("a", "wc");
    const auto note = [&](absl::string_view call, const absl::Status& status) {
      side.Note(call, Show(status));
      side.Note("stat", Side::ShowStat(*file->Stat()));
    };
    const auto read = [&](uint64_t offset, size_t size) {
      std::string buffer(size, '?');
      const auto got = file->ReadAt(offset, absl::MakeSpan(&buffer[0], size));
      side.Note(absl::StrCat("read ", offset, " ", size),
                got.ok() ? absl::StrCat(*got, buffer) : Show(got.status()));
    };
    note("write", file->WriteAt(10, "abc"));
    read(0, 20);
    read(11, 1);
    read(13, 4);
    read(5000, 4);
    note("truncate", file->Truncate(11));
    note("truncate", file->Truncate(20));
    read(0, 30);
    note("empty write", file->WriteAt(100, ""));
    note("write far", file->WriteAt(uint64_t{1} << 63, "x"));
    note("write at the end of all", file->WriteAt((uint64_t{1} << 63) - 1, "x"));
    note("truncate far", file->Truncate(uint64_t{1} << 63));
    read(uint64_t{1} << 63, 1);
    read((uint64_t{1} << 63) - 1, 1);
    note("truncate", file->Truncate(0));
    note("sync", file->Sync());
    const auto reader = side.Open("a", "");
    note("write to a reader", reader->WriteAt(0, "x"));
    note("truncate a reader", reader->Truncate(0));
    note("sync a reader", reader->Sync());
    char argument[8] = {};
    note("ioctl", file->Ioctl(0x1268, absl::MakeSpan(argument)).status());
    note("short ioctl", file->Ioctl(0x80081272, absl::MakeSpan(argument, 4)).status());
    note("size ioctl", file->Ioctl(0x80081272, absl::MakeSpan(argument)).status());
    note("ioctl value", file->IoctlValue(0x4C82, 0).status());
    side.Note("poll", absl::StrCat(*file->WaitReadable(absl::InfinitePast())));
  });
}

TEST_F(ParityTest, DirectoriesComeAndGo) {
  Compare([](Side& side) {
    side.MakeDir("d");
    side.MakeDir("d");
    side.MakeDir("d/");
    side.MakeDir("e/");
    side.MakeDir("x/y");
    side.MakeDir(".");
    side.MakeDir("..");
    side.MakeDir("/");
    side.MakeDir("");
    side.MakeDir("d/.");
    side.MakeDir("d/sticky", 01777);
    side.MakeDir("d/setgid", 02777);
    side.Stat("d/sticky");
    side.Stat("d/setgid");
    side.Stat("d/");
    side.Put("f", "");
    side.MakeDir("f");
    side.MakeDir("f/");
    side.MakeDir("f/x");
    side.RemoveDir("d");
    side.RemoveDir("f");
    side.RemoveDir("f/");
    side.RemoveDir("no");
    side.RemoveDir(".");
    side.RemoveDir("d/.");
    side.RemoveDir("d/..");
    side.RemoveDir("..");
    side.RemoveDir("/");
    side.RemoveDir("");
    side.RemoveDir("e/");
    side.Unlink("d");
    side.Unlink("d/");
    side.Unlink(".");
    side.Unlink("/");
    side.Unlink("");
    side.Unlink("f/");
    side.Unlink("f/x");
    side.List(".");
    side.OpenDir("d");
    side.OpenDir("d/");
    side.OpenDir("f");
    side.OpenDir("no");
    side.OpenDir("");
  });
}

TEST_F(ParityTest, OpenOfDirectories) {
  Compare([](Side& side) {
    side.MakeDir("d");
    side.Put("f", "x");
    for (const char* const words : {"", "w", "c", "cw", "cx", "cxw", "x", "n"}) {
      for (const char* const path : {"d", "d/", "f/", ".", "..", "/", "", "no/", "no/x", "f/x",
                                     "d/.", "d/./", "./f", "d/../f", "f/.", "f/.."}) {
        side.Open(path, words);
      }
    }
    const auto directory = side.Open("d", "");
    char byte = 0;
    side.Note("read", Show(directory->ReadAt(0, absl::MakeSpan(&byte, 1)).status()));
    side.Note("write", Show(directory->WriteAt(0, "x")));
    side.Note("truncate", Show(directory->Truncate(0)));
    side.Note("sync", Show(directory->Sync()));
    side.Note("sync", Show(side.dir().Sync()));
  });
}

TEST_F(ParityTest, SymbolicLinks) {
  Compare([](Side& side) {
    side.MakeDir("d");
    side.Put("d/f", "text");
    side.Link("d/f", "to_file");
    side.Link("d", "to_dir");
    side.Link("nowhere", "dangling");
    side.Link("missing/x", "lost");
    side.Link("loop", "loop");
    side.Link("b", "a");
    side.Link("a", "b");
    side.Link("/dev/null", "absolute");
    side.Link("..", "d/up");
    side.Link("", "empty");
    side.Link("x", "");
    side.Link("x", "d");
    side.Link("x", "new/");
    side.Link("x", "d/");
    side.Link("d/", "slash");
    side.Link("d/f/", "file_slash");
    side.Link(std::string(4095, 'x'), "long");
    side.Link(std::string(4096, 'x'), "longer");
    for (const char* const path :
         {"to_file",  "to_dir", "to_dir/", "to_dir/f",   "dangling", "dangling/",
          "lost",     "loop",   "loop/x",  "a",          "absolute", "d/up",
          "d/up/d/f", "slash",  "slash/f", "file_slash", "to_file/", "to_file/x",
          "long",     "d",      "d/f",     "no"}) {
      side.Stat(path);
      side.Stat(path, false);
      side.ReadLink(path);
      side.Read(path);
      for (const char* const words : {"n", "cx", "cn", "cw"}) side.Open(path, words);
      side.List(path);
    }
    side.List(".");
    side.List("d");
    side.Unlink("to_dir/");
    side.RemoveDir("to_dir");
    side.RemoveDir("to_dir/");
    side.Unlink("to_dir");
    side.MakeDir("dangling");
    side.Rename("to_file", "moved");
    side.ReadLink("moved");
    side.ReadLink("");
    side.Note("chmod", Show(side.dir().SetMode("moved", 0600)));
    side.Stat("d/f");
    side.Note("chmod", Show(side.dir().SetMode("dangling_not", 0600)));
    side.Note("chmod", Show(side.dir().SetMode("loop", 0600)));
  });
}

TEST_F(ParityTest, FortyLinksAreFollowed) {
  Compare([](Side& side) {
    side.Put("link0", "end");
    for (int i = 1; i <= 42; ++i) {
      side.Link(absl::StrCat("link", i - 1), absl::StrCat("link", i));
    }
    for (const int i : {39, 40, 41, 42}) side.Read(absl::StrCat("link", i));
  });
}

TEST_F(ParityTest, LongNames) {
  Compare([](Side& side) {
    const std::string most(255, 'n');
    const std::string more(256, 'n');
    side.Put(most, "x");
    side.Put(more, "x");
    side.MakeDir(more);
    side.Stat(more);
    side.Unlink(more);
    side.Rename(most, more);
    side.Rename(more, most);
    side.Stat(more + "/x");
    side.Stat(most + "/x");
    std::string path = "./";
    while (path.size() < 4094) path += "/";
    side.Stat(path + ".");
    side.Stat(path + "..");
    side.Stat(path + "x");
    side.Stat(absl::string_view("a\0b", 3));
    side.Open(absl::string_view("a\0b", 3), "cw");
    side.Link(absl::string_view("a\0b", 3), "x");
    side.Rename("x", absl::string_view("a\0b", 3));
  });
}

TEST_F(ParityTest, Renames) {
  Compare([](Side& side) {
    for (const char* const dir : {"d", "e", "full", "d/sub", "full/in"}) side.MakeDir(dir);
    side.Put("f", "f");
    side.Put("g", "g");
    side.Link("f", "link");
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"f", "f"},        {"f", "d"},      {"d", "f"},          {"d", "d/sub/x"},
             {"d", "d/sub"},    {"d/sub", "d"},  {"d", "d"},          {"e", "full"},
             {"no", "x"},       {"no", "f"},     {"f", "no/x"},       {"f/", "x"},
             {"f", "x/"},       {"d/", "d2/"},   {"d2", "d"},         {".", "x"},
             {"f", "."},        {"..", "x"},     {"d/..", "x"},       {"", "x"},
             {"f", ""},         {"f", "f/x"},    {"f", "g"},          {"f", "g"},
             {"g", "h"},        {"link", "h"},   {"h", "link"},       {"full", "e"},
             {"e/in", "d/sub"}, {"d", "e/deep"}, {"e/deep/sub", "s"}, {"s", "e/deep/no/x"},
             {"link", "s/"},    {"s/", "link"},
         }) {
      side.Rename(from, to);
      side.List(".");
    }
    side.List("e");
    side.List("e/deep");
    side.ReadLink("link");
  });
}

TEST_F(ParityTest, RemovedFilesAndDirectoriesLiveWhileTheyAreOpen) {
  Compare([](Side& side) {
    side.MakeDir("d");
    side.Put("f", "text");
    const auto file = side.Open("f", "w");
    const auto directory = side.dir().OpenDir("d");
    side.Unlink("f");
    side.RemoveDir("d");
    side.Note("write", Show(file->WriteAt(4, "more")));
    side.Note("stat", Side::ShowStat(*file->Stat()));
    side.Note("open", Show((*directory)->OpenFile("x", Options("cw")).status()));
    side.Note("mkdir", Show((*directory)->MakeDir("x", 0755)));
    side.Note("stat", Show((*directory)->Stat("x").status()));
    side.Note("stat .", Show((*directory)->Stat(".").status()));
    side.Note("stat ..", Show((*directory)->Stat("../no").status()));
    side.Note("list", Show((*directory)->List(".").status()));
    side.Note("rename", Show((*directory)->Rename("../no", "x")));
    side.Put("g", "g");
    side.Note("rename", Show((*directory)->Rename(side.base() + "/g", "x")));
    side.Note("absolute", Show((*directory)->Stat(side.base() + "/g").status()));
    side.Note("sync", Show((*directory)->Sync()));
    side.Put("f", "new");
    side.Read("f");
  });
}

TEST_F(ParityTest, ModesOwnersAndNodes) {
  Compare([](Side& side) {
    side.Put("f", "x");
    side.MakeDir("d");
    const auto chmod = [&](const char* path, uint32_t mode) {
      side.Note(absl::StrCat("chmod ", path), Show(side.dir().SetMode(path, mode)));
      side.Stat(path);
    };
    for (const uint32_t mode : {0u, 0777u, 04755u, 06777u, 01777u, 0644u}) {
      chmod("f", mode);
      chmod("d", mode);
    }
    chmod("d", 0755);
    chmod("no", 0644);
    chmod("f/x", 0644);
    chmod("f/", 0644);
    chmod("f", 06755);
    side.Note("chown", Show(side.dir().SetOwner("f", geteuid(), getegid())));
    side.Stat("f");
    side.Note("chown", Show(side.dir().SetOwner("f", 0xffffffff, 0xffffffff)));
    side.Note("chown", Show(side.dir().SetOwner("no", 0, 0)));
    const auto node = [&](const char* path, FileType type, uint32_t mode) {
      side.Note(absl::StrCat("mknod ", path),
                Show(side.dir().MakeNode(path, type, sys::DeviceNumber(), mode)));
      side.Stat(path, false);
    };
    node("fifo", FileType::kFifo, 0666);
    node("socket", FileType::kSocket, 0666);
    node("plain", FileType::kRegular, 0666);
    node("link", FileType::kSymlink, 0666);
    node("dir", FileType::kDirectory, 0666);
    node("fifo", FileType::kFifo, 0666);
    node("no/fifo", FileType::kFifo, 0666);
    node("new/", FileType::kFifo, 0666);
    node("d/", FileType::kFifo, 0666);
    node(".", FileType::kFifo, 0666);
    node("", FileType::kFifo, 0666);
    side.Open("socket", "");
    const auto fifo = side.Open("fifo", "wb");
    side.Note("poll", absl::StrCat(*fifo->WaitReadable(absl::InfinitePast())));
    side.Note("write at", Show(fifo->WriteAt(0, "x")));
    side.Note("sync", Show(fifo->Sync()));
    side.Note("truncate", Show(fifo->Truncate(0)));
    side.List(".");
  });
}

TEST_F(ParityTest, Locks) {
  Compare([](Side& side) {
    side.Put("f", "x");
    const auto a = side.Open("f", "w");
    const auto b = side.Open("f", "");
    auto c = side.Open("f", "");
    const auto lock = [&](const char* who, sys::File& file, LockMode mode) {
      side.Note(who, absl::StrCat(*file.TryLock(mode)));
    };
    lock("a shared", *a, LockMode::kShared);
    lock("a shared", *a, LockMode::kShared);
    lock("b shared", *b, LockMode::kShared);
    lock("a exclusive", *a, LockMode::kExclusive);
    // a has lost its shared lock by that.
    lock("b exclusive", *b, LockMode::kExclusive);
    lock("b exclusive", *b, LockMode::kExclusive);
    lock("a shared", *a, LockMode::kShared);
    lock("b shared", *b, LockMode::kShared);
    lock("a shared", *a, LockMode::kShared);
    side.Note("unlock", Show(a->Unlock()));
    side.Note("unlock", Show(b->Unlock()));
    side.Note("unlock", Show(b->Unlock()));
    lock("c exclusive", *c, LockMode::kExclusive);
    lock("a exclusive", *a, LockMode::kExclusive);
    side.Unlink("f");
    side.Put("f", "another");
    const auto d = side.Open("f", "");
    lock("d exclusive", *d, LockMode::kExclusive);
    c.reset();
    lock("a exclusive", *a, LockMode::kExclusive);
    const auto directory = side.Open(".", "");
    lock("directory", *directory, LockMode::kExclusive);
  });
}

TEST_F(ParityTest, DevicesOfMemory) {
  Compare([](Side& side) {
    for (const char* const path : {"/dev/null", "/dev/zero"}) {
      const auto file = side.Open(path, "w");
      char bytes[4] = {'a', 'b', 'c', 'd'};
      const auto got = file->ReadAt(10, absl::MakeSpan(bytes));
      side.Note("read", absl::StrCat(*got, " ", static_cast<int>(bytes[0])));
      side.Note("write", Show(file->WriteAt(1, "text")));
      side.Note("sync", Show(file->Sync()));
      side.Note("truncate", Show(file->Truncate(0)));
      side.Note("type", absl::StrCat(static_cast<int>(file->Stat()->type), " ",
                                     sys::FormatDeviceNumber(file->Stat()->rdevice)));
      side.Note("ioctl", Show(file->IoctlValue(0x1234, 0).status()));
      side.OpenDir(path);
      side.Stat(absl::StrCat(path, "/x"));
    }
  });
}

TEST_F(ParityTest, ProcSaysWhatADescriptorLeadsTo) {
  Compare([](Side& side) {
    side.Put("f", "x");
    const auto file = side.Open("f", "");
    const std::string link = absl::StrCat("/proc/self/fd/", file->descriptor());
    const auto show = [&] { side.Note("fd", *side.root().ReadLink(link)); };
    show();
    side.Rename("f", "g");
    show();
    side.MakeDir("d");
    side.Rename("g", "d/h");
    show();
    side.Rename("d", "e");
    show();
    side.Unlink("e/h");
    show();
    side.RemoveDir("e");
    show();
    side.Note("no fd", Show(side.root().ReadLink("/proc/self/fd/999").status()));
    side.Note("no fd", Show(side.root().ReadLink("/proc/self/fd/x").status()));
    side.Note("no file", Show(side.root().Stat("/proc/no").status()));
    side.Note("mkdir", Show(side.root().MakeDir("/proc/no", 0755)));
    side.Note("open", Show(side.root().OpenFile("/proc/no", Options("cw")).status()));
    side.Note("directory", Show(side.root().OpenFile("/proc/self/fd", Options("w")).status()));
    side.Note("mounts", *side.root().ReadLink("/proc/mounts"));
  });
}

}  // namespace
}  // namespace dmkit::model
