// SPDX-License-Identifier: GPL-3.0-or-later
//
// DICOMweb as the viewer is given it: what Orthanc's DICOMweb plugin answers, but only of the studies that
// the request may see, and only the transactions that a viewer needs. To store, only structured reports.

#pragma once

#include "Core/Identity/LookLog.h"
#include "Core/Orthanc.h"
#include "Core/Rest/Router.h"
#include "Opening.h"
#include "ViewerOptions.h"

namespace OrthancClinic::Viewer
{
class DicomWebFace
{
public:
  static constexpr const char* ROOT = "/viewer/dicom-web";

  DicomWebFace(Database& database, IOrthanc& orthanc, Opening& opening, const Options& options)
      : database_(database), orthanc_(orthanc), opening_(opening), options_(options), looks_(database)
  {
  }

  void AddRoutes(Router& router);

private:
  Response Retrieve(const Request& request);
  Response SearchStudies(const Request& request);
  Response Store(const Request& request, const std::string& studyUid);

  Response Forward(const Request& request, const std::string& path);
  Json::Value Search(const Request& request, const std::string& uid);

  Database& database_;
  IOrthanc& orthanc_;
  Opening& opening_;
  const Options options_;
  LookLog looks_;
};
}  // namespace OrthancClinic::Viewer
