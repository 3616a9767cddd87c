// SPDX-License-Identifier: GPL-3.0-or-later
//
// A dental X-ray as the CRM lists them: one image, or one volume (CBCT) as a whole.

#pragma once

#include <json/value.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "Core/Api.h"
#include "Core/Database/Database.h"
#include "Core/Records/Practice.h"
#include "Core/Records/PracticeScope.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
struct Xray
{
  // SOPInstanceUID of the image; of a volume, its SeriesInstanceUID. Where another study of Orthanc bears the
  // same one already (it was sent under two PatientIDs), Orthanc's id of the instance or series.
  std::string id;
  std::string practiceId;
  std::string patientId;  // the patient or lead; empty while its study is filed under nobody
  std::string clinicId;   // the CRM's, as it was given
  std::string orthancStudyId;
  std::string orthancInstanceId;  // of a volume, the middle one
  std::string studyInstanceUid;
  std::string type;  // "panoramic", "bitewing", "periapical", "cephalometric", "cbct" or "other"
  Timestamp takenAt{};

  // What only people and the CRM read: "teeth_included" (an array), "notes", "original_size" (bytes),
  // "compressed_size", "compression_ratio"; and of the last analysis "ai_analysis", "ai_analyzed_at",
  // "ai_model". "stated" if a person sent it: {"xray_type": true, "taken_at": true}, which of the two they
  // said, and no image overrules.
  Json::Value document = Json::objectValue;

  Timestamp createdAt{};
  Timestamp updatedAt{};
};

// As the dental CRM spells it; `practice` is the one to which it belongs.
ORTHANC_CLINIC_API Json::Value ToCrmJson(const Xray& xray, const Practice& practice);

struct XrayFilter
{
  PracticeScope practices = {};  // empty fields do not filter
  std::string patientId = {};
  std::string clinicId = {};
  std::string orthancStudyId = {};
  int64_t limit = 1000;
  int64_t offset = 0;
};

class ORTHANC_CLINIC_API XrayStore
{
public:
  explicit XrayStore(Transaction& transaction) : transaction_(transaction) {}

  std::optional<Xray> Find(const std::string& id);
  // And nobody else changes it until the transaction ends.
  std::optional<Xray> FindForUpdate(const std::string& id);

  // The last taken first; with the total number.
  std::pair<std::vector<Xray>, int64_t> Search(const XrayFilter& filter);

  // Stores it, new or in the place of the one with its id, and stamps `updatedAt` (of a new one also
  // `createdAt`).
  void Put(Xray& xray);

  // Stores it, unless there is one with its id already; gives the stored one. Nobody else changes that until
  // the transaction ends: for whoever changes a part of it.
  Xray Lock(Xray initial);

  // Of every X-ray of the study.
  void SetPatient(const std::string& orthancStudyId, const std::string& patientId);

  // The study was stored anew under another PatientID.
  void MoveToStudy(const std::string& fromOrthancStudyId, const std::string& toOrthancStudyId);

  // The patient was merged, separated or deleted: X-rays go with the studies that moved.
  void FollowStudiesOf(const std::string& patientId);

  void Delete(const std::string& id);
  void DeleteOfStudy(const std::string& orthancStudyId);

private:
  void Insert(Xray& xray, const std::string& onConflict);
  std::vector<Xray> Fetch(const std::string& tail, const std::vector<std::string>& values);

  Transaction& transaction_;
};
}  // namespace OrthancClinic
