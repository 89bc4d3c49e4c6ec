// SPDX-License-Identifier: Apache-2.0
// The uevents that the model sent, as netlink would carry them, and who listens to them. Says
// nothing of when one is due: the drivers do.

#ifndef DMKIT_TESTING_MODEL_UEVENTS_H_
#define DMKIT_TESTING_MODEL_UEVENTS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace dmkit::model {

struct Uevent {
  uint64_t sequence = 0;  // SEQNUM, from 1
  absl::Time time;
  std::string action;              // "add", "change", "remove"
  std::string path;                // "/devices/virtual/block/dm-0"
  std::vector<std::string> extra;  // of the sender: "DM_COOKIE=6291456", "RESIZE=1", "DISK_RO=1"
  // Everything in the order of the message: ACTION, DEVPATH, SUBSYSTEM, the extra ones, MAJOR,
  // MINOR, DEVNAME, DEVTYPE, DISKSEQ, SEQNUM.
  std::vector<std::string> environment;

  // The value of a variable, "" when it is not there.
  std::string Value(absl::string_view variable) const;
};

// One line for messages of tests: "change dm-0 DM_COOKIE=1".
std::string DebugString(const Uevent& event);

class Uevents {
 public:
  // Is called for each event after it was recorded, inside the call that sent it. Must not call the
  // seam at once; a modelled udevd queues its work with Scheduler::Queue.
  using Listener = std::function<void(const Uevent&)>;

  // Gives the event its number and the variables that every event of a block device has, in front
  // of and behind `extra`. `device` are those between: "MAJOR=254", ... .
  void Send(absl::Time now, absl::string_view action, absl::string_view path,
            std::vector<std::string> extra, const std::vector<std::string>& device);

  // Listeners stay for ever; there is no way to leave.
  void Listen(Listener listener) { listeners_.push_back(std::move(listener)); }

  // The events since the last Take(), oldest first. Only the last kKept are kept.
  static constexpr size_t kKept = 4096;
  std::vector<Uevent> Take();
  // Forgets them, and starts with the first number again. Listeners stay.
  void LosePower();
  uint64_t sent() const { return sent_; }

 private:
  uint64_t sent_ = 0;
  std::deque<Uevent> events_;
  std::vector<Listener> listeners_;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_UEVENTS_H_
