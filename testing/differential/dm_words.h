// SPDX-License-Identifier: Apache-2.0
// The words and numbers that histories of device-mapper are made of: few, so that they meet again.

#ifndef DMKIT_TESTING_DIFFERENTIAL_DM_WORDS_H_
#define DMKIT_TESTING_DIFFERENTIAL_DM_WORDS_H_

#include <cstdint>
#include <string>
#include <vector>

namespace dmkit::differential {

const std::vector<std::string>& Names();     // each with a minor of its own
const std::vector<std::string>& OddNames();  // refused, or at a limit
const std::vector<uint64_t>& Lengths();      // sectors
const std::vector<uint64_t>& OddNumbers();
const std::vector<std::string>& Messages();
const std::vector<std::string>& Geometries();

}  // namespace dmkit::differential

#endif  // DMKIT_TESTING_DIFFERENTIAL_DM_WORDS_H_
