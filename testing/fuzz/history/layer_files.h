// SPDX-License-Identifier: Apache-2.0
// The files of a mounted layer: two of known names, and nobody else's. Knows nothing of drivers.

#ifndef DMKIT_TESTING_FUZZ_HISTORY_LAYER_FILES_H_
#define DMKIT_TESTING_FUZZ_HISTORY_LAYER_FILES_H_

#include <array>
#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "testing/fuzz/history/world.h"

namespace dmkit::history {

inline constexpr size_t kFiles = 2;

using Contents = std::array<std::string, kFiles>;  // "": no such file

// What is in the directory at `path`, as the user's process sees it. Another file fails.
Contents ReadLayer(World& world, int user, const std::string& path);

// Replaces a file durably.
void WriteFile(World& world, int user, const std::string& path, size_t file,
               absl::string_view text);

// The beginnings of the files, for people.
std::string Words(const Contents& contents);

}  // namespace dmkit::history

#endif  // DMKIT_TESTING_FUZZ_HISTORY_LAYER_FILES_H_
