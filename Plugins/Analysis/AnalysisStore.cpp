// SPDX-License-Identifier: GPL-3.0-or-later

#include "AnalysisStore.h"

#include <fmt/format.h>

#include <algorithm>

#include "Core/Configuration/Json.h"
#include "Core/Database/Query.h"
#include "Core/Dicom/Uid.h"

namespace OrthancClinic::Analysis
{
namespace
{
std::string Text(const std::optional<Timestamp>& time)
{
  return time ? ToString(*time) : "";
}
}  // namespace

std::string Analysis::ReportUid() const
{
  return UidOf("analysis/" + id + "/report");
}

std::string Analysis::VerifiedReportUid() const
{
  return UidOf("analysis/" + id + "/verified");
}

std::string Analysis::ReportSeriesUid(bool verified) const
{
  return UidOf("analysis/" + id + (verified ? "/verified/series" : "/report/series"));
}

std::string Analysis::RejectionNoteUid() const
{
  return UidOf("analysis/" + id + "/rejection");
}

std::string Analysis::RejectionNoteSeriesUid() const
{
  return UidOf("analysis/" + id + "/rejection/series");
}

std::string Analysis::OverlaySeriesUid() const
{
  return UidOf("analysis/" + id + "/overlay/series");
}

std::string Analysis::OverlayUid(const std::string& sopInstanceUid, int frame) const
{
  return UidOf(fmt::format("analysis/{}/overlay/{}/{}", id, sopInstanceUid, frame));
}

std::vector<Analysis> AnalysisStore::Fetch(const std::string& tail, const std::vector<std::string>& values)
{
  std::vector<Analysis> analyses;
  Analysis analysis;
  std::string requestedAt;
  std::string completedAt;
  std::string images;
  std::string result;
  std::string reviewedAt;
  std::string review;
  Query(
      transaction_,
      "SELECT id, practice_id, orthanc_study_id, study_instance_uid, xray_id, provider, language, xray_type, "
      "status, failure, error, "
      "requested_by, requested_at, COALESCE(completed_at, ''), images, result, dispatch_id, sent_study_uid, "
      "reviewed_by, COALESCE(reviewed_at, ''), review FROM analyses " +
          tail,
      values,
      [&]
      {
        analysis.requestedAt = ParseTimestamp(requestedAt).value();
        analysis.completedAt = ParseTimestamp(completedAt);
        analysis.images = ParseJson(images);
        analysis.result = ParseJson(result);
        analysis.reviewedAt = ParseTimestamp(reviewedAt);
        analysis.review = ParseJson(review);
        analyses.push_back(analysis);
      },
      analysis.id, analysis.practiceId, analysis.orthancStudyId, analysis.studyInstanceUid, analysis.xrayId,
      analysis.provider, analysis.language, analysis.xrayType, analysis.status, analysis.failure,
      analysis.error, analysis.requestedBy, requestedAt, completedAt, images, result, analysis.dispatchId,
      analysis.sentStudyUid, analysis.reviewedBy, reviewedAt, review);
  return analyses;
}

std::optional<Analysis> AnalysisStore::Find(const std::string& id)
{
  auto analyses = Fetch("WHERE id = :id", {id});
  return analyses.empty() ? std::nullopt : std::optional(std::move(analyses.front()));
}

std::optional<Analysis> AnalysisStore::FindForUpdate(const std::string& id)
{
  // A write transaction of SQLite is alone anyway.
  auto analyses = Fetch(transaction_.IsPostgreSql() ? "WHERE id = :id FOR UPDATE" : "WHERE id = :id", {id});
  return analyses.empty() ? std::nullopt : std::optional(std::move(analyses.front()));
}

std::pair<std::vector<Analysis>, int64_t> AnalysisStore::Search(const AnalysisFilter& filter)
{
  Conditions conditions;
  filter.practices.AddTo(conditions);
  conditions.Add("orthanc_study_id = ?", filter.orthancStudyId);
  conditions.Add("status = ?", filter.status);
  return {Fetch(conditions.Where() + fmt::format(" ORDER BY requested_at DESC, id LIMIT {} OFFSET {}",
                                                 filter.limit, filter.offset),
                conditions.Values()),
          CountRows(transaction_, "analyses", conditions)};
}

std::optional<Analysis> AnalysisStore::FindBySentStudy(const std::string& studyInstanceUid)
{
  auto analyses = Fetch("WHERE sent_study_uid = :uid AND sent_study_uid <> ''", {studyInstanceUid});
  return analyses.empty() ? std::nullopt : std::optional(std::move(analyses.front()));
}

void AnalysisStore::Insert(const Analysis& analysis)
{
  Execute(transaction_,
          "INSERT INTO analyses (id, practice_id, orthanc_study_id, study_instance_uid, xray_id, provider, "
          "language, xray_type, status, failure, error, requested_by, requested_at, images, result, "
          "dispatch_id, sent_study_uid, "
          "reviewed_by, review) VALUES (:id, :practice, :study, :uid, :xray, :provider, :language, :type, "
          ":status, :failure, :error, :by, :at, :images, :result, :dispatch, :sent, :reviewer, :review)",
          {analysis.id, analysis.practiceId, analysis.orthancStudyId, analysis.studyInstanceUid,
           analysis.xrayId, analysis.provider, analysis.language, analysis.xrayType, analysis.status,
           analysis.failure, analysis.error, analysis.requestedBy, ToString(analysis.requestedAt),
           WriteJson(analysis.images), WriteJson(analysis.result), analysis.dispatchId, analysis.sentStudyUid,
           analysis.reviewedBy, WriteJson(analysis.review)});
}

void AnalysisStore::Update(const Analysis& analysis)
{
  Execute(transaction_,
          "UPDATE analyses SET xray_type = :type, status = :status, failure = :failure, error = :error, "
          "completed_at = "
          "NULLIF(:completed, "
          "''), images = :images, result = :result, dispatch_id = :dispatch, sent_study_uid = :sent, "
          "reviewed_by = :by, reviewed_at = "
          "NULLIF(:reviewed, ''), review = :review WHERE id = :id",
          {analysis.xrayType, analysis.status, analysis.failure, analysis.error, Text(analysis.completedAt),
           WriteJson(analysis.images), WriteJson(analysis.result), analysis.dispatchId, analysis.sentStudyUid,
           analysis.reviewedBy, Text(analysis.reviewedAt), WriteJson(analysis.review), analysis.id});
}

void AnalysisStore::MoveToStudy(const std::string& fromOrthancStudyId, const std::string& toOrthancStudyId)
{
  Execute(transaction_, "UPDATE analyses SET orthanc_study_id = :to WHERE orthanc_study_id = :from",
          {toOrthancStudyId, fromOrthancStudyId});
}

void AnalysisStore::Put(const Dispatch& dispatch)
{
  Execute(
      transaction_,
      "INSERT INTO analysis_dispatches (id, analysis_id, provider, day, outcome, question_sha256, tokens, "
      "cost_micros, document, answer) VALUES (:id, :analysis, :provider, :day, :outcome, :sha256, "
      "CAST(:tokens AS "
      "BIGINT), CAST(:cost AS BIGINT), :document, :answer) ON CONFLICT (id) DO UPDATE SET outcome = "
      "excluded.outcome, tokens = excluded.tokens, cost_micros = excluded.cost_micros, document = "
      "excluded.document, answer = excluded.answer",
      {dispatch.id, dispatch.analysisId, dispatch.provider,
       dispatch.document["sent_at"].asString().substr(0, 10), dispatch.outcome, dispatch.questionSha256,
       std::to_string(dispatch.tokens), std::to_string(dispatch.costMicros), WriteJson(dispatch.document),
       WriteJson(dispatch.answer)});
}

std::vector<Dispatch> AnalysisStore::FetchDispatches(const std::string& tail,
                                                     const std::vector<std::string>& values)
{
  std::vector<Dispatch> dispatches;
  Dispatch dispatch;
  long long tokens = 0;
  long long cost = 0;
  std::string document;
  std::string answer;
  Query(
      transaction_,
      "SELECT id, analysis_id, provider, outcome, question_sha256, tokens, cost_micros, document, answer "
      "FROM "
      "analysis_dispatches " +
          tail,
      values,
      [&]
      {
        dispatch.tokens = tokens;
        dispatch.costMicros = cost;
        dispatch.document = ParseJson(document);
        dispatch.answer = ParseJson(answer);
        dispatches.push_back(dispatch);
      },
      dispatch.id, dispatch.analysisId, dispatch.provider, dispatch.outcome, dispatch.questionSha256, tokens,
      cost, document, answer);
  return dispatches;
}

std::optional<Dispatch> AnalysisStore::FindDispatch(const std::string& id)
{
  auto dispatches = FetchDispatches("WHERE id = :id", {id});
  return dispatches.empty() ? std::nullopt : std::optional(std::move(dispatches.front()));
}

std::vector<Dispatch> AnalysisStore::DispatchesOf(const std::string& analysisId)
{
  return FetchDispatches("WHERE analysis_id = :id ORDER BY id", {analysisId});
}

std::optional<Dispatch> AnalysisStore::FindAnswer(const std::string& provider,
                                                  const std::string& questionSha256)
{
  auto dispatches = FetchDispatches(
      "WHERE provider = :provider AND question_sha256 = :sha256 AND outcome = 'answered' ORDER BY id DESC "
      "LIMIT 1",
      {provider, questionSha256});
  return dispatches.empty() ? std::nullopt : std::optional(std::move(dispatches.front()));
}

bool AnalysisStore::IsAsked(const Dispatch& dispatch, Timestamp since)
{
  const auto others = FetchDispatches(
      "WHERE provider = :provider AND question_sha256 = :sha256 AND analysis_id <> :analysis AND outcome IN "
      "('answered', 'sent')",
      {dispatch.provider, dispatch.questionSha256, dispatch.analysisId});
  return std::any_of(others.begin(), others.end(),
                     [&](const Dispatch& other)
                     {
                       return other.outcome == "answered" ||
                              ParseTimestamp(other.document["sent_at"].asString()) > std::optional(since);
                     });
}

std::pair<int64_t, int64_t> AnalysisStore::Spent(const std::string& provider, const std::string& day)
{
  long long tokens = 0;
  long long cost = 0;
  Query(
      transaction_,
      "SELECT CAST(COALESCE(SUM(tokens), 0) AS BIGINT), CAST(COALESCE(SUM(cost_micros), 0) AS BIGINT) FROM "
      "analysis_dispatches WHERE provider = :provider AND day = :day",
      {provider, day}, [] {}, tokens, cost);
  return {tokens, cost};
}

void AnalysisStore::NoteView(const std::string& analysisId, const std::string& principal)
{
  Execute(
      transaction_,
      "INSERT INTO analysis_views (analysis_id, principal, first_viewed_at) VALUES (:id, :principal, :at) ON "
      "CONFLICT (analysis_id, principal) DO NOTHING",
      {analysisId, principal, ToString(Now())});
}

std::optional<Timestamp> AnalysisStore::FirstViewedAt(const std::string& analysisId,
                                                      const std::string& principal)
{
  std::string at;
  Query(
      transaction_,
      "SELECT first_viewed_at FROM analysis_views WHERE analysis_id = :id AND principal = :principal",
      {analysisId, principal}, [] {}, at);
  return ParseTimestamp(at);
}
}  // namespace OrthancClinic::Analysis
