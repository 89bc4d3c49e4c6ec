// SPDX-License-Identifier: Apache-2.0
// The transaction manager.

#include <cstring>

#include "testing/model/thin/space_map.h"

namespace dmkit::model {

int TransactionManager::NewBlock(BlockKind kind, uint64_t* number, char** block) {
  int result = map_->NewBlock(number);
  if (result == 0) result = store_.WriteZero(*number, kind, block);
  if (result == 0) shadows_.insert(*number);
  return result;
}

int TransactionManager::Shadow(uint64_t original, BlockKind kind, uint64_t* number, char** block,
                               bool* inc_children) {
  int result = IsShared(original, inc_children);
  if (result != 0) return result;
  if (IsShadow(original) && !*inc_children) {
    *number = original;
    return store_.Write(original, kind, block);
  }
  result = map_->NewBlock(number);
  if (result == 0) result = Dec(original);
  const char* old = nullptr;
  if (result == 0) result = store_.Read(original, kind, &old);
  if (result == 0) result = store_.WriteZero(*number, kind, block);
  if (result != 0) return result;
  std::memcpy(*block, old, kMetadataBlockBytes);
  shadows_.insert(*number);
  return 0;
}

int TransactionManager::Inc(uint64_t number) { return map_->Inc(number, number + 1); }

int TransactionManager::Dec(uint64_t number) { return map_->Dec(number, number + 1); }

int TransactionManager::Count(uint64_t number, uint32_t* count) {
  return map_->Count(number, count);
}

int TransactionManager::IsShared(uint64_t number, bool* shared) {
  uint32_t count = 0;
  const int result = Count(number, &count);
  *shared = count > 1;
  return result;
}

int TransactionManager::PreCommit() {
  const int result = map_->Commit();
  return result != 0 ? result : store_.Flush();
}

int TransactionManager::Commit() {
  shadows_.clear();
  return store_.Flush();
}

}  // namespace dmkit::model
