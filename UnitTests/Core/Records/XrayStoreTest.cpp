// SPDX-License-Identifier: GPL-3.0-or-later

#include <gmock/gmock.h>

#include "Core/Configuration/Json.h"
#include "Core/DatabaseFixture.h"
#include "Core/Records/Xray.h"

namespace OrthancClinic::Testing
{
namespace
{
Xray MakeXray(const std::string& id, const std::string& takenAt)
{
  Xray xray;
  xray.id = id;
  xray.practiceId = "rosemont";
  xray.patientId = "cml123";
  xray.clinicId = "clinic-1";
  xray.orthancStudyId = "study";
  xray.orthancInstanceId = "instance";
  xray.studyInstanceUid = "1.2";
  xray.type = "panoramic";
  xray.takenAt = ParseTimestamp(takenAt).value();
  xray.document = ParseJson(R"({"teeth_included": ["3", "14"], "notes": "Douleur", "original_size": 1634567,
    "ai_analysis": {"findings": []}, "ai_analyzed_at": "2026-02-08T10:31:00.000Z", "ai_model": "quality-1"})");
  return xray;
}

class XraysOn : public DatabaseTest
{
protected:
  template <typename Function>
  auto With(Function&& function)
  {
    return WithStore<XrayStore>(std::forward<Function>(function));
  }
};
ON_BOTH_DATABASES(XraysOn);

TEST_P(XraysOn, AreListedTheLastTakenFirstAndReplaced)
{
  Xray first = MakeXray("1.1", "2026-02-08T10:30:00Z");
  Xray second = MakeXray("1.2", "2026-02-09T10:30:00Z");
  With([&](XrayStore& store) { store.Put(first); });
  With([&](XrayStore& store) { store.Put(second); });
  first.document["ai_model"] = "teeth 3";
  With([&](XrayStore& store) { store.Put(first); });

  const auto [xrays, total] =
      With([](XrayStore& store) { return store.Search({.patientId = "cml123", .clinicId = "clinic-1"}); });

  ASSERT_EQ(2, total);
  EXPECT_EQ("1.2", xrays[0].id);
  EXPECT_EQ("teeth 3", xrays[1].document["ai_model"].asString());
  EXPECT_EQ(first.createdAt, xrays[1].createdAt);
  With([&](XrayStore& store) { store.DeleteOfStudy("study"); });
  EXPECT_FALSE(With([](XrayStore& store) { return store.Find("1.1"); }));
}

TEST(AnXray, HasTheFieldsThatTheCrmReads)
{
  Practice practice;
  practice.id = "rosemont";
  practice.crmUserId = "user-1";
  Xray xray = MakeXray("1.2.3", "2026-02-08T10:30:00Z");
  xray.createdAt = xray.updatedAt = ParseTimestamp("2026-02-08T10:30:01Z").value();

  EXPECT_EQ(ParseJson(R"({
    "id": "1.2.3", "leadId": "cml123", "userId": "user-1", "clinicId": "clinic-1", "xrayType": "PANORAMIC",
    "teethIncluded": ["3", "14"], "dateTaken": "2026-02-08T10:30:00.000Z", "dicomFile": "/instances/instance/file",
    "imageUrl": "/api/dental/xrays/1.2.3/image", "thumbnailUrl": "/api/dental/xrays/1.2.3/image?size=200",
    "previewUrl": "/api/dental/xrays/1.2.3/image?size=1024", "fullUrl": "/api/dental/xrays/1.2.3/image?size=2048",
    "originalSize": 1634567, "compressedSize": null, "compressionRatio": null, "aiAnalysis": {"findings": []},
    "aiAnalyzedAt": "2026-02-08T10:31:00.000Z", "aiModel": "quality-1", "notes": "Douleur",
    "createdAt": "2026-02-08T10:30:01.000Z", "updatedAt": "2026-02-08T10:30:01.000Z"})"),
            ToCrmJson(xray, practice));

  xray.patientId.clear();
  xray.document = Json::objectValue;
  const Json::Value bare = ToCrmJson(xray, practice);
  EXPECT_TRUE(bare["leadId"].isNull());
  EXPECT_EQ(Json::Value(Json::arrayValue), bare["teethIncluded"]);
}
}  // namespace
}  // namespace OrthancClinic::Testing
