// SPDX-License-Identifier: Apache-2.0
// The fixture of tests of thin pools: a machine with a disk for metadata, 8:32 of 1024 blocks, and
// one for data, 8:48 of 512 blocks of 64 KiB.

#ifndef DMKIT_TESTING_MODEL_THIN_THIN_FIXTURE_H_
#define DMKIT_TESTING_MODEL_THIN_THIN_FIXTURE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "testing/model/disk.h"
#include "testing/model/dm_fixture.h"
#include "testing/model/sparse_bytes.h"
#include "testing/model/thin/thin_pool.h"

namespace dmkit::model {

inline constexpr uint64_t kBlock = 128;  // sectors

class ThinTest : public DmTest {
 protected:
  ThinTest();
  ~ThinTest() override;

  // "8:32 8:48 128 0" and what follows.
  static std::string PoolLine(absl::string_view more = "");
  // The pool "pool" of `blocks` data blocks, in use.
  void MakePool(uint64_t blocks = 16, absl::string_view more = "");
  int LoadPool(uint64_t blocks, absl::string_view more = "");
  // Suspends it, loads and resumes.
  int ReloadPool(uint64_t blocks, absl::string_view more = "");
  // "254:0 1".
  std::string ThinLine(absl::string_view id);
  // A thin device `name` in use, of `blocks`, with an id that is made or there already.
  void MakeThin(absl::string_view name, absl::string_view id, uint64_t blocks = 16);
  void UseThin(absl::string_view name, absl::string_view id, uint64_t blocks = 16);

  int Send(absl::string_view message);
  // The status text of the only target: INFO, TABLE.
  std::string Info(absl::string_view name, uint32_t flags = 0);
  std::string Line(absl::string_view name);
  // The seventh and following words of a pool's INFO, the mode first; or all of a shorter one.
  std::string Mode();
  uint32_t Events(absl::string_view name = "pool");

  // Fills so many sectors with `fill`. 0 or a negative errno.
  int Write(absl::string_view name, uint64_t sector, uint64_t sectors, char fill, bool fua = false);
  int Flush(absl::string_view name);
  int Discard(absl::string_view name, uint64_t sector, uint64_t sectors);
  // What the sectors hold: "aaab" for three of a's and one of b's, '.' for zeroes, '?' for what is
  // not the same byte all over; "error -5".
  std::string Read(absl::string_view name, uint64_t sector, uint64_t sectors);
  void Advance(absl::Duration duration);

  // Lets all writes to the metadata disk fail, or none.
  void FailMetadata(bool fails);
  // The power goes and comes back; there are no tables then.
  void LosePower(Unsynced unsynced = Unsynced::kLost);

  std::unique_ptr<Disk> metadata_;
  std::unique_ptr<Disk> data_;
  std::unique_ptr<ThinPools> pools_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_THIN_THIN_FIXTURE_H_
