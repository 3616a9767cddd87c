// SPDX-License-Identifier: GPL-3.0-or-later

#include "Analysis/AnalysisStore.h"

#include <gmock/gmock.h>

#include "Analysis/XrayResult.h"
#include "Core/Configuration/Json.h"
#include "Core/DatabaseFixture.h"
#include "Core/Records/Xray.h"

namespace OrthancClinic::Analysis
{
MigrationScripts Migrations();

namespace
{
class AnalysesOn : public Testing::DatabaseTest
{
protected:
  void SetUp() override
  {
    DatabaseTest::SetUp();
    GetDatabase().Migrate("analysis", Migrations());
  }

  static Analysis Make()
  {
    Analysis analysis;
    analysis.id = "a1";
    analysis.practiceId = "default";
    analysis.orthancStudyId = "s1";
    analysis.studyInstanceUid = "1.2";
    analysis.xrayId = "1.2.3";
    analysis.provider = "montreal";
    analysis.language = "fr";
    analysis.requestedBy = "rule";
    analysis.requestedAt = ParseTimestamp("2026-02-08T10:30:00Z").value();
    return analysis;
  }
};
ON_BOTH_DATABASES(AnalysesOn);

TEST_P(AnalysesOn, KeepTheirXrayAndAsWhatTheyFailed)
{
  Analysis analysis = Make();
  WithStore<AnalysisStore>([&](AnalysisStore& store) { store.Insert(analysis); });
  analysis.status = "failed";
  analysis.failure = Failure::BAD_ANSWER;
  WithStore<AnalysisStore>([&](AnalysisStore& store) { store.Update(analysis); });

  const auto found = WithStore<AnalysisStore>([](AnalysisStore& store) { return store.Find("a1"); });

  ASSERT_TRUE(found);
  EXPECT_EQ("1.2.3", found->xrayId);
  EXPECT_EQ(Failure::BAD_ANSWER, found->failure);
}

TEST_P(AnalysesOn, AreWrittenIntoTheirXraysAlone)
{
  for (const char* id : {"1.2.3", "1.2.9", "1.2.4"})  // an image; a volume; one that was not analysed
  {
    Xray xray;
    xray.id = id;
    xray.orthancStudyId = "s1";
    xray.document["notes"] = "Douleur";
    WithStore<XrayStore>([&](XrayStore& store) { store.Put(xray); });
  }
  Analysis analysis = Make();
  analysis.completedAt = ParseTimestamp("2026-02-08T10:31:00Z").value();
  analysis.images = ParseJson(R"([{"sop_instance_uid": "1.2.3", "series_instance_uid": "1.2.8", "frame": 1},
    {"sop_instance_uid": "1.2.5", "series_instance_uid": "1.2.9", "frame": 1}])");
  analysis.result = ParseJson(R"({"findings": [
    {"kind": "caries", "severity": "low", "text": {"fr": "Carie."}, "image": "1.2.3", "confidence": 0.75,
     "recommendation": {"fr": "Examen."}},
    {"kind": "caries", "severity": "low", "text": {"fr": "Carie."}, "image": "1.2.3", "confidence": 0.5},
    {"kind": "cyst", "severity": "high", "text": {"fr": "Kyste."}, "image": "1.2.5"}]})");
  Dispatch dispatch;
  dispatch.document["model"] = "vision-1";

  Transaction transaction(GetDatabase());
  WriteIntoXrays(transaction, analysis, dispatch);
  transaction.Commit();

  const auto read = [&](const std::string& id)
  { return WithStore<XrayStore>([&](XrayStore& store) { return store.Find(id)->document; }); };
  const Json::Value image = read("1.2.3");
  EXPECT_EQ("Douleur", image["notes"].asString());
  EXPECT_EQ("vision-1", image["ai_model"].asString());
  EXPECT_EQ("2026-02-08T10:31:00.000Z", image["ai_analyzed_at"].asString());
  EXPECT_EQ(2u, image["ai_analysis"]["findings"].size());
  EXPECT_EQ("Carie.", image["ai_analysis"]["findings"][0]["text"].asString());
  EXPECT_EQ(0.5, image["ai_analysis"]["confidence"].asDouble()) << "the least that was given";
  EXPECT_EQ("[\"Examen.\"]", WriteJson(image["ai_analysis"]["recommendations"]));
  EXPECT_THAT(image["ai_analysis"]["disclaimer"].asString(), ::testing::HasSubstr("pas un diagnostic"));
  const Json::Value volume = read("1.2.9");
  EXPECT_EQ("cyst", volume["ai_analysis"]["findings"][0]["kind"].asString());
  EXPECT_TRUE(volume["ai_analysis"]["confidence"].isNull()) << "none was given";
  EXPECT_FALSE(read("1.2.4").isMember("ai_analysis"));
}
}  // namespace
}  // namespace OrthancClinic::Analysis
