// SPDX-License-Identifier: Apache-2.0
// The record of uevents.

#include "testing/model/uevents.h"

#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace dmkit::model {

std::string Uevent::Value(absl::string_view variable) const {
  const std::string prefix = absl::StrCat(variable, "=");
  for (const std::string& entry : environment) {
    if (absl::StartsWith(entry, prefix)) return entry.substr(prefix.size());
  }
  return "";
}

std::string DebugString(const Uevent& event) {
  std::string line = absl::StrCat(event.action, " ", event.Value("DEVNAME"));
  for (const std::string& variable : event.extra) absl::StrAppend(&line, " ", variable);
  return line;
}

void Uevents::Send(absl::Time now, absl::string_view action, absl::string_view path,
                   std::vector<std::string> extra, const std::vector<std::string>& device) {
  Uevent event;
  event.sequence = ++sent_;
  event.time = now;
  event.action = std::string(action);
  event.path = std::string(path);
  event.extra = std::move(extra);
  event.environment = {absl::StrCat("ACTION=", action), absl::StrCat("DEVPATH=", path),
                       "SUBSYSTEM=block"};
  event.environment.insert(event.environment.end(), event.extra.begin(), event.extra.end());
  event.environment.insert(event.environment.end(), device.begin(), device.end());
  event.environment.push_back(absl::StrCat("SEQNUM=", sent_));
  if (events_.size() == kKept) events_.pop_front();
  events_.push_back(std::move(event));
  // A listener may be added by one that is called.
  for (size_t i = 0; i < listeners_.size(); ++i) listeners_[i](events_.back());
}

std::vector<Uevent> Uevents::Take() {
  std::vector<Uevent> taken(std::make_move_iterator(events_.begin()),
                            std::make_move_iterator(events_.end()));
  events_.clear();
  return taken;
}

void Uevents::LosePower() {
  events_.clear();
  sent_ = 0;
}

}  // namespace dmkit::model
