// SPDX-License-Identifier: Apache-2.0
// Choices of a generator, all from one seed. The same on every platform, so that a seed means the
// same history everywhere: the distributions of <random> would not be.

#ifndef DMKIT_TESTING_DIFFERENTIAL_RANDOM_H_
#define DMKIT_TESTING_DIFFERENTIAL_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace dmkit::differential {

class Choices {
 public:
  explicit Choices(uint64_t seed) : engine_(seed) {}

  // Below `limit`, which is not 0.
  uint64_t Below(uint64_t limit) { return engine_() % limit; }
  // With a chance of one in `n`.
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  template <typename T>
  const T& Of(const std::vector<T>& list) {
    return list[Below(list.size())];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace dmkit::differential

#endif  // DMKIT_TESTING_DIFFERENTIAL_RANDOM_H_
