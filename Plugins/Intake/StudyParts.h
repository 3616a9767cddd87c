// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the routes that show studies are made of.

#pragma once

#include "Core/Database/Database.h"
#include "Core/Identity/LookLog.h"
#include "Core/Orthanc.h"
#include "Core/Records/Study.h"
#include "Core/Rest/Router.h"
#include "Preview.h"

namespace OrthancClinic::Intake
{
// All of them live as long as the plugin.
struct StudyParts
{
  Database& database;
  IOrthanc& orthanc;
  Preview& preview;
  LookLog& looks;  // of images
};

// The study by StudyInstanceUID or Orthanc's id, among those of which the caller may see something. Throws
// NotFound; Conflict if there are several of this StudyInstanceUID.
Study FindStudy(const StudyParts& parts, const Request& request, const std::string& uid);

// The study of an instance of Orthanc, likewise.
Study FindStudyOfInstance(const StudyParts& parts, const Request& request,
                          const std::string& orthancInstanceId);

// Orthanc's id of an instance that is given by it or by its SOPInstanceUID. Throws NotFound; Conflict if
// several have this UID.
std::string FindInstance(IOrthanc& orthanc, const std::string& id);

// That the caller saw something of the study.
AuditEntry StudyAudit(const Request& request, const std::string& action, const Study& study);
}  // namespace OrthancClinic::Intake
