// SPDX-License-Identifier: Apache-2.0
// A walk with a stack of its own: chains of layers may be longer than the process's stack is deep.

#include "driver/cli/layer_tree.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "driver/report.pb.h"

namespace dmkit::driver::cli {
namespace {

using Layers = std::vector<const report::Layer*>;

// What layers are listed below: the id, and whether the layer of that id is gone. A new layer may
// have the id of a removed one.
struct ParentKey {
  std::string id;
  bool removed = false;
  friend bool operator<(const ParentKey& a, const ParentKey& b) {
    return std::tie(a.id, a.removed) < std::tie(b.id, b.removed);
  }
};

class Walk {
 public:
  explicit Walk(const report::LayerList& list) {
    for (const report::Layer& layer : list.layers()) by_id_.push_back(&layer);
    std::stable_sort(by_id_.begin(), by_id_.end(), ById);
    std::set<std::string> ids;
    for (const report::Layer* layer : by_id_) ids.insert(layer->id());
    for (const report::Layer* layer : by_id_) {
      const ParentKey parent{layer->parent(), layer->parent_removed()};
      children_[parent].push_back(layer);
      if (!parent.id.empty() && (parent.removed || ids.count(parent.id) == 0)) {
        missing_.insert(parent);
      }
    }
  }

  std::vector<TreeRow> Run() {
    // Tops in the order of their ids, whether they are there or missing.
    std::multimap<std::string, TreeRow> tops;
    for (const report::Layer* layer : by_id_) {
      if (layer->parent().empty()) tops.emplace(layer->id(), TreeRow{0, layer, "", false});
    }
    for (const ParentKey& parent : missing_) {
      tops.emplace(parent.id, TreeRow{0, nullptr, parent.id, parent.removed});
    }
    for (const auto& [id, row] : tops) Add(row);
    for (const report::Layer* layer : by_id_) Add(TreeRow{0, layer, "", false});
    return std::move(rows_);
  }

 private:
  static bool ById(const report::Layer* a, const report::Layer* b) { return a->id() < b->id(); }

  // Adds `top` and all below it that has not been added yet.
  void Add(const TreeRow& top) {
    std::vector<TreeRow> pending = {top};
    while (!pending.empty()) {
      const TreeRow row = std::move(pending.back());
      pending.pop_back();
      if (row.layer != nullptr && !added_.insert(row.layer).second) continue;
      rows_.push_back(row);
      const ParentKey key = row.layer == nullptr ? ParentKey{row.missing, row.removed}
                                                 : ParentKey{row.layer->id(), false};
      const auto below = children_.find(key);
      if (below == children_.end()) continue;
      const Layers& layers = below->second;
      for (auto child = layers.rbegin(); child != layers.rend(); ++child) {
        pending.push_back(TreeRow{row.depth + 1, *child, "", false});
      }
    }
  }

  Layers by_id_;
  std::map<ParentKey, Layers> children_;
  std::set<ParentKey> missing_;
  std::set<const report::Layer*> added_;
  std::vector<TreeRow> rows_;
};

}  // namespace

std::vector<TreeRow> LayTree(const report::LayerList& list) { return Walk(list).Run(); }

}  // namespace dmkit::driver::cli
