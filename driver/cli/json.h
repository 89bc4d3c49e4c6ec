// SPDX-License-Identifier: Apache-2.0
// Reports as JSON. Which fields there are is said by the .proto files alone.

#ifndef DMKIT_DRIVER_CLI_JSON_H_
#define DMKIT_DRIVER_CLI_JSON_H_

#include <string>

#include "google/protobuf/message.h"

namespace dmkit::driver::cli {

// `message` as one JSON object in one line, newline included. Fields have their names in the .proto
// file and are there also when they have their default, but for optional ones that are absent;
// 64-bit numbers are strings, as in protobuf's JSON mapping. Bytes that are not UTF-8 are written
// as \xNN.
std::string ToJson(const google::protobuf::Message& message);

}  // namespace dmkit::driver::cli

#endif  // DMKIT_DRIVER_CLI_JSON_H_
