// SPDX-License-Identifier: GPL-3.0-or-later

#include "OrderJson.h"

#include <algorithm>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/LocalTime.h"
#include "Core/Errors.h"
#include "Core/Records/OrderStore.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/StudyStore.h"

namespace OrthancClinic::Orders
{
namespace
{
// The fields of the answer that are kept as they came, at the top and within "order_details".
constexpr const char* TOP[] = {"ordered_by",
                               "clinical_indication",
                               "special_instructions",
                               "notes",
                               "scheduled_location",
                               "performing_user_id",
                               "performed_date",
                               "reporting_user_id",
                               "reported_date",
                               "report_text",
                               "findings",
                               "impression",
                               "result_status",
                               "cancelled_date",
                               "cancellation_reason",
                               "procedure_code",
                               "procedure_text"};
constexpr const char* DETAILS[] = {"body_part_id", "laterality", "contrast", "num_views"};

// Of these, what a caller may write.
constexpr const char* WRITABLE[] = {"ordered_by",
                                    "clinical_indication",
                                    "special_instructions",
                                    "notes",
                                    "scheduled_location",
                                    "performing_user_id",
                                    "procedure_code",
                                    "procedure_text",
                                    "body_part_id",
                                    "laterality",
                                    "contrast",
                                    "num_views"};

void AddStudy(Json::Value& json, const std::optional<Study>& study, const Order& order)
{
  const auto text = [&](const std::string& value) { return study ? Json::Value(value) : Json::Value(); };
  const auto number = [&](int value) { return study ? Json::Value(value) : Json::Value(); };
  const Study known = study.value_or(Study());
  json["study_instance_uid"] = text(known.studyInstanceUid);
  json["orthanc_study_id"] = text(known.orthancStudyId);
  json["study_date"] = text(known.studyDate);
  json["study_time"] = text(known.studyTime);
  json["modality"] = known.modalities.empty() ? Json::Value(DicomModality(order.modality))
                                              : Json::Value(known.modalities.front());
  json["number_of_series"] = number(known.numberOfSeries);
  json["number_of_instances"] = number(known.numberOfInstances);
  json["number_of_images"] = number(known.numberOfInstances);
  json["uploaded_by_id"] = text(known.source.callingAe);
  json["uploaded_at"] = text(ToString(known.receivedAt));
  json["upload_source"] = text(known.source.kind);
  json["dicom_upload_date"] = json["uploaded_at"];
}
}  // namespace

Json::Value ToJson(Transaction& transaction, const Order& order)
{
  Json::Value json;
  json["id"] = order.id;
  json["order_number"] = order.orderNumber;
  json["accession_number"] = order.accessionNumber;
  json["accession_issuer"] = order.accessionIssuer;
  json["order_type"] = "IMAGING";
  json["status"] = ToStatus(order.state);
  json["state"] = ToString(order.state);
  json["priority"] = order.priority;
  json["practice_id"] = order.practiceId;
  json["patient_id"] = order.patientId;
  json["visit_id"] = OrNull(order.visitId);
  json["ordered_date"] = ToString(order.orderedAt);
  json["scheduled_date"] = order.scheduledAt ? Json::Value(ToString(*order.scheduledAt)) : Json::Value();
  json["worklist_study_instance_uid"] = order.studyInstanceUid;
  json["created_at"] = ToString(order.createdAt);
  json["updated_at"] = ToString(order.updatedAt);
  for (const char* name : TOP)
  {
    json[name] = order.document[name];
  }
  json["order_details"]["modality_id"] = order.modality;
  for (const char* name : DETAILS)
  {
    json["order_details"][name] = order.document[name];
  }

  OrderStore orders(transaction);
  std::optional<Study> last;
  json["studies"] = Json::arrayValue;
  for (const OrderLink& link : orders.LinksOfOrder(order.id))
  {
    if (!link.linked)
    {
      continue;
    }
    const auto study = StudyStore(transaction).FindByOrthancId(link.orthancStudyId);
    Json::Value item;
    item["study_instance_uid"] = study->studyInstanceUid;
    item["orthanc_study_id"] = link.orthancStudyId;
    item["linked_by"] = link.linkedBy;
    item["linked_at"] = ToString(link.linkedAt);
    json["studies"].append(item);
    last = last ? last : study;
  }
  AddStudy(json, last, order);

  json["history"] = Json::arrayValue;
  for (const OrderTransition& transition : orders.Transitions(order.id))
  {
    Json::Value item;
    item["from"] = ToString(transition.from);
    item["to"] = ToString(transition.to);
    item["by"] = transition.by;
    item["notes"] = transition.notes;
    item["at"] = ToString(transition.at);
    json["history"].append(item);
  }
  const auto patient = PatientStore(transaction).Find(order.patientId);
  json["patient"] = patient ? ToJson(*patient) : Json::Value();
  return json;
}

const Json::Value& OrderSchema()
{
  // Other keys are let pass: the EHR's clients send more than they document.
  static const Json::Value SCHEMA = JsonLiteral(R"({
    "type": "object",
    "properties": {
      "id": {"type": "string", "minLength": 1, "maxLength": 128},
      "practice_id": {"type": "string", "minLength": 1, "maxLength": 128},
      "patient_id": {"type": "string", "minLength": 1, "maxLength": 128},
      "visit_id": {"type": ["string", "null"], "maxLength": 128},
      "accession_number": {"type": ["string", "null"], "maxLength": 16, "pattern": "^[^\\\\]*$"},
      "accession_issuer": {"type": ["string", "null"], "maxLength": 64},
      "priority": {"enum": ["routine", "urgent", "stat"]},
      "ordered_by": {"type": ["string", "null"], "maxLength": 256},
      "ordered_date": {"type": ["string", "null"], "format": "date-time"},
      "clinical_indication": {"type": ["string", "null"], "maxLength": 10240},
      "special_instructions": {"type": ["string", "null"], "maxLength": 10240},
      "notes": {"type": ["string", "null"], "maxLength": 10240},
      "modality_id": {"type": ["string", "null"], "maxLength": 16, "pattern": "^[A-Za-z0-9 _]*$"},
      "body_part_id": {"type": ["string", "null"], "maxLength": 64},
      "laterality": {"type": ["string", "null"], "maxLength": 32},
      "contrast": {"type": ["boolean", "string", "null"], "maxLength": 64},
      "num_views": {"type": ["integer", "null"], "minimum": 0, "maximum": 1000},
      "scheduled_date": {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"},
                                   {"type": "null"}]},
      "scheduled_location": {"type": ["string", "null"], "maxLength": 64},
      "performing_user_id": {"type": ["string", "null"], "maxLength": 128},
      "procedure_text": {"type": ["string", "null"], "maxLength": 64},
      "procedure_code": {"type": ["object", "null"], "properties": {
        "value": {"type": "string", "minLength": 1, "maxLength": 16},
        "scheme": {"type": "string", "minLength": 1, "maxLength": 16},
        "meaning": {"type": "string", "minLength": 1, "maxLength": 64}
      }, "required": ["value", "scheme", "meaning"]},
      "order_details": {"type": ["object", "null"], "properties": {
        "modality_id": {"type": ["string", "null"], "maxLength": 16, "pattern": "^[A-Za-z0-9 _]*$"},
        "body_part_id": {"type": ["string", "null"], "maxLength": 64},
        "laterality": {"type": ["string", "null"], "maxLength": 32},
        "contrast": {"type": ["boolean", "string", "null"], "maxLength": 64},
        "num_views": {"type": ["integer", "null"], "minimum": 0, "maximum": 1000}
      }}
    }
  })");
  return SCHEMA;
}

void ReadOrder(const Json::Value& json, const std::string& zone, Order& order)
{
  const auto read = [](const Json::Value& from, const char* name, std::string& into)
  {
    if (from.isMember(name))
    {
      into = from[name].asString();
    }
  };
  read(json, "patient_id", order.patientId);
  read(json, "visit_id", order.visitId);
  read(json, "accession_number", order.accessionNumber);
  read(json, "accession_issuer", order.accessionIssuer);
  read(json, "priority", order.priority);
  read(json, "modality_id", order.modality);
  const Json::Value& details = json["order_details"];
  if (details.isObject())
  {
    read(details, "modality_id", order.modality);
  }
  for (const char* name : WRITABLE)
  {
    for (const Json::Value* from : {&details, &json})
    {
      if (from->isObject() && from->isMember(name))
      {
        order.document[name] = (*from)[name];
      }
    }
  }
  if (json["ordered_date"].isString())
  {
    order.orderedAt = ParseTimestamp(json["ordered_date"].asString()).value();
  }
  if (json.isMember("scheduled_date"))
  {
    const std::string text = json["scheduled_date"].asString();
    order.scheduledAt = ParseTimestamp(text);
    if (!order.scheduledAt && !text.empty())
    {
      std::string date = text;  // a day alone
      std::erase(date, '-');
      order.scheduledAt = StartOfDay(date, zone);
    }
  }
}

std::string ToStatus(OrderState state)
{
  switch (state)
  {
    case OrderState::Requested:
      return "ordered";
    case OrderState::Acquired:
      return "completed";
    default:
      return ToString(state);
  }
}

OrderState ParseStatus(const std::string& text, OrderState present)
{
  if (text == "ordered")
  {
    return OrderState::Requested;
  }
  if (text == "completed")
  {
    return present == OrderState::Reported || present == OrderState::Completed ? OrderState::Completed
                                                                               : OrderState::Acquired;
  }
  return ParseOrderState(text);
}

std::vector<std::string> StatesOf(const std::string& status)
{
  if (status.empty())
  {
    return {};
  }
  if (status == "completed")
  {
    return {"acquired", "completed"};
  }
  return {status == "ordered" ? "requested" : status};
}
}  // namespace OrthancClinic::Orders
