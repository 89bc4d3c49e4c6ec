// SPDX-License-Identifier: Apache-2.0
// What is in a pool, read from its metadata while it is live.

#ifndef DMKIT_THINP_POOL_CONTENTS_H_
#define DMKIT_THINP_POOL_CONTENTS_H_

#include <cstdint>
#include <map>

#include "absl/status/statusor.h"
#include "sys/host.h"
#include "thinp/metadata.h"
#include "thinp/pool.h"

namespace dmkit::thinp {

// The thin devices of a pool by id.
using PoolContents = std::map<uint32_t, MetadataDevice>;

// Who may hold a metadata snapshot of the pool. There is one per pool at a time.
enum class PoolOwner {
  kUs,      // one that is held already was left by a crash of ours, and is replaced
  kAdmin,   // one that is held already is somebody else's: EBUSY
  kNobody,  // none may be taken, since nothing in the pool may change
};

// All thin devices of the pool, through a metadata snapshot that is released again. A pool in mode
// ro is read as it stands, since nothing changes in it, and so is one that may not be written,
// where a change meanwhile is EAGAIN. The caller holds the set's lock. Errors: EOPNOTSUPP the pool
// failed. Blocks on three metadata commits.
absl::StatusOr<PoolContents> ReadPoolContents(const sys::Host& host, Pool& pool, PoolOwner owner);

}  // namespace dmkit::thinp

#endif  // DMKIT_THINP_POOL_CONTENTS_H_
