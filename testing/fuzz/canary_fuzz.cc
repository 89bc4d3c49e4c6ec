// SPDX-License-Identifier: Apache-2.0
// A fuzz target with a defect in it on purpose: canary_test fails when the fuzzer does not find it.
// So it is known that inputs are mutated, that coverage leads them, and that the sanitizers see one
// byte too many. It tests nothing of dmkit.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace {

// A record: "dm", the length of the text in one byte, the text. The sum of the text's bytes.
unsigned int SumOfText(const uint8_t* data, size_t size) {
  if (size < 3 || data[0] != 'd' || data[1] != 'm') return 0;
  const size_t length = data[2];
  // The defect: a text may end one byte behind the input.
  if (length == 0 || length > size - 2) return 0;
  unsigned int sum = 0;
  for (size_t i = 0; i < length; ++i) sum += data[3 + i];
  return sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Never true; or the sum would be left out.
  if (SumOfText(data, size) == ~0u) std::abort();
  return 0;
}
