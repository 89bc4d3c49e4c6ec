// SPDX-License-Identifier: Apache-2.0
// Parity with Linux: what copying a tree needs. The temporary directory lies on ext4 where this
// runs, as the model's root does; who runs it may be root.

#include "testing/model/files/parity.h"

namespace dmkit::model {
namespace {

using sys::FileType;

class XattrSide {
 public:
  explicit XattrSide(Side& side) : side_(side) {}
  void Set(absl::string_view path, absl::string_view name, absl::string_view value) {
    side_.Note(absl::StrCat("set ", path, " ", name),
               Show(side_.dir().SetXattr(path, name, value)));
  }
  void Get(absl::string_view path, absl::string_view name) {
    const auto value = side_.dir().GetXattr(path, name);
    side_.Note(absl::StrCat("get ", path, " ", name), value.ok() ? *value : Show(value.status()));
  }
  void Remove(absl::string_view path, absl::string_view name) {
    side_.Note(absl::StrCat("remove ", path, " ", name), Show(side_.dir().RemoveXattr(path, name)));
  }
  void List(absl::string_view path) {
    const auto names = side_.dir().ListXattrs(path);
    side_.Note(absl::StrCat("list ", path),
               names.ok() ? absl::StrJoin(*names, " ") : Show(names.status()));
  }

 private:
  Side& side_;
};

void PutAllKinds(Side& side) {
  side.Put("f", "text");
  side.MakeDir("d");
  side.Link("f", "link");
  side.Link("nowhere", "dangling");
  for (const auto& [name, type] :
       {std::pair("fifo", FileType::kFifo), std::pair("socket", FileType::kSocket)}) {
    side.Note(name, Show(side.dir().MakeNode(name, type, sys::DeviceNumber(), 0644)));
  }
}

// All that Linux lets us do here; vfs_tree_test has what is root's.
std::vector<std::string> XattrNames() {
  std::vector<std::string> names = {"user.a", "system.a", "user.", "user", "other.a", "a", ""};
  if (IsPrivileged()) {
    names.insert(names.end(), {"trusted.a", "security.a", "trusted.", "security."});
  }
  return names;
}

TEST_F(ParityTest, XattrsOfAllKindsOfFiles) {
  const std::vector<std::string> all_names = XattrNames();
  Compare([&all_names](Side& side) {
    PutAllKinds(side);
    XattrSide xattrs(side);
    for (const char* const path : {"f", "d", "link", "dangling", "fifo", "socket", "no", "f/x",
                                   "f/", "d/", "link/", ".", ""}) {
      for (const std::string& name : all_names) {
        xattrs.Get(path, name);
        xattrs.Set(path, name, "value");
        xattrs.Get(path, name);
      }
      xattrs.List(path);
      for (const std::string& name : all_names) xattrs.Remove(path, name);
      xattrs.Remove(path, "user.a");
      xattrs.List(path);
    }
  });
}

TEST_F(ParityTest, NamesAndValuesOfXattrs) {
  Compare([](Side& side) {
    side.Put("f", "text");
    XattrSide xattrs(side);
    xattrs.Set("f", "user." + std::string(250, 'n'), "long name");
    xattrs.Set("f", "user." + std::string(251, 'n'), "longer name");
    xattrs.Get("f", "user." + std::string(251, 'n'));
    xattrs.Set("f", "user.empty", "");
    xattrs.Get("f", "user.empty");
    xattrs.Set("f", "user.bytes", std::string("\0\xff", 2));
    xattrs.Get("f", "user.bytes");
    xattrs.Set("f", "user.z", "z");
    xattrs.Set("f", "user.Z", "Z");
    xattrs.Set("f", "user.z", "new");
    xattrs.Get("f", "user.z");
    xattrs.List("f");
    xattrs.Set("f", "user.much", std::string(3000, 'x'));
    xattrs.Set("f", "user.more", std::string(4096, 'x'));
    xattrs.Set("f", "user.most", std::string(65536, 'x'));
    xattrs.Set("f", "user.beyond", std::string(65537, 'x'));
    xattrs.Set("f", "user.second", std::string(2000, 'x'));
    xattrs.Get("f", "user.much");
    xattrs.List("f");
    xattrs.Set("f", absl::string_view("user.a\0b", 8), "x");
    xattrs.Set(absl::string_view("f\0b", 3), "user.a", "x");
    xattrs.Set("/proc/self/mountinfo", "user.a", "x");
    xattrs.Get("/proc/self/mountinfo", "user.a");
    xattrs.Get("/dev/null", "user.a");
    xattrs.Set(std::string("f/") + std::string(256, 'n'), "user.a", "x");
  });
}

TEST_F(ParityTest, ChangesTakeCapabilitiesAway) {
  if (!IsPrivileged()) GTEST_SKIP() << "needs a root that may set trusted attributes";
  Compare([](Side& side) {
    // vfs_cap_data of revision 2: cap_net_raw, effective.
    const std::string capability("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
    XattrSide xattrs(side);
    side.Put("f", "text");
    const auto set = [&] {
      xattrs.Set("f", "user.a", "stays");
      xattrs.Set("f", "security.capability", capability);
      xattrs.List("f");
    };
    set();
    side.Note("chmod", Show(side.dir().SetMode("f", 0755)));
    side.Note("utime", Show(side.dir().SetTimes("f", absl::UnixEpoch(), absl::UnixEpoch())));
    xattrs.List("f");
    side.Put("f", "T");
    xattrs.List("f");
    set();
    side.Note("truncate", Show(side.Open("f", "w")->Truncate(2)));
    xattrs.List("f");
    set();
    side.Note("chown", Show(side.dir().SetOwner("f", 7, 7)));
    xattrs.List("f");
    set();
    side.Rename("f", "g");
    side.Note("link", Show(side.dir().MakeLink("g", "f")));
    xattrs.List("f");
  });
}

TEST_F(ParityTest, HardLinks) {
  Compare([](Side& side) {
    PutAllKinds(side);
    const auto link = [&](absl::string_view from, absl::string_view to) {
      side.Note(absl::StrCat("link ", from, " ", to), Show(side.dir().MakeLink(from, to)));
    };
    for (const auto& [from, to] :
         std::vector<std::pair<std::string, std::string>>{{"f", "f2"},
                                                          {"f", "f2"},
                                                          {"f2", "d/f3"},
                                                          {"link", "link2"},
                                                          {"fifo", "fifo2"},
                                                          {"socket", "s2"},
                                                          {"dangling", "dangling2"},
                                                          {"d", "d2"},
                                                          {"no", "x"},
                                                          {"f", "no/x"},
                                                          {"f", "f/x"},
                                                          {"f", "x/"},
                                                          {"f/", "x"},
                                                          {"link/", "x"},
                                                          {"f", "d"},
                                                          {"f", "d/"},
                                                          {"f", "."},
                                                          {"f", ".."},
                                                          {"f", "/"},
                                                          {"f", ""},
                                                          {"", "x"},
                                                          {".", "x"},
                                                          {"f", "link"},
                                                          {"f", "dangling"},
                                                          {"/proc/self/mountinfo", "x"},
                                                          {"f", std::string(256, 'n')}}) {
      link(from, to);
    }
    link("f", absl::string_view("a\0b", 3));
    for (const char* const path : {"f", "f2", "d/f3", "link", "link2", "fifo2", "s2"}) {
      side.Stat(path, false);
    }
    side.List(".");
    side.Put("d/f3", "through the third");
    side.Read("f");
    side.Rename("f", "f2");
    side.List(".");
    side.Unlink("f");
    side.Stat("f2");
    side.Unlink("d/f3");
    side.Stat("f2");
    side.Read("f2");
    side.ReadLink("link2");
  });
}

TEST_F(ParityTest, TimesOfFiles) {
  Compare([](Side& side) {
    PutAllKinds(side);
    const auto set = [&](absl::string_view path, int64_t nanos) {
      const absl::Time time = absl::FromUnixNanos(nanos);
      side.Note(absl::StrCat("utime ", path), Show(side.dir().SetTimes(path, time, time)));
    };
    const auto show = [&](absl::string_view path, bool follow) {
      const auto stat = follow ? side.dir().Stat(path) : side.dir().StatLink(path);
      side.Note(path, absl::StrCat(absl::ToUnixNanos(stat->modified)));
    };
    int64_t nanos = 1234567890123456789;
    for (const char* const path : {"f", "d", "link", "dangling", "fifo", "socket", "."}) {
      set(path, nanos);
      show(path, false);
      nanos = nanos / 2 + 1;
    }
    show("link", true);
    set("f", -1);
    show("f", true);
    set("f/", 1);
    set("no", 1);
    set("f/x", 1);
    set("", 1);
    // What changes a time, and what does not.
    set("d", 5);
    side.Put("d/new", "x");
    side.Note("d", absl::StrCat(side.dir().Stat("d")->modified > absl::FromUnixSeconds(1000)));
    set("d", 5);
    side.Note("chmod", Show(side.dir().SetMode("d", 0700)));
    side.Note("link", Show(side.dir().MakeLink("f", "second")));
    show("d", true);
    show("f", true);
    side.Unlink("d/new");
    side.Note("d", absl::StrCat(side.dir().Stat("d")->modified > absl::FromUnixSeconds(1000)));
  });
}

TEST_F(ParityTest, DirectoriesWithoutFollowing) {
  Compare([](Side& side) {
    PutAllKinds(side);
    side.Link("d", "to_d");
    side.MakeDir("d/in");
    for (const char* const path :
         {"d", "d/", "to_d", "to_d/", "to_d/in", "link", "dangling", "f", "no", ".", "..", ""}) {
      side.Note(absl::StrCat("no follow ", path), Show(side.dir().OpenDirNoFollow(path).status()));
    }
  });
}

TEST_F(ParityTest, DirectoriesInARoot) {
  Compare([](Side& side) {
    side.MakeDir("outside");
    side.MakeDir("jail");
    side.MakeDir("jail/in");
    side.MakeDir("jail/in/deep");
    side.Put("jail/f", "x");
    for (const auto& [target, path] :
         std::vector<std::pair<const char*, const char*>>{{"../../../..", "jail/up"},
                                                          {"/in", "jail/absolute"},
                                                          {"../outside", "jail/out"},
                                                          {"/", "jail/top"},
                                                          {"loop", "jail/loop"},
                                                          {"in/../../in/deep", "jail/dots"},
                                                          {"/absolute/deep/..", "jail/two"},
                                                          {"f", "jail/to_f"},
                                                          {"/../in", "jail/above"}}) {
      side.Link(target, path);
    }
    const auto jail = side.dir().OpenDir("jail");
    for (const std::string path : {"in",
                                   "/in",
                                   "in/deep",
                                   "..",
                                   "../..",
                                   "/..",
                                   "../../in",
                                   ".",
                                   "/",
                                   "",
                                   "up",
                                   "up/in",
                                   "up/outside",
                                   "absolute",
                                   "absolute/deep",
                                   "out",
                                   "top",
                                   "top/in",
                                   "loop",
                                   "dots",
                                   "two",
                                   "to_f",
                                   "f",
                                   "f/",
                                   "no",
                                   "/no",
                                   "above",
                                   "in/../up/../in/deep",
                                   "in/",
                                   "absolute/"}) {
      const auto dir = (*jail)->OpenDirInRoot(path);
      std::string result = Show(dir.status());
      if (dir.ok()) {
        const auto entries = (*dir)->List(".");
        for (const sys::DirEntry& entry : *entries) absl::StrAppend(&result, " ", entry.name);
      }
      side.Note(absl::StrCat("in root ", path), result);
    }
    side.Note("outside", Show((*jail)->OpenDirInRoot(side.base() + "/outside").status()));
  });
}

TEST_F(ParityTest, HolesOfFiles) {
  Compare([](Side& side) {
    const auto file = side.Open("f", "wc");
    const auto show = [&](absl::string_view what) {
      std::string ranges;
      uint64_t at = 0;
      while (true) {
        const auto range = file->NextData(at);
        if (!range.ok()) ranges = Show(range.status());
        if (!range.ok() || !range->has_value()) break;
        absl::StrAppend(&ranges, (*range)->begin, "-", (*range)->end, " ");
        at = (*range)->end;
      }
      side.Note(what, ranges);
    };
    show("empty");
    side.Note("write", Show(file->WriteAt(8192, std::string(4096, 'x'))));
    show("a hole and a page");
    side.Note("write", Show(file->WriteAt(20480, std::string(5000, 'x'))));
    show("two");
    side.Note("truncate", Show(file->Truncate(100000)));
    show("a hole at the end");
    side.Note("truncate", Show(file->Truncate(21000)));
    show("cut off");
    for (const uint64_t offset :
         {uint64_t{9000}, uint64_t{20999}, uint64_t{21000}, uint64_t{1} << 62, uint64_t{1} << 63}) {
      const auto range = file->NextData(offset);
      side.Note("from", range.ok() && range->has_value()
                            ? absl::StrCat((*range)->begin, "-", (*range)->end)
                            : Show(range.status()));
    }
    side.Note("truncate", Show(file->Truncate(0)));
    show("emptied");
    const auto null = side.Open("/dev/null", "");
    side.Note("null", absl::StrCat((*null->NextData(0)).has_value()));
  });
}

}  // namespace
}  // namespace dmkit::model
