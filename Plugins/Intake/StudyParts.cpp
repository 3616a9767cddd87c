// SPDX-License-Identifier: GPL-3.0-or-later

#include "StudyParts.h"

#include <algorithm>
#include <vector>

#include "Core/Errors.h"
#include "Core/Records/StudyStore.h"

namespace OrthancClinic::Intake
{
Study FindStudy(const StudyParts& parts, const Request& request, const std::string& uid)
{
  const PracticeScope scope = request.Scope();
  Transaction transaction(parts.database, Transaction::Mode::ReadOnly);
  Study study = StudyStore(transaction).Get(uid, scope);
  transaction.Commit();
  return study;
}

Study FindStudyOfInstance(const StudyParts& parts, const Request& request,
                          const std::string& orthancInstanceId)
{
  return FindStudy(parts, request,
                   parts.orthanc.Get("/instances/" + orthancInstanceId + "/study")["ID"].asString());
}

std::string FindInstance(IOrthanc& orthanc, const std::string& id)
{
  // Orthanc's ids are five groups of eight hexadecimal digits; a UID has no letters and no hyphens.
  if (id.find('-') != std::string::npos)
  {
    const bool isOrthancId =
        id.size() == 44 && id.find_first_not_of("0123456789abcdef-") == std::string::npos;
    if (!isOrthancId)
    {
      throw NotFound("There is no such instance");
    }
    return id;
  }
  std::vector<std::string> found;
  for (const Json::Value& resource : orthanc.Post("/tools/lookup", id))
  {
    if (resource["Type"].asString() == "Instance")
    {
      found.push_back(resource["ID"].asString());
    }
  }
  if (found.empty())
  {
    throw NotFound("There is no such instance");
  }
  if (found.size() > 1)
  {
    throw Conflict("This SOPInstanceUID was sent under several PatientIDs: use Orthanc's id of the instance");
  }
  return found.front();
}

AuditEntry StudyAudit(const Request& request, const std::string& action, const Study& study)
{
  AuditEntry entry = request.Audit(action);
  entry.practiceId = study.practiceId;
  entry.patientId = study.match.patientId.value_or("");
  entry.studyInstanceUid = study.studyInstanceUid;
  return entry;
}
}  // namespace OrthancClinic::Intake
