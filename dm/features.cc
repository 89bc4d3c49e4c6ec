// SPDX-License-Identifier: Apache-2.0
// Compares requests with interface versions. Pure: no file descriptors, no clock, no logging.

#include "dm/features.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "dm/commands.h"

namespace dmkit::dm {
namespace {

struct Feature {
  absl::string_view what;
  Version since;
};

constexpr Feature kNoFlush = {"suspend without flushing", {4, 12, 0}};
constexpr Feature kQueryInactive = {"a query of the inactive table", {4, 16, 0}};
constexpr Feature kSetUuid = {"setting the uuid of an existing device", {4, 19, 0}};
constexpr Feature kDeferredRemove = {"deferred removal", {4, 27, 0}};
constexpr Feature kImaMeasurement = {"the measured form of a status", {4, 45, 0}};
// With no version that a kernel could lack.
constexpr Feature kNothing = {"", {0, 0, 0}};

// The newest option that a request uses.
struct NewestOption {
  Feature operator()(const RemoveAllRequest& request) const { return Deferred(request.deferred); }
  Feature operator()(const RemoveRequest& request) const { return Deferred(request.deferred); }
  Feature operator()(const MessageRequest& request) const {
    return Deferred(request.message == kCancelDeferredRemove);
  }
  Feature operator()(const SetUuidRequest&) const { return kSetUuid; }
  Feature operator()(const SuspendRequest& request) const { return Flush(request.no_flush); }
  Feature operator()(const ResumeRequest& request) const { return Flush(request.no_flush); }
  Feature operator()(const InfoRequest& request) const { return Inactive(request.inactive); }
  Feature operator()(const DependenciesRequest& request) const {
    return Inactive(request.inactive);
  }
  Feature operator()(const StatusRequest& request) const { return Status(request); }
  Feature operator()(const WaitRequest& request) const { return Status(request); }
  template <typename Other>
  Feature operator()(const Other&) const {
    return kNothing;
  }

 private:
  static Feature Deferred(bool used) { return used ? kDeferredRemove : kNothing; }
  static Feature Flush(bool used) { return used ? kNoFlush : kNothing; }
  static Feature Inactive(bool used) { return used ? kQueryInactive : kNothing; }
  // no_flush is no option to check here: a kernel that does not know it for a status commits, which
  // is slower and not wrong.
  template <typename Query>
  static Feature Status(const Query& request) {
    if (request.kind == StatusKind::kImaMeasurement) return kImaMeasurement;
    return Inactive(request.inactive);
  }
};

bool Has(const Version& kernel, const Version& since) {
  return kernel.IsAtLeast(since.major, since.minor, since.patch);
}

absl::Status Missing(const Feature& feature, const Version& kernel) {
  return absl::UnimplementedError(absl::StrCat(feature.what, " needs device-mapper interface ",
                                               FormatVersion(feature.since), "; this kernel has ",
                                               FormatVersion(kernel)));
}

}  // namespace

absl::Status CheckSupported(const Request& request, const Version& kernel) {
  const CommandFacts& facts = FactsOf(CommandOf(request));
  if (!Has(kernel, facts.since)) return Missing({"this command", facts.since}, kernel);
  const Feature option = std::visit(NewestOption{}, request);
  if (!Has(kernel, option.since)) return Missing(option, kernel);
  return absl::OkStatus();
}

}  // namespace dmkit::dm
