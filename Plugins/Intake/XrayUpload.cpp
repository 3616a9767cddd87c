// SPDX-License-Identifier: GPL-3.0-or-later

#include "XrayUpload.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <regex>
#include <thread>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/DicomDate.h"
#include "Core/Dicom/LocalTime.h"
#include "Core/Dicom/Text.h"
#include "Core/Errors.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/Practice.h"
#include "Core/Records/StudyStore.h"
#include "Core/Records/Xray.h"
#include "Core/Tasks/TaskStore.h"
#include "UploadRoutes.h"
#include "XrayPicture.h"
#include "XrayReading.h"
#include "XrayRecorder.h"
#include "XraySecondaryCapture.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr const char* FACE = "dental";
constexpr size_t LONGEST_ID = 128;
constexpr size_t LONGEST_NOTES = 10'000;  // bytes
constexpr Json::ArrayIndex MOST_TEETH = 64;
constexpr Milliseconds RECORDED_WITHIN(2'000);
constexpr Milliseconds LOOK_EVERY(10);

const std::map<std::string, std::string>& Types()
{
  static const std::map<std::string, std::string> TYPES = {{"PANORAMIC", "panoramic"},
                                                           {"BITEWING", "bitewing"},
                                                           {"PERIAPICAL", "periapical"},
                                                           {"CEPHALOMETRIC", "cephalometric"},
                                                           {"CBCT", "cbct"}};
  return TYPES;
}

// When it was taken: an instant, a local time without a zone, or a day. Nothing if it is none of them.
std::optional<LocalTime> ReadTaken(const std::string& text, const std::string& zone)
{
  if (const auto instant = ParseTimestamp(text))
  {
    return ToLocalTime(*instant, zone);
  }
  const auto date = DicomDate::Parse(text.substr(0, text.find('T')));
  if (!date || date->day == 0)
  {
    return std::nullopt;
  }
  LocalTime local{date->ToIso(), text.find('T') == std::string::npos ? "" : text.substr(text.find('T') + 1)};
  std::erase(local.date, '-');
  std::erase(local.time, ':');
  try
  {
    FromLocalTime(local, zone);
    return local;
  }
  catch (const BadInput&)
  {
    return std::nullopt;
  }
}

// Universal numbering: 1 to 32, A to T; supernumerary teeth 51 to 82, AS to TS.
bool IsTooth(const Json::Value& tooth)
{
  static const std::regex NUMBER("[1-9]|[12][0-9]|3[0-2]|5[1-9]|6[0-9]|7[0-9]|8[0-2]|[A-T]S?");
  return tooth.isString() && std::regex_match(tooth.asString(), NUMBER);
}

class XrayUploads
{
public:
  XrayUploads(Clinic& clinic, Uploader& uploader)
      : database_(clinic.Database()), measurements_(clinic.Tasks().Measurements()), uploader_(uploader)
  {
    uploader.SetFace(
        FACE, {.wrap = [this](const UploadRequest& request, const std::string&, const std::string& bytes)
               { return Wrap(request, bytes); },
               .stored = [this](Transaction& transaction, const UploadRequest& request,
                                const UploadOutcome& outcome) { Record(transaction, request, outcome); }});
  }

  Response One(const Request& request)
  {
    const auto begin = std::chrono::steady_clock::now();
    const auto measure = [&](StepOutcome outcome)
    { measurements_.Add("upload.xray", std::chrono::steady_clock::now() - begin, outcome); };
    try
    {
      Response response = StoreOne(request);
      measure(StepOutcome::Done);
      return response;
    }
    catch (...)
    {
      measure(StepOutcome::Refused);
      throw;
    }
  }

  Response BeginBatch(const Request& request)
  {
    const UploadRequest read = ReadForm(request, "files", uploader_.GetOptions().mostFiles);
    const UploadJob job = uploader_.Begin(request.GetUpload(), read);
    Json::Value body;
    body["success"] = true;
    body["jobId"] = job.id;
    body["message"] = request.Translate(fmt::format("{} files are being stored", job.total));
    return Response::Json(body, 202);
  }

  Response ShowBatch(const Request& request)
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    UploadStore store(transaction);
    const auto job = store.FindJob(request.QueryText("jobId"));
    // It is shown to whoever began it.
    if (!job || job->owner != request.Caller().name || job->request["face"] != FACE)
    {
      throw NotFound("There is no such batch");
    }
    request.Require(job->practiceId);
    XrayStore xrays(transaction);
    Json::Value body;
    body["id"] = job->id;
    body["status"] = job->state == "cancelled" ? "failed" : job->state;
    body["results"] = Json::arrayValue;
    const auto results = store.JobResults(job->id);
    for (const auto& [number, result] : results)
    {
      Json::Value item;
      item["filename"] = result["filename"];
      item["success"] = result["success"];
      if (!result["success"].asBool())
      {
        item["error"] = request.Translate(result["error"].asString());
      }
      else if (const auto xray = FindXray(xrays, ReadFileResult(result)))
      {
        item["xrayId"] = xray->id;
      }
      body["results"].append(std::move(item));
    }
    body["progress"] = job->Progress(results.size());
    body["createdAt"] = ToString(job->createdAt);
    if (job->completedAt)
    {
      body["completedAt"] = ToString(*job->completedAt);
    }
    transaction.Commit();
    AuditEntry entry = request.Audit("xray.view_batch");
    entry.practiceId = job->practiceId;
    return Response::Json(body).Viewed(entry);
  }

private:
  // What an X-ray of a stored file is called: see Xray::id. First the usual one, then the other.
  static std::pair<std::string, std::string> IdsOf(const FileResult& file)
  {
    return IsOfVolume(file.modality, file.sopClassUid)
               ? std::pair(file.seriesInstanceUid, file.orthancSeriesId)
               : std::pair(file.sopInstanceUid, file.orthancInstanceId);
  }

  static std::optional<Xray> FindXray(XrayStore& store, const FileResult& file)
  {
    const auto [id, other] = IdsOf(file);
    for (const std::string& one : {id, other})
    {
      auto xray = store.Find(one);
      if (xray && xray->orthancStudyId == file.orthancStudyId)
      {
        return xray;
      }
    }
    return std::nullopt;
  }

  // Checks whose it is before what it is.
  UploadRequest ReadForm(const Request& request, const char* field, int64_t most)
  {
    const Upload& upload = request.GetUpload();
    std::vector<FieldError> errors;
    const auto read = [&](const char* name, size_t longest, bool required)
    {
      const std::string text = upload.Field(name);
      if (text.size() > longest)
      {
        errors.push_back({name, "it is too long"});
      }
      else if (text.empty() && required)
      {
        errors.push_back({name, "missing"});
      }
      return text;
    };
    const std::string lead = read("leadId", LONGEST_ID, true);
    const std::string user = read("userId", LONGEST_ID, true);
    if (!errors.empty())
    {
      throw BadInput("The form is not complete", errors);
    }

    UploadRequest form{.source = "api", .by = request.Audit("xray.upload"), .face = FACE};
    std::string zone;
    {
      Transaction transaction(database_, Transaction::Mode::ReadOnly);
      PatientStore patients(transaction);
      const auto patient = patients.Find(patients.SurvivorOf(lead));
      if (!patient)
      {
        throw NotFound("There is no such lead");
      }
      request.Require(patient->practiceId);
      const auto practices = PracticeStore(transaction).List();
      const auto own = std::find_if(practices.begin(), practices.end(),
                                    [&](const Practice& one) { return one.id == patient->practiceId; });
      const bool isOfAnother = std::any_of(
          practices.begin(), practices.end(),
          [&](const Practice& one) { return one.id != patient->practiceId && one.crmUserId == user; });
      // A practice that was not told its CRM user yet takes what is nobody else's.
      if (own == practices.end() || (own->crmUserId.empty() ? isOfAnother : own->crmUserId != user))
      {
        throw Forbidden("The lead is not of this user");
      }
      form.patientId = patient->id;
      form.practiceId = patient->practiceId;
      zone = own->timeZone;
      transaction.Commit();
    }

    Json::Value& details = form.details;
    const auto type = Types().find(read("xrayType", LONGEST_ID, true));
    if (type == Types().end())
    {
      errors.push_back({"xrayType", "expected one of: PANORAMIC, BITEWING, PERIAPICAL, CEPHALOMETRIC, CBCT"});
    }
    else
    {
      details["xray_type"] = type->second;
    }
    if (const auto taken = ReadTaken(read("dateTaken", LONGEST_ID, true), zone))
    {
      details["taken_date"] = taken->date;
      details["taken_time"] = taken->time;
      details["taken_at"] = ToString(FromLocalTime(*taken, zone));
    }
    else
    {
      errors.push_back({"dateTaken", "expected a date, or a date and a time (RFC 3339)"});
    }
    details["notes"] = CleanLines(read("notes", LONGEST_NOTES, false));
    details["clinic_id"] = CleanText(read("clinicId", LONGEST_ID, false), LONGEST_ID);
    if (const std::string text = read("teethIncluded", LONGEST_NOTES, false); !text.empty())
    {
      try
      {
        details["teeth_included"] = ParseJson(text);
      }
      catch (const BadInput&)
      {
        // Told below.
      }
      const Json::Value& teeth = details["teeth_included"];
      if (!teeth.isArray() || teeth.size() > MOST_TEETH || !std::all_of(teeth.begin(), teeth.end(), IsTooth))
      {
        errors.push_back(
            {"teethIncluded", "expected a JSON array of teeth in universal numbering, as [\"3\", \"14\"]"});
      }
    }
    const auto files = static_cast<int64_t>(upload.Files().size());
    if (files == 0)
    {
      errors.push_back({field, "missing"});
    }
    if (!errors.empty())
    {
      throw BadInput("The form is not valid", errors);
    }
    if (files > most)
    {
      throw BadInput(most == 1 ? "Several files are sent as a batch"
                               : fmt::format("The upload has more than {} files", most));
    }
    return form;
  }

  // Notes have lines.
  static std::string CleanLines(const std::string& text)
  {
    std::string clean;
    for (size_t begin = 0; begin <= text.size();)
    {
      const size_t end = std::min(text.find('\n', begin), text.size());
      clean += (begin == 0 ? "" : "\n") + CleanText(text.substr(begin, end - begin), LONGEST_NOTES);
      begin = end + 1;
    }
    return clean;
  }

  Response StoreOne(const Request& request)
  {
    const UploadRequest form = ReadForm(request, "file", 1);
    const UploadOutcome outcome = uploader_.Store(request.GetUpload(), form);
    outcome.RequireStored();
    const auto stored = std::find_if(outcome.files.begin(), outcome.files.end(),
                                     [](const FileResult& file) { return file.IsStored(); });
    AwaitStudy(stored->orthancStudyId);
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    XrayStore store(transaction);
    const auto xray = FindXray(store, *stored);
    const auto practice = PracticeStore(transaction).Find(form.practiceId);
    transaction.Commit();
    if (!xray || !practice || (!xray->patientId.empty() && xray->patientId != form.patientId))
    {
      throw Conflict(
          "This image is there already, filed under somebody else: a person must decide whose it is");
    }
    return Response::Json(ToCrmJson(*xray, *practice), 201)
        .Header("Location", "/api/dental/xrays/" + xray->id);
  }

  // The feed reads the study a moment after it is stored: whoever is answered can do with it what is done
  // with studies.
  void AwaitStudy(const std::string& orthancStudyId) const
  {
    for (const Timestamp until = Now() + RECORDED_WITHIN; Now() < until;
         std::this_thread::sleep_for(LOOK_EVERY))
    {
      Transaction transaction(database_, Transaction::Mode::ReadOnly);
      const bool isRecorded = StudyStore(transaction).FindByOrthancId(orthancStudyId).has_value();
      transaction.Commit();
      if (isRecorded)
      {
        return;
      }
    }
  }

  std::optional<std::string> Wrap(const UploadRequest& request, const std::string& bytes) const
  {
    const auto picture = ReadXrayPicture(bytes);
    if (!picture)
    {
      return std::nullopt;
    }
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    const auto patient = PatientStore(transaction).Find(request.patientId);
    transaction.Commit();
    if (!patient)
    {
      throw BadInput("The lead was removed meanwhile");
    }
    return MakeSecondaryCapture(
        {*patient,
         request.details["xray_type"].asString(),
         {request.details["taken_date"].asString(), request.details["taken_time"].asString()}},
        *picture);
  }

  // What the user said, beside what `record.xrays` finds out; whichever comes first.
  static void Record(Transaction& transaction, const UploadRequest& request, const UploadOutcome& outcome)
  {
    std::map<std::string, std::vector<const FileResult*>> byStudy;
    for (const FileResult& file : outcome.files)
    {
      if (file.IsStored())
      {
        byStudy[file.orthancStudyId].push_back(&file);
      }
    }
    PatientStore patients(transaction);
    StudyStore studies(transaction);
    XrayStore store(transaction);
    // In the order of `record.xrays`: the study, then its X-rays by id, so that neither waits for the other.
    for (auto& [studyId, files] : byStudy)
    {
      const auto study = studies.FindForUpdate(studyId);
      if (study && study->match.status == MatchStatus::Matched &&
          patients.SurvivorOf(*study->match.patientId) != request.patientId)
      {
        continue;  // it was there already, and is somebody else's: what is said is of no use there
      }
      std::sort(files.begin(), files.end(),
                [](const FileResult* a, const FileResult* b) { return IdsOf(*a).first < IdsOf(*b).first; });
      for (const FileResult* file : files)
      {
        RecordOne(store, request, *file, study);
      }
      TaskStore(transaction).Enqueue(XrayRecorder::TASK, studyId);
    }
  }

  static void RecordOne(XrayStore& store, const UploadRequest& request, const FileResult& file,
                        const std::optional<Study>& study)
  {
    const auto [id, other] = IdsOf(file);
    Xray initial;
    initial.id = store.Find(other) ? other : id;
    initial.practiceId = request.practiceId;
    initial.orthancStudyId = file.orthancStudyId;
    initial.orthancInstanceId = file.orthancInstanceId;
    Xray xray = store.Lock(initial);
    if (xray.orthancStudyId != file.orthancStudyId)
    {
      initial.id = other;
      xray = store.Lock(initial);
    }
    const Json::Value& said = request.details;
    const bool isDecided = study && study->match.status != MatchStatus::Pending;
    xray.patientId = isDecided ? study->match.patientId.value_or("") : request.patientId;
    xray.studyInstanceUid = file.studyInstanceUid;
    if (!said["clinic_id"].asString().empty())
    {
      xray.clinicId = said["clinic_id"].asString();
    }
    xray.type = said["xray_type"].asString();
    xray.takenAt = ParseTimestamp(said["taken_at"].asString()).value();
    xray.document["stated"]["xray_type"] = true;
    xray.document["stated"]["taken_at"] = true;
    xray.document["uploaded_by"] = request.by.principal.name;
    xray.document["original_size"] = static_cast<Json::Int64>(file.size);
    if (!said["notes"].asString().empty())
    {
      xray.document["notes"] = said["notes"];
    }
    if (said.isMember("teeth_included"))
    {
      xray.document["teeth_included"] = said["teeth_included"];
    }
    store.Put(xray);
  }

  Database& database_;
  Measurements& measurements_;
  Uploader& uploader_;
};

Json::Value FormSchema(bool many)
{
  Json::Value schema = JsonLiteral(R"({
    "type": "object",
    "required": ["leadId", "userId", "xrayType", "dateTaken"],
    "properties": {
      "leadId": {"type": "string"},
      "userId": {"type": "string", "description": "The CRM's user of the practice."},
      "xrayType": {"type": "string", "enum": ["PANORAMIC", "BITEWING", "PERIAPICAL", "CEPHALOMETRIC", "CBCT"]},
      "dateTaken": {"type": "string", "description": "RFC 3339, or a day; without a zone, the practice's."},
      "teethIncluded": {"type": "string", "description": "A JSON array of strings, universal numbering."},
      "notes": {"type": "string"},
      "clinicId": {"type": "string"}
    }
  })");
  AddFiles(schema, many);
  return schema;
}
}  // namespace

void AddXrayUploadRoutes(Clinic& clinic, Uploader& uploader)
{
  static XrayUploads uploads(clinic, uploader);
  Router& router = clinic.Routes();
  router.Add({.method = HttpMethod::Post,
              .path = "/api/dental/xrays",
              .permission = Permission::WriteImages,
              .summary = "Store an X-ray of a lead: DICOM, JPEG or PNG",
              .body = FormSchema(false),
              .upload = true,
              .maxBody = uploader.GetOptions().LongestForm(),
              .handler = [](const Request& request) { return uploads.One(request); }});
  router.Add({.method = HttpMethod::Post,
              .path = "/api/dental/xrays/batch",
              .permission = Permission::WriteImages,
              .summary = "Store X-rays of a lead as a job",
              .body = FormSchema(true),
              .upload = true,
              .maxBody = uploader.GetOptions().LongestUploadForm(),
              .handler = [](const Request& request) { return uploads.BeginBatch(request); }});
  router.Add({.method = HttpMethod::Get,
              .path = "/api/dental/xrays/batch",
              .permission = Permission::WriteImages,
              .summary = "How far a batch is, for whoever began it",
              .query = {{"jobId", "", JsonLiteral(R"({"type": "string", "maxLength": 128})"), true}},
              .handler = [](const Request& request) { return uploads.ShowBatch(request); }});
}
}  // namespace OrthancClinic::Intake
