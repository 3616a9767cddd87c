// SPDX-License-Identifier: GPL-3.0-or-later
//
// One of Orthanc's DicomModalities as a server to which Orthanc is the client: what it has, and bring it
// here.

#pragma once

#include <json/value.h>

#include <chrono>
#include <string>
#include <vector>

#include "Core/Api.h"
#include "Core/Orthanc.h"

namespace OrthancClinic
{
class ORTHANC_CLINIC_API RemoteModality
{
public:
  // `name` is its name in DicomModalities. `timeout`: how long it may take to answer a message of DIMSE; 0:
  // Orthanc's DicomScuTimeout.
  RemoteModality(IOrthanc& orthanc, std::string name, std::chrono::seconds timeout = {});

  // The methods throw TimedOut, or Unavailable, whose reason stands in Orthanc's log alone.

  void Echo() const;  // C-ECHO

  // C-FIND at the level ("Study", "Series", "Instance"): data sets by keyword, in UTF-8.
  std::vector<Json::Value> Find(const std::string& level, const Json::Value& keys) const;

  // C-MOVE to this Orthanc of what the identifiers name ([{StudyInstanceUID, SeriesInstanceUID, …}], down to
  // the level), one after the other. Returns when everything was sent, as far as the server says.
  void Move(const std::string& level, const Json::Value& identifiers) const;

  // C-GET of the same. Orthanc can do so since its version 1.12.7.
  void Get(const std::string& level, const Json::Value& identifiers) const;

private:
  Json::Value Post(const std::string& operation, Json::Value body) const;

  IOrthanc& orthanc_;
  const std::string name_;
  const std::chrono::seconds timeout_;
};

// The values of a multiple one ("CT\SR").
ORTHANC_CLINIC_API std::vector<std::string> ValuesOf(const std::string& multiple);
}  // namespace OrthancClinic
