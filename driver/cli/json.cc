// SPDX-License-Identifier: Apache-2.0
// protobuf's JSON printer, behind a walk that makes all strings UTF-8: without it the printer drops
// what it cannot encode.

#include "driver/cli/json.h"

#include <memory>
#include <string>
#include <vector>

#include "driver/cli/displayable.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/util/json_util.h"
#include "sys/status.h"

namespace dmkit::driver::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void CleanString(Message& message, const FieldDescriptor* field) {
  const Reflection* reflection = message.GetReflection();
  if (!field->is_repeated()) {
    reflection->SetString(&message, field, ValidUtf8(reflection->GetString(message, field)));
    return;
  }
  for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
    reflection->SetRepeatedString(&message, field, i,
                                  ValidUtf8(reflection->GetRepeatedString(message, field, i)));
  }
}

// Reports nest two or three levels deep, none in itself.
void CleanStrings(Message& message) {
  const Reflection* reflection = message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->type() == FieldDescriptor::TYPE_STRING) {
      CleanString(message, field);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && field->is_repeated()) {
      for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
        CleanStrings(*reflection->MutableRepeatedMessage(&message, field, i));
      }
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      CleanStrings(*reflection->MutableMessage(&message, field));
    }
  }
}

}  // namespace

std::string ToJson(const Message& message) {
  const std::unique_ptr<Message> clean(message.New());
  clean->CopyFrom(message);
  CleanStrings(*clean);
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  // Fails for well-known types with bad contents only; reports have none.
  DMKIT_CHECK(google::protobuf::util::MessageToJsonString(*clean, &json, options).ok());
  json.push_back('\n');
  return json;
}

}  // namespace dmkit::driver::cli
