// SPDX-License-Identifier: Apache-2.0
// One loop device: its states, its ioctls, and io on its file. Numbers and the control node are the
// driver's business. Mirrors drivers/block/loop.c.

#ifndef DMKIT_TESTING_MODEL_LOOP_LOOP_DEVICE_H_
#define DMKIT_TESTING_MODEL_LOOP_LOOP_DEVICE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "testing/model/block_layer.h"
#include "testing/model/loop/loop_info.h"
#include "testing/model/open_file.h"

namespace dmkit::model {

class LoopDriver;

class LoopDevice : public BlockDevice {
 public:
  // Added at once.
  LoopDevice(Core& core, const LoopDriver& driver, uint32_t loop_number);
  ~LoopDevice() override;

  bool is_bound() const { return state_ == State::kBound; }
  bool is_detaching() const { return state_ == State::kRundown; }
  bool is_unbound() const { return state_ == State::kUnbound; }
  // Null while it has none.
  const OpenFile* file() const { return file_.get(); }

  // For the end of the driver: forgets the file and the page cache, writes nothing, says nothing.
  // The caller drops the file.
  std::shared_ptr<OpenFile> Abandon();

  int OnOpen(const Opener& opener) override;
  void OnRelease(const Opener& opener) override;
  int DriverIoctl(const IoctlContext& context, unsigned long request, UserMemory memory) override;
  std::vector<std::pair<std::string, std::string>> Attributes() const override;

 protected:
  int DoIo(const Io& io) override;

 private:
  enum class State { kUnbound, kBound, kRundown };

  // loop_device.cc: binding and detaching.
  int SetFd(const IoctlContext& context, const LoopConfig& config);
  int CheckConfig(const OpenFile& file, const LoopConfig& config) const;
  int Bind(std::shared_ptr<OpenFile> file, const LoopConfig& config);
  int ChangeFd(const IoctlContext& context, uint32_t descriptor);
  int ReplaceFile(std::shared_ptr<OpenFile> file);
  int ClearFd();
  void Detach();
  int CheckFileOperations(const OpenFile& file) const;
  int ValidateFile(const OpenFile& file) const;

  // loop_status.cc: what is set and shown while it is bound.
  int StatusIoctl(const IoctlContext& context, unsigned long request, const UserMemory& memory);
  int SetStatus(const LoopInfo& info);
  int GetStatus(LoopInfo* info) const;
  int SetCapacity();
  int SetDirectIo(bool wanted);
  int SetBlockSize(const IoctlContext& context, uint64_t bytes);
  int ChangeBlockSize(uint64_t bytes);
  static int CheckInfo(const LoopInfo& info);
  void TakeInfo(const LoopInfo& info);
  uint64_t SizeOf(const OpenFile& file) const;  // in sectors
  void SetSize(uint64_t sectors);
  void UpdateDirectIo(bool wanted);
  void SetBlockLimits(uint32_t block_bytes);
  uint32_t DefaultBlockBytes() const;
  void SetDiscardLimits();
  void DropPageCache() { Forget(0, sectors() * kSectorBytes); }
  void ForceMediaChange();

  // loop_io.cc
  int ReadFile(const Io& io);
  int WriteFile(const Io& io);
  int PunchFile(const Io& io);

  const LoopDriver& driver_;
  const uint32_t loop_number_;
  State state_ = State::kUnbound;
  std::shared_ptr<OpenFile> file_;
  uint64_t offset_ = 0;
  uint64_t size_limit_ = 0;
  uint32_t flags_ = 0;
  bool uses_direct_io_ = false;
  std::string name_;
  bool is_abandoned_ = false;
};

}  // namespace dmkit::model

#endif  // DMKIT_TESTING_MODEL_LOOP_LOOP_DEVICE_H_
