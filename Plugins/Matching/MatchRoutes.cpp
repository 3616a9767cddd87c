// SPDX-License-Identifier: GPL-3.0-or-later

#include "MatchRoutes.h"

#include "Core/Dicom/DicomDate.h"
#include "Core/Dicom/PersonName.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/StudyStore.h"
#include "Core/Tasks/TaskStore.h"
#include "Core/Uuid.h"
#include "StudyMatcher.h"

namespace OrthancClinic::Matching
{
namespace
{
// A decision of the caller about the study that the path names.
class Review
{
public:
  Review(Database& database, const EventLog& events, const Request& request, std::string action)
      : transaction_(database),
        events_(events),
        request_(request),
        action_(std::move(action)),
        study_(Lock(transaction_, request.Path("uid")))
  {
    request.Require(study_.practiceId);
  }

  const Study& GetStudy() const { return study_; }
  Transaction& GetTransaction() { return transaction_; }

  // The patient as the caller's choice; throws NotFound, or Conflict if it cannot be the study's.
  Patient Choose(const std::string& patientId)
  {
    const auto patient = PatientStore(transaction_).Find(patientId);
    if (!patient)
    {
      throw NotFound("There is no such patient");
    }
    if (patient->practiceId != study_.practiceId)
    {
      throw Conflict("The patient belongs to another practice than the study");
    }
    if (patient->mergedInto)
    {
      throw Conflict("The patient was merged into \"" + *patient->mergedInto + "\"");
    }
    return *patient;
  }

  // Stores the decision with its event and its audit record, and answers with the study.
  Response Finish(StudyMatch match)
  {
    if (match.status != MatchStatus::Pending)
    {
      match.decidedBy = request_.Caller().name;
      match.decidedAt = Now();
    }
    AuditEntry entry = request_.Audit(action_);
    entry.practiceId = study_.practiceId;
    entry.studyInstanceUid = study_.studyInstanceUid;
    entry.patientId = match.patientId.value_or("");
    entry.detail["previous_status"] = ToString(study_.match.status);
    entry.detail["previous_patient_id"] = study_.match.patientId.value_or("");
    entry.detail["status"] = ToString(match.status);
    StudyMatcher::Write(transaction_, events_, study_, match);
    AuditTrail::Append(transaction_, entry);
    const Json::Value stored =
        ToJson(StudyStore(transaction_).FindByOrthancId(study_.orthancStudyId).value());
    transaction_.Commit();
    return Response::Json(stored);
  }

private:
  static Study Lock(Transaction& transaction, const std::string& uid)
  {
    StudyStore store(transaction);
    const auto study = store.FindForUpdate(store.Get(uid).orthancStudyId);
    if (!study)
    {
      throw NotFound("There is no such study");
    }
    return *study;
  }

  Transaction transaction_;
  const EventLog& events_;
  const Request& request_;
  const std::string action_;
  const Study study_;
};

// What the machine had found stays visible beside the person's decision.
StudyMatch Decided(const Study& study, MatchStatus status, const std::string& reason)
{
  StudyMatch match = study.match;
  match.status = status;
  match.patientId.reset();
  match.probability.reset();
  match.reason = reason;
  return match;
}

Patient FromDemographics(const Study& study)
{
  Patient patient;
  patient.practiceId = study.practiceId;
  const StudyDemographics& demographics = study.demographics;
  if (!demographics.patientId.empty())
  {
    patient.identifiers.push_back({demographics.patientId, demographics.issuerOfPatientId, "mrn"});
  }
  const PersonName name = PersonName::Parse(demographics.patientName);
  patient.names.push_back({.family = name.alphabetic.family,
                           .given = name.alphabetic.given,
                           .middle = name.alphabetic.middle,
                           .prefix = name.alphabetic.prefix,
                           .suffix = name.alphabetic.suffix,
                           .ideographic = name.ideographic.ToString(),
                           .phonetic = name.phonetic.ToString()});
  if (const auto date = DicomDate::Parse(demographics.birthDate))
  {
    patient.birthDate = date->ToIso();
  }
  patient.sex =
      (demographics.sex == "M" || demographics.sex == "F" || demographics.sex == "O") ? demographics.sex : "";
  return patient;
}

// The studies of one state, each candidate with what a reviewer compares.
Response ListMatches(Database& database, const Request& request)
{
  const Page page = request.GetPage();
  Transaction transaction(database, Transaction::Mode::ReadOnly);
  StudyFilter filter;
  filter.practices = request.Scope();
  filter.status = request.QueryText("status", "review");
  filter.limit = page.limit;
  filter.offset = page.offset;
  const auto [studies, total] = StudyStore(transaction).Search(filter);
  PatientStore patients(transaction);
  Json::Value items(Json::arrayValue);
  AuditEntry entry = request.Audit("match.list", filter.practices);
  for (const Study& study : studies)
  {
    Json::Value item = ToJson(study);
    for (Json::Value& candidate : item["match"]["candidates"])
    {
      const auto patient = patients.Find(candidate["patient_id"].asString());
      candidate["patient"] = patient ? ToJson(*patient) : Json::Value();
    }
    entry.detail["studies"].append(study.studyInstanceUid);
    items.append(std::move(item));
  }
  transaction.Commit();
  return Response::List(std::move(items), total, page).Viewed(entry);
}

Response CreatePatient(Database& database, const EventLog& events, const Request& request)
{
  Review review(database, events, request, "match.create_patient");
  Patient patient = FromDemographics(review.GetStudy());
  const Json::Value& body = request.Body();
  patient.id = body.isObject() && body.isMember("id") ? body["id"].asString() : NewUuid();
  patient.kind = body.isObject() && body["kind"] == "lead" ? PatientKind::Lead : PatientKind::Patient;
  patient.updatedAt = Now();
  if (patient.names.front().family.empty() && patient.names.front().given.empty() &&
      patient.names.front().ideographic.empty())
  {
    throw Conflict("The study does not name its patient");
  }

  Transaction& transaction = review.GetTransaction();
  PatientStore store(transaction);
  if (store.Find(patient.id))
  {
    throw Conflict("A patient with this id exists already");
  }
  store.Put(patient);
  AuditEntry entry = request.Audit("patient.create");
  entry.practiceId = patient.practiceId;
  entry.patientId = patient.id;
  AuditTrail::Append(transaction, entry);
  Json::Value data;
  data["patient_id"] = patient.id;
  events.Emit(transaction, "patient.create", patient.practiceId, data);

  StudyMatch match = Decided(review.GetStudy(), MatchStatus::Matched, "created_by_person");
  match.patientId = patient.id;
  return review.Finish(match);
}

Response Undo(Database& database, const EventLog& events, const Request& request)
{
  Review review(database, events, request, "match.undo");
  const StudyMatch& match = review.GetStudy().match;
  if (match.ByPerson())
  {
    // Back to the machine, which decides with what it knows now.
    TaskStore(review.GetTransaction()).Enqueue("match.study", review.GetStudy().orthancStudyId);
    return review.Finish(StudyMatch{});
  }
  if (match.status != MatchStatus::Matched)
  {
    throw Conflict("There is no match to undo");
  }
  // The machine would only decide the same again: now a person must.
  return review.Finish(Decided(review.GetStudy(), MatchStatus::Review, "undone_by_person"));
}
}  // namespace

void AddMatchRoutes(Router& router, Database& database, const EventLog& events)
{
  const Json::Value text = JsonLiteral(R"({"type": "string", "maxLength": 128})");

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/matches",
              .permission = Permission::ReviewMatches,
              .summary = "The studies whose match has this state, with the candidates' records",
              .query = {{"status", "Default: review",
                         JsonLiteral(
                             R"({"type": "string", "enum": ["pending", "matched", "review", "unmatched"]})")},
                        {"practice", "Only of this practice", text}},
              .paged = true,
              .handler = [&database](const Request& request) { return ListMatches(database, request); }});

  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/studies/{uid}/match",
              .permission = Permission::ReviewMatches,
              .summary = "Files the study under a patient",
              .body = JsonLiteral(R"({
                "type": "object", "additionalProperties": false, "required": ["patient_id"],
                "properties": {"patient_id": {"type": "string", "minLength": 1, "maxLength": 128}}
              })"),
              .handler = [&database, &events](const Request& request)
              {
                Review review(database, events, request, "match.confirm");
                const Patient patient = review.Choose(request.Body()["patient_id"].asString());
                StudyMatch match = Decided(review.GetStudy(), MatchStatus::Matched, "confirmed_by_person");
                match.patientId = patient.id;
                return review.Finish(match);
              }});

  router.Add(
      {.method = HttpMethod::Delete,
       .path = "/api/v1/studies/{uid}/match",
       .permission = Permission::ReviewMatches,
       .summary = "Undoes: a person's decision returns to the machine, the machine's match goes to review",
       .handler = [&database, &events](const Request& request) { return Undo(database, events, request); }});

  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/studies/{uid}/match/reject",
              .permission = Permission::ReviewMatches,
              .summary = "Says that the study belongs to nobody in the directory",
              .handler = [&database, &events](const Request& request)
              {
                Review review(database, events, request, "match.reject");
                return review.Finish(
                    Decided(review.GetStudy(), MatchStatus::Unmatched, "rejected_by_person"));
              }});

  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/studies/{uid}/match/create-patient",
              .permission = Permission::ReviewMatches,
              .summary = "Makes a patient of the study's demographics and files the study under it",
              .body = JsonLiteral(R"({
                "type": ["object", "null"], "additionalProperties": false,
                "properties": {
                  "id": {"type": "string", "minLength": 1, "maxLength": 128},
                  "kind": {"enum": ["patient", "lead"]}
                }
              })"),
              .handler = [&database, &events](const Request& request)
              { return CreatePatient(database, events, request); }});
}
}  // namespace OrthancClinic::Matching
