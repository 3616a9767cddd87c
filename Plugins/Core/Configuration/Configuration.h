// SPDX-License-Identifier: GPL-3.0-or-later
//
// The "Clinic" section of Orthanc's configuration: one subsection per plugin, each described by a JSON Schema
// from which the check, the defaults and the documentation come. An unknown key, a wrong type or a value out
// of range stops Orthanc at start with the key's full path and what was expected.

#pragma once

#include <json/value.h>

#include <map>
#include <string>
#include <string_view>

#include "Core/Api.h"

namespace OrthancClinic
{
class ORTHANC_CLINIC_API Configuration
{
public:
  // `orthanc` is Orthanc's whole configuration. A string value of the section that is exactly "${NAME}" is
  // replaced by the environment variable NAME (BadInput if it is not set): that is how secrets stay out of
  // the file.
  explicit Configuration(Json::Value orthanc);

  // The section of Orthanc's configuration itself (everything outside of "Clinic").
  const Json::Value& Orthanc() const { return orthanc_; }

  // Checks "Clinic".<name> against `schema` (an object schema; `additionalProperties` is taken to be false at
  // every level where it is not given) and returns it with the schema's `default`s filled in, at every level:
  // an absent object is made from the defaults of its keys unless a key that it requires has none. `name` may
  // be "" for the keys of "Clinic" itself (those that `schema` does not know are left to the other sections).
  // Throws BadInput whose message starts with the full path of the offending key
  // ("Clinic.Replication.Targets[0].Region: ..."). Registers the section as known.
  Json::Value Section(const std::string& name, const Json::Value& schema);

  // Throws BadInput if "Clinic" contains a key that no call of Section has claimed: either a typing error, or
  // a section whose plugin is not loaded, which the administrator surely believes to be at work.
  void RefuseUnclaimed() const;

private:
  Json::Value orthanc_;
  Json::Value clinic_;
  std::map<std::string, bool> claimed_;
};

// The option table of a section in Markdown (path, type, default, what it is for): the plugins' pages carry
// it, and a test compares.
ORTHANC_CLINIC_API std::string OptionTable(const std::string& section, const Json::Value& schema);
}  // namespace OrthancClinic
