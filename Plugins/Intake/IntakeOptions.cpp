// SPDX-License-Identifier: GPL-3.0-or-later

#include "IntakeOptions.h"

#include <fmt/format.h>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"
#include "TagEditor.h"

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
      },
      "ModifiableTags": {
        "type": "array", "items": {"type": "string", "minLength": 1},
        "default": ["PatientID", "PatientName", "AccessionNumber", "StudyDate"],
        "description": "Keywords of the elements that users may correct. Never: identifiers of objects, Modality, InstitutionName, SpecificCharacterSet, and what says how pixels are read."
      },
      "PreviewCacheMegabytes": {
        "type": "integer", "minimum": 1, "maximum": 65536, "default": 256,
        "description": "How much memory the rendered previews and thumbnails take that are kept for the next who asks."
      },
      "RetrieveTimeoutSeconds": {
        "type": "integer", "minimum": 1, "maximum": 86400, "default": 300,
        "description": "A remote server that sends nothing for so long while a study is fetched is given up; the import is tried again."
      }
    }
  })");
  return SCHEMA;
}

Options ReadOptions(Configuration& configuration)
{
  const Json::Value section = configuration.Section("Intake", OptionsSchema());
  constexpr int64_t MEGABYTE = 1 << 20;
  const std::vector<std::string> tags = Texts(section["ModifiableTags"]);
  for (size_t i = 0; i < tags.size(); i++)
  {
    try
    {
      CheckModifiable(tags[i]);
    }
    catch (const BadInput& error)
    {
      throw BadInput(fmt::format("Clinic.Intake.ModifiableTags[{}]: {}", i, error.what()));
    }
  }
  return {.largestFile = section["LargestFileMegabytes"].asInt64() * MEGABYTE,
          .mostFiles = section["MostFiles"].asInt64(),
          .largestUpload = section["LargestUploadMegabytes"].asInt64() * MEGABYTE,
          .modifiableTags = tags,
          .previewCache = static_cast<size_t>(section["PreviewCacheMegabytes"].asInt64() * MEGABYTE),
          .retrieval = std::chrono::seconds(section["RetrieveTimeoutSeconds"].asInt64())};
}
}  // namespace OrthancClinic::Intake
