// SPDX-License-Identifier: GPL-3.0-or-later

#include "LinkStore.h"

#include "Core/Configuration/Json.h"
#include "Core/Database/Query.h"
#include "Core/Digest.h"
#include "Core/Errors.h"

namespace OrthancClinic::Viewer
{
namespace
{
Json::Value StudiesToJson(const std::vector<LinkedStudy>& studies)
{
  Json::Value json(Json::arrayValue);
  for (const LinkedStudy& study : studies)
  {
    Json::Value item;
    item["study_instance_uid"] = study.uid;
    item["practice_id"] = study.practiceId;
    json.append(item);
  }
  return json;
}
}  // namespace

Json::Value ToJson(const Link& link)
{
  Json::Value json;
  json["id"] = link.id;
  json["study_uids"] = Json::arrayValue;
  for (const LinkedStudy& study : link.studies)
  {
    json["study_uids"].append(study.uid);
  }
  json["measurements"] = link.measurements;
  json["uses_left"] = link.usesLeft < 0 ? Json::Value() : Json::Value(link.usesLeft);
  json["created_by"] = link.createdBy;
  json["created_at"] = ToString(link.createdAt);
  json["expires_at"] = ToString(link.expiresAt);
  return json;
}

std::vector<Link> LinkStore::Fetch(const std::string& tail, const std::vector<std::string>& values)
{
  std::vector<Link> links;
  Link link;
  std::string studies;
  long long measurements = 0;
  long long uses = 0;
  std::string createdAt;
  std::string expiresAt;
  Query(
      transaction_,
      "SELECT id, studies, measurements, uses_left, created_by, created_at, expires_at FROM viewer_links " +
          tail,
      values,
      [&]
      {
        link.studies.clear();
        const Json::Value json = ParseJson(studies);
        for (const Json::Value& study : json)
        {
          link.studies.push_back({study["study_instance_uid"].asString(), study["practice_id"].asString()});
        }
        link.measurements = measurements != 0;
        link.usesLeft = static_cast<int>(uses);
        link.createdAt = ParseTimestamp(createdAt).value();
        link.expiresAt = ParseTimestamp(expiresAt).value();
        links.push_back(link);
      },
      link.id, studies, measurements, uses, link.createdBy, createdAt, expiresAt);
  return links;
}

void LinkStore::Insert(const Link& link, const std::string& secret)
{
  Execute(
      transaction_,
      "INSERT INTO viewer_links (id, secret_sha256, studies, measurements, uses_left, created_by, "
      "created_at, expires_at) VALUES (:id, :secret, :studies, CAST(:measurements AS BIGINT), CAST(:uses "
      "AS BIGINT), :by, :at, :expires)",
      {link.id, Sha256Of(secret), WriteJson(StudiesToJson(link.studies)), link.measurements ? "1" : "0",
       std::to_string(link.usesLeft), link.createdBy, ToString(link.createdAt), ToString(link.expiresAt)});
}

std::optional<Link> LinkStore::FindBySecretForUpdate(const std::string& secret)
{
  // A write transaction of SQLite is alone anyway.
  auto links = Fetch(transaction_.IsPostgreSql() ? "WHERE secret_sha256 = :secret FOR UPDATE"
                                                 : "WHERE secret_sha256 = :secret",
                     {Sha256Of(secret)});
  return links.empty() ? std::nullopt : std::optional(std::move(links.front()));
}

std::optional<Link> LinkStore::Find(const std::string& id)
{
  auto links = Fetch("WHERE id = :id", {id});
  return links.empty() ? std::nullopt : std::optional(std::move(links.front()));
}

std::vector<Link> LinkStore::List()
{
  return Fetch("WHERE expires_at > :now ORDER BY created_at DESC, id", {ToString(Now())});
}

void LinkStore::Open(const Link& link, const std::string& session, const std::string& formerSession)
{
  Execute(transaction_, "UPDATE viewer_links SET uses_left = uses_left - 1 WHERE id = :id AND uses_left > 0",
          {link.id});
  Execute(transaction_, "UPDATE viewer_sessions SET secret_sha256 = :new WHERE secret_sha256 = :old",
          {Sha256Of(session), Sha256Of(formerSession)});
  Execute(
      transaction_,
      "INSERT INTO viewer_sessions (secret_sha256, link_id) VALUES (:session, :link) ON CONFLICT DO NOTHING",
      {Sha256Of(session), link.id});
}

std::vector<Link> LinkStore::OfSession(const std::string& session)
{
  return Fetch(
      "WHERE id IN (SELECT link_id FROM viewer_sessions WHERE secret_sha256 = :session) AND expires_at "
      "> :now",
      {Sha256Of(session), ToString(Now())});
}

void LinkStore::Delete(const std::string& id)
{
  if (!Find(id))
  {
    throw NotFound("There is no such link");
  }
  Execute(transaction_, "DELETE FROM viewer_sessions WHERE link_id = :id", {id});
  Execute(transaction_, "DELETE FROM viewer_links WHERE id = :id", {id});
}

void LinkStore::DeleteExpired()
{
  const std::string now = ToString(Now());
  Execute(
      transaction_,
      "DELETE FROM viewer_sessions WHERE link_id IN (SELECT id FROM viewer_links WHERE expires_at <= :now)",
      {now});
  Execute(transaction_, "DELETE FROM viewer_links WHERE expires_at <= :now", {now});
}
}  // namespace OrthancClinic::Viewer
