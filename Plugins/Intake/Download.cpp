// SPDX-License-Identifier: GPL-3.0-or-later

#include "Download.h"

#include <cstdint>

namespace OrthancClinic::Intake
{
namespace
{
constexpr int64_t LARGEST_IN_MEMORY = 64LL << 20;

// `orthancPath` is what Orthanc has of it; Access lets through who may read images.
Response Send(const StudyParts& parts, const Request& request, const Study& study, int64_t size,
              const std::string& orthancPath, const std::string& contentType, const std::string& fileName)
{
  AuditEntry entry = StudyAudit(request, "image.download", study);
  entry.detail["bytes"] = static_cast<Json::Int64>(size);
  if (size > LARGEST_IN_MEMORY)
  {
    Response response = Response::Text("", "", 307);
    response.Header("Location", orthancPath);
    return response.Viewed(entry);
  }
  Response response = Response::Text(parts.orthanc.GetBytes(orthancPath), contentType);
  response.Header("Content-Disposition", "attachment; filename=\"" + fileName + "\"");
  return response.Viewed(entry);
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
                return Send(parts, request, study, study.totalSizeBytes,
                            "/studies/" + study.orthancStudyId + "/archive", "application/zip",
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
                return Send(parts, request, study, info["UncompressedSize"].asInt64(),
                            "/instances/" + id + "/file", "application/dicom",
                            "image-" + ShortName(id) + ".dcm");
              }});
}
}  // namespace OrthancClinic::Intake
