// SPDX-License-Identifier: Apache-2.0
// The kernel's uevents as they come over netlink, those of block devices only.

#ifndef DMKIT_TESTING_CONFORMANCE_UEVENT_SOCKET_H_
#define DMKIT_TESTING_CONFORMANCE_UEVENT_SOCKET_H_

#include <string>
#include <vector>

namespace dmkit::conformance {

class UeventSocket {
 public:
  // The process ends when there is no such socket.
  UeventSocket();
  ~UeventSocket();
  UeventSocket(const UeventSocket&) = delete;
  UeventSocket& operator=(const UeventSocket&) = delete;

  // What has come since the last call, without waiting: "change dm-0 DM_COOKIE=1".
  std::vector<std::string> Take();
  // The same with all variables of each event, "ACTION=change" and so on, in their order.
  std::vector<std::vector<std::string>> TakeVariables();

 private:
  int descriptor_;
};

}  // namespace dmkit::conformance

#endif  // DMKIT_TESTING_CONFORMANCE_UEVENT_SOCKET_H_
