// SPDX-License-Identifier: GPL-3.0-or-later

#include "TagRoutes.h"

#include <algorithm>
#include <cmath>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/DicomScan.h"
#include "Core/Dicom/Tags.h"
#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/StudyStore.h"
#include "StudyCorrections.h"
#include "TagEditor.h"
#include "UploadRoutes.h"
#include "Validation.h"

namespace OrthancClinic::Intake
{
namespace
{
struct GivenFile
{
  std::string name;
  std::string bytes;
};

GivenFile FileOf(const Request& request)
{
  const auto files = request.GetUpload().Files();
  if (files.size() != 1)
  {
    throw BadInput("The form must have one file",
                   {{"file", files.empty() ? "missing" : "given more than once"}});
  }
  return {files.front().fileName, request.GetUpload().Read(files.front())};
}

double Megabytes(size_t bytes)
{
  return std::round(static_cast<double>(bytes) / (1 << 20) * 100) / 100;
}

Json::Value ToArray(const Request& request, const std::vector<std::string>& texts)
{
  Json::Value array(Json::arrayValue);
  for (const std::string& text : texts)
  {
    array.append(request.Translate(text));
  }
  return array;
}

Response AnswerValidation(IOrthanc& orthanc, const Request& request)
{
  const GivenFile file = FileOf(request);
  const Validation found = Validate(orthanc, file.bytes);
  Json::Value info;
  info["file_size_bytes"] = static_cast<Json::UInt64>(file.bytes.size());
  info["file_size_mb"] = Megabytes(file.bytes.size());
  info["modality"] = OrNull(Tag(found.tags, "0008,0060"));
  info["study_uid"] = OrNull(Tag(found.tags, "0020,000d"));
  info["series_uid"] = OrNull(Tag(found.tags, "0020,000e"));
  info["sop_uid"] = OrNull(Tag(found.tags, "0008,0018"));
  info["patient_id"] = OrNull(Tag(found.tags, "0010,0020"));
  info["study_date"] = OrNull(Tag(found.tags, "0008,0020"));
  info["transfer_syntax"] = OrNull(found.transferSyntax);
  info["sop_class"] = OrNull(Tag(found.tags, "0008,0016"));
  const std::string rows = Tag(found.tags, "0028,0010");
  info["image_dimensions"] = OrNull(rows.empty() ? "" : Tag(found.tags, "0028,0011") + "x" + rows);

  Json::Value json;
  json["valid"] = json["isValid"] = found.problems.empty();
  const std::string message = !found.problems.empty()   ? found.problems.front()
                              : !found.warnings.empty() ? found.warnings.front()
                                                        : "The file is valid";
  json["message"] = request.Translate(message);
  json["problems"] = ToArray(request, found.problems);
  json["warnings"] = ToArray(request, found.warnings);
  json["file_info"] = info;
  return Response::Json(json);
}

Response AnswerTags(IOrthanc& orthanc, const Request& request)
{
  const GivenFile file = FileOf(request);
  const Validation found = Validate(orthanc, file.bytes);
  if (found.tags.empty())
  {
    throw BadInput(found.problems.front());
  }
  Json::Value json;
  json["tags"] = TagsByKeyword(found);
  json["file_name"] = file.name;
  json["file_size_mb"] = Megabytes(file.bytes.size());
  return Response::Json(json);
}

Response AnswerModified(const Options& options, const Request& request)
{
  const GivenFile file = FileOf(request);
  const TagChanges changes = ReadTagChanges(request.GetUpload(), options);
  if (changes.empty())
  {
    throw BadInput("There is nothing to change", {{"tag_modifications", "missing"}});
  }
  const DicomScan scan = ScanDicom(file.bytes);
  if (!scan.problems.empty())
  {
    throw BadInput(scan.problems.front());
  }
  Response response = Response::Text(EditDicom(file.bytes, changes).dicom, "application/dicom");
  return response.Header("Content-Disposition", "attachment; filename=\"modified.dcm\"");
}

// Of a stored study, as its first instance says.
Response AnswerStoredTags(Database& database, IOrthanc& orthanc, const Request& request)
{
  Transaction transaction(database, Transaction::Mode::ReadOnly);
  const Study study = StudyStore(transaction).Get(request.Path("study_uid"));
  transaction.Commit();
  request.Require(study.practiceId);
  const Json::Value instances = orthanc.Get("/studies/" + study.orthancStudyId + "/instances");
  if (instances.empty())
  {
    throw NotFound("The study has no instances");
  }
  const std::string instance = instances[0]["ID"].asString();
  Json::Value tags = orthanc.Get("/instances/" + instance + "/simplified-tags");
  const Json::Value metadata = orthanc.Get("/instances/" + instance + "/metadata?expand");
  tags["TransferSyntaxUID"] = metadata["TransferSyntax"];
  Json::Value json;
  json["study_instance_uid"] = study.studyInstanceUid;
  json["orthanc_study_id"] = study.orthancStudyId;
  json["tags"] = tags;
  AuditEntry audit = request.Audit("study.view");
  audit.practiceId = study.practiceId;
  audit.studyInstanceUid = study.studyInstanceUid;
  audit.patientId = study.match.patientId.value_or("");
  return Response::Json(json).Viewed(audit);
}

// Corrects a stored study: 202, since it takes as long as the study is large.
Response Correct(Database& database, const Options& options, const Request& request)
{
  const TagChanges changes = ReadTagChanges(request.Body()["tag_modifications"], options.modifiableTags);
  if (changes.empty())
  {
    throw BadInput("There is nothing to change", {{"tag_modifications", "expected at least one tag"}});
  }
  Transaction transaction(database);
  const Study study = StudyStore(transaction).Get(request.Path("study_uid"));
  request.Require(study.practiceId);
  const StudyCorrection correction =
      StudyCorrections::Request(transaction, study, changes, request.Caller().name);
  AuditEntry audit = request.Audit("study.correct");
  audit.practiceId = study.practiceId;
  audit.studyInstanceUid = study.studyInstanceUid;
  audit.patientId = study.match.patientId.value_or("");
  for (const auto& [keyword, value] : changes)
  {
    audit.detail["tags"].append(keyword);
  }
  AuditTrail::Append(transaction, audit);
  transaction.Commit();
  return Response::Json(ToJson(correction), 202)
      .Header("Location", "/api/v1/dicom/corrections/" + correction.id);
}

Response AnswerCorrection(Database& database, const Request& request)
{
  Transaction transaction(database, Transaction::Mode::ReadOnly);
  const auto correction = StudyCorrections::Find(transaction, request.Path("id"));
  transaction.Commit();
  if (!correction)
  {
    throw NotFound("There is no such correction");
  }
  AuditEntry audit = request.Audit("study.view");
  audit.practiceId = correction->practiceId;
  audit.studyInstanceUid = correction->studyInstanceUid;
  return Response::Json(ToJson(*correction)).Viewed(audit);
}
}  // namespace

void AddTagRoutes(Router& router, Database& database, IOrthanc& orthanc, const Options& options)
{
  Json::Value form = JsonLiteral(R"({"type": "object"})");
  AddFiles(form, false);
  const auto add = [&](const char* path, const char* summary, Handler handler)
  {
    router.Add({.method = HttpMethod::Post,
                .path = path,
                .permission = Permission::WriteImages,
                .summary = summary,
                .body = form,
                .upload = true,
                .maxBody = options.LongestForm(),
                .handler = std::move(handler)});
  };
  add("/api/v1/dicom/validate", "What is wrong with a DICOM file; nothing is stored",
      [&orthanc](const Request& request) { return AnswerValidation(orthanc, request); });
  add("/api/v1/dicom/read-tags", "What a DICOM file says; nothing is stored",
      [&orthanc](const Request& request) { return AnswerTags(orthanc, request); });
  add("/api/v1/dicom/modify-tags", "A DICOM file with other values; nothing is stored",
      [options](const Request& request) { return AnswerModified(options, request); });
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/dicom/tags/{study_uid}",
              .permission = Permission::ReadStudies,
              .summary = "What the images of a stored study say",
              .handler = [&database, &orthanc](const Request& request)
              { return AnswerStoredTags(database, orthanc, request); }});
  router.Add({.method = HttpMethod::Put,
              .path = "/api/v1/dicom/tags/{study_uid}",
              .permission = Permission::WriteImages,
              .summary = "Correct what the images of a stored study say",
              .body = JsonLiteral(R"({"type": "object", "required": ["tag_modifications"],
                "additionalProperties": false, "properties": {"tag_modifications": {"type": "object",
                "additionalProperties": {"type": "string", "maxLength": 10240}}}})"),
              .handler = [&database, options](const Request& request)
              { return Correct(database, options, request); }});
  router.Add(
      {.method = HttpMethod::Get,
       .path = "/api/v1/dicom/corrections/{id}",
       .permission = Permission::WriteImages,
       .summary = "How far a correction is",
       .handler = [&database](const Request& request) { return AnswerCorrection(database, request); }});
}
}  // namespace OrthancClinic::Intake
