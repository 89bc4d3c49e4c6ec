// SPDX-License-Identifier: Apache-2.0
// What cases of loop devices start from: backing files, and loop0 to loop2 unbound. Built from the
// kernel's own header and not from loop/, whose codec must not be what proves itself.

#ifndef DMKIT_TESTING_CONFORMANCE_LOOP_FIXTURE_H_
#define DMKIT_TESTING_CONFORMANCE_LOOP_FIXTURE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "loop/uapi.h"
#include "testing/conformance/fixture.h"

namespace dmkit::conformance {

using FilePtr = std::unique_ptr<sys::File>;

inline constexpr sys::Access kRead = sys::Access::kReadOnly;
inline constexpr sys::Access kReadWrite = sys::Access::kReadWrite;

class LoopTest : public ConformanceTest {
 protected:
  // Detaches all loop devices, takes those away that were added, and brings those back that were
  // removed, before the case and after it.
  void SetUp() override;
  void TearDown() override;

  // The path of a new file of zeros.
  std::string File(absl::string_view name, uint64_t bytes);
  void Resize(const std::string& path, uint64_t bytes);
  // An open loop device; a failure fails the case.
  FilePtr Loop(uint32_t number, sys::Access access = kReadWrite);
  // The same, held: for exclusive use.
  FilePtr HeldLoop(uint32_t number);
  // Calls `body` with a descriptor of user 65534's own, on a node that everybody may open.
  void AsNobody(const std::string& node, sys::Access access,
                const std::function<void(sys::File& file)>& body);
  FilePtr Control() { return Open("/dev/loop-control", kReadWrite); }

  // ---- Calls: what they return, or a negative errno.
  static int Value(sys::File& file, unsigned long request, uint64_t value = 0);
  static int SetFd(sys::File& loop, const sys::File& backing);
  // `fd` of the configuration is set from `backing`.
  static int Configure(sys::File& loop, const sys::File& backing, loop_config config = {});
  static int Detach(sys::File& loop) { return Value(loop, LOOP_CLR_FD); }
  static int SetStatus(sys::File& loop, const loop_info64& info);
  static int GetStatus(sys::File& loop, loop_info64* info);
  static int StatusError(sys::File& loop);  // of LOOP_GET_STATUS64, without the answer

  // ---- What is there; a failure fails the case.
  uint64_t SizeOf(sys::File& device);  // bytes
  uint32_t BlockBytesOf(sys::File& device);
  uint32_t FlagsOf(sys::File& loop);
  bool IsReadOnly(sys::File& device);
  // Whether it is unbound, now or soon.
  bool IsDetachedInTime(uint32_t number);
  // Of all block devices, since this was called last.
  std::vector<std::string> TakeUevents() { return machine().TakeUevents(); }
  // A file below /sys/block/loopN; "" when it is not there.
  std::string Attribute(uint32_t number, absl::string_view name);

  // loop0 attached to a file of a MiB, with nothing said of it.
  void Attach(uint32_t number, const std::string& path);

 private:
  void Sweep();
  // Unbound, and gone if it is none of those that a kernel makes at start. Asks for both.
  bool IsSwept(sys::File& control, uint32_t number);
  std::vector<std::string> files_;
};

}  // namespace dmkit::conformance

#endif  // DMKIT_TESTING_CONFORMANCE_LOOP_FIXTURE_H_
