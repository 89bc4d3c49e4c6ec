// SPDX-License-Identifier: Apache-2.0
// What cases of device-mapper start from: an open control device, and shorthands for the commands.
//
// A case must not clear an inactive table of a device that has a live one and rename it afterwards:
// with CONFIG_IMA both kernels corrupt their memory then, at the next load or removal. The fixture
// fails a case that clears and then renames anything.

#ifndef DMKIT_TESTING_CONFORMANCE_DM_FIXTURE_H_
#define DMKIT_TESTING_CONFORMANCE_DM_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "testing/conformance/dm_request.h"
#include "testing/conformance/fixture.h"

namespace dmkit::conformance {

using Lines = std::vector<std::string>;

struct DmLine {
  uint64_t start = 0;   // sectors
  uint64_t length = 0;  // sectors
  std::string type;
  std::string params;
};

inline constexpr absl::string_view kControlPath = "/dev/mapper/control";

class DmTest : public ConformanceTest {
 protected:
  // Fails when there are mapped devices already.
  void SetUp() override;
  // Removes all mapped devices, which the case must have made removable.
  void TearDown() override;

  // ---- A command as bytes. 0 or a negative errno; the reply is in `request` then.
  int Call(uint32_t number, DmRequest& request) { return CallOn(*control_, number, request); }
  int Call(uint32_t number, DmRequest&& request) { return Call(number, request); }
  int CallOn(sys::File& control, uint32_t number, DmRequest& request);

  // ---- Shorthands. 0 or a negative errno.
  int Create(absl::string_view name, absl::string_view uuid = "");
  int Load(absl::string_view name, const std::vector<DmLine>& table, uint32_t flags = 0);
  int Load(absl::string_view name, uint64_t length, absl::string_view type,
           absl::string_view params, uint32_t flags = 0);
  int Suspend(absl::string_view name, uint32_t flags = 0);
  int Resume(absl::string_view name, uint32_t cookie = 0, uint32_t flags = 0);
  int Remove(absl::string_view name, uint32_t flags = 0, uint32_t cookie = 0);
  int Clear(absl::string_view name);
  int Rename(absl::string_view name, absl::string_view wanted, uint32_t flags = 0,
             uint32_t cookie = 0);
  int Message(absl::string_view name, absl::string_view text, uint64_t sector = 0);
  // Create, load and resume. Each failure fails the case.
  void Activate(absl::string_view name, const std::vector<DmLine>& table);
  void Activate(absl::string_view name, uint64_t length, absl::string_view type,
                absl::string_view params);

  // ---- What is there. A failure fails the case.
  DmRequest Status(absl::string_view name, uint32_t flags = 0);
  uint32_t FlagsOf(absl::string_view name) { return Status(name).flags(); }
  bool Exists(absl::string_view name);
  // "0 8 zero " for each target, by TABLE_STATUS with `flags`.
  Lines Table(absl::string_view name, uint32_t flags = DM_STATUS_TABLE_FLAG);
  // The text that a message is answered with.
  std::string Answer(absl::string_view name, absl::string_view text);
  // "253:3", for tables; /dev/dm-3.
  std::string Number(absl::string_view name);
  std::string Node(absl::string_view name);
  // Of devices made by device-mapper: "change dm-0 DM_COOKIE=1".
  Lines TakeUevents();

  sys::File& control() { return *control_; }

 private:
  bool IsLowestMinorFree();

  std::unique_ptr<sys::File> control_;
  bool has_started_ = false;
  bool has_cleared_ = false;
  bool has_deferred_ = false;
};

}  // namespace dmkit::conformance

#endif  // DMKIT_TESTING_CONFORMANCE_DM_FIXTURE_H_
