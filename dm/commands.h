// SPDX-License-Identifier: Apache-2.0
// The control commands and the facts about each that are no layout: one table, so that the client,
// the tracer and tests cannot disagree. Pure.

#ifndef DMKIT_DM_COMMANDS_H_
#define DMKIT_DM_COMMANDS_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dm/types.h"

namespace dmkit::dm {

// The number of the command in the request code.
enum class Command : uint32_t {
  kVersion = 0,
  kRemoveAll = 1,
  kListDevices = 2,
  kDevCreate = 3,
  kDevRemove = 4,
  kDevRename = 5,
  kDevSuspend = 6,  // resume too
  kDevStatus = 7,
  kDevWait = 8,
  kTableLoad = 9,
  kTableClear = 10,
  kTableDeps = 11,
  kTableStatus = 12,
  kListVersions = 13,
  kTargetMsg = 14,
  kDevSetGeometry = 15,
  kDevArmPoll = 16,
  kGetTargetVersion = 17,
};

// What the kernel reads: the header alone (305 bytes, whatever data_size says), or data_size bytes.
enum class RequestForm : uint8_t { kVersionOnly, kHeaderOnly, kPayload };

// What the kernel writes back when the command succeeds.
enum class ReplyForm : uint8_t {
  kVersionOnly,  // 12 bytes: flags and data_size are still those of the request
  kHeader,       // 305 bytes
  kPayload,      // the header and, when there is something to tell, a payload behind it
};

// What the request's event_nr means to the command.
enum class EventField : uint8_t { kUnused, kCookie, kEventNumber };

struct CommandFacts {
  Command command;
  absl::string_view name;  // as the kernel header spells it
  Version since;           // the first interface version that has it; also what a request states
  RequestForm request;
  ReplyForm reply;
  EventField event_field;
  // Whether the whole command may be sent again with a larger buffer when its reply did not fit.
  // False for TARGET_MSG, which has acted by then, and for the commands whose reply always fits.
  bool repeat_on_buffer_full;
};

// All commands, by number.
absl::Span<const CommandFacts> AllCommands();

const CommandFacts& FactsOf(Command command);

// Null for a number without a command.
const CommandFacts* FindCommand(uint32_t number);

// The ioctl request code: _IOWR(0xfd, number, struct dm_ioctl).
unsigned long RequestCode(Command command);

// The command of a request code, by its type and number as the kernel does (dm-ioctl.c,
// ctl_ioctl(), v6.1): direction and size are ignored. Null for another type or an unknown number.
const CommandFacts* FindRequestCode(unsigned long code);

}  // namespace dmkit::dm

#endif  // DMKIT_DM_COMMANDS_H_
