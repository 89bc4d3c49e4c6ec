// SPDX-License-Identifier: Apache-2.0
// A udevd as far as device-mapper meets it: it keeps links in /dev/mapper for mapped devices as
// 10-dm.rules asks, and counts the semaphore of a cookie down when it is done (95-dm-notify.rules).
// It probes nothing and opens no device.

#ifndef DMKIT_TESTING_MODEL_PROCESS_UDEVD_H_
#define DMKIT_TESTING_MODEL_PROCESS_UDEVD_H_

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "testing/model/core.h"
#include "testing/model/process/semaphores.h"
#include "testing/model/uevents.h"

namespace dmkit::model {

// Where udevd makes its links: /dev of the namespace. Called inside a Scheduler::Call. What cannot
// be done is left alone, as by udevd.
class LinkDirectory {
 public:
  virtual ~LinkDirectory() = default;
  // A link /dev/mapper/<name> to ../<target>, in place of another link but not of anything else.
  virtual void MakeLink(absl::string_view name, absl::string_view target) = 0;
  // Takes it away when it is a link to ../<target>.
  virtual void RemoveLink(absl::string_view name, absl::string_view target) = 0;
};

class Udevd {
 public:
  // Listens from here on, for ever. Reacts some microseconds after an event, so that the process
  // whose call sent it may or may not be faster.
  Udevd(Core& core, SemaphoreTable& semaphores, LinkDirectory& links);
  Udevd(const Udevd&) = delete;
  Udevd& operator=(const Udevd&) = delete;

  // One that does not run, or was killed, hears of nothing: neither of what comes then, nor of what
  // it has not got to yet.
  void SetRunning(bool is_running) { is_running_ = is_running; }

  // What it knew of devices is gone, as is /run. It starts with the boot.
  void LosePower() {
    names_.clear();
    is_running_ = true;
  }

 private:
  void Receive(const Uevent& event);
  void Handle(const Uevent& event);
  void Rename(const std::string& disk, const std::string& name);

  Core& core_;
  SemaphoreTable& semaphores_;
  LinkDirectory& links_;
  bool is_running_ = true;
  std::map<std::string, std::string> names_;  // of links, by disk
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_PROCESS_UDEVD_H_
