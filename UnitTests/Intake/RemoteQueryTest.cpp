// SPDX-License-Identifier: GPL-3.0-or-later

#include "Intake/RemoteQuery.h"

#include <gtest/gtest.h>

#include "Core/Dicom/OrthancId.h"
#include "Core/Errors.h"

namespace OrthancClinic::Intake
{
namespace
{
std::string NameKey(const std::string& name)
{
  return Keys({.patientName = name})["PatientName"].asString();
}

RemoteStudy StudyOf(const std::string& name, const std::string& id = "4711")
{
  RemoteStudy study;
  study.studyInstanceUid = "1.2.3";
  study.patientId = id;
  study.patientName = name;
  study.modalities = {"CT", "SR"};
  return study;
}
}  // namespace

TEST(RemoteQuery, TakesIdentifiersLiterally)
{
  for (const char* bad : {"*", "47*1", "471?", "1\\2"})
  {
    EXPECT_THROW(Check({.patientId = bad}), BadInput) << bad;
    EXPECT_THROW(Check({.accessionNumber = bad}), BadInput) << bad;
  }
  EXPECT_THROW(Check({.patientName = "Smith\\Jones"}), BadInput);
  EXPECT_THROW(Check({.patientId = "4711", .studyDescription = "a\\b"}), BadInput);
  EXPECT_NO_THROW(Check({.patientId = "4711"}));
}

TEST(RemoteQuery, IsNotForEverybody)
{
  for (const char* wide : {"", "*", "**", "?", "A*", "É*", "^", "  "})
  {
    EXPECT_THROW(Check({.patientName = wide}), BadInput) << wide;
  }
  EXPECT_THROW(Check({.modality = "CT"}), BadInput);
  EXPECT_THROW(Check({.studyDescription = "*CT*"}), BadInput);
  EXPECT_NO_THROW(Check({.patientName = "Tr*"}));
  EXPECT_NO_THROW(Check({.patientName = "王"}));
  EXPECT_NO_THROW(Check({.dateFrom = "20260101"}));
}

TEST(RemoteQuery, NamesTheDateThatIsNone)
{
  for (const char* bad : {"2026", "2026-02-08", "20260231", "today", "202602"})
  {
    EXPECT_THROW(Check({.dateFrom = bad}), BadInput) << bad;
    EXPECT_THROW(Check({.patientBirthDate = bad}), BadInput) << bad;
  }
  EXPECT_THROW(Check({.dateFrom = "20260208", .dateTo = "20260207"}), BadInput);
  EXPECT_EQ("20260101-20260208",
            Keys({.dateFrom = "20260101", .dateTo = "20260208"})["StudyDate"].asString());
  EXPECT_EQ("20260101-", Keys({.dateFrom = "20260101"})["StudyDate"].asString());
  EXPECT_EQ("-20260208", Keys({.dateTo = "20260208"})["StudyDate"].asString());
  EXPECT_EQ("20260208", Keys({.dateFrom = "20260208", .dateTo = "20260208"})["StudyDate"].asString());
}

TEST(RemoteQuery, FindsANameHoweverItIsWritten)
{
  EXPECT_EQ("Tremblay^Jean*", NameKey("Tremblay, Jean"));
  EXPECT_EQ("Tremblay^Jean*", NameKey("Tremblay^Jean"));
  EXPECT_EQ("*Tremblay*", NameKey("Jean Tremblay"));
  EXPECT_EQ("Tremb?ay*", NameKey("Tremb?ay*"));
  EXPECT_EQ("C*t*^Fran*ois*", NameKey("Côté, François"));
  EXPECT_EQ("*王小明*", NameKey("王小明"));
  EXPECT_FALSE(NeedsUtf8({.patientName = "Côté"}));
  EXPECT_TRUE(NeedsUtf8({.patientName = "王小明"}));

  const StudyQuery query = {.patientName = "Jean-François Côté"};
  EXPECT_TRUE(Matches(query, StudyOf("COTE^JEAN-FRANCOIS")));
  EXPECT_TRUE(Matches(query, StudyOf("Côté^Jean-François^Paul")));
  EXPECT_FALSE(Matches(query, StudyOf("Côté^Marie")));
  EXPECT_FALSE(Matches(query, StudyOf("")));
  EXPECT_TRUE(Matches({.patientName = "王小明"}, StudyOf("Wang^XiaoMing=王小明")));
}

TEST(RemoteQuery, LeavesOutWhatWasNotAskedFor)
{
  EXPECT_FALSE(Matches({.patientId = "4711"}, StudyOf("A^B", "47110")));
  EXPECT_TRUE(Matches({.patientId = "4711"}, StudyOf("A^B", "4711 ")));
  EXPECT_FALSE(Matches({.patientId = "4711", .modality = "MR"}, StudyOf("A^B")));
  EXPECT_TRUE(Matches({.patientId = "4711", .modality = "SR"}, StudyOf("A^B")));
  EXPECT_FALSE(Matches({.studyInstanceUid = "1.2.4"}, StudyOf("A^B")));
}

TEST(OrthancIds, AreOrthancs)
{
  EXPECT_EQ("0d496228-8637b3cb-89a5e38e-52adfee0-c0308c37", OrthancStudyId("4711", "1.2.3"));
}
}  // namespace OrthancClinic::Intake
