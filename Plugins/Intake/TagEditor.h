// SPDX-License-Identifier: GPL-3.0-or-later
//
// Corrects what a DICOM file says of its patient and its study. What it said before stays in the file, in
// OriginalAttributesSequence (PS3.3 C.12.1.1.9).

#pragma once

#include <json/value.h>

#include <map>
#include <string>
#include <vector>

namespace OrthancClinic::Intake
{
// New values in UTF-8 by keyword ("PatientID").
using TagChanges = std::map<std::string, std::string>;

// As they are kept: {"PatientID": "4711", …}, and back.
Json::Value ToJson(const TagChanges& changes);
TagChanges TagChangesFromJson(const Json::Value& json);

// What a caller asks for: {"PatientID": "4711", …}. Throws BadInput with a field for each value that is not
// for the user to change (only the keywords in `modifiable` are), or that the element cannot hold
// (PS3.5 6.2).
TagChanges ReadTagChanges(const Json::Value& json, const std::vector<std::string>& modifiable);

// Throws BadInput for a keyword that can never be made modifiable: identifiers of objects, and what says how
// the pixels are to be read.
void CheckModifiable(const std::string& keyword);

struct EditedDicom
{
  std::string dicom;
  TagChanges original;  // what the elements held that were changed
};

// The file with the changes, in its own transfer syntax and, where it can write the new values, in its own
// character set (else in UTF-8); an absent element is added. Values that are there already are no changes:
// without any, the file comes back as it was. Throws BadInput for what cannot be read.
EditedDicom EditDicom(const std::string& dicom, const TagChanges& changes);

// A file that lacks preamble or meta header (PS3.10 7.1), with them.
std::string CompleteMetaHeader(const std::string& dicom);
}  // namespace OrthancClinic::Intake
