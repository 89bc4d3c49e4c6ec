// SPDX-License-Identifier: Apache-2.0
// A netlink socket of group 1, whose messages are "ACTION@PATH" and variables with NULs between.

#include "testing/conformance/uevent_socket.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

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

// The variables of a message; the text in front of them has no '='.
std::vector<std::string> VariablesOf(absl::string_view message) {
  std::vector<std::string> variables;
  for (const absl::string_view word : absl::StrSplit(message, '\0', absl::SkipEmpty())) {
    if (absl::StrContains(word, '=')) variables.emplace_back(word);
  }
  return variables;
}

bool IsAboutABlockDevice(const std::vector<std::string>& variables) {
  return std::find(variables.begin(), variables.end(), "SUBSYSTEM=block") != variables.end();
}

std::string LineOf(const std::vector<std::string>& variables) {
  std::string action, name, extra;
  for (const std::string& word : variables) {
    const std::pair<absl::string_view, absl::string_view> variable =
        absl::StrSplit(word, absl::MaxSplits('=', 1));
    if (variable.first == "ACTION") action = std::string(variable.second);
    if (variable.first == "DEVNAME") name = std::string(variable.second);
    if (CommonVariables().count(variable.first) == 0) absl::StrAppend(&extra, " ", word);
  }
  return absl::StrCat(action, " ", name, extra);
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
  for (const std::vector<std::string>& variables : TakeVariables()) {
    lines.push_back(LineOf(variables));
  }
  return lines;
}

std::vector<std::vector<std::string>> UeventSocket::TakeVariables() {
  std::vector<std::vector<std::string>> events;
  std::string message(kMessageBytesMax, '\0');
  while (true) {
    const ssize_t got = recv(descriptor_, &message[0], message.size(), 0);
    if (got <= 0) return events;
    std::vector<std::string> variables =
        VariablesOf(absl::string_view(message.data(), static_cast<size_t>(got)));
    if (IsAboutABlockDevice(variables)) events.push_back(std::move(variables));
  }
}

}  // namespace dmkit::conformance
