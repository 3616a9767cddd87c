// SPDX-License-Identifier: GPL-3.0-or-later

#include "Analysis/AnalysisStore.h"

#include <gmock/gmock.h>

#include "Analysis/XrayResult.h"
#include "Core/Configuration/Json.h"
#include "Core/DatabaseFixture.h"
#include "Core/Records/AwaitedStudy.h"
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

// Of the analyses from before studies were awaited.
TEST_P(AnalysesOn, AwaitWhatTheyHaveSent)
{
  Transaction transaction(GetDatabase());
  AnalysisStore store(transaction);
  Analysis analysis = Make();
  store.Insert(analysis);
  analysis.id = "a2";
  analysis.sentStudyUid = "2.25.1";
  store.Insert(analysis);
  const auto [name, script] = Migrations()[2];
  transaction.Sql([&, &text = script](soci::session& sql) { sql << std::string(text); });

  EXPECT_EQ("analysis-result", AwaitedStudyStore(transaction).TaskOf("2.25.1"));
  EXPECT_FALSE(AwaitedStudyStore(transaction).TaskOf(""));
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
  EXPECT_TRUE(image["ai_analysis"]["review"].isNull());

  // What a person said of it: the CRM shows no finding that this person did not leave.
  const auto review = [&](const char* status, const Json::Value& findings)
  {
    analysis.status = status;
    analysis.reviewedBy = "lise";
    analysis.reviewedAt = ParseTimestamp("2026-02-08T10:40:00Z").value();
    analysis.review["decision"] = "edit";
    analysis.review["findings"] = findings;
    Transaction writing(GetDatabase());
    WriteIntoXrays(writing, analysis, dispatch);
    writing.Commit();
  };
  Json::Value left(Json::arrayValue);
  left.append(analysis.result["findings"][1]);
  review("edited", left);
  EXPECT_EQ(1u, read("1.2.3")["ai_analysis"]["findings"].size());
  EXPECT_EQ("lise", read("1.2.3")["ai_analysis"]["review"]["reviewedBy"].asString());
  review("rejected", Json::Value());
  EXPECT_EQ(0u, read("1.2.3")["ai_analysis"]["findings"].size());
  EXPECT_EQ(0u, read("1.2.3")["ai_analysis"]["recommendations"].size());
  EXPECT_TRUE(read("1.2.3")["ai_analysis"]["confidence"].isNull());

  // A later analysis is not overwritten by the review of an earlier one.
  analysis.id = "a2";
  review("accepted", Json::Value());
  EXPECT_EQ("a1", read("1.2.3")["ai_analysis"]["analysisId"].asString());
}

TEST_P(AnalysesOn, GoWithTheirStudy)
{
  WithStore<AnalysisStore>(
      [](AnalysisStore& store)
      {
        store.Insert(Make());
        store.MoveToStudy("s1", "s2");
      });
  EXPECT_EQ("s2",
            WithStore<AnalysisStore>([](AnalysisStore& store) { return store.Find("a1"); })->orthancStudyId);
}

TEST_P(AnalysesOn, KnowWhetherAnotherAsksTheSame)
{
  Dispatch dispatch;
  dispatch.id = "d1";
  dispatch.analysisId = "a1";
  dispatch.provider = "montreal";
  dispatch.questionSha256 = "abc";
  dispatch.document["sent_at"] = "2026-02-08T10:30:00.000Z";
  const Timestamp before = ParseTimestamp("2026-02-08T10:29:00Z").value();
  const Timestamp after = ParseTimestamp("2026-02-08T10:31:00Z").value();
  Dispatch same = dispatch;
  same.analysisId = "a2";
  const auto isAsked = [&](const Dispatch& of, Timestamp since)
  { return WithStore<AnalysisStore>([&](AnalysisStore& store) { return store.IsAsked(of, since); }); };
  WithStore<AnalysisStore>([&](AnalysisStore& store) { store.Put(dispatch); });

  EXPECT_TRUE(isAsked(same, before));
  EXPECT_FALSE(isAsked(same, after)) << "who asked has ended without an answer";
  EXPECT_FALSE(isAsked(dispatch, before)) << "its own earlier try";
  same.questionSha256 = "def";
  EXPECT_FALSE(isAsked(same, before)) << "another question";
  same.questionSha256 = "abc";
  dispatch.outcome = "answered";
  WithStore<AnalysisStore>([&](AnalysisStore& store) { store.Put(dispatch); });
  EXPECT_TRUE(isAsked(same, after));
  dispatch.outcome = "failed";
  WithStore<AnalysisStore>([&](AnalysisStore& store) { store.Put(dispatch); });
  EXPECT_FALSE(isAsked(same, before));
}
}  // namespace
}  // namespace OrthancClinic::Analysis
