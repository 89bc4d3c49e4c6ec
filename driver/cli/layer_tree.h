// SPDX-License-Identifier: Apache-2.0
// The order and depth of layers in a listing. Any list of layers has one, also a contradictory one.

#ifndef DMKIT_DRIVER_CLI_LAYER_TREE_H_
#define DMKIT_DRIVER_CLI_LAYER_TREE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "driver/report.pb.h"

namespace dmkit::driver::cli {

struct TreeRow {
  size_t depth = 0;
  const report::Layer* layer = nullptr;  // null: a parent that is not in the list
  std::string missing;                   // its id then
  bool removed = false;                  // it is known to have been removed
};

// Every layer of `list` once, below its parent, siblings by id. Below a row of its own for a parent
// that was removed or is not listed (its state file cannot be read). Layers that descend from each
// other only, which no driver makes, start at the top. The rows point into `list`.
std::vector<TreeRow> LayTree(const report::LayerList& list);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_LAYER_TREE_H_
