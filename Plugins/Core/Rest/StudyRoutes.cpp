// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/OrderStore.h"
#include "Core/Records/StudyStore.h"
#include "Core/Rest/CoreRoutes.h"
#include "Core/Rest/StudyQuery.h"

namespace OrthancClinic
{
namespace
{
// The study with the orders that it fulfils, and what the plugins say of it.
Json::Value Describe(const CoreParts& parts, Transaction& transaction, const Study& study)
{
  Json::Value json = ToJson(study);
  parts.describeStudy(transaction, study, json);
  OrderStore orders(transaction);
  json["orders"] = Json::arrayValue;
  for (const OrderLink& link : orders.LinksOfStudy(study.orthancStudyId))
  {
    if (link.linked)
    {
      Json::Value order;
      order["order_id"] = link.orderId;
      order["linked_by"] = link.linkedBy;
      order["linked_at"] = ToString(link.linkedAt);
      order["evidence"] = link.evidence;
      json["orders"].append(order);
    }
  }
  if (const auto review = orders.FindReview(study.orthancStudyId))
  {
    json["order_review"]["reason"] = review->reason;
    json["order_review"]["candidates"] = review->candidates;
  }
  return json;
}
}  // namespace

void AddStudyRoutes(Router& router, const CoreParts& parts)
{
  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/studies",
              .permission = Permission::ReadStudies,
              .summary = "Studies",
              .query = StudyQueryParameters(),
              .paged = true,
              .handler = [parts](const Request& request)
              {
                const Page page = request.GetPage();
                StudyFilter filter = ReadStudyFilter(request);
                filter.limit = page.limit;
                filter.offset = page.offset;
                Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
                const auto [studies, total] = StudyStore(transaction).Search(filter);
                Json::Value items(Json::arrayValue);
                AuditEntry entry = request.Audit("study.search", filter.practices);
                entry.patientId = filter.patientId;
                for (const Study& study : studies)
                {
                  items.append(Describe(parts, transaction, study));
                  entry.detail["studies"].append(study.studyInstanceUid);
                }
                transaction.Commit();
                return Response::List(std::move(items), total, page).Viewed(entry);
              }});

  router.Add({.method = HttpMethod::Get,
              .path = "/api/v1/studies/{uid}",
              .permission = Permission::ReadStudies,
              .summary = "One study, by StudyInstanceUID or orthanc_study_id",
              .handler = [parts](const Request& request)
              {
                Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
                const Study study = StudyStore(transaction).Get(request.Path("uid"));
                const Json::Value json = Describe(parts, transaction, study);
                transaction.Commit();
                AuditEntry entry = request.Audit("study.view");
                entry.practiceId = study.practiceId;
                entry.patientId = study.match.patientId.value_or("");
                entry.studyInstanceUid = study.studyInstanceUid;
                return Response::Json(json).Viewed(entry);
              }});
}
}  // namespace OrthancClinic
