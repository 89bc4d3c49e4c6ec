// SPDX-License-Identifier: Apache-2.0
// Which of a generator's operations a history has, and how often each comes.

#ifndef DMKIT_TESTING_DIFFERENTIAL_SWARM_H_
#define DMKIT_TESTING_DIFFERENTIAL_SWARM_H_

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "testing/differential/operation.h"
#include "testing/differential/random.h"

namespace dmkit::differential {

class Swarm {
 public:
  using Maker = std::function<Operation()>;

  // Half of the others, by chance, never come in this history.
  explicit Swarm(Choices& choices) : choices_(choices) {}

  // One that a history cannot do without.
  void Always(uint64_t weight, Maker maker) {
    total_ += weight;
    makers_.emplace_back(weight, std::move(maker));
  }
  void Sometimes(uint64_t weight, Maker maker) {
    if (choices_.OneIn(2)) Always(weight, std::move(maker));
  }

  Operation Next() {
    uint64_t ticket = choices_.Below(total_);
    for (const auto& [weight, maker] : makers_) {
      if (ticket < weight) return maker();
      ticket -= weight;
    }
    return makers_.back().second();
  }

 private:
  Choices& choices_;
  uint64_t total_ = 0;
  std::vector<std::pair<uint64_t, Maker>> makers_;
};

}  // namespace dmkit::differential

#endif  // DMKIT_TESTING_DIFFERENTIAL_SWARM_H_
