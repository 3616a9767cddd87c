// SPDX-License-Identifier: GPL-3.0-or-later

#include "IncomingEvents.h"

#include <algorithm>
#include <boost/core/demangle.hpp>
#include <numeric>
#include <typeinfo>

#include "Core/Configuration/JsonSchema.h"
#include "Core/Log.h"
#include "Core/Records/AppointmentStore.h"
#include "Core/Records/OrderStore.h"
#include "Core/Records/PatientStore.h"
#include "Core/Tasks/TaskStore.h"
#include "CrmRecords.h"
#include "IncomingStore.h"

namespace OrthancClinic::Webhooks
{
namespace
{
constexpr const char* FORGET = "forget.webhooks";
constexpr auto FUTURE = std::chrono::hours(24);         // how wrong a sender's clock may be
constexpr int64_t MILLISECONDS_FROM = 100'000'000'000;  // as seconds, the year 5138

const Json::Value& EnvelopeSchema()
{
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object", "required": ["event", "data", "id", "timestamp"],
    "properties": {
      "event": {"type": "string", "minLength": 1, "maxLength": 128},
      "id": {"type": "string", "minLength": 1, "maxLength": 256},
      "timestamp": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "integer", "minimum": 0}]},
      "data": {"type": "object"}
    }
  })");
  return SCHEMA;
}

// RFC 3339, or seconds or milliseconds since 1970.
Timestamp ReadTime(const Json::Value& json)
{
  if (json.isString())
  {
    return ParseTimestamp(json.asString()).value();
  }
  const int64_t number = json.asInt64();
  return Timestamp(number < MILLISECONDS_FROM ? Milliseconds(std::chrono::seconds(number))
                                              : Milliseconds(number));
}

// When the record was changed for the last time, if it says so.
std::optional<Timestamp> ChangedAt(const Json::Value& data)
{
  for (const char* name : {"updatedAt", "updated_at"})
  {
    if (const auto time = ParseTimestamp(TextOf(data, name)))
    {
      return time;
    }
  }
  return std::nullopt;
}

bool MayWrite(const Principal& sender, const std::string& practiceId)
{
  return sender.May(Permission::WritePatients, practiceId);
}

// What is known of a record, whatever its kind.
struct Known
{
  std::string practiceId;
  std::optional<Timestamp> updatedAt;  // where its keeper gave it
};

std::optional<Known> Find(Transaction& transaction, const std::string& kind, const std::string& id)
{
  if (kind == "patient")
  {
    const auto patient = PatientStore(transaction).Find(id);
    return patient ? std::optional(Known{patient->practiceId, patient->updatedAt}) : std::nullopt;
  }
  if (kind == "appointment")
  {
    const auto appointment = AppointmentStore(transaction).Find(id);
    return appointment ? std::optional(Known{appointment->practiceId, appointment->updatedAt}) : std::nullopt;
  }
  const auto order = OrderStore(transaction).Find(id);
  return order ? std::optional(Known{order->practiceId, {}}) : std::nullopt;
}

[[noreturn]] void ThrowUnknown()
{
  throw NotFound("There is no such record");
}

std::string FindPractice(Transaction& transaction, const Principal& sender, const Json::Value& data,
                         const std::optional<Known>& known)
{
  std::string practice;
  if (IsCrmRecord(data))
  {
    practice = PracticeOfUser(transaction, sender, TextOf(data, "userId")).id;
  }
  else if (data["practice_id"].isString())
  {
    practice = TextOf(data, "practice_id");
    if (!MayWrite(sender, practice) || !PracticeStore(transaction).Find(practice))
    {
      throw BadInput("The practice is none of the sender's",
                     {{"data.practice_id", "expected a practice of this secret"}});
    }
  }
  else if (known)
  {
    practice = known->practiceId;
  }
  else
  {
    const std::string patient = TextOf(data, "patient_id");
    const auto theirs = patient.empty() ? std::nullopt : PatientStore(transaction).Find(patient);
    const std::string single = sender.grants->Where(Permission::WritePatients).Single();
    practice = !single.empty() ? single : theirs ? theirs->practiceId : PracticeStore::DEFAULT;
  }
  if (!MayWrite(sender, practice))
  {
    ThrowUnknown();
  }
  if (known && known->practiceId != practice)
  {
    if (!MayWrite(sender, known->practiceId))
    {
      ThrowUnknown();
    }
    throw Conflict("The record belongs to another practice");
  }
  return practice;
}

Json::Value ToJson(const std::vector<FieldError>& errors)
{
  Json::Value json(Json::arrayValue);
  for (const FieldError& error : errors)
  {
    Json::Value item;
    item["field"] = error.field;
    item["message"] = error.message;
    json.append(item);
  }
  return json;
}

// What others refer to comes first, and goes last.
int Rank(const Json::Value& event)
{
  const std::string name = TextOf(event, "event");
  const bool isPatient = name.starts_with("lead.") || name.starts_with("patient.");
  if (isPatient)
  {
    return name.ends_with(".deleted") ? 4 : name.ends_with(".merged") ? 1 : 0;
  }
  return name.starts_with("order.") ? 2 : 3;
}
}  // namespace

Practice PracticeOfUser(Transaction& transaction, const Principal& sender, const std::string& userId)
{
  std::optional<Practice> found;
  for (Practice& practice : PracticeStore(transaction).List())
  {
    if (!userId.empty() && practice.crmUserId == userId && MayWrite(sender, practice.id))
    {
      if (found)
      {
        throw BadInput("Several practices have this user of the CRM",
                       {{"userId", "expected the crm_user_id of exactly one practice"}});
      }
      found = std::move(practice);
    }
  }
  if (!found)
  {
    throw BadInput("No practice of this secret has this user of the CRM",
                   {{"userId", "expected the crm_user_id of a practice of this secret"}});
  }
  return *std::move(found);
}

struct IncomingEvents::Envelope
{
  std::string id;
  std::string kind;  // of the record; empty if the event concerns none
  std::string word;  // as the sender calls it: "lead" or the kind
  std::string verb;  // "created", "updated", "deleted", "merged"
  Timestamp at{};
  const Json::Value& data;
  std::string recordId = {};
  std::string practiceId = {};
  std::optional<Known> known = {};
  IncomingRecord record = {};
  AuditEntry by = {};
  const RecordWriter* writer = nullptr;

  explicit Envelope(const Json::Value& event)
      : data(event.isObject() ? event["data"] : Json::Value::nullSingleton())
  {
    static const JsonSchema SCHEMA(EnvelopeSchema());
    if (const auto errors = SCHEMA.Validate(event); !errors.empty())
    {
      throw BadInput("The event is not valid", errors);
    }
    id = event["id"].asString();
    at = ReadTime(event["timestamp"]);
    const std::string name = event["event"].asString();
    const size_t dot = name.find('.');
    word = name.substr(0, dot);
    verb = dot == std::string::npos ? "" : name.substr(dot + 1);
    const bool isKnown = word == "patient" || word == "lead" || word == "appointment" || word == "order";
    if (!isKnown || (verb != "created" && verb != "updated" && verb != "deleted" && verb != "merged"))
    {
      return;
    }
    kind = word == "lead" ? "patient" : word;
    recordId = TextOf(data, "id");
    const auto length = CountCodePoints(recordId).value_or(0);
    const bool hasControl =
        std::any_of(recordId.begin(), recordId.end(),
                    [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (length == 0 || length > 128 || hasControl)
    {
      throw BadInput("The event is not valid",
                     {{"data.id", "expected 1 to 128 characters, none of them a control character"}});
    }
    const auto changedAt = ChangedAt(data);
    if (verb == "created" || verb == "updated")
    {
      at = changedAt.value_or(at);
    }
    else if (changedAt)
    {
      at = std::max(at, *changedAt);
    }
    if (at > Now() + FUTURE)
    {
      throw BadInput("The event is not valid",
                     {{"timestamp", "lies in the future: the sender's clock is wrong"}});
    }
  }
};

IncomingEvents::Result IncomingEvents::Apply(const Principal& sender, const Json::Value& event)
{
  Envelope envelope(event);
  if (envelope.kind.empty())
  {
    return {"ignored", "Events of this kind concern nothing here"};
  }
  envelope.writer = findWriter_(envelope.kind);
  if (envelope.writer == nullptr)
  {
    return {"ignored", "Records of this kind are not kept here: the plugin that has them is not loaded"};
  }

  Transaction transaction(database_);
  envelope.known = Find(transaction, envelope.kind, envelope.recordId);
  envelope.practiceId = FindPractice(transaction, sender, envelope.data, envelope.known);
  IncomingStore store(transaction, envelope.practiceId);
  if (!store.Remember(envelope.id))
  {
    return {"duplicate"};
  }
  envelope.record = store.Lock(envelope.kind, envelope.recordId);
  envelope.known = Find(transaction, envelope.kind, envelope.recordId);  // as it is behind the lock
  if (envelope.known && envelope.known->practiceId != envelope.practiceId)
  {
    ThrowUnknown();
  }
  envelope.by.principal = sender;
  envelope.by.permission = envelope.kind == "patient"       ? Permission::WritePatients
                           : envelope.kind == "appointment" ? Permission::WriteAppointments
                                                            : Permission::WriteOrders;
  envelope.by.detail["event_id"] = envelope.id;

  Result result;
  if (envelope.verb == "merged" && envelope.kind == "patient")
  {
    result = Merge(transaction, envelope);
  }
  else if (envelope.verb == "deleted" || envelope.verb == "merged")
  {
    // An appointment or order that became part of another one is no more.
    result = Delete(transaction, envelope, envelope.recordId);
  }
  else
  {
    result = Put(transaction, envelope);
  }
  transaction.Commit();
  return result;
}

IncomingEvents::Result IncomingEvents::Put(Transaction& transaction, const Envelope& event)
{
  IncomingStore store(transaction, event.practiceId);
  if (event.record.version &&
      (event.record.deleted ? *event.record.version >= event.at : *event.record.version > event.at))
  {
    return {"ignored", event.record.deleted ? "The record was deleted since" : "A newer version is known"};
  }

  Json::Value document = event.data;
  if (event.kind == "patient" && IsCrmRecord(event.data))
  {
    document = PatientFromLead(event.data, event.word == "lead" ? PatientKind::Lead : PatientKind::Patient,
                               PatientStore(transaction).Find(event.recordId));
  }
  else if (event.kind == "appointment" && IsCrmRecord(event.data))
  {
    document = AppointmentFromBooking(event.data, AppointmentStore(transaction).Find(event.recordId));
  }
  else if (event.word == "lead" && !document.isMember("kind"))
  {
    document["kind"] = "lead";
  }
  document["practice_id"] = event.practiceId;
  if (event.kind != "order")
  {
    document["updated_at"] = ToString(event.at);
  }
  if (const std::string patientId = TextOf(document, "patient_id"); !patientId.empty())
  {
    const auto patient = PatientStore(transaction).Find(patientId);
    if (!patient && store.IsDeleted("patient", patientId))
    {
      return {"ignored", "Its patient was deleted"};
    }
    if (!patient || patient->practiceId != event.practiceId)
    {
      throw NotFound("There is no such patient, or not yet");
    }
  }
  try
  {
    const std::string status = event.writer->put(transaction, event.by, document);
    store.Put(event.kind, event.recordId, event.at, false);
    return {status};
  }
  catch (const Outdated&)
  {
    return {"ignored", "A newer version is known"};
  }
}

IncomingEvents::Result IncomingEvents::Delete(Transaction& transaction, const Envelope& event,
                                              const std::string& id)
{
  IncomingStore store(transaction, event.practiceId);
  const bool isNewer = (event.record.version && *event.record.version > event.at) ||
                       (event.known && event.known->updatedAt && *event.known->updatedAt > event.at);
  if (isNewer)
  {
    return {"ignored", "A newer version is known"};
  }
  if (event.known)
  {
    if (event.kind == "patient")
    {
      // What was merged into it is a part of it.
      for (const std::string& part : PatientStore(transaction).MergedInto(id))
      {
        event.writer->unmerge(transaction, event.by, part);
        event.writer->remove(transaction, event.by, part);
        store.Put(event.kind, part, event.at, true);
      }
    }
    event.writer->remove(transaction, event.by, id);
  }
  store.Put(event.kind, id, event.at, true);
  return {"deleted"};
}

IncomingEvents::Result IncomingEvents::Merge(Transaction& transaction, const Envelope& event)
{
  std::string into;
  for (const char* name : {"mergedInto", "merged_into", "into"})
  {
    into = into.empty() ? TextOf(event.data, name) : into;
  }
  if (into.empty() || into == event.recordId)
  {
    throw BadInput(
        "The event is not valid",
        {{"data.mergedInto", "expected the id of another record, into which this one was merged"}});
  }
  if (event.record.deleted)
  {
    return {"ignored", "The record was deleted since"};
  }
  PatientStore patients(transaction);
  auto survivor = patients.Find(into);
  if (!survivor && IncomingStore(transaction, event.practiceId).IsDeleted("patient", into))
  {
    return Delete(transaction, event, event.recordId);  // it was a part of what is no more
  }
  if (survivor && survivor->mergedInto)
  {
    survivor = patients.Find(*survivor->mergedInto);
  }
  if (!event.known || !survivor || survivor->practiceId != event.practiceId)
  {
    throw NotFound("There is no such patient, or not yet");
  }
  const auto patient = patients.Find(event.recordId);
  if (patient->mergedInto == survivor->id)
  {
    return {"unchanged"};
  }
  // What was merged into it goes along.
  const auto parts = patients.MergedInto(event.recordId);
  for (const std::string& part : parts)
  {
    event.writer->unmerge(transaction, event.by, part);
  }
  event.writer->merge(transaction, event.by, event.recordId, survivor->id);
  for (const std::string& part : parts)
  {
    event.writer->merge(transaction, event.by, part, survivor->id);
  }
  return {"merged"};
}

Json::Value IncomingEvents::ApplyAll(const Principal& sender, const Json::Value& events)
{
  std::vector<Json::ArrayIndex> order(events.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](Json::ArrayIndex one, Json::ArrayIndex other)
                   { return Rank(events[one]) < Rank(events[other]); });

  Json::Value body;
  body["results"] = Json::arrayValue;
  body["results"].resize(events.size());
  body["success"] = true;
  for (const Json::ArrayIndex i : order)
  {
    const Json::Value& event = events[i];
    Json::Value& result = body["results"][i];
    result["id"] = event.isObject() && event["id"].isString() ? event["id"] : Json::Value();
    const auto fail = [&](const std::string& why, bool retry)
    {
      result["status"] = "failed";
      result["error"] = why;
      result["retry"] = retry;
      body["success"] = false;
    };
    try
    {
      const Result applied = Apply(sender, event);
      result["status"] = applied.status;
      if (!applied.message.empty())
      {
        result["message"] = applied.message;
      }
    }
    catch (const BadInput& error)
    {
      fail(error.what(), false);
      result["errors"] = ToJson(error.Fields());
    }
    catch (const NotFound& error)
    {
      fail(error.what(), true);
    }
    catch (const Unavailable&)
    {
      throw;  // those that were taken are duplicates when the batch comes again
    }
    catch (const Error& error)
    {
      fail(error.what(), false);
    }
    catch (const std::exception& error)
    {
      LogError("An event of a CRM cannot be taken: " + boost::core::demangle(typeid(error).name()) + ": " +
               error.what());
      fail("Something went wrong on our side", true);
    }
    Json::Value& count = body[result["status"].asString()];
    count = count.asInt() + 1;
  }
  return body;
}

TaskKind IncomingEvents::Task()
{
  return {.name = FORGET,
          .handler = [this](RunningTask& task)
          {
            Transaction transaction(database_);
            IncomingStore::Forget(transaction, Now() - std::chrono::hours(24) * retentionDays_);
            transaction.Commit();
            task.PutOff(Now() + std::chrono::hours(24));
          }};
}

void IncomingEvents::Start()
{
  Transaction transaction(database_);
  TaskStore(transaction).Enqueue(FORGET, "all");
  transaction.Commit();
}
}  // namespace OrthancClinic::Webhooks
