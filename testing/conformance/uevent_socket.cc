// SPDX-License-Identifier: Apache-2.0
// A netlink socket of group 1, whose messages are "ACTION@PATH" and variables with NULs between.

#include "testing/conformance/uevent_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "sys/status.h"

namespace dmkit::conformance {
namespace {

constexpr int kUeventProtocol = 15;  // NETLINK_KOBJECT_UEVENT
constexpr size_t kMessageBytesMax = 8192;
constexpr int kReceiveBytes = 8 << 20;

// struct sockaddr_nl.
struct NetlinkAddress {
  uint16_t family = AF_NETLINK;
  uint16_t padding = 0;
  uint32_t port = 0;
  uint32_t groups = 1;
};

// What every event of a block device has.
const std::set<absl::string_view>& CommonVariables() {
  static const auto* const kNames =
      new std::set<absl::string_view>{"ACTION",  "DEVPATH", "SUBSYSTEM", "MAJOR",  "MINOR",
                                      "DEVNAME", "DEVTYPE", "DISKSEQ",   "SEQNUM", "SYNTH_UUID"};
  return *kNames;
}

// The line for a message, "" when it is not about a block device.
std::string LineOf(absl::string_view message) {
  std::string action, name, extra;
  bool is_block = false;
  for (const absl::string_view word : absl::StrSplit(message, '\0', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> variable =
        absl::StrSplit(word, absl::MaxSplits('=', 1));
    if (variable.first == "ACTION") action = std::string(variable.second);
    if (variable.first == "DEVNAME") name = std::string(variable.second);
    if (variable.first == "SUBSYSTEM") is_block = variable.second == "block";
    if (!absl::StrContains(word, '=') || CommonVariables().count(variable.first) != 0) continue;
    absl::StrAppend(&extra, " ", word);
  }
  return is_block ? absl::StrCat(action, " ", name, extra) : "";
}

}  // namespace

UeventSocket::UeventSocket()
    : descriptor_(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, kUeventProtocol)) {
  DMKIT_CHECK(descriptor_ >= 0);
  const NetlinkAddress address;
  DMKIT_CHECK(bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  DMKIT_CHECK(
      setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &kReceiveBytes, sizeof(kReceiveBytes)) == 0);
}

UeventSocket::~UeventSocket() { close(descriptor_); }

std::vector<std::string> UeventSocket::Take() {
  std::vector<std::string> lines;
  std::string message(kMessageBytesMax, '\0');
  while (true) {
    const ssize_t got = recv(descriptor_, &message[0], message.size(), 0);
    if (got <= 0) return lines;
    std::string line = LineOf(absl::string_view(message.data(), static_cast<size_t>(got)));
    if (!line.empty()) lines.push_back(std::move(line));
  }
}

}  // namespace dmkit::conformance
