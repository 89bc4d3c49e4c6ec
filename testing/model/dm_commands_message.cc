// SPDX-License-Identifier: Apache-2.0
// DM_TARGET_MSG.

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "testing/model/dm_commands.h"
#include "testing/model/kernel_parse.h"

namespace dmkit::model {
namespace {

constexpr size_t kMessageTextAt = 8;

// message_for_md(): for the core, to be known by its first byte.
int CoreMessage(DmDevice& device, const std::vector<std::string>& words, size_t room,
                std::string* result) {
  if (SameWord(words[0], "@cancel_deferred_remove")) {
    return words.size() == 1 ? device.CancelDeferredRemove() : -EINVAL;
  }
  const int answer = device.stats().Message(device.sectors(), words, room, result);
  return answer == DmStats::kNotMine ? -EINVAL : answer;
}

int MessageForTarget(DmDevice& device, uint64_t sector, const std::vector<std::string>& words,
                     std::string* result) {
  // Kept alive while the target waits.
  const std::shared_ptr<DmTable> table = device.live();
  if (table == nullptr) return -EINVAL;
  if (device.is_deleting()) return -ENXIO;
  Target* const target = table->Find(sector);
  if (target == nullptr || !target->type().Has(TargetType::kMessages)) return -EINVAL;
  return target->Message(words, result);
}

// Where there is no text, what stands in the buffer is the answer: the caller's own bytes.
void PutAnswer(const std::string& text, size_t start, size_t room, DmParams& params) {
  params.Set(kDataOutFlag);
  if (room == 0) {
    params.Set(kBufferFullFlag);
    return;
  }
  char* const answer = params.bytes() + start;
  if (!text.empty()) {
    params.PutText(start, absl::string_view(text).substr(0, room - 1));
  }
  const size_t length = strnlen(answer, room);
  if (length + 1 >= room) {
    params.Set(kBufferFullFlag);
  } else {
    params.SetDataSize(start + length + 1);
  }
}

}  // namespace

int TargetMessage(DmCore& dm, DmParams& params) {
  const size_t message = params.data_start();
  size_t room = 0;
  const size_t start = params.StartResult(&room);
  const std::shared_ptr<DmDevice> device = FindDevice(dm, params);
  if (device == nullptr) return -ENXIO;
  if (message < kDataAt || !params.TextAt(message + kMessageTextAt).has_value()) return -EINVAL;
  const uint64_t sector = params.U64(message);
  const std::vector<std::string> words = SplitWords(params.bytes() + message + kMessageTextAt);
  if (words.empty()) return -EINVAL;
  std::string result;
  const int answer = words[0][0] == '@' ? CoreMessage(*device, words, room, &result)
                                        : MessageForTarget(*device, sector, words, &result);
  if (answer < 0) return answer;
  PutStatus(*device, params);
  if (answer == 1) PutAnswer(result, start, room, params);
  return 0;
}

}  // namespace dmkit::model
