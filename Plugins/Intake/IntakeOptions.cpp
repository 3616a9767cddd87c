// SPDX-License-Identifier: GPL-3.0-or-later

#include "IntakeOptions.h"

#include "Core/Configuration/Json.h"

namespace OrthancClinic::Intake
{
const Json::Value& OptionsSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object",
    "properties": {
      "LargestFileMegabytes": {
        "type": "integer", "minimum": 1, "maximum": 2047, "default": 100,
        "description": "A larger file of an upload is refused."
      },
      "MostFiles": {
        "type": "integer", "minimum": 1, "maximum": 100000, "default": 500,
        "description": "An upload of more files, or an archive with more, is refused as a whole."
      },
      "LargestUploadMegabytes": {
        "type": "integer", "minimum": 1, "maximum": 1048576, "default": 2048,
        "description": "A larger upload is refused as a whole, and an archive that holds more when it is unpacked."
      }
    }
  })");
  return SCHEMA;
}

Options ReadOptions(Configuration& configuration)
{
  const Json::Value section = configuration.Section("Intake", OptionsSchema());
  constexpr int64_t MEGABYTE = 1 << 20;
  return {.largestFile = section["LargestFileMegabytes"].asInt64() * MEGABYTE,
          .mostFiles = section["MostFiles"].asInt64(),
          .largestUpload = section["LargestUploadMegabytes"].asInt64() * MEGABYTE};
}
}  // namespace OrthancClinic::Intake
