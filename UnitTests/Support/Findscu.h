// SPDX-License-Identifier: GPL-3.0-or-later
//
// DCMTK's `findscu` as the console of the tests: asks for the worklist, and gives the answers as DCMTK reads
// them.

#pragma once

#include <json/value.h>

#include <cstdint>
#include <string>
#include <vector>

namespace OrthancClinic::Testing
{
struct FindResult
{
  bool succeeded = false;                  // the last response had the status Success
  std::vector<Json::Value> answers;        // in the DICOM JSON Model (PS3.18 F.2), converted to UTF-8
  std::vector<std::string> characterSets;  // SpecificCharacterSet of each answer, as it was sent
  std::string output;                      // what findscu printed
};

struct FindOptions
{
  uint16_t port = 0;
  std::string callingAe = "MODALITY";
  std::string calledAe = "ORTHANC";
};

// Each key is as findscu takes it: "PatientName=TREM*", "ScheduledProcedureStepSequence[0].Modality=PX",
// "0010,0020". They are sent as ISO_IR 192.
FindResult FindWorklist(const FindOptions& options, const std::vector<std::string>& keys);

// The value of an attribute ("00100010", or "00400100.00080060" within a sequence's first item) as text: of a
// name the component groups as DICOM writes them. Empty if it is absent or empty.
std::string ValueOf(const Json::Value& answer, const std::string& path);
}  // namespace OrthancClinic::Testing
