// SPDX-License-Identifier: GPL-3.0-or-later

#include "PriorStudies.h"

#include <algorithm>
#include <set>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/DicomDate.h"
#include "Core/Dicom/Folding.h"
#include "Core/Dicom/LocalTime.h"
#include "Core/Dicom/PersonName.h"
#include "Core/Dicom/RemoteModality.h"
#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/AppointmentStore.h"
#include "Core/Records/OrderStore.h"
#include "Core/Records/PatientModule.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/Practice.h"
#include "Core/Tasks/TaskStore.h"
#include "WorklistItem.h"

namespace OrthancClinic::Worklist
{
namespace
{
constexpr int MINUTES_OF_DAY = 24 * 60;

// A study that another server has.
struct Prior
{
  std::string studyInstanceUid;
  std::string date;
  std::vector<std::string> modalities;
};

// Another server's PatientID may be of another patient: birth date and family name must not contradict.
bool IsOf(const Patient& patient, const Json::Value& tags)
{
  const auto theirs = DicomDate::Parse(TextOf(tags, "PatientBirthDate"));
  const auto ours = DicomDate::Parse(patient.birthDate);
  const std::string name = Folded(PersonName::Parse(TextOf(tags, "PatientName")).alphabetic.family);
  const std::string own = Folded(PersonName::Parse(DicomName(patient)).alphabetic.family);
  return theirs && ours && *theirs == *ours && !name.empty() && name == own;
}

bool Wants(const PriorRule& rule, const std::string& modality, const Prior& prior, const std::string& today)
{
  const std::string first = AddDays(today, -366 * rule.withinYears);
  const bool modalityFits = rule.modalities.empty() ||
                            std::any_of(rule.modalities.begin(), rule.modalities.end(),
                                        [&](const std::string& one) {
                                          return std::find(prior.modalities.begin(), prior.modalities.end(),
                                                           one) != prior.modalities.end();
                                        });
  return (rule.modality.empty() || rule.modality == modality) && modalityFits && prior.date >= first;
}
}  // namespace

Timestamp NextInWindow(Timestamp time, const std::string& zone, int fromMinute, int toMinute)
{
  const LocalTime local = ToLocalTime(time, zone);
  const int minute = std::stoi(local.time.substr(0, 2)) * 60 + std::stoi(local.time.substr(2, 2));
  const bool passesMidnight = fromMinute > toMinute;
  const bool open = passesMidnight ? (minute >= fromMinute || minute < toMinute)
                                   : (minute >= fromMinute && minute < toMinute);
  if (open)
  {
    return time;
  }
  const int wait = (fromMinute - minute + MINUTES_OF_DAY) % MINUTES_OF_DAY;
  return std::chrono::floor<std::chrono::minutes>(time) + std::chrono::minutes(wait);
}

TaskKind PriorStudies::Task()
{
  return {.name = "fetch.priors",
          .handler = [this](RunningTask& task) { Fetch(task); },
          .firstDelay = Milliseconds(60'000)};
}

std::optional<Timestamp> PriorStudies::DueFor(const Appointment& appointment, const std::string& zone) const
{
  const Timestamp wanted = std::max(Now(), appointment.start - std::chrono::hours(24 * options_.daysAhead));
  const Timestamp due = NextInWindow(wanted, zone, options_.fromMinute, options_.toMinute);
  return due < appointment.start ? std::optional(due) : std::nullopt;
}

void PriorStudies::Subscribe(EventLog& events) const
{
  const auto plan = [this](Transaction& transaction, const Event& event)
  {
    const auto appointment = AppointmentStore(transaction).Find(event.data["appointment_id"].asString());
    const auto practice = PracticeStore(transaction).Find(event.practiceId);
    TaskStore tasks(transaction);
    const auto due = appointment && practice && appointment->IsOpen()
                         ? DueFor(*appointment, practice->timeZone)
                         : std::nullopt;
    if (due)
    {
      tasks.Enqueue("fetch.priors", appointment->id, Json::objectValue, *due);
    }
    else
    {
      tasks.Cancel("fetch.priors", event.data["appointment_id"].asString());
    }
  };
  for (const char* type : {"appointment.create", "appointment.update", "appointment.delete"})
  {
    events.On(type, plan);
  }
}

bool PriorStudies::IsKnown(const std::string& studyInstanceUid, const std::string& server)
{
  Transaction transaction(database_, Transaction::Mode::ReadOnly);
  const bool known = transaction.Sql(
      [&](soci::session& sql)
      {
        long long count = 0;
        sql << "SELECT (SELECT COUNT(*) FROM studies WHERE study_instance_uid = :uid) + (SELECT COUNT(*) "
               "FROM "
               "prior_fetches WHERE study_instance_uid = :same AND server = :server)",
            soci::use(studyInstanceUid), soci::use(studyInstanceUid), soci::use(server), soci::into(count);
        return count != 0;
      });
  transaction.Commit();
  return known;
}

void PriorStudies::Fetch(RunningTask& task)
{
  std::optional<Appointment> appointment;
  std::optional<Patient> patient;
  std::string modality;
  std::string zone;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    appointment = AppointmentStore(transaction).Find(task.Get().key);
    if (appointment)
    {
      patient = PatientStore(transaction).Find(appointment->patientId);
      zone = PracticeStore(transaction).Find(appointment->practiceId).value().timeZone;
      const auto order = OrderStore(transaction).Find(appointment->orderId);
      modality =
          DicomModality(appointment->modality.empty() && order ? order->modality : appointment->modality);
    }
    transaction.Commit();
  }
  if (!appointment || !patient || !appointment->IsOpen())
  {
    return;
  }
  const auto due = DueFor(*appointment, zone);
  if (!due)
  {
    return;  // too late: the clinic is open
  }
  if (*due > Now() + std::chrono::minutes(1))
  {
    // A retry that fell into opening hours.
    Transaction transaction(database_);
    task.Complete(transaction);
    TaskStore(transaction).Enqueue("fetch.priors", appointment->id, Json::objectValue, *due);
    transaction.Commit();
    return;
  }

  Json::Value query;
  query["PatientID"] = DicomPatientId(*patient);
  for (const char* key :
       {"PatientName", "PatientBirthDate", "StudyDate", "StudyInstanceUID", "ModalitiesInStudy"})
  {
    query[key] = "";
  }
  const std::string today = ToLocalTime(Now(), zone).date;
  std::string failure;
  for (const std::string& server : options_.servers)
  {
    try
    {
      const RemoteModality remote(orthanc_, server);
      std::vector<Prior> priors;
      for (const Json::Value& tags : remote.Find("Study", query))
      {
        const std::string uid = TextOf(tags, "StudyInstanceUID");
        if (IsOf(*patient, tags) && !IsKnown(uid, server))
        {
          priors.push_back({uid, TextOf(tags, "StudyDate"), ValuesOf(TextOf(tags, "ModalitiesInStudy"))});
        }
      }
      std::sort(priors.begin(), priors.end(), [](const Prior& a, const Prior& b) { return a.date > b.date; });
      std::set<std::string> fetched;
      for (const PriorRule& rule : options_.rules)
      {
        int left = rule.most;
        for (const Prior& prior : priors)
        {
          if (left == 0 || task.IsStopping() || fetched.contains(prior.studyInstanceUid) ||
              !Wants(rule, modality, prior, today))
          {
            continue;
          }
          Json::Value wanted;
          wanted[0]["StudyInstanceUID"] = prior.studyInstanceUid;
          remote.Move("Study", wanted);
          left--;
          fetched.insert(prior.studyInstanceUid);
          Transaction transaction(database_);
          transaction.Sql(
              [&](soci::session& sql)
              {
                const std::string now = ToString(Now());
                sql << "INSERT INTO prior_fetches (study_instance_uid, server, appointment_id, fetched_at) "
                       "VALUES (:uid, :server, :appointment, :at) ON CONFLICT DO NOTHING",
                    soci::use(prior.studyInstanceUid), soci::use(server), soci::use(appointment->id),
                    soci::use(now);
              });
          AuditEntry entry;
          entry.principal.name = "clinic-worklist";
          entry.action = "prior.fetch";
          entry.practiceId = appointment->practiceId;
          entry.patientId = patient->id;
          entry.studyInstanceUid = prior.studyInstanceUid;
          entry.detail["server"] = server;
          AuditTrail::Append(transaction, entry);
          transaction.Commit();
        }
      }
    }
    catch (const Error& error)
    {
      failure += (failure.empty() ? "" : "; ") + server + ": " + error.what();  // the others may still answer
    }
  }
  if (!failure.empty())
  {
    throw Unavailable(failure);
  }
}
}  // namespace OrthancClinic::Worklist
