// SPDX-License-Identifier: GPL-3.0-or-later

#include "OrthancGate.h"

#include <algorithm>
#include <charconv>

#include "Core/Errors.h"
#include "Core/Records/StudyStore.h"

namespace OrthancClinic::Access
{
namespace
{
constexpr size_t MOST_REMEMBERED = 100'000;
constexpr auto SUBJECT_LIFE = std::chrono::minutes(1);

// "/modalities/CT1/store" → "/modalities/CT1": without what may be a patient's.
std::string Beginning(const std::string& path)
{
  const size_t second = path.find('/', 1);
  return path.substr(0, second == std::string::npos ? second : path.find('/', second + 1));
}
}  // namespace

bool OrthancGate::Admits(const HttpRequest& request, const std::optional<Principal>& principal)
{
  if (!principal)
  {
    return false;
  }
  const OrthancRule rule = FindOrthancRule(request.method, request.path);
  if (rule.permission == Permission::SignedIn)
  {
    return true;
  }
  const std::vector<Subject> subjects = FindSubjects(rule);
  const bool allowed = IsAllowed(rule, *principal, subjects) && IsWithinLimits(rule, request, *principal);
  if (!allowed || !rule.action.empty())
  {
    Record(rule, request, *principal, subjects, allowed);
  }
  return allowed;
}

bool OrthancGate::IsAllowed(const OrthancRule& rule, const Principal& principal,
                            const std::vector<Subject>& subjects) const
{
  const Grants& grants = *principal.grants;
  if (grants.AllowEverywhere(rule.permission))
  {
    return true;
  }
  if (rule.inAnyPractice)
  {
    return grants.AllowSomewhere(rule.permission);
  }
  return !subjects.empty() && std::all_of(subjects.begin(), subjects.end(),
                                          [&](const Subject& subject)
                                          { return grants.Allow(rule.permission, subject.practiceId); });
}

bool OrthancGate::IsWithinLimits(const OrthancRule& rule, const HttpRequest& request,
                                 const Principal& principal)
{
  if (rule.permission != Permission::WriteImages)
  {
    return true;
  }
  int64_t size = 0;
  const std::string length = FindHeader(request, "content-length");
  std::from_chars(length.data(), length.data() + length.size(), size);
  return size <= options_.uploadMegabytes << 20 &&
         !uploads_.Take(principal.name + "\n" + principal.remoteAddress);
}

std::vector<OrthancGate::Subject> OrthancGate::FindSubjects(const OrthancRule& rule)
{
  static constexpr std::string_view OF_IDS = "0123456789abcdefABCDEF-.";
  if (rule.subjectKind.empty() || rule.inAnyPractice ||
      rule.subject.find_first_not_of(OF_IDS) != std::string::npos)
  {
    return {};
  }
  const std::string key = rule.subjectKind + "/" + rule.subject;
  const Timestamp now = Now();
  {
    const std::lock_guard lock(mutex_);
    const auto known = subjects_.find(key);
    if (known != subjects_.end() && now - known->second.first < SUBJECT_LIFE)
    {
      return known->second.second;
    }
  }
  std::vector<Subject> subjects = ReadSubjects(rule);
  const std::lock_guard lock(mutex_);
  if (subjects_.size() > MOST_REMEMBERED)
  {
    subjects_.clear();
  }
  // Nothing is remembered of what is not there (yet).
  if (!subjects.empty())
  {
    subjects_[key] = {now, subjects};
  }
  return subjects;
}

std::vector<OrthancGate::Subject> OrthancGate::ReadSubjects(const OrthancRule& rule)
{
  std::vector<std::string> studies;
  std::vector<Subject> subjects;
  try
  {
    if (rule.subjectKind == "patient")
    {
      const Json::Value patient = orthanc_.Get("/patients/" + rule.subject);
      for (const Json::Value& study : patient["Studies"])
      {
        studies.push_back(study.asString());
      }
    }
    else if (rule.subjectKind == "series" || rule.subjectKind == "instance")
    {
      const std::string kind = rule.subjectKind == "series" ? "/series/" : "/instances/";
      studies.push_back(orthanc_.Get(kind + rule.subject + "/study")["ID"].asString());
    }
    else if (rule.subjectKind == "study")
    {
      studies.push_back(rule.subject);
    }
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    StudyStore store(transaction);
    if (rule.subjectKind == "study_uid")
    {
      studies.push_back(store.Get(rule.subject).orthancStudyId);
    }
    for (const std::string& id : studies)
    {
      const auto study = store.FindByOrthancId(id);
      if (!study)
      {
        return {};  // nobody knows yet to which practice it belongs
      }
      subjects.push_back({study->practiceId, study->studyInstanceUid, study->match.patientId.value_or("")});
    }
    transaction.Commit();
  }
  catch (const NotFound&)
  {
    return {};
  }
  catch (const Conflict&)
  {
    return {};  // two studies have this UID
  }
  return subjects;
}

void OrthancGate::Record(const OrthancRule& rule, const HttpRequest& request, const Principal& principal,
                         const std::vector<Subject>& subjects, bool allowed)
{
  AuditEntry entry;
  entry.principal = principal;
  entry.action = allowed ? rule.action : "access.denied";
  entry.outcome = allowed ? "success" : "denied";
  entry.detail["route"] = std::string(ToString(request.method)) + " " + Beginning(request.path);
  if (subjects.size() == 1)
  {
    entry.practiceId = subjects[0].practiceId;
    entry.patientId = subjects[0].patientId;
    entry.studyInstanceUid = subjects[0].studyInstanceUid;
  }
  if (rule.eachTime)
  {
    looks_.WriteAlways(entry);
  }
  else
  {
    looks_.Write(entry);
  }
}
}  // namespace OrthancClinic::Access
