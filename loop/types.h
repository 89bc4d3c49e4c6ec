// SPDX-License-Identifier: Apache-2.0
// What is asked of a loop device and what is known of one. Values only: no descriptors, no calls.

#ifndef DMKIT_LOOP_TYPES_H_
#define DMKIT_LOOP_TYPES_H_

#include <cstdint>
#include <string>

#include "sys/device_number.h"
#include "sys/units.h"

namespace dmkit::loop {

struct AttachOptions {
  bool read_only = false;
  bool autoclear = true;   // the kernel detaches the device after its last close
  bool direct_io = false;  // where the kernel cannot: an error, and nothing stays attached
  sys::Bytes offset;       // any byte of the file; must lie before its end
  sys::Bytes size_limit;   // 0: to the end of the file
  // Logical block size in bytes, a power of two in 512..4096; 0: the kernel's default.
  uint32_t block_size = 0;
};

// A bound loop device.
struct LoopInfo {
  uint32_t number = 0;
  sys::DeviceNumber device;          // 7:number
  sys::DeviceNumber backing_device;  // the filesystem of the backing file
  uint64_t backing_inode = 0;
  sys::DeviceNumber backing_rdevice;  // of a backing block device; 0:0 for a regular file
  sys::Bytes offset;
  sys::Bytes size_limit;
  sys::Bytes size;           // of the loop device itself
  uint32_t block_size = 0;   // logical block size in bytes
  std::string file_name;     // lo_file_name: what the attacher said, cut to 63 bytes
  std::string backing_file;  // the path from sysfs, " (deleted)" and all; empty without sysfs
  bool read_only = false;
  bool autoclear = false;
  bool direct_io = false;
};

}  // namespace dmkit::loop

#endif  // DMKIT_LOOP_TYPES_H_
