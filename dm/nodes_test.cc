// SPDX-License-Identifier: Apache-2.0
// Tests of device nodes, on a /dev in memory.

#include "dm/nodes.h"

#include <cerrno>
#include <string>
#include <vector>

#include "dm/codec_testing.h"
#include "dm/scripted_host.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sys/faulty_host.h"
#include "sys/status.h"
#include "sys/status_matchers.h"

namespace dmkit::dm {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;
using ::dmkit::sys::IsOkAndHolds;
using testing::Name;
using testing::ScriptedHost;

constexpr sys::DeviceNumber kDevice = {253, 3};
constexpr char kWeb[] = "/dev/mapper/web";

class NodesTest : public ::testing::Test {
 protected:
  void Put(const std::string& path, sys::FileType type, sys::DeviceNumber device) {
    scripted_.root.nodes[path].type = type;
    scripted_.root.nodes[path].rdevice = device;
  }
  void Link(const std::string& path, const std::string& target) {
    scripted_.root.links[path] = target;
  }
  absl::Status Repair(const std::vector<MapperEntry>& entries, absl::string_view dev_dir = "/dev") {
    return RepairMapperNodes(
        scripted_.host(), dev_dir,
        [&]() -> absl::StatusOr<std::vector<MapperEntry>> { return entries; });
  }
  bool Has(const std::string& path) { return scripted_.root.nodes.count(path) != 0; }

  ScriptedHost scripted_;
};

TEST_F(NodesTest, NamesAreMangledAsLibdevmapperDoes) {
  EXPECT_EQ(MangledName(Name("dmkit-0123abCD-web_1.2")), "dmkit-0123abCD-web_1.2");
  EXPECT_EQ(MangledName(Name("#+-.:=@_")), "#+-.:=@_");
  EXPECT_EQ(MangledName(Name("a b")), "a\\x20b");
  EXPECT_EQ(MangledName(Name("x\x1b[1my\xffz")), "x\\x1b\\x5b1my\\xffz");
  EXPECT_EQ(MangledName(Name("back\\slash")), "back\\x5cslash");
  EXPECT_EQ(MangledName(Name("cut\\x2")), "cut\\x5cx2");
}

TEST_F(NodesTest, NamesThatAreMangledAlreadyAreLeftAsTheyAre) {
  EXPECT_EQ(MangledName(Name("a\\x20b")), "a\\x20b");
  EXPECT_EQ(MangledName(Name("\\x5c")), "\\x5c");
  // Half mangled is not mangled.
  EXPECT_EQ(MangledName(Name("a\\x20b c")), "a\\x5cx20b\\x20c");
}

TEST_F(NodesTest, AMissingDeviceNodeIsMadeForRootOnly) {
  EXPECT_THAT(EnsureDeviceNode(scripted_.host(), kDevice), IsOkAndHolds("/dev/dm-3"));
  EXPECT_EQ(scripted_.root.nodes["/dev/dm-3"].type, sys::FileType::kBlockDevice);
  EXPECT_EQ(scripted_.root.nodes["/dev/dm-3"].rdevice, kDevice);
  EXPECT_EQ(scripted_.root.nodes["/dev/dm-3"].mode, 0600u);
  EXPECT_THAT(EnsureDeviceNode(scripted_.host(), kDevice), IsOkAndHolds("/dev/dm-3"));
}

TEST_F(NodesTest, ADeviceNodeWithAnotherNumberIsAnErrorAndStays) {
  Put("/dev/dm-3", sys::FileType::kBlockDevice, {7, 3});
  EXPECT_THAT(EnsureDeviceNode(scripted_.host(), kDevice), FailsWithErrno(EEXIST));
  EXPECT_EQ(scripted_.root.nodes["/dev/dm-3"].rdevice, (sys::DeviceNumber{7, 3}));
  Put("/dev/dm-3", sys::FileType::kCharDevice, kDevice);
  EXPECT_THAT(EnsureDeviceNode(scripted_.host(), kDevice), FailsWithErrno(EEXIST));
}

TEST_F(NodesTest, DevtmpfsMayBeFaster) {
  sys::FaultyHost faulty(scripted_.host());
  faulty.SetPlan([this](const sys::SeamCall& call) {
    if (call.method == "MakeNode") Put("/dev/dm-3", sys::FileType::kBlockDevice, kDevice);
    return 0;
  });
  EXPECT_THAT(EnsureDeviceNode(faulty.host(), kDevice), IsOk());
}

TEST_F(NodesTest, OpeningMakesTheNodeItNeeds) {
  EXPECT_THAT(OpenDevice(scripted_.host(), kDevice, sys::OpenOptions()), IsOk());
  scripted_.root.open_error = EBUSY;
  EXPECT_THAT(OpenDevice(scripted_.host(), kDevice, sys::OpenOptions()), FailsWithErrno(EBUSY));
}

TEST_F(NodesTest, AMissingMapperNodeIsMadeWithItsDirectory) {
  scripted_.root.nodes.clear();
  EXPECT_THAT(EnsureMapperNode(scripted_.host(), Name("a b"), kDevice), IsOk());
  EXPECT_EQ(scripted_.root.nodes["/dev/mapper/a\\x20b"].rdevice, kDevice);
  EXPECT_TRUE(Has("/dev/mapper"));
}

TEST_F(NodesTest, AStaleMapperNodeIsReplaced) {
  Put(kWeb, sys::FileType::kBlockDevice, {253, 9});
  EXPECT_THAT(EnsureMapperNode(scripted_.host(), Name("web"), kDevice), IsOk());
  EXPECT_EQ(scripted_.root.nodes[kWeb].rdevice, kDevice);
}

TEST_F(NodesTest, LinksOfUdevAreLeftAlone) {
  Put("/dev/dm-3", sys::FileType::kBlockDevice, kDevice);
  Link(kWeb, "../dm-3");
  EXPECT_THAT(EnsureMapperNode(scripted_.host(), Name("web"), kDevice), IsOk());
  EXPECT_THAT(RemoveMapperNode(scripted_.host(), Name("web")), IsOk());
  EXPECT_EQ(scripted_.root.links[kWeb], "../dm-3");
}

TEST_F(NodesTest, ALinkThatLeadsElsewhereOrNowhereIsReplaced) {
  Put("/dev/dm-4", sys::FileType::kBlockDevice, {253, 4});
  for (const char* target : {"../dm-4", "../dm-99"}) {
    Link(kWeb, target);
    EXPECT_THAT(EnsureMapperNode(scripted_.host(), Name("web"), kDevice), IsOk());
    EXPECT_EQ(scripted_.root.links.count(kWeb), 0u);
    EXPECT_EQ(scripted_.root.nodes[kWeb].rdevice, kDevice);
    scripted_.root.nodes.erase(kWeb);
  }
}

TEST_F(NodesTest, ALinkToSomethingThatIsNoBlockDeviceIsInTheWay) {
  Put("/dev/console", sys::FileType::kCharDevice, {5, 1});
  Link(kWeb, "../console");
  EXPECT_THAT(EnsureMapperNode(scripted_.host(), Name("web"), kDevice), FailsWithErrno(EEXIST));
  EXPECT_EQ(scripted_.root.links[kWeb], "../console");
}

TEST_F(NodesTest, ALinkThatLeadsNowhereIsRemoved) {
  Link(kWeb, "../dm-3");
  EXPECT_THAT(RemoveMapperNode(scripted_.host(), Name("web")), IsOk());
  EXPECT_EQ(scripted_.root.links.count(kWeb), 0u);
}

TEST_F(NodesTest, UdevMayBeFasterWithItsLink) {
  Put("/dev/dm-3", sys::FileType::kBlockDevice, kDevice);
  sys::FaultyHost faulty(scripted_.host());
  faulty.SetPlan([this](const sys::SeamCall& call) {
    if (call.method == "MakeNode") Link(kWeb, "../dm-3");
    return 0;
  });
  EXPECT_THAT(EnsureMapperNode(faulty.host(), Name("web"), kDevice), IsOk());
  EXPECT_EQ(scripted_.root.links[kWeb], "../dm-3");
}

TEST_F(NodesTest, ANameThatOthersKeepChangingIsGivenUp) {
  sys::FaultyHost faulty(scripted_.host());
  faulty.SetPlan([this](const sys::SeamCall& call) {
    if (call.method == "MakeNode") Put(kWeb, sys::FileType::kBlockDevice, {253, 9});
    return 0;
  });
  EXPECT_THAT(EnsureMapperNode(faulty.host(), Name("web"), kDevice), FailsWithErrno(EBUSY));
}

TEST_F(NodesTest, AnOwnerAndModeAreThoseOfANewNodeOnly) {
  const NodeOwner owner{0640, 7, 9};
  EXPECT_THAT(MakeMapperNode(scripted_.host(), "/dev", "web", kDevice, owner), IsOk());
  EXPECT_EQ(scripted_.root.nodes[kWeb].mode, 0640u);
  EXPECT_EQ(scripted_.root.nodes[kWeb].uid, 7u);
  EXPECT_EQ(scripted_.root.nodes[kWeb].gid, 9u);
  EXPECT_THAT(MakeMapperNode(scripted_.host(), "/dev", "web", kDevice, NodeOwner()), IsOk());
  EXPECT_EQ(scripted_.root.nodes[kWeb].mode, 0640u);
  EXPECT_EQ(scripted_.root.nodes[kWeb].uid, 7u);
}

TEST_F(NodesTest, AnotherDirectoryIsMadeToo) {
  Put("/tmp/dev", sys::FileType::kDirectory, {});
  EXPECT_THAT(MakeMapperNode(scripted_.host(), "/tmp/dev/", "a b", kDevice, NodeOwner()), IsOk());
  EXPECT_EQ(scripted_.root.nodes["/tmp/dev/mapper/a b"].rdevice, kDevice);
  EXPECT_THAT(RemoveMapperNode(scripted_.host(), "/tmp/dev", "a b"), IsOk());
  EXPECT_FALSE(Has("/tmp/dev/mapper/a b"));
}

TEST_F(NodesTest, NamesThatAreNoNamesAreRefusedBeforeAnyCall) {
  sys::FaultyHost faulty(scripted_.host());
  const sys::Host host = faulty.host();
  for (const char* name : {"", ".", "..", "control", "a/b", "/", "../dm-3"}) {
    EXPECT_THAT(MakeMapperNode(host, "/dev", name, kDevice, NodeOwner()),
                FailsWithCode(absl::StatusCode::kInvalidArgument))
        << name;
    EXPECT_THAT(RemoveMapperNode(host, "/dev", name),
                FailsWithCode(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(RenameMapperNode(host, "/dev", name, "b", kDevice),
                FailsWithCode(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(RenameMapperNode(host, "/dev", "b", name, kDevice),
                FailsWithCode(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_EQ(faulty.calls(), 0u);
}

TEST_F(NodesTest, RenameMovesANodeOverAStaleOne) {
  Put(kWeb, sys::FileType::kBlockDevice, kDevice);
  Put("/dev/mapper/new", sys::FileType::kBlockDevice, {253, 9});
  EXPECT_THAT(RenameMapperNode(scripted_.host(), "/dev", "web", "new", kDevice), IsOk());
  EXPECT_FALSE(Has(kWeb));
  EXPECT_EQ(scripted_.root.nodes["/dev/mapper/new"].rdevice, kDevice);
  EXPECT_THAT(RenameMapperNode(scripted_.host(), "/dev", "web", "new", kDevice), IsOk())
      << "repeatable";
}

TEST_F(NodesTest, RenameMovesALinkToo) {
  Link(kWeb, "../dm-3");
  EXPECT_THAT(RenameMapperNode(scripted_.host(), "/dev", "web", "new", kDevice), IsOk());
  EXPECT_EQ(scripted_.root.links["/dev/mapper/new"], "../dm-3");
  EXPECT_EQ(scripted_.root.links.count(kWeb), 0u);
}

TEST_F(NodesTest, RenameAndRemoveLeaveTheNodeOfAnotherDevice) {
  Put("/dev/dm-4", sys::FileType::kBlockDevice, {253, 4});
  Put(kWeb, sys::FileType::kBlockDevice, {253, 4});
  Link("/dev/mapper/udevs", "../dm-4");
  for (const char* name : {"web", "udevs"}) {
    EXPECT_THAT(RenameMapperNode(scripted_.host(), "/dev", name, "new", kDevice), IsOk());
    EXPECT_THAT(RemoveMapperNodeOf(scripted_.host(), "/dev", name, kDevice), IsOk());
  }
  EXPECT_TRUE(Has(kWeb));
  EXPECT_EQ(scripted_.root.links.count("/dev/mapper/udevs"), 1u);
  EXPECT_FALSE(Has("/dev/mapper/new"));
  EXPECT_THAT(RemoveMapperNodeOf(scripted_.host(), "/dev", "web", {253, 4}), IsOk());
  EXPECT_FALSE(Has(kWeb));
}

TEST_F(NodesTest, ANodeIsFoundByWhatItLeadsTo) {
  const auto find = [this] { return FindMapperNode(scripted_.host(), Name("web")); };
  EXPECT_EQ(find(), std::nullopt);
  Put(kWeb, sys::FileType::kBlockDevice, kDevice);
  EXPECT_EQ(find(), kDevice);
  Put(kWeb, sys::FileType::kRegular, {});
  EXPECT_EQ(find(), std::nullopt);
  scripted_.root.nodes.erase(kWeb);
  Put("/dev/dm-4", sys::FileType::kBlockDevice, {253, 4});
  Link(kWeb, "../dm-4");
  EXPECT_EQ(find(), (sys::DeviceNumber{253, 4}));
  Link(kWeb, "../dm-9");
  EXPECT_EQ(find(), std::nullopt);
}

TEST_F(NodesTest, RenameTouchesNothingThatIsNoBlockDevice) {
  Put(kWeb, sys::FileType::kBlockDevice, kDevice);
  Put("/dev/mapper/new", sys::FileType::kRegular, {});
  EXPECT_THAT(RenameMapperNode(scripted_.host(), "/dev", "web", "new", kDevice),
              FailsWithErrno(EEXIST));
  EXPECT_TRUE(Has(kWeb));
  EXPECT_THAT(RenameMapperNode(scripted_.host(), "/dev", "new", "other", kDevice), IsOk());
  EXPECT_EQ(scripted_.root.nodes["/dev/mapper/new"].type, sys::FileType::kRegular);
  EXPECT_FALSE(Has("/dev/mapper/other"));
}

TEST_F(NodesTest, RepairMakesReplacesAndRemoves) {
  Put("/dev/dm-3", sys::FileType::kBlockDevice, kDevice);
  Put("/dev/mapper/wrong", sys::FileType::kBlockDevice, {253, 9});
  Put("/dev/mapper/stale", sys::FileType::kBlockDevice, {253, 8});
  Put("/dev/mapper/notes", sys::FileType::kRegular, {});
  Link("/dev/mapper/udevs", "../dm-3");
  Link("/dev/mapper/dangling", "../dm-99");
  EXPECT_THAT(Repair({{"wrong", {253, 1}}, {"missing", {253, 2}}, {"udevs", kDevice}}), IsOk());
  EXPECT_EQ(scripted_.root.nodes["/dev/mapper/wrong"].rdevice, (sys::DeviceNumber{253, 1}));
  EXPECT_EQ(scripted_.root.nodes["/dev/mapper/missing"].rdevice, (sys::DeviceNumber{253, 2}));
  EXPECT_FALSE(Has("/dev/mapper/stale"));
  EXPECT_EQ(scripted_.root.links.count("/dev/mapper/dangling"), 0u);
  EXPECT_EQ(scripted_.root.links["/dev/mapper/udevs"], "../dm-3");
  EXPECT_TRUE(Has("/dev/mapper/notes"));
  EXPECT_TRUE(Has("/dev/mapper/control"));
}

TEST_F(NodesTest, RepairGoesOnAfterAnErrorAndTellsTheFirst) {
  Put("/dev/mapper/notes", sys::FileType::kRegular, {});
  Put("/dev/mapper/stale", sys::FileType::kBlockDevice, {253, 8});
  EXPECT_THAT(Repair({{"notes", {253, 1}}, {"control", {253, 5}}, {"ok", kDevice}}),
              FailsWithErrno(EEXIST));
  EXPECT_TRUE(Has("/dev/mapper/ok"));
  EXPECT_FALSE(Has("/dev/mapper/stale"));
}

TEST_F(NodesTest, RepairOfADirectoryThatIsNotThereIsOk) {
  EXPECT_THAT(Repair({}, "/nowhere"), IsOk());
}

TEST_F(NodesTest, RepairLeavesTheNodeOfADeviceThatIsMadeWhileItListsThem) {
  Put("/dev/mapper/stale", sys::FileType::kBlockDevice, {253, 8});
  EXPECT_THAT(RepairMapperNodes(scripted_.host(), "/dev",
                                [this]() -> absl::StatusOr<std::vector<MapperEntry>> {
                                  Put(kWeb, sys::FileType::kBlockDevice, kDevice);
                                  return std::vector<MapperEntry>();
                                }),
              IsOk());
  EXPECT_TRUE(Has(kWeb));
  EXPECT_FALSE(Has("/dev/mapper/stale"));
}

TEST_F(NodesTest, RepairMakesTheNodeAgainOfADeviceThatIsMadeAfterItHasListedThem) {
  // Made by whoever made the device, or stale and found right by it: the list came before.
  Put(kWeb, sys::FileType::kBlockDevice, kDevice);
  int calls = 0;
  EXPECT_THAT(RepairMapperNodes(scripted_.host(), "/dev",
                                [&calls]() -> absl::StatusOr<std::vector<MapperEntry>> {
                                  std::vector<MapperEntry> entries;
                                  if (calls++ > 0) entries.push_back({"web", kDevice});
                                  return entries;
                                }),
              IsOk());
  EXPECT_TRUE(Has(kWeb));
  EXPECT_EQ(calls, 2);
}

TEST_F(NodesTest, RepairRemovesTheNodeAgainOfADeviceThatIsGoneAfterItHasListedThem) {
  int calls = 0;
  EXPECT_THAT(RepairMapperNodes(
                  scripted_.host(), "/dev",
                  [&calls]() -> absl::StatusOr<std::vector<MapperEntry>> {
                    if (calls++ > 0) return std::vector<MapperEntry>{{"other", {253, 4}}};
                    return std::vector<MapperEntry>{{"web", kDevice}, {"other", {253, 5}}};
                  }),
              IsOk());
  EXPECT_FALSE(Has(kWeb));
  EXPECT_EQ(scripted_.root.nodes["/dev/mapper/other"].rdevice, (sys::DeviceNumber{253, 4}));
}

TEST_F(NodesTest, RepairTellsThatItCouldNotLookAgain) {
  int calls = 0;
  EXPECT_THAT(RepairMapperNodes(scripted_.host(), "/dev",
                                [&calls]() -> absl::StatusOr<std::vector<MapperEntry>> {
                                  if (calls++ > 0) return sys::ErrnoStatus(EIO, "list");
                                  return std::vector<MapperEntry>{{"web", kDevice}};
                                }),
              FailsWithErrno(EIO));
  EXPECT_TRUE(Has(kWeb));
}

TEST_F(NodesTest, RepairTouchesNothingWhenTheDevicesCannotBeListed) {
  Put("/dev/mapper/stale", sys::FileType::kBlockDevice, {253, 8});
  EXPECT_THAT(RepairMapperNodes(scripted_.host(), "/dev",
                                []() -> absl::StatusOr<std::vector<MapperEntry>> {
                                  return sys::ErrnoStatus(EIO, "list");
                                }),
              FailsWithErrno(EIO));
  EXPECT_TRUE(Has("/dev/mapper/stale"));
}

TEST_F(NodesTest, WhatIsNoNodeIsNeitherReplacedNorRemoved) {
  for (sys::FileType type :
       {sys::FileType::kRegular, sys::FileType::kDirectory, sys::FileType::kCharDevice}) {
    Put(kWeb, type, {});
    EXPECT_THAT(EnsureMapperNode(scripted_.host(), Name("web"), kDevice), FailsWithErrno(EEXIST));
    EXPECT_THAT(RemoveMapperNode(scripted_.host(), Name("web")), IsOk());
    EXPECT_EQ(scripted_.root.nodes[kWeb].type, type);
  }
}

TEST_F(NodesTest, RemovingIsRepeatable) {
  Put(kWeb, sys::FileType::kBlockDevice, kDevice);
  EXPECT_THAT(RemoveMapperNode(scripted_.host(), Name("web")), IsOk());
  EXPECT_FALSE(Has(kWeb));
  EXPECT_THAT(RemoveMapperNode(scripted_.host(), Name("web")), IsOk());
}

TEST_F(NodesTest, ErrorsOfTheSystemComeOut) {
  sys::FaultyHost faulty(scripted_.host());
  faulty.SetPlan(sys::FaultyHost::FailMatching("MakeNode", "/dev", EPERM));
  EXPECT_THAT(EnsureDeviceNode(faulty.host(), kDevice), FailsWithErrno(EPERM));
  EXPECT_THAT(EnsureMapperNode(faulty.host(), Name("web"), kDevice), FailsWithErrno(EPERM));
  faulty.SetPlan(sys::FaultyHost::FailMatching("StatLink", "/dev", EACCES));
  EXPECT_THAT(RemoveMapperNode(faulty.host(), Name("web")), FailsWithErrno(EACCES));
}

}  // namespace
}  // namespace dmkit::dm
