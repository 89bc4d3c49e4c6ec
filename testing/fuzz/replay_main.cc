// SPDX-License-Identifier: Apache-2.0
//
// Runs a fuzz target over files instead of over mutations: the main() of each `*_corpus_test`.
// No fuzzing here, and nothing that belongs to one target.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

bool Replay(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open() || file.bad()) {
    std::fprintf(stderr, "replay %s: cannot be read\n", path);
    return false;
  }
  // Printed first: when the target aborts, the last line names the input.
  std::fprintf(stderr, "replay %s: %zu bytes\n", path, bytes.size());
  // An allocation of exactly this size lets the address sanitizer see a read one byte past the end.
  const auto input = std::make_unique<uint8_t[]>(bytes.size());
  for (size_t i = 0; i < bytes.size(); ++i) input[i] = static_cast<uint8_t>(bytes[i]);
  LLVMFuzzerTestOneInput(input.get(), bytes.size());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "replay: the corpus is empty\n");
    return 1;
  }
  for (int i = 1; i < argc; ++i) {
    if (!Replay(argv[i])) return 1;
  }
  return 0;
}
