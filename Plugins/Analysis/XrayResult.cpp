// SPDX-License-Identifier: GPL-3.0-or-later

#include "XrayResult.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "Core/Configuration/Json.h"
#include "Core/Records/Xray.h"
#include "Language.h"

namespace OrthancClinic::Analysis
{
namespace
{
// What is left of the result.
Json::Value Left(const Analysis& analysis)
{
  Json::Value left = analysis.result;
  if (analysis.status == "rejected")
  {
    left["findings"] = Json::arrayValue;
    left.removeMember("summary");
  }
  else if (analysis.status == "edited")
  {
    left["findings"] = analysis.review["findings"];
  }
  return left;
}

// The SOPInstanceUIDs of the X-ray that were analysed.
std::set<std::string> ImagesOf(const Analysis& analysis, const std::string& xrayId)
{
  static constexpr const char* NAMES[] = {"sop_instance_uid", "series_instance_uid", "orthanc_instance_id",
                                          "orthanc_series_id"};  // see Xray
  std::set<std::string> images;
  for (const Json::Value& image : analysis.images)
  {
    const bool isOfIt = std::any_of(std::begin(NAMES), std::end(NAMES),
                                    [&](const char* name) { return image[name] == xrayId; });
    if (isOfIt)
    {
      images.insert(image["sop_instance_uid"].asString());
    }
  }
  return images;
}
}  // namespace

Json::Value CrmResult(const Analysis& analysis, const Dispatch& dispatch, const std::string& xrayId)
{
  const auto images = ImagesOf(analysis, xrayId);
  const Json::Value left = Left(analysis);
  Json::Value result;
  result["findings"] = Json::arrayValue;
  result["confidence"] = Json::nullValue;
  result["recommendations"] = Json::arrayValue;
  for (const Json::Value& finding : left["findings"])
  {
    if (!images.contains(finding["image"].asString()))
    {
      continue;
    }
    Json::Value item = finding;
    item["text"] = TextIn(finding["text"], analysis.language);
    const std::string advice = TextIn(finding["recommendation"], analysis.language);
    item["recommendation"] = OrNull(advice);
    result["findings"].append(item);
    if (!advice.empty())
    {
      result["recommendations"].append(advice);
    }
    if (finding.isMember("confidence") &&
        (result["confidence"].isNull() || finding["confidence"] < result["confidence"]))
    {
      result["confidence"] = finding["confidence"];
    }
  }
  const std::string summary = TextIn(left["summary"], analysis.language);
  result["summary"] = OrNull(summary);
  result["model"] = dispatch.document["model"];
  result["analyzedAt"] = analysis.completedAt ? Json::Value(ToString(*analysis.completedAt)) : Json::Value();
  result["disclaimer"] = LanguageOf(analysis.language).disclaimer;
  result["analysisId"] = analysis.id;
  result["review"] = Json::nullValue;
  if (analysis.reviewedAt)
  {
    result["review"]["decision"] = analysis.review["decision"];
    result["review"]["reviewedBy"] = analysis.reviewedBy;
    result["review"]["reviewedAt"] = ToString(*analysis.reviewedAt);
  }
  return result;
}

void WriteIntoXrays(Transaction& transaction, const Analysis& analysis, const Dispatch& dispatch)
{
  XrayStore store(transaction);
  std::set<std::string> ids;  // locked in one order
  for (const Xray& xray : store.Search({.orthancStudyId = analysis.orthancStudyId}).first)
  {
    if (!ImagesOf(analysis, xray.id).empty())
    {
      ids.insert(xray.id);
    }
  }
  for (const std::string& id : ids)
  {
    auto xray = store.FindForUpdate(id);
    if (xray && (!analysis.reviewedAt || xray->document["ai_analysis"]["analysisId"] == analysis.id))
    {
      const Json::Value result = CrmResult(analysis, dispatch, xray->id);
      xray->document["ai_analysis"] = result;
      xray->document["ai_analyzed_at"] = result["analyzedAt"];
      xray->document["ai_model"] = result["model"];
      store.Put(*xray);
    }
  }
}
}  // namespace OrthancClinic::Analysis
