// SPDX-License-Identifier: Apache-2.0
// Needs are found when a change is added: they are earlier changes, so they never form a circle.

#include "testing/model/files/journal.h"

#include <algorithm>

namespace dmkit::model {

void Journal::Need(uint64_t id, Change* change) const {
  if (changes_.count(id) != 0) change->needs.insert(id);
}

void Journal::Add(JournalSteps steps, const Needs& needs) {
  const uint64_t id = next_id_++;
  Change change;
  for (const JournalStep& step : steps) {
    const auto last = last_of_name_.find({step.directory.get(), step.name});
    if (last != last_of_name_.end()) Need(last->second, &change);
  }
  const auto inside = of_directory_.find(needs.removed_directory);
  if (inside != of_directory_.end()) {
    for (const uint64_t earlier : inside->second) Need(earlier, &change);
  }
  for (const Inode* const directory : needs.directories) {
    const auto maker = maker_.find(directory);
    if (maker != maker_.end()) Need(maker->second, &change);
  }
  if (needs.moves_directory) {
    Need(last_directory_move_, &change);
    last_directory_move_ = id;
  }
  for (const JournalStep& step : steps) {
    last_of_name_[{step.directory.get(), step.name}] = id;
    of_directory_[step.directory.get()].insert(id);
    if (step.target != nullptr) maker_[step.target.get()] = id;
  }
  change.steps = std::move(steps);
  changes_.emplace(id, std::move(change));
}

void Journal::Forget(uint64_t id, const Change& change) {
  for (const JournalStep& step : change.steps) {
    const auto last = last_of_name_.find({step.directory.get(), step.name});
    if (last != last_of_name_.end() && last->second == id) last_of_name_.erase(last);
    const auto directory = of_directory_.find(step.directory.get());
    if (directory != of_directory_.end()) {
      directory->second.erase(id);
      if (directory->second.empty()) of_directory_.erase(directory);
    }
    const auto maker = maker_.find(step.target.get());
    if (maker != maker_.end() && maker->second == id) maker_.erase(maker);
  }
}

std::vector<JournalSteps> Journal::TakeDirectory(const Inode& directory) {
  const auto found = of_directory_.find(&directory);
  if (found == of_directory_.end()) return {};
  std::set<uint64_t> wanted = found->second;
  // From the last one down: what a change needs is always before it.
  for (auto id = wanted.rbegin(); id != wanted.rend(); ++id) {
    const std::set<uint64_t>& needs = changes_.at(*id).needs;
    for (const uint64_t need : needs) {
      if (changes_.count(need) != 0) wanted.insert(need);
    }
  }
  std::vector<JournalSteps> taken;
  for (const uint64_t id : wanted) {
    const auto change = changes_.find(id);
    Forget(id, change->second);
    taken.push_back(std::move(change->second.steps));
    changes_.erase(change);
  }
  return taken;
}

std::vector<JournalSteps> Journal::TakeSome(const std::function<bool()>& keeps) {
  std::vector<JournalSteps> taken;
  std::set<uint64_t> lost;
  for (auto& [id, change] : changes_) {
    const bool is_possible = std::none_of(change.needs.begin(), change.needs.end(),
                                          [&lost](uint64_t need) { return lost.count(need) != 0; });
    if (is_possible && keeps()) {
      taken.push_back(std::move(change.steps));
    } else {
      lost.insert(id);
    }
  }
  *this = Journal();
  return taken;
}

}  // namespace dmkit::model
