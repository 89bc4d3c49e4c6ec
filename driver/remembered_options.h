// SPDX-License-Identifier: Apache-2.0
// Options that count once, when a store is made, and are remembered by it: what is written down,
// and that nobody asks for something else later. What the pool stands on is remembered with the
// pool, in thinp/.

#ifndef DMKIT_DRIVER_REMEMBERED_OPTIONS_H_
#define DMKIT_DRIVER_REMEMBERED_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "driver/options.h"
#include "sys/host.h"
#include "thinp/device_set.h"
#include "thinp/state.pb.h"

namespace dmkit::driver {

// What a new store remembers, with the defaults for what was not given.
thinp::proto::SetLabels ToLabels(const Options& options);

// `options` with what the store remembers in the place of what was not given. `labels` null: a
// store of an older version, which remembers none of it. FAILED_PRECONDITION, with both values, for
// an option that differs from what is remembered.
absl::StatusOr<Options> WithRemembered(Options options, const thinp::proto::SetLabels* labels);

// What `options` asks of the pool's loop files and does not get, since they are never made smaller:
// a sentence each. No cost where it names no sizes.
std::vector<std::string> SizeWarnings(const sys::Host& host, const thinp::DeviceSet& set,
                                      const Options& options);

}  // namespace dmkit::driver

#endif  // DMKIT_DRIVER_REMEMBERED_OPTIONS_H_
