// SPDX-License-Identifier: Apache-2.0
// The vocabulary of histories of device-mapper.

#include "testing/differential/dm_words.h"

namespace dmkit::differential {

const std::vector<std::string>& Names() {
  static const auto& list = *new std::vector<std::string>{"a", "b", "c", "d"};
  return list;
}

const std::vector<std::string>& OddNames() {
  static const auto& list = *new std::vector<std::string>{
      "",    ".",    "..",   "control", "x/y",  std::string(127, 'n'), std::string(128, 'N'),
      "e f", "\xff", "a\nb", "A",       "\\x20"};
  return list;
}

const std::vector<uint64_t>& Lengths() {
  static const auto& list =
      *new std::vector<uint64_t>{1, 7, 8, 16, 64, 100, 128, 1000, 1024, 2048, 4096, 8192};
  return list;
}

const std::vector<uint64_t>& OddNumbers() {
  static const auto& list = *new std::vector<uint64_t>{
      0, 1, 7, 8, 9, 8191, 8192, 16384, 1u << 31, 0xffffffff, uint64_t{1} << 55, ~uint64_t{0}};
  return list;
}

const std::vector<std::string>& Messages() {
  static const auto& list = *new std::vector<std::string>{
      "",
      "hello",
      "@cancel_deferred_remove",
      "@cancel_deferred_remove x",
      "@CANCEL_deferred_remove",
      "@stats_list",
      "@stats_create - /1",
      "@stats_create 0+8 8 prog aux",
      "@stats_create 8+0 8",
      "@stats_delete 0",
      "@stats_delete 77",
      "@stats_clear 0",
      "@stats_set_aux 0 word",
      "@stats_list prog",
      "@stats_create - /0",
      "@stats_create 0+8 8 1 precise_timestamps",
      "@stats_print 77",
      "@nonsense",
      "\\@stats_list",
      "  two  words\\ here ",
  };
  return list;
}

const std::vector<std::string>& Geometries() {
  static const auto& list = *new std::vector<std::string>{
      "1 2 3 4",  "1024 16 63 0", "65536 1 1 0", "65535 255 255 1", "1 2 3",  "1 2 3 4 ",
      " 1 2 3 0", "-1 2 3 4",     "x",           "1 256 1 0",       "1 1 1 2"};
  return list;
}

}  // namespace dmkit::differential
