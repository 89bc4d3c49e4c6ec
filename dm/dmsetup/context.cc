// SPDX-License-Identifier: Apache-2.0
#include "dm/dmsetup/context.h"

#include <cstring>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "sys/status.h"

namespace dmkit::dm::dmsetup {
namespace {

constexpr size_t kKeptBytes = 16 * 1024;

Mangling ManglingMode(const Words& words, const Environment& environment) {
  if (words.mangling.has_value()) return *words.mangling;
  if (!environment.mangling_mode.has_value()) return Mangling::kAuto;
  return ParseMangling(*environment.mangling_mode).value_or(Mangling::kAuto);
}

// Without a slash at its end.
std::string DevDir(const Environment& environment) {
  const std::string dev_dir = environment.dev_dir.value_or("");
  if (dev_dir.empty()) return "/dev";
  return std::string(absl::StripSuffix(dev_dir, "/"));
}

}  // namespace

std::string Reason(const absl::Status& status) {
  const int error = sys::GetErrno(status);
  return error == 0 ? std::string(status.message()) : strerror(error);
}

Context::Context(const Words& its_words, const Environment& its_environment,
                 const sys::Host& its_host, const Streams& its_streams, Findings* its_findings)
    : environment(its_environment),
      host(its_host),
      streams(its_streams),
      findings(its_findings),
      words(its_words),
      mangling(ManglingMode(its_words, its_environment)),
      udev_cookie(its_words.udev_cookie),
      dev_dir(DevDir(its_environment)),
      mapper_dir(absl::StrCat(dev_dir, "/mapper")) {}

Context::~Context() = default;

DeviceMapper* Context::Dm() {
  if (dm_.has_value()) return &*dm_;
  if (dm_failed_) return nullptr;
  absl::StatusOr<DeviceMapper> dm = DeviceMapper::Open(host);
  if (dm.ok()) {
    dm_.emplace(*std::move(dm));
    return &*dm_;
  }
  dm_failed_ = true;
  if (findings != nullptr) {
    Fail("", "", dm.status());
    return nullptr;
  }
  Error(absl::StrCat("/dev/mapper/control: open failed: ", Reason(dm.status())));
  Error("Failure to communicate with kernel device-mapper driver.");
  if (host.processes->EffectiveUserId() == 0) {
    Error("Check that device-mapper is available in the kernel.");
  }
  Error(absl::StrCat("Incompatible libdevmapper ", kLibraryVersion,
                     " and kernel driver (unknown version)."));
  return nullptr;
}

std::string Context::Path(absl::string_view path) const {
  if (absl::StartsWith(path, "/")) return std::string(path);
  return absl::StrCat(environment.working_dir, "/", path);
}

void Context::Print(absl::string_view text) {
  if (findings != nullptr) return;
  absl::StrAppend(&out_, text);
  if (out_.size() >= kKeptBytes) Flush();
}

void Context::Flush() {
  if (!out_.empty()) print_status_.Update(streams.out->Write(out_));
  out_.clear();
}

void Context::Error(absl::string_view line) { Fail(line, "", absl::UnknownError(line)); }

void Context::Misused(absl::string_view line) { Fail(line, "", absl::InvalidArgumentError(line)); }

void Context::Conclude(absl::string_view line) {
  if (findings == nullptr || findings->problems.empty()) Error(line);
}

void Context::Fail(absl::string_view line, absl::string_view object, const absl::Status& status) {
  if (findings != nullptr) {
    findings->problems.push_back({std::string(object), status});
    return;
  }
  // Nobody is left to be told when standard error is gone.
  streams.err->Write(absl::StrCat(line, "\n")).IgnoreError();
}

}  // namespace dmkit::dm::dmsetup
