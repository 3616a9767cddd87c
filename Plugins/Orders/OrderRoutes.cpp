// SPDX-License-Identifier: GPL-3.0-or-later

#include "OrderRoutes.h"

#include "Core/Configuration/JsonSchema.h"
#include "Core/Dicom/LocalTime.h"
#include "Core/Dicom/Text.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/OrderStore.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/Practice.h"
#include "Core/Records/StudyStore.h"
#include "OrderJson.h"
#include "OrderLinker.h"

namespace OrthancClinic::Orders
{
namespace
{
constexpr const char* STATUSES = R"({"type": "string", "enum": ["ordered", "requested", "scheduled",
  "in_progress", "acquired", "reported", "completed", "cancelled"]})";

struct Parts
{
  Database* database;  // of the routes
  const EventLog& events;
  Options options;
};

Json::Value Text(int longest = 128)
{
  Json::Value schema;
  schema["type"] = "string";
  schema["maxLength"] = longest;
  return schema;
}

AuditEntry Audit(const Request& request, const std::string& action, const Order& order)
{
  AuditEntry entry = request.Audit(action);
  entry.practiceId = order.practiceId;
  entry.patientId = order.patientId;
  entry.detail["order_id"] = order.id;
  return entry;
}

// The order's patient, who must be of the directory; and the practice's zone.
std::string Check(Transaction& transaction, Order& order)
{
  const auto patient = PatientStore(transaction).Find(order.patientId);
  if (!patient)
  {
    throw NotFound("There is no such patient");
  }
  if (!order.practiceId.empty() && order.practiceId != patient->practiceId)
  {
    throw Conflict("The patient belongs to another practice");
  }
  order.practiceId = patient->practiceId;
  return PracticeStore(transaction).Find(order.practiceId).value().timeZone;
}

// What follows from a change: audit record and event.
void Record(Transaction& transaction, const Parts& parts, AuditEntry entry, const Order& order,
            const std::string& what)
{
  entry.action = "order." + what;
  entry.practiceId = order.practiceId;
  entry.patientId = order.patientId;
  entry.detail["order_id"] = order.id;
  AuditTrail::Append(transaction, std::move(entry));
  if (what == "create" || what == "update" || what == "delete")
  {
    Json::Value data;
    data["order_id"] = order.id;
    data["patient_id"] = order.patientId;
    parts.events.Emit(transaction, "order." + what, order.practiceId, data);
  }
}

Response Answer(Transaction& transaction, const Order& order, int status)
{
  const Json::Value json = ToJson(transaction, OrderStore(transaction).Get(order.id));
  transaction.Commit();
  return Response::Json(json, status);
}

// Both.
Response Finish(Transaction& transaction, const Parts& parts, const Request& request, const Order& order,
                const std::string& what)
{
  Record(transaction, parts, request.Audit(""), order, what);
  return Answer(transaction, order, 200);
}

// The order that the path names, of a practice where the caller may do this.
Order Lock(Transaction& transaction, const Request& request)
{
  Order order = OrderStore(transaction).GetForUpdate(request.Path("id"));
  request.Require(order.practiceId);
  return order;
}

Order Create(Transaction& transaction, const Parts& parts, const AuditEntry& by, const Json::Value& body)
{
  Order order;
  order.id = body["id"].asString();
  order.practiceId = body["practice_id"].asString();
  order.patientId = body["patient_id"].asString();
  ReadOrder(body, Check(transaction, order), order);
  if (order.Text("ordered_by").empty())
  {
    order.document["ordered_by"] = by.principal.name;
  }
  order = OrderStore(transaction).Insert(std::move(order), parts.options.accessionNumberFormat);
  if (order.scheduledAt)
  {
    MoveOrder(transaction, parts.events, order, OrderState::Scheduled, by.principal.name);
  }
  Record(transaction, parts, by, order, "create");
  return order;
}

// `order` is locked.
void Update(Transaction& transaction, const Parts& parts, const AuditEntry& by, Order& order,
            const Json::Value& body)
{
  const std::string patient = order.patientId;
  const std::string accession = order.accessionNumber;
  ReadOrder(body, Check(transaction, order), order);
  order.accessionNumber = order.accessionNumber.empty() ? accession : order.accessionNumber;
  const bool waits = order.state == OrderState::Requested || order.state == OrderState::Scheduled;
  if (!waits && (order.patientId != patient || order.accessionNumber != accession))
  {
    throw Conflict("The patient and the accession number of an order that is " + ToString(order.state) +
                   " cannot be changed");
  }
  Check(transaction, order);
  OrderStore(transaction).Update(order);
  if (order.scheduledAt && order.state == OrderState::Requested)
  {
    MoveOrder(transaction, parts.events, order, OrderState::Scheduled, by.principal.name);
  }
  Record(transaction, parts, by, order, "update");
}

// `order` is locked.
void Delete(Transaction& transaction, const Parts& parts, const AuditEntry& by, const Order& order)
{
  if (order.state == OrderState::Reported || order.state == OrderState::Completed)
  {
    throw Conflict("An order that is " + ToString(order.state) + " cannot be deleted");
  }
  OrderStore(transaction).Delete(order.id);
  Record(transaction, parts, by, order, "delete");
}

void Cancel(Transaction& transaction, const Parts& parts, const AuditEntry& by, Order& order,
            const std::string& reason)
{
  order.document["cancellation_reason"] = reason;
  order.document["cancelled_date"] = ToString(Now());
  MoveOrder(transaction, parts.events, order, OrderState::Cancelled, by.principal.name, reason);
  OrderStore(transaction).Update(order);
  Record(transaction, parts, by, order, "cancel");
}

Response SetStatus(const Parts& parts, const Request& request)
{
  Transaction transaction(*parts.database);
  Order order = Lock(transaction, request);
  const OrderState to = ParseStatus(request.Body()["status"].asString(), order.state);
  MoveOrder(transaction, parts.events, order, to, request.Caller().name, request.Body()["notes"].asString());
  if (!request.Body()["notes"].asString().empty())
  {
    order.document["notes"] = request.Body()["notes"];
    OrderStore(transaction).Update(order);
  }
  return Finish(transaction, parts, request, order, "status");
}

Response Cancel(const Parts& parts, const Request& request)
{
  const std::string reason = request.HasQuery("reason") ? request.QueryText("reason")
                                                        : request.Body()["cancellation_reason"].asString();
  if (CountCodePoints(reason).value_or(0) < 10)
  {
    throw BadInput("The order cannot be cancelled without a reason",
                   {{"cancellation_reason", "expected at least 10 characters"}});
  }
  Transaction transaction(*parts.database);
  Order order = Lock(transaction, request);
  Cancel(transaction, parts, request.Audit(""), order, reason);
  return Answer(transaction, order, 200);
}

Response Report(const Parts& parts, const Request& request)
{
  Transaction transaction(*parts.database);
  Order order = Lock(transaction, request);
  for (const char* name : {"report_text", "findings", "impression", "result_status"})
  {
    if (!request.Body()[name].isNull())
    {
      order.document[name] = request.Body()[name];
    }
  }
  order.document["reporting_user_id"] = request.Caller().name;
  order.document["reported_date"] = ToString(Now());
  MoveOrder(transaction, parts.events, order, OrderState::Reported, request.Caller().name);
  OrderStore(transaction).Update(order);
  return Finish(transaction, parts, request, order, "report");
}

// A bare array, as the EHR's clients expect it; the total is in a header.
Response List(const Parts& parts, const Request& request, OrderFilter filter)
{
  filter.practices = request.Scope();
  filter.limit = request.QueryInteger("limit", 50);
  filter.offset = request.QueryInteger("skip", 0);
  Transaction transaction(*parts.database, Transaction::Mode::ReadOnly);
  const auto [orders, total] = OrderStore(transaction).Search(filter);
  Json::Value items(Json::arrayValue);
  AuditEntry entry = request.Audit("order.search", filter.practices);
  entry.patientId = filter.patientId;
  for (const Order& order : orders)
  {
    items.append(ToJson(transaction, order));
    entry.detail["orders"].append(order.id);
  }
  transaction.Commit();
  return Response::Json(items).Header("X-Total-Count", std::to_string(total)).Viewed(entry);
}

Response Show(const Parts& parts, const Request& request, const std::function<Order(OrderStore&)>& find)
{
  Transaction transaction(*parts.database, Transaction::Mode::ReadOnly);
  OrderStore store(transaction);
  const Order order = find(store);
  const Json::Value json = ToJson(transaction, order);
  transaction.Commit();
  return Response::Json(json).Viewed(Audit(request, "order.view", order));
}

const std::vector<QueryParameter>& Paging()
{
  static const std::vector<QueryParameter> PARAMETERS = {
      {"skip", "How many are left out", JsonLiteral(R"({"type": "integer", "minimum": 0, "default": 0})")},
      {"limit", "How many at most",
       JsonLiteral(R"({"type": "integer", "minimum": 1, "maximum": 1000, "default": 50})")}};
  return PARAMETERS;
}

std::vector<QueryParameter> With(std::vector<QueryParameter> parameters)
{
  parameters.insert(parameters.end(), Paging().begin(), Paging().end());
  return parameters;
}

// {id, code, name, dicom} of what can be ordered.
Json::Value Modalities()
{
  Json::Value list(Json::arrayValue);
  for (const auto& [code, name] :
       {std::pair("XRAY", "X-ray"), std::pair("CT", "Computed tomography"),
        std::pair("MRI", "Magnetic resonance"), std::pair("US", "Ultrasound"), std::pair("MG", "Mammography"),
        std::pair("FL", "Fluoroscopy"), std::pair("PX", "Panoramic dental X-ray"),
        std::pair("IO", "Intra-oral dental X-ray")})
  {
    Json::Value item;
    item["id"] = code;
    item["code"] = code;
    item["name"] = name;
    item["dicom"] = DicomModality(code);
    list.append(item);
  }
  return list;
}

// The defined terms of BodyPartExamined (PS3.16 annex L) that clinics order most.
Json::Value BodyParts()
{
  Json::Value list(Json::arrayValue);
  for (const auto& [code, name] :
       {std::pair("ABDOMEN", "Abdomen"), std::pair("ANKLE", "Ankle"), std::pair("BREAST", "Breast"),
        std::pair("CHEST", "Chest"), std::pair("CSPINE", "Cervical spine"), std::pair("ELBOW", "Elbow"),
        std::pair("FOOT", "Foot"), std::pair("HAND", "Hand"), std::pair("HEAD", "Head"),
        std::pair("HIP", "Hip"), std::pair("JAW", "Jaw"), std::pair("KNEE", "Knee"),
        std::pair("LSPINE", "Lumbar spine"), std::pair("NECK", "Neck"), std::pair("PELVIS", "Pelvis"),
        std::pair("SHOULDER", "Shoulder"), std::pair("SKULL", "Skull"), std::pair("TSPINE", "Thoracic spine"),
        std::pair("WRIST", "Wrist")})
  {
    Json::Value item;
    item["id"] = code;
    item["code"] = code;
    item["name"] = name;
    list.append(item);
  }
  return list;
}

Study LockStudy(Transaction& transaction, const Request& request)
{
  const std::string& uid = request.Path("uid");
  StudyStore store(transaction);
  const auto study = store.FindForUpdate(store.Get(uid).orthancStudyId);
  if (!study)
  {
    throw NotFound("There is no such study");
  }
  request.Require(study->practiceId);
  return *study;
}

AuditEntry Audit(const Request& request, const std::string& action, const Study& study)
{
  AuditEntry entry = request.Audit(action);
  entry.practiceId = study.practiceId;
  entry.patientId = study.match.patientId.value_or("");
  entry.studyInstanceUid = study.studyInstanceUid;
  return entry;
}

void AddLinkRoutes(Router& router, const Parts& parts)
{
  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/studies/{uid}/orders",
              .permission = Permission::WriteOrders,
              .summary = "Says that the study fulfils the order",
              .body = JsonLiteral(R"({
                "type": "object", "additionalProperties": false, "required": ["order_id"],
                "properties": {"order_id": {"type": "string", "minLength": 1, "maxLength": 128}}
              })"),
              .handler = [parts](const Request& request)
              {
                Transaction transaction(*parts.database);
                const Study study = LockStudy(transaction, request);
                const Order order =
                    OrderStore(transaction).GetForUpdate(request.Body()["order_id"].asString());
                OrderLinker::Link(transaction, parts.events, study, order, request.Caller().name);
                AuditEntry entry = Audit(request, "order.link", study);
                entry.detail["order_id"] = order.id;
                AuditTrail::Append(transaction, entry);
                const Json::Value json = ToJson(transaction, OrderStore(transaction).Get(order.id));
                transaction.Commit();
                return Response::Json(json);
              }});

  router.Add(
      {.method = HttpMethod::Delete,
       .path = "/api/v1/studies/{uid}/orders/{id}",
       .permission = Permission::WriteOrders,
       .summary = "Says that the study does not fulfil the order; the machine will not link them again",
       .handler = [parts](const Request& request)
       {
         Transaction transaction(*parts.database);
         const Study study = LockStudy(transaction, request);
         const Order order = OrderStore(transaction).GetForUpdate(request.Path("id"));
         OrderLinker::Unlink(transaction, parts.events, study, order, request.Caller().name);
         AuditEntry entry = Audit(request, "order.unlink", study);
         entry.detail["order_id"] = order.id;
         AuditTrail::Append(transaction, entry);
         transaction.Commit();
         return Response::NoContent();
       }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/order-reviews",
              .permission = Permission::ReadOrders,
              .summary = "The studies whose order a person must choose, with the candidates",
              .query = {{"practice", "Only of this practice", Text()}},
              .paged = true,
              .handler = [parts](const Request& request)
              {
                const Page page = request.GetPage();
                Transaction transaction(*parts.database, Transaction::Mode::ReadOnly);
                OrderStore store(transaction);
                const PracticeScope scope = request.Scope();
                const auto [reviews, total] = store.Reviews(scope, page.limit, page.offset);
                Json::Value items(Json::arrayValue);
                AuditEntry entry = request.Audit("order.review", scope);
                for (const OrderReview& review : reviews)
                {
                  Json::Value item;
                  const auto study = StudyStore(transaction).FindByOrthancId(review.orthancStudyId);
                  item["study"] = ToJson(study.value());
                  item["reason"] = review.reason;
                  item["created_at"] = ToString(review.createdAt);
                  item["candidates"] = review.candidates;
                  for (Json::Value& candidate : item["candidates"])
                  {
                    const auto order = store.Find(candidate["order_id"].asString());
                    candidate["order"] = order ? ToJson(transaction, *order) : Json::Value();
                  }
                  entry.detail["studies"].append(study->studyInstanceUid);
                  items.append(item);
                }
                transaction.Commit();
                return Response::List(std::move(items), total, page).Viewed(entry);
              }});

  router.Add({.method = HttpMethod::Delete,
              .path = "/api/v1/order-reviews/{uid}",
              .permission = Permission::WriteOrders,
              .summary = "Says that none of the candidates is the study's order",
              .handler = [parts](const Request& request)
              {
                Transaction transaction(*parts.database);
                const Study study = LockStudy(transaction, request);
                const auto review = OrderStore(transaction).FindReview(study.orthancStudyId);
                if (!review)
                {
                  throw NotFound("The study is not in review");
                }
                OrderLinker::Dismiss(transaction, study, *review, request.Caller().name);
                AuditTrail::Append(transaction, Audit(request, "order.dismiss", study));
                transaction.Commit();
                return Response::NoContent();
              }});
}
}  // namespace

void AddOrderRoutes(Router& router, Database& database, const EventLog& events, const Options& options)
{
  const Parts parts{&database, events, options};

  Json::Value creation = OrderSchema();
  creation["required"].append("patient_id");
  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/orders",
              .permission = Permission::WriteOrders,
              .summary = "Creates an order",
              .body = creation,
              .handler = [parts](const Request& request)
              {
                Transaction transaction(*parts.database);
                const Order order = Create(transaction, parts, request.Audit(""), request.Body());
                return Answer(transaction, order, 201);
              }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/orders",
              .permission = Permission::ReadOrders,
              .summary = "Orders, the last ordered first; the total is in X-Total-Count",
              .query = With({{"practice", "Only of this practice", Text()},
                             {"patient_id", "Only of this patient", Text()},
                             {"visit_id", "Only of this visit", Text()},
                             {"status", "Only in this status", JsonLiteral(STATUSES)},
                             {"priority", "Only of this priority", Text(16)},
                             {"modality_id", "Only of this modality", Text(16)},
                             {"date_from", "Ordered at this time or later",
                              JsonLiteral(R"({"type": "string", "format": "date-time"})")},
                             {"date_to", "Ordered before this time",
                              JsonLiteral(R"({"type": "string", "format": "date-time"})")}}),
              .handler = [parts](const Request& request)
              {
                OrderFilter filter;
                filter.patientId = request.QueryText("patient_id");
                filter.visitId = request.QueryText("visit_id");
                filter.states = StatesOf(request.QueryText("status"));
                filter.priority = request.QueryText("priority");
                filter.modality = request.QueryText("modality_id");
                if (const auto from = ParseTimestamp(request.QueryText("date_from")))
                {
                  filter.from = ToString(*from);
                }
                if (const auto to = ParseTimestamp(request.QueryText("date_to")))
                {
                  filter.to = ToString(*to);
                }
                return List(parts, request, filter);
              }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/orders/{id}",
              .permission = Permission::ReadOrders,
              .summary = "One order, with its patient, its studies and its history",
              .handler = [parts](const Request& request) {
                return Show(parts, request, [&](OrderStore& store) { return store.Get(request.Path("id")); });
              }});

  router.Add({.method = HttpMethod::Put,
              .path = "/api/v1/orders/{id}",
              .permission = Permission::WriteOrders,
              .summary = "Changes what the body names",
              .body = OrderSchema(),
              .handler = [parts](const Request& request)
              {
                Transaction transaction(*parts.database);
                Order order = Lock(transaction, request);
                Update(transaction, parts, request.Audit(""), order, request.Body());
                return Answer(transaction, order, 200);
              }});

  router.Add({.method = HttpMethod::Delete,
              .path = "/api/v1/orders/{id}",
              .permission = Permission::WriteOrders,
              .summary = "Removes an order that has no images",
              .handler = [parts](const Request& request)
              {
                Transaction transaction(*parts.database);
                Delete(transaction, parts, request.Audit(""), Lock(transaction, request));
                transaction.Commit();
                return Response::NoContent();
              }});

  Json::Value status = JsonLiteral(R"({
    "type": "object", "required": ["status"],
    "properties": {"notes": {"type": ["string", "null"], "maxLength": 10240}}
  })");
  status["properties"]["status"] = JsonLiteral(STATUSES);
  for (const HttpMethod method : {HttpMethod::Patch, HttpMethod::Put, HttpMethod::Post})
  {
    router.Add({.method = method,
                .path = "/api/v1/orders/{id}/status",
                .permission = Permission::WriteOrders,
                .summary = "Moves the order on; 409 for an illegal transition",
                .body = status,
                .handler = [parts](const Request& request) { return SetStatus(parts, request); }});
  }

  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/orders/{id}/cancel",
              .permission = Permission::WriteOrders,
              .summary = "Cancels the order, with a reason of at least 10 characters",
              .query = {{"reason", "The reason, if the body has none", Text(1024)}},
              .body = JsonLiteral(R"({
                "type": ["object", "null"],
                "properties": {"cancellation_reason": {"type": ["string", "null"], "maxLength": 1024}}
              })"),
              .handler = [parts](const Request& request) { return Cancel(parts, request); }});

  router.Add({.method = HttpMethod::Post,
              .path = "/api/v1/orders/{id}/report",
              .permission = Permission::WriteReports,
              .summary = "Reports on the order's images",
              .body = JsonLiteral(R"({
                "type": "object", "required": ["report_text"],
                "properties": {
                  "report_text": {"type": "string", "minLength": 20, "maxLength": 100000},
                  "findings": {"type": ["string", "null"], "minLength": 10, "maxLength": 100000},
                  "impression": {"type": ["string", "null"], "minLength": 10, "maxLength": 100000},
                  "result_status": {"type": ["string", "null"], "maxLength": 64}
                }
              })"),
              .handler = [parts](const Request& request) { return Report(parts, request); }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/orders/search/accession/{number}",
              .permission = Permission::ReadOrders,
              .summary = "The order with this accession number",
              .handler = [parts](const Request& request)
              {
                return Show(parts, request,
                            [&](OrderStore& store)
                            {
                              auto orders = store.FindByAccession(request.Path("number"));
                              if (orders.empty())
                              {
                                throw NotFound("There is no such order");
                              }
                              return orders.front();
                            });
              }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/orders/search/number/{number}",
              .permission = Permission::ReadOrders,
              .summary = "The order with this order number",
              .handler = [parts](const Request& request)
              {
                return Show(parts, request,
                            [&](OrderStore& store)
                            {
                              const auto order = store.FindByNumber(request.Path("number"));
                              if (!order)
                              {
                                throw NotFound("There is no such order");
                              }
                              return *order;
                            });
              }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/orders/patient/{id}",
              .permission = Permission::ReadOrders,
              .summary = "The orders of a patient",
              .query = With({}),
              .handler = [parts](const Request& request)
              { return List(parts, request, {.patientId = request.Path("id")}); }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/orders/visit/{id}",
              .permission = Permission::ReadOrders,
              .summary = "The orders of a visit",
              .query = With({}),
              .handler = [parts](const Request& request)
              { return List(parts, request, {.visitId = request.Path("id")}); }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/orders/modalities/list",
              .permission = Permission::SignedIn,
              .summary = "What `modality_id` can be",
              .handler = [](const Request&) { return Response::Json(Modalities()); }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/orders/body-parts/list",
              .permission = Permission::SignedIn,
              .summary = "What `body_part_id` usually is",
              .handler = [](const Request&) { return Response::Json(BodyParts()); }});

  AddLinkRoutes(router, parts);
}

RecordWriter MakeOrderWriter(const EventLog& events, const Options& options)
{
  static const JsonSchema SCHEMA(OrderSchema());
  const Parts parts{nullptr, events, options};
  RecordWriter writer;
  writer.put = [parts](Transaction& transaction, const AuditEntry& by, const Json::Value& document)
  {
    if (const auto errors = SCHEMA.Validate(document); !errors.empty())
    {
      throw BadInput("The order is not valid", errors);
    }
    OrderStore store(transaction);
    const bool isNew = !store.Find(document["id"].asString());
    Order order;
    if (isNew)
    {
      if (!document["patient_id"].isString())
      {
        throw BadInput("The order is not valid", {{"patient_id", "missing"}});
      }
      order = Create(transaction, parts, by, document);
    }
    else
    {
      order = store.GetForUpdate(document["id"].asString());
      Update(transaction, parts, by, order, document);
    }
    if (document["status"] == "cancelled" && order.state != OrderState::Cancelled)
    {
      const Json::Value& reason = document["cancellation_reason"];
      Cancel(transaction, parts, by, order, reason.isString() ? CleanText(reason.asString(), 1024) : "");
    }
    return isNew ? "created" : "updated";
  };
  writer.remove = [parts](Transaction& transaction, const AuditEntry& by, const std::string& id)
  { Delete(transaction, parts, by, OrderStore(transaction).GetForUpdate(id)); };
  return writer;
}
}  // namespace OrthancClinic::Orders
