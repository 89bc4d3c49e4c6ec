// SPDX-License-Identifier: Apache-2.0
// What the history targets share: an input read byte by byte, a record of what was done, and a
// model kernel with processes that can be troubled. Knows nothing of stores and layers.

#ifndef DMKIT_TESTING_FUZZ_HISTORY_WORLD_H_
#define DMKIT_TESTING_FUZZ_HISTORY_WORLD_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "dm/device_mapper.h"
#include "sys/faulty_host.h"
#include "sys/host.h"
#include "testing/model/disk.h"
#include "testing/model/model_kernel.h"

namespace dmkit::history {

class Input {
 public:
  Input(const uint8_t* data, size_t size) : data_(data), size_(size) {}
  bool AtEnd() const { return next_ >= size_; }
  // 0 behind the end.
  uint32_t Byte() { return AtEnd() ? 0 : data_[next_++]; }
  uint32_t Below(uint32_t limit) { return Byte() % limit; }

 private:
  const uint8_t* data_;
  size_t size_;
  size_t next_ = 0;
};

// A history that is longer tells no more, and takes longer.
inline constexpr int kStepsMax = 48;

// What happens to the next operation of a process.
struct Trouble {
  enum Kind { kNone, kFault, kCrash } kind = kNone;
  uint64_t call = 0;
  int error = 0;
};

// The bytes after `choice` only where there is trouble.
Trouble ReadTrouble(uint32_t choice, Input& input);

struct Outcome {
  absl::Status status;
  // Nothing failed on the way that the kernel did not mean.
  bool undisturbed = true;
  bool crashed = false;
};

class World {
 public:
  static constexpr int kUsers = 2;

  // `end_user` drops whatever a user's process had open above the device mapper.
  World(uint32_t choice, std::function<void(int user)> end_user);
  ~World();

  model::ModelKernel& kernel() { return kernel_; }
  // Untroubled.
  sys::Host host(int user) { return kernel_.host(user + 1); }
  // The troubled one, started when it was not.
  dm::DeviceMapper& dm(int user);

  // Runs `operation` of the user with `trouble` at one of its calls. Its status must be one that
  // people can decide on, and nothing may wait for ever.
  Outcome Do(int user, const Trouble& trouble, absl::string_view what,
             const std::function<absl::Status()>& operation);
  // The process ends between two calls.
  void Crash(int user);
  void Reboot(model::Unsynced unsynced);
  // Handles close in good order.
  void Close(int user);

  // What waits for ever already was meant to.
  void ForgiveHangs() { hangs_ = kernel_.Hangs().size(); }
  void ExpectNoHang();

  void Note(std::string line) { story_.push_back(std::move(line)); }
  // Prints what was done and what there is, and ends the program.
  [[noreturn]] void Fail(absl::string_view what);
  void Expect(bool condition, absl::string_view what) {
    if (!condition) Fail(what);
  }
  void ExpectOk(const absl::Status& status, absl::string_view what);
  void ExpectNothing(const std::vector<std::string>& lines, absl::string_view what);

 private:
  struct User {
    std::unique_ptr<sys::FaultyHost> faulty;
    std::optional<dm::DeviceMapper> dm;
  };
  void End(int user);

  model::ModelKernel kernel_;
  std::function<void(int user)> end_user_;
  std::array<User, kUsers> users_;
  std::vector<std::string> story_;
  size_t hangs_ = 0;
};

// An error that the caller can decide on: it carries an errno, or is one of those that the product
// finds itself.
bool IsDecidable(const absl::Status& status);

// Whether the kernel of this choice has nodes of disks that nobody made.
inline bool HasNodes(uint32_t choice) { return (choice & 2) != 0 || (choice & 4) == 0; }

// What is wrong with a pool's metadata in a file. `scratch` is a disk of that size, for a copy.
std::vector<std::string> CheckMetadataFile(const sys::Host& host, absl::string_view path,
                                           model::Disk& scratch);

}  // namespace dmkit::history

#endif  // DMKIT_TESTING_FUZZ_HISTORY_WORLD_H_
