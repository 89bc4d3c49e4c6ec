// SPDX-License-Identifier: Apache-2.0
// The table of commands. Pure: no file descriptors, no clock, no logging.

#include "dm/commands.h"

#include "dm/uapi.h"
#include "sys/status.h"

namespace dmkit::dm {
namespace {

constexpr auto kVersionIn = RequestForm::kVersionOnly;
constexpr auto kHeaderIn = RequestForm::kHeaderOnly;
constexpr auto kPayloadIn = RequestForm::kPayload;
constexpr auto kVersionOut = ReplyForm::kVersionOnly;
constexpr auto kHeaderOut = ReplyForm::kHeader;
constexpr auto kPayloadOut = ReplyForm::kPayload;
constexpr auto kUnused = EventField::kUnused;
constexpr auto kCookie = EventField::kCookie;
constexpr auto kEventNumber = EventField::kEventNumber;

// Which commands are header only: dm-ioctl.c, lookup_ioctl(), IOCTL_FLAGS_NO_PARAMS, v6.1.
// Versions: the minor was raised together with the command; ARM_POLL is stated as 4.37 because what
// goes with it, event numbers in the list of devices, has its final layout since then.
// clang-format off
constexpr CommandFacts kCommands[] = {
    {Command::kVersion, "DM_VERSION", {4, 0, 0}, kVersionIn, kVersionOut, kUnused, false},
    {Command::kRemoveAll, "DM_REMOVE_ALL", {4, 0, 0}, kHeaderIn, kVersionOut, kUnused, false},
    {Command::kListDevices, "DM_LIST_DEVICES", {4, 0, 0}, kPayloadIn, kPayloadOut, kUnused, true},
    {Command::kDevCreate, "DM_DEV_CREATE", {4, 0, 0}, kHeaderIn, kHeaderOut, kUnused, false},
    {Command::kDevRemove, "DM_DEV_REMOVE", {4, 0, 0}, kHeaderIn, kHeaderOut, kCookie, false},
    {Command::kDevRename, "DM_DEV_RENAME", {4, 0, 0}, kPayloadIn, kHeaderOut, kCookie, false},
    {Command::kDevSuspend, "DM_DEV_SUSPEND", {4, 0, 0}, kHeaderIn, kHeaderOut, kCookie, false},
    {Command::kDevStatus, "DM_DEV_STATUS", {4, 0, 0}, kHeaderIn, kHeaderOut, kUnused, false},
    {Command::kDevWait, "DM_DEV_WAIT", {4, 0, 0}, kPayloadIn, kPayloadOut, kEventNumber, true},
    {Command::kTableLoad, "DM_TABLE_LOAD", {4, 0, 0}, kPayloadIn, kHeaderOut, kUnused, false},
    {Command::kTableClear, "DM_TABLE_CLEAR", {4, 0, 0}, kHeaderIn, kHeaderOut, kUnused, false},
    {Command::kTableDeps, "DM_TABLE_DEPS", {4, 0, 0}, kPayloadIn, kPayloadOut, kUnused, true},
    {Command::kTableStatus, "DM_TABLE_STATUS", {4, 0, 0}, kPayloadIn, kPayloadOut, kUnused, true},
    {Command::kListVersions, "DM_LIST_VERSIONS", {4, 1, 0}, kPayloadIn, kPayloadOut, kUnused, true},
    {Command::kTargetMsg, "DM_TARGET_MSG", {4, 2, 0}, kPayloadIn, kPayloadOut, kUnused, false},
    {Command::kDevSetGeometry, "DM_DEV_SET_GEOMETRY", {4, 6, 0}, kPayloadIn, kVersionOut, kUnused,
     false},
    {Command::kDevArmPoll, "DM_DEV_ARM_POLL", {4, 37, 0}, kHeaderIn, kHeaderOut, kUnused, false},
    {Command::kGetTargetVersion, "DM_GET_TARGET_VERSION", {4, 41, 0}, kPayloadIn, kPayloadOut,
     kUnused, true},
};
// clang-format on

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
