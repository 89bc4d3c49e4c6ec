// SPDX-License-Identifier: Apache-2.0
// The table of commands. Pure: no file descriptors, no clock, no logging.

#include "dm/commands.h"

#include "dm/uapi.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

constexpr RequestForm kHeaderOnly = RequestForm::kHeaderOnly;
constexpr RequestForm kWithPayload = RequestForm::kPayload;
constexpr EventField kUnused = EventField::kUnused;
constexpr EventField kCookie = EventField::kCookie;

// Which commands are header only: dm-ioctl.c, lookup_ioctl(), IOCTL_FLAGS_NO_PARAMS, v6.1.
// Versions: the minor was raised together with the command; ARM_POLL is 4.37 because 4.36 had no
// list to go with it that a 64-bit kernel and its user read alike.
constexpr CommandFacts kCommands[] = {
    {Command::kVersion,
     "DM_VERSION",
     {4, 0, 0},
     RequestForm::kVersionOnly,
     ReplyForm::kVersionOnly,
     kUnused,
     false},
    {Command::kRemoveAll,
     "DM_REMOVE_ALL",
     {4, 0, 0},
     kHeaderOnly,
     ReplyForm::kVersionOnly,
     kUnused,
     false},
    {Command::kListDevices,
     "DM_LIST_DEVICES",
     {4, 0, 0},
     kWithPayload,
     ReplyForm::kPayload,
     kUnused,
     true},
    {Command::kDevCreate,
     "DM_DEV_CREATE",
     {4, 0, 0},
     kHeaderOnly,
     ReplyForm::kHeader,
     kUnused,
     false},
    {Command::kDevRemove,
     "DM_DEV_REMOVE",
     {4, 0, 0},
     kHeaderOnly,
     ReplyForm::kHeader,
     kCookie,
     false},
    {Command::kDevRename,
     "DM_DEV_RENAME",
     {4, 0, 0},
     kWithPayload,
     ReplyForm::kHeader,
     kCookie,
     false},
    {Command::kDevSuspend,
     "DM_DEV_SUSPEND",
     {4, 0, 0},
     kHeaderOnly,
     ReplyForm::kHeader,
     kCookie,
     false},
    {Command::kDevStatus,
     "DM_DEV_STATUS",
     {4, 0, 0},
     kHeaderOnly,
     ReplyForm::kHeader,
     kUnused,
     false},
    {Command::kDevWait,
     "DM_DEV_WAIT",
     {4, 0, 0},
     kWithPayload,
     ReplyForm::kPayload,
     EventField::kEventNumber,
     true},
    {Command::kTableLoad,
     "DM_TABLE_LOAD",
     {4, 0, 0},
     kWithPayload,
     ReplyForm::kHeader,
     kUnused,
     false},
    {Command::kTableClear,
     "DM_TABLE_CLEAR",
     {4, 0, 0},
     kHeaderOnly,
     ReplyForm::kHeader,
     kUnused,
     false},
    {Command::kTableDeps,
     "DM_TABLE_DEPS",
     {4, 0, 0},
     kWithPayload,
     ReplyForm::kPayload,
     kUnused,
     true},
    {Command::kTableStatus,
     "DM_TABLE_STATUS",
     {4, 0, 0},
     kWithPayload,
     ReplyForm::kPayload,
     kUnused,
     true},
    {Command::kListVersions,
     "DM_LIST_VERSIONS",
     {4, 1, 0},
     kWithPayload,
     ReplyForm::kPayload,
     kUnused,
     true},
    {Command::kTargetMsg,
     "DM_TARGET_MSG",
     {4, 2, 0},
     kWithPayload,
     ReplyForm::kPayload,
     kUnused,
     false},
    {Command::kDevSetGeometry,
     "DM_DEV_SET_GEOMETRY",
     {4, 6, 0},
     kWithPayload,
     ReplyForm::kVersionOnly,
     kUnused,
     false},
    {Command::kDevArmPoll,
     "DM_DEV_ARM_POLL",
     {4, 37, 0},
     kHeaderOnly,
     ReplyForm::kHeader,
     kUnused,
     false},
    {Command::kGetTargetVersion,
     "DM_GET_TARGET_VERSION",
     {4, 41, 0},
     kWithPayload,
     ReplyForm::kPayload,
     kUnused,
     true},
};

constexpr bool NumbersAreIndexes() {
  for (uint32_t i = 0; i < sizeof(kCommands) / sizeof(kCommands[0]); ++i) {
    if (static_cast<uint32_t>(kCommands[i].command) != i) return false;
  }
  return true;
}
static_assert(NumbersAreIndexes());
static_assert(static_cast<uint32_t>(Command::kGetTargetVersion) == DM_GET_TARGET_VERSION_CMD);

}  // namespace

absl::Span<const CommandFacts> AllCommands() { return kCommands; }

const CommandFacts& FactsOf(Command command) {
  const CommandFacts* facts = FindCommand(static_cast<uint32_t>(command));
  DMKIT_CHECK(facts != nullptr);
  return *facts;
}

const CommandFacts* FindCommand(uint32_t number) {
  return number < AllCommands().size() ? &kCommands[number] : nullptr;
}

unsigned long RequestCode(Command command) {
  return _IOWR(DM_IOCTL, static_cast<unsigned long>(command), struct dm_ioctl);
}

const CommandFacts* FindRequestCode(unsigned long code) {
  if (_IOC_TYPE(code) != DM_IOCTL) return nullptr;
  return FindCommand(static_cast<uint32_t>(_IOC_NR(code)));
}

}  // namespace dmkit::dm
