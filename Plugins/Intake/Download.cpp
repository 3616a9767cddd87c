// SPDX-License-Identifier: GPL-3.0-or-later

#include "Download.h"

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "DownloadZip.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr int64_t LARGEST_IN_MEMORY = 64LL << 20;

// `orthancPath` is what Orthanc has of it; Access lets through who may read images.
Response Send(const Request& request, const Study& study, int64_t size, const std::string& orthancPath,
              const std::function<std::string()>& read, const std::string& contentType,
              const std::string& fileName)
{
  AuditEntry entry = StudyAudit(request, "image.download", study);
  entry.detail["bytes"] = static_cast<Json::Int64>(size);
  if (size > LARGEST_IN_MEMORY)
  {
    Response response = Response::Text("", "", 307);
    response.Header("Location", orthancPath);
    return response.Viewed(entry);
  }
  Response response = Response::Text(read(), contentType);
  response.Header("Content-Disposition", "attachment; filename=\"" + fileName + "\"");
  return response.Viewed(entry);
}

// Orthanc's own archive is a stream, for which a call within the process has no place (1.10.1 crashes).
// Nothing of the patient's is in the names.
std::string ReadStudy(IOrthanc& orthanc, const std::string& orthancStudyId)
{
  std::vector<std::pair<std::string, std::string>> files;
  int seriesNumber = 0;
  const Json::Value study = orthanc.Get("/studies/" + orthancStudyId);
  for (const Json::Value& id : study["Series"])
  {
    const Json::Value series = orthanc.Get("/series/" + id.asString());
    seriesNumber++;
    int number = 0;
    for (const Json::Value& instance : series["Instances"])
    {
      number++;
      files.emplace_back(fmt::format("series-{:03}/image-{:05}.dcm", seriesNumber, number),
                         orthanc.GetBytes("/instances/" + instance.asString() + "/file"));
    }
  }
  return MakeZip(files);
}

// The beginning of Orthanc's id, a hash: nothing of the patient's is in the name.
std::string ShortName(const std::string& orthancId)
{
  return orthancId.substr(0, orthancId.find('-'));
}
}  // namespace

void AddDownloadRoutes(Router& router, const StudyParts& parts)
{
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/dicom/download/{study_uid}",
              .permission = Permission::ReadImages,
              .summary = "The study as ZIP; a large one by 307 to where Orthanc streams it",
              .handler = [parts](const Request& request)
              {
                const Study study = FindStudy(parts, request, request.Path("study_uid"));
                return Send(
                    request, study, study.totalSizeBytes, "/studies/" + study.orthancStudyId + "/archive",
                    [&] { return ReadStudy(parts.orthanc, study.orthancStudyId); }, "application/zip",
                    "study-" + ShortName(study.orthancStudyId) + ".zip");
              }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/instances/{id}/file",
              .permission = Permission::ReadImages,
              .summary = "The DICOM file of one instance, by SOPInstanceUID or Orthanc's id",
              .handler = [parts](const Request& request)
              {
                request.Scope();
                const std::string id = FindInstance(parts.orthanc, request.Path("id"));
                const Study study = FindStudyOfInstance(parts, request, id);
                const Json::Value info = parts.orthanc.Get("/instances/" + id + "/attachments/dicom/info");
                return Send(
                    request, study, info["UncompressedSize"].asInt64(), "/instances/" + id + "/file",
                    [&] { return parts.orthanc.GetBytes("/instances/" + id + "/file"); }, "application/dicom",
                    "image-" + ShortName(id) + ".dcm");
              }});
}
}  // namespace OrthancClinic::Intake
