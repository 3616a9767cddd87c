// SPDX-License-Identifier: GPL-3.0-or-later

#include "Opening.h"

#include <algorithm>

#include "Core/Errors.h"
#include "Core/Records/StudyStore.h"

namespace OrthancClinic::Viewer
{
namespace
{
// A series of 500 images is 500 requests: what a request finds out serves the next ones.
constexpr auto LIFE = std::chrono::seconds(1);
constexpr size_t MOST_REMEMBERED = 10'000;
}  // namespace

LinkedStudy Opening::FindStudy(const std::string& uid)
{
  const Timestamp now = Now();
  {
    const std::lock_guard lock(mutex_);
    const auto known = studies_.find(uid);
    if (known != studies_.end() && now - known->second.first < LIFE)
    {
      return known->second.second;
    }
  }
  LinkedStudy found;
  try
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    const Study study = StudyStore(transaction).Get(uid);
    transaction.Commit();
    found = {study.studyInstanceUid, study.practiceId};
  }
  catch (const Conflict&)
  {
    throw NotFound("There is no such study, or more than one");
  }
  if (found.uid != uid)
  {
    throw NotFound("There is no such study");
  }
  const std::lock_guard lock(mutex_);
  if (studies_.size() > MOST_REMEMBERED)
  {
    studies_.clear();
  }
  studies_[uid] = {now, found};
  return found;
}

std::vector<Link> Opening::LinksOf(const Request& request)
{
  const auto cookie = FindCookie(request.Http(), COOKIE);
  if (!cookie || cookie->empty() || !IsFromOwnPage(request.Http()))
  {
    return {};
  }
  const Timestamp now = Now();
  {
    const std::lock_guard lock(mutex_);
    const auto known = sessions_.find(*cookie);
    if (known != sessions_.end() && now - known->second.first < LIFE)
    {
      return known->second.second;
    }
  }
  Transaction transaction(database_, Transaction::Mode::ReadOnly);
  std::vector<Link> links = LinkStore(transaction).OfSession(*cookie);
  transaction.Commit();
  const std::lock_guard lock(mutex_);
  if (sessions_.size() > MOST_REMEMBERED)
  {
    sessions_.clear();
  }
  // A cookie that opens nothing is not remembered: anybody can make them up.
  if (!links.empty())
  {
    sessions_[*cookie] = {now, links};
  }
  return links;
}

void Opening::LimitAttempts(const std::string& address)
{
  if (const auto wait = attempts_.Take(address))
  {
    throw TooManyRequests("Too many links from this address: wait a minute", *wait);
  }
}

void Opening::Forget()
{
  const std::lock_guard lock(mutex_);
  sessions_.clear();
}

AuditEntry Opening::Require(const Request& request, const std::string& studyUid, Permission permission)
{
  const LinkedStudy study = FindStudy(studyUid);
  AuditEntry entry = request.Audit(permission == Permission::ReadImages ? "image.view" : "image.measure");
  entry.practiceId = study.practiceId;
  entry.studyInstanceUid = study.uid;
  entry.principal.remoteAddress = request.Http().remoteAddress;
  if (request.Caller().May(permission, study.practiceId))
  {
    return entry;
  }
  for (const Link& link : LinksOf(request))
  {
    const bool has = std::any_of(link.studies.begin(), link.studies.end(),
                                 [&](const LinkedStudy& linked) { return linked.uid == study.uid; });
    if (has && (permission == Permission::ReadImages || link.measurements))
    {
      entry.principal.name = "link:" + link.id;
      entry.detail["made_by"] = link.createdBy;
      return entry;
    }
  }
  throw NotFound("There is no such study, or it is not open to you");
}
}  // namespace OrthancClinic::Viewer
