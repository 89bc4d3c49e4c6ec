// SPDX-License-Identifier: Apache-2.0
// Parity with Linux: renames, removed files, modes, nodes, locks and /proc.

#include "testing/model/files/parity.h"

namespace dmkit::model {
namespace {

using sys::FileType;
using sys::LockMode;

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
    const auto set_mode = [&](const char* path, uint32_t mode) {
      side.Note(absl::StrCat("chmod ", path), Show(side.dir().SetMode(path, mode)));
      side.Stat(path);
    };
    for (const uint32_t mode : {0u, 0777u, 04755u, 06777u, 01777u, 0644u}) {
      set_mode("f", mode);
      set_mode("d", mode);
    }
    set_mode("d", 0755);
    set_mode("no", 0644);
    set_mode("f/x", 0644);
    set_mode("f/", 0644);
    set_mode("f", 06755);
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
