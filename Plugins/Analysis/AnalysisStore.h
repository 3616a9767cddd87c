// SPDX-License-Identifier: GPL-3.0-or-later
//
// The tables of analyses, dispatches and views, within one transaction of the caller.

#pragma once

#include <json/value.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Records/PracticeScope.h"
#include "Core/Timestamp.h"

namespace OrthancClinic::Analysis
{
// As what an analysis fails.
namespace Failure
{
constexpr const char* NOT_SENT = "not_sent";      // these images cannot or must not be sent
constexpr const char* BAD_ANSWER = "bad_answer";  // the provider refused, or its answer cannot be used
constexpr const char* NO_ANSWER = "no_answer";    // the provider was away for too long
}  // namespace Failure

struct Analysis
{
  std::string id;
  std::string practiceId;
  std::string orthancStudyId;
  std::string studyInstanceUid;
  std::string xrayId;  // of this X-ray alone; empty: of the study
  std::string provider;
  std::string language;  // "en", "fr", "es" or "zh"
  std::string xrayType;

  // "requested" → ("sent": a DICOM node has the images, its result will come) → "answered" (the result is
  // here, its report not yet) → "completed" → "accepted", "edited" or "rejected"; or "failed" (see error) or
  // "cancelled".
  std::string status = "requested";
  std::string failure;      // of a failed one, see Failure; else empty
  std::string error;        // also why one that is requested still waits
  std::string requestedBy;  // a user, or "rule"
  Timestamp requestedAt{};
  std::optional<Timestamp> completedAt;
  Json::Value images = Json::arrayValue;  // [{orthanc_instance_id, sop_class_uid, sop_instance_uid, …}]
  Json::Value result;                     // {findings, summary?}
  std::string dispatchId;                 // the one whose answer it is
  std::string sentStudyUid;               // under which a DICOM node knows the study; else empty

  // SOPInstanceUIDs that follow from the id, so that a report that is stored twice is one.
  std::string ReportUid() const;
  std::string VerifiedReportUid() const;
  std::string ReportSeriesUid(bool verified) const;
  std::string RejectionNoteUid() const;
  std::string RejectionNoteSeriesUid() const;
  // Of the images with the findings drawn into them.
  std::string OverlaySeriesUid() const;
  std::string OverlayUid(const std::string& sopInstanceUid, int frame) const;

  std::string reviewedBy;
  std::optional<Timestamp> reviewedAt;
  Json::Value review;  // {decision, comment, seconds_viewed, edited, patient_informed, findings}
};

struct Dispatch
{
  std::string id;
  std::string analysisId;
  std::string provider;
  std::string outcome = "sent";  // "answered", "failed", or "reused"
  std::string questionSha256;    // of what was sent and of the images that it is about
  int64_t tokens = 0;
  int64_t costMicros = 0;  // millionths of the currency of the prices
  Json::Value document;    // {destination, jurisdiction, assessment, model, prompt_version, sent_at, …}
  Json::Value answer;      // as the provider gave it, once it is known to be good
};

struct AnalysisFilter
{
  PracticeScope practices = {};
  std::string orthancStudyId = {};
  std::string status = {};
  int64_t limit = 50;
  int64_t offset = 0;
};

class AnalysisStore
{
public:
  explicit AnalysisStore(Transaction& transaction) : transaction_(transaction) {}

  std::optional<Analysis> Find(const std::string& id);
  // And nobody else changes it until the transaction ends.
  std::optional<Analysis> FindForUpdate(const std::string& id);

  // The last requested first; with the total number.
  std::pair<std::vector<Analysis>, int64_t> Search(const AnalysisFilter& filter);

  // The one whose images were sent as this study.
  std::optional<Analysis> FindBySentStudy(const std::string& studyInstanceUid);

  void Insert(const Analysis& analysis);
  void Update(const Analysis& analysis);

  // The analyses of a study which Orthanc has under another id now.
  void MoveToStudy(const std::string& fromOrthancStudyId, const std::string& toOrthancStudyId);

  void Put(const Dispatch& dispatch);
  std::optional<Dispatch> FindDispatch(const std::string& id);
  std::vector<Dispatch> DispatchesOf(const std::string& analysisId);
  // The answer that the same question to the same provider got already.
  std::optional<Dispatch> FindAnswer(const std::string& provider, const std::string& questionSha256);
  // Whether another analysis has put the same question to the same provider and got its answer, or may still
  // get it: it was sent after `since`.
  bool IsAsked(const Dispatch& dispatch, Timestamp since);
  // Tokens and millionths of money of a day ("2026-02-08").
  std::pair<int64_t, int64_t> Spent(const std::string& provider, const std::string& day);

  void NoteView(const std::string& analysisId, const std::string& principal);
  std::optional<Timestamp> FirstViewedAt(const std::string& analysisId, const std::string& principal);

private:
  std::vector<Analysis> Fetch(const std::string& tail, const std::vector<std::string>& values);
  std::vector<Dispatch> FetchDispatches(const std::string& tail, const std::vector<std::string>& values);

  Transaction& transaction_;
};
}  // namespace OrthancClinic::Analysis
