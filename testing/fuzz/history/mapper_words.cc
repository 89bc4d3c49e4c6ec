// SPDX-License-Identifier: Apache-2.0
// Words of tables and messages, by the bytes of an input.

#include "testing/fuzz/history/mapper_words.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "sys/units.h"

namespace dmkit::history {
namespace {

constexpr const char* kMessages[] = {"create_thin 0",
                                     "create_thin 1",
                                     "create_snap 2 0",
                                     "create_snap 3 2",
                                     "delete 0",
                                     "delete 2",
                                     "set_transaction_id 0 1",
                                     "reserve_metadata_snap",
                                     "release_metadata_snap",
                                     "@cancel_deferred_remove",
                                     "bad"};

std::string ReadName(Input& input) {
  return kMapperNames[input.Below(static_cast<uint32_t>(std::size(kMapperNames)))];
}

std::string ThinWords(Input& input) {
  const std::string pool = ReadName(input);
  return absl::StrCat("/dev/mapper/", pool, " ", input.Below(4));
}

std::string PoolWords(uint32_t kind, Input& input) {
  return absl::StrCat("/dev/vdc /dev/vdb ", kMapperBlock, " ", input.Below(8),
                      (kind & 32) != 0 ? " 1 error_if_no_space" : "");
}

}  // namespace

dm::TableLine ReadTableLine(uint64_t start, Input& input) {
  const uint32_t kind = input.Byte();
  const uint64_t length = 8 + (kind >> 4) * 8;
  const auto line = [&](absl::string_view type, std::string params, uint64_t sectors) {
    return dm::TableLine{sys::Sectors{start}, sys::Sectors{sectors}, *dm::TargetType::Create(type),
                         std::move(params)};
  };
  switch (kind % 8) {
    case 0:
      return line("zero", "", length);
    case 1:
      return line("error", "", length);
    case 2:
      return line("linear", absl::StrCat("/dev/vda ", input.Byte() * 32), length);
    case 3:
      return line("linear", absl::StrCat("/dev/mapper/", ReadName(input), " 0"), length);
    case 4:
      return line("striped", absl::StrCat("2 8 /dev/vda 0 /dev/vda ", input.Byte() * 32),
                  length * 2);
    case 5:
      return line("thin-pool", PoolWords(kind, input), kMapperBlock * (8 + (kind >> 6) * 8));
    case 6:
      return line("thin", ThinWords(input), kMapperBlock * 16);
    default:
      return line("thin", absl::StrCat(ThinWords(input), " /dev/vda"), kMapperBlock * 16);
  }
}

std::string ReadMessage(Input& input) {
  return kMessages[input.Below(static_cast<uint32_t>(std::size(kMessages)))];
}

}  // namespace dmkit::history
