// SPDX-License-Identifier: Apache-2.0
// protobuf's JSON reader gives a tree of values; what is read from it is checked here.

#include "driver/docker/records.h"

#include <cmath>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "sys/status.h"
#include "sys/text.h"

namespace dmkit::driver {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr uint64_t kDeviceIdMax = 0xffffff;
// The reader has numbers as doubles, which hold all whole numbers below this.
constexpr uint64_t kNumberMax = uint64_t{1} << 53;

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("not a record of Docker's: ", what));
}

absl::StatusOr<Struct> ParseObject(absl::string_view json) {
  // The reader takes more than JSON; what a cut-off or overwritten file begins or ends with is not
  // for it to guess.
  const size_t first = json.find_first_not_of(" \t\r\n");
  const size_t last = json.find_last_not_of(" \t\r\n");
  if (first == absl::string_view::npos) return Damaged("the file is empty");
  if (json[first] != '{' || json[last] != '}') return Damaged("it is not one JSON object");
  Struct object;
  const auto parsed =
      google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, &object);
  if (parsed.ok()) return object;
  const auto words = parsed.message();
  return Damaged(sys::Printable(absl::string_view(words.data(), words.size()).substr(0, 200)));
}

// The member `name` in any case; null when there is none.
absl::StatusOr<const Value*> Find(const Struct& object, absl::string_view name) {
  const Value* found = nullptr;
  for (const auto& [key, value] : object.fields()) {
    if (!absl::EqualsIgnoreCase(key, name)) continue;
    if (found != nullptr) return Damaged(absl::StrCat("\"", name, "\" is given twice"));
    found = &value;
  }
  return found == nullptr || found->has_null_value() ? nullptr : found;
}

absl::StatusOr<std::optional<uint64_t>> FindNumber(const Struct& object, absl::string_view name,
                                                   uint64_t number_max) {
  DMKIT_ASSIGN_OR_RETURN(const Value* value, Find(object, name));
  if (value == nullptr) return std::nullopt;
  if (!value->has_number_value()) return Damaged(absl::StrCat("\"", name, "\" is no number"));
  const double number = value->number_value();
  if (!(number >= 0 && number < static_cast<double>(kNumberMax)) || std::trunc(number) != number ||
      static_cast<uint64_t>(number) > number_max) {
    return Damaged(
        absl::StrCat("\"", name, "\" is not a whole number from 0 to ", number_max, ": ", number));
  }
  return static_cast<uint64_t>(number);
}

absl::StatusOr<uint64_t> GetNumber(const Struct& object, absl::string_view name,
                                   uint64_t number_max) {
  DMKIT_ASSIGN_OR_RETURN(const std::optional<uint64_t> number,
                         FindNumber(object, name, number_max));
  return number.value_or(0);
}

absl::StatusOr<uint64_t> RequireNumber(const Struct& object, absl::string_view name,
                                       uint64_t number_max) {
  DMKIT_ASSIGN_OR_RETURN(const std::optional<uint64_t> number,
                         FindNumber(object, name, number_max));
  if (!number.has_value()) return Damaged(absl::StrCat("\"", name, "\" is missing"));
  return *number;
}

absl::StatusOr<bool> GetBool(const Struct& object, absl::string_view name) {
  DMKIT_ASSIGN_OR_RETURN(const Value* value, Find(object, name));
  if (value == nullptr) return false;
  if (value->kind_case() == Value::kBoolValue) return value->bool_value();
  return Damaged(absl::StrCat("\"", name, "\" is neither true nor false"));
}

absl::StatusOr<std::string> GetString(const Struct& object, absl::string_view name) {
  DMKIT_ASSIGN_OR_RETURN(const Value* value, Find(object, name));
  if (value == nullptr) return std::string();
  if (value->has_string_value()) return value->string_value();
  return Damaged(absl::StrCat("\"", name, "\" is no text"));
}

absl::StatusOr<DockerDevice> ToDevice(const Struct& object) {
  DockerDevice device;
  DMKIT_ASSIGN_OR_RETURN(const uint64_t id, RequireNumber(object, "device_id", kDeviceIdMax));
  device.device_id = static_cast<uint32_t>(id);
  DMKIT_ASSIGN_OR_RETURN(device.size_bytes, RequireNumber(object, "size", kNumberMax));
  DMKIT_ASSIGN_OR_RETURN(device.transaction_id, GetNumber(object, "transaction_id", kNumberMax));
  DMKIT_ASSIGN_OR_RETURN(device.initialized, GetBool(object, "initialized"));
  DMKIT_ASSIGN_OR_RETURN(device.deleted, GetBool(object, "deleted"));
  return device;
}

}  // namespace

absl::StatusOr<DockerDevice> ParseDockerDevice(absl::string_view json) {
  DMKIT_ASSIGN_OR_RETURN(const Struct object, ParseObject(json));
  return ToDevice(object);
}

absl::StatusOr<DockerSet> ParseDockerSet(absl::string_view json) {
  DMKIT_ASSIGN_OR_RETURN(const Struct object, ParseObject(json));
  DockerSet set;
  // Any int in Go; the counter wraps at 24 bits when it is used.
  DMKIT_ASSIGN_OR_RETURN(const uint64_t next, GetNumber(object, "next_device_id", kNumberMax));
  set.next_device_id = static_cast<uint32_t>(next & kDeviceIdMax);
  DMKIT_ASSIGN_OR_RETURN(set.base_uuid, GetString(object, "BaseDeviceUUID"));
  DMKIT_ASSIGN_OR_RETURN(set.base_filesystem, GetString(object, "BaseDeviceFilesystem"));
  return set;
}

absl::StatusOr<DockerTransaction> ParseDockerTransaction(absl::string_view json) {
  DMKIT_ASSIGN_OR_RETURN(const Struct object, ParseObject(json));
  DockerTransaction transaction;
  DMKIT_ASSIGN_OR_RETURN(transaction.id, RequireNumber(object, "open_transaction_id", kNumberMax));
  DMKIT_ASSIGN_OR_RETURN(transaction.hash, GetString(object, "device_hash"));
  DMKIT_ASSIGN_OR_RETURN(const uint64_t id, GetNumber(object, "device_id", kDeviceIdMax));
  transaction.device_id = static_cast<uint32_t>(id);
  return transaction;
}

absl::StatusOr<std::string> ParseDockerSetup(absl::string_view json) {
  // Nothing was set up yet.
  if (json.empty()) return std::string();
  DMKIT_ASSIGN_OR_RETURN(const Struct object, ParseObject(json));
  return GetString(object, "Device");
}

absl::StatusOr<std::map<std::string, absl::StatusOr<DockerDevice>>> ParseDockerDevices(
    absl::string_view json) {
  DMKIT_ASSIGN_OR_RETURN(const Struct object, ParseObject(json));
  DMKIT_ASSIGN_OR_RETURN(const Value* list, Find(object, "Devices"));
  std::map<std::string, absl::StatusOr<DockerDevice>> devices;
  if (list == nullptr) return devices;
  if (!list->has_struct_value()) return Damaged("\"Devices\" is no JSON object");
  for (const auto& [hash, value] : list->struct_value().fields()) {
    devices.emplace(hash, value.has_struct_value() ? ToDevice(value.struct_value())
                                                   : Damaged("the device is no JSON object"));
  }
  return devices;
}

}  // namespace dmkit::driver
