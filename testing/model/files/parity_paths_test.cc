// SPDX-License-Identifier: Apache-2.0
// Parity with Linux: contents, directories, paths and symbolic links.

#include "testing/model/files/parity.h"

namespace dmkit::model {
namespace {

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

}  // namespace
}  // namespace dmkit::model
