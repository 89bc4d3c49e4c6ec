// SPDX-License-Identifier: Apache-2.0

#include "driver/cli/layer_tree.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "driver/report.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dmkit::driver::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class LayTreeTest : public ::testing::Test {
 protected:
  void Add(absl::string_view id, absl::string_view parent = "", bool parent_removed = false) {
    report::Layer& layer = *list_.add_layers();
    layer.set_id(std::string(id));
    layer.set_parent(std::string(parent));
    layer.set_parent_removed(parent_removed);
  }

  // "1 web" for the layer web at depth 1; "0 old removed", "0 lost missing" for rows of no layer.
  std::vector<std::string> Rows() {
    std::vector<std::string> rows;
    for (const TreeRow& row : LayTree(list_)) {
      rows.push_back(row.layer != nullptr ? absl::StrCat(row.depth, " ", row.layer->id())
                                          : absl::StrCat(row.depth, " ", row.missing,
                                                         row.removed ? " removed" : " missing"));
    }
    return rows;
  }

  report::LayerList list_;
};

TEST_F(LayTreeTest, NoLayersAreNoRows) { EXPECT_THAT(Rows(), IsEmpty()); }

TEST_F(LayTreeTest, ChildrenStandBelowTheirParentById) {
  Add("z");
  Add("b", "a");
  Add("a");
  Add("c", "b");
  Add("a2", "a");
  EXPECT_THAT(Rows(), ElementsAre("0 a", "1 a2", "1 b", "2 c", "0 z"));
}

TEST_F(LayTreeTest, RemovedParentHasARowOfItsOwn) {
  Add("web", "old", true);
  Add("a");
  Add("db", "old", true);
  EXPECT_THAT(Rows(), ElementsAre("0 a", "0 old removed", "1 db", "1 web"));
}

TEST_F(LayTreeTest, NewLayerWithTheIdOfARemovedOneIsAnotherOne) {
  Add("web", "x", true);
  Add("x");
  Add("db", "x");
  EXPECT_THAT(Rows(), ElementsAre("0 x", "1 db", "0 x removed", "1 web"));
}

TEST_F(LayTreeTest, ParentThatIsNotListedHasARowOfItsOwn) {
  Add("web", "lost");
  EXPECT_THAT(Rows(), ElementsAre("0 lost missing", "1 web"));
}

TEST_F(LayTreeTest, LayersOfARingAreListedOnce) {
  Add("a", "b");
  Add("b", "a");
  Add("self", "self");
  EXPECT_THAT(Rows(), ElementsAre("0 a", "1 b", "0 self"));
}

TEST_F(LayTreeTest, LongChainNeedsNoDeepStack) {
  constexpr int kLayers = 20000;
  Add("l0");
  for (int i = 1; i < kLayers; ++i) Add(absl::StrCat("l", i), absl::StrCat("l", i - 1));
  const std::vector<TreeRow> rows = LayTree(list_);
  ASSERT_EQ(rows.size(), size_t{kLayers});
  EXPECT_EQ(rows.back().depth, size_t{kLayers - 1});
}

}  // namespace
}  // namespace dmkit::driver::cli
