// SPDX-License-Identifier: Apache-2.0

#include "driver/archive/layer_path.h"

#include <cerrno>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "sys/status_matchers.h"

namespace dmkit::driver {
namespace {

using ::dmkit::sys::FailsWithCode;
using ::dmkit::sys::FailsWithErrno;
using ::dmkit::sys::IsOk;

TEST(LayerPathTest, NamesAreTakenApart) {
  const struct {
    const char* name;
    const char* parent;
    const char* base;
  } kCases[] = {
      {"a", "", "a"},
      {"a/b/c", "a/b", "c"},
      {"./a/", "", "a"},
      {"/etc//passwd", "etc", "passwd"},
      {"a/./b/../c", "a", "c"},
      {".", "", ""},
      {"/", "", ""},
      {"a/..", "", ""},
      {"..a/...", "..a", "..."},
      {"\xff\xfe/ \n", "\xff\xfe", " \n"},
  };
  for (const auto& wanted : kCases) {
    const absl::StatusOr<LayerPath> path = ParseLayerPath(wanted.name);
    ASSERT_THAT(path, IsOk()) << wanted.name;
    EXPECT_EQ(path->parent, wanted.parent);
    EXPECT_EQ(path->base, wanted.base);
  }
}

TEST(LayerPathTest, NamesThatLeaveTheRootAreRefused) {
  for (const char* name : {"..",
                           "../a",
                           "/..",
                           "/../a",
                           "a/../..",
                           "a/../../b",
                           "a/b/../../../c",
                           "./..",
                           ".//../x",
                           "../",
                           "..//",
                           "a/../../a",
                           "/./../",
                           "a/b/c/../../../../d",
                           "../../../etc/passwd",
                           "/../../etc/passwd",
                           "x/../../",
                           "a//..//..",
                           "../\xff",
                           "../."}) {
    EXPECT_THAT(ParseLayerPath(name), FailsWithCode(absl::StatusCode::kInvalidArgument)) << name;
  }
}

TEST(LayerPathTest, NamesOf64KibFailWithEnametoolong) {
  EXPECT_THAT(ParseLayerPath(std::string(65535, 'a')), IsOk());
  EXPECT_THAT(ParseLayerPath(std::string(65536, 'a')), FailsWithErrno(ENAMETOOLONG));
  EXPECT_THAT(ParseLayerPath(std::string(70000, '/')), FailsWithErrno(ENAMETOOLONG));
}

}  // namespace
}  // namespace dmkit::driver
