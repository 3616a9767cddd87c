// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/Practice.h"

#include "Core/DatabaseFixture.h"
#include "Core/Errors.h"
#include "Core/Records/PatientStore.h"

namespace OrthancClinic::Testing
{
namespace
{
class PracticesOn : public DatabaseTest
{
protected:
  template <typename Function>
  auto With(Function&& function)
  {
    return WithStore<PracticeStore>(std::forward<Function>(function));
  }

  bool Put(const Practice& practice)
  {
    return With([&](PracticeStore& store) { return store.Put(practice); });
  }

  std::string Resolve(const std::string& calling, const std::string& called, const std::string& institution)
  {
    return With([&](PracticeStore& store) { return store.Resolve(calling, called, institution); });
  }
};

TEST_P(PracticesOn, ResolveByModalityThenByCalledTitleThenByInstitution)
{
  Put({.id = "by-calling", .callingAeTitles = {"PANO"}});
  Put({.id = "by-called", .calledAeTitles = {"NORTH"}});
  Put({.id = "by-name", .institutionNames = {"Clinique du Nord"}});

  EXPECT_EQ("by-calling", Resolve("PANO", "NORTH", "Clinique du Nord"));
  EXPECT_EQ("by-called", Resolve("OTHER", "NORTH", "Clinique du Nord"));
  EXPECT_EQ("by-name", Resolve("OTHER", "OTHER", "Clinique du Nord"));
  EXPECT_EQ("default", Resolve("OTHER", "OTHER", "Elsewhere"));
  EXPECT_EQ("default", Resolve("", "", ""));
}

TEST_P(PracticesOn, ResolveNamesWithoutCaseAccentsAndSpacesButTitlesExactly)
{
  Put({.id = "a", .callingAeTitles = {"PANO"}, .institutionNames = {"Clinique Médicale du Parc"}});

  EXPECT_EQ("a", Resolve("", "", "  CLINIQUE  MEDICALE du parc"));
  EXPECT_EQ("default", Resolve("pano", "", ""));
  EXPECT_EQ("default", Resolve("", "PANO", "")) << "a calling title is no called one";
}

TEST_P(PracticesOn, RefuseATitleOfAnotherOneAndKeepWhatWasThere)
{
  Put({.id = "a", .callingAeTitles = {"PANO"}, .calledAeTitles = {"A"}, .institutionNames = {"Du Parc"}});

  EXPECT_THROW(Put({.id = "b", .callingAeTitles = {"NEW", "PANO"}}), Conflict);
  EXPECT_THROW(Put({.id = "b", .calledAeTitles = {"A"}}), Conflict);
  EXPECT_THROW(Put({.id = "b", .institutionNames = {"DU PARC"}}), Conflict);

  EXPECT_EQ("default", Resolve("NEW", "", ""));
  EXPECT_FALSE(With([](PracticeStore& store) { return store.Find("b"); }));
  EXPECT_TRUE(Put({.id = "b", .callingAeTitles = {"NEW"}, .calledAeTitles = {"PANO"}}));
}

TEST_P(PracticesOn, GiveUpTheTitlesThatTheyNoLongerHave)
{
  EXPECT_TRUE(Put({.id = "a", .callingAeTitles = {"PANO"}}));
  EXPECT_FALSE(Put({.id = "a", .callingAeTitles = {"CT1"}}));
  EXPECT_EQ("default", Resolve("PANO", "", ""));
  EXPECT_EQ("a", Resolve("CT1", "", ""));
  With([](PracticeStore& store) { store.Delete("a"); });
  EXPECT_EQ("default", Resolve("CT1", "", ""));
}

TEST_P(PracticesOn, CannotBeDeletedWhileRecordsBelongToThem)
{
  Put({.id = "a"});
  {
    Transaction transaction(GetDatabase());
    PatientStore(transaction).Put({.id = "p", .practiceId = "a", .updatedAt = Now()});
    transaction.Commit();
  }
  EXPECT_THROW(With([](PracticeStore& store) { store.Delete("a"); }), Conflict);
  EXPECT_THROW(With([](PracticeStore& store) { store.Delete("default"); }), Conflict);
  EXPECT_THROW(With([](PracticeStore& store) { store.Delete("nobody"); }), NotFound);
}

TEST_P(PracticesOn, AreReadAsTheyWereWritten)
{
  const Practice practice{.id = "a",
                          .name = "Clinique « d'été »",
                          .callingAeTitles = {"PANO", "CT 1"},
                          .calledAeTitles = {"A"},
                          .institutionNames = {"Du Parc", "王"},
                          .timeZone = "America/Vancouver",
                          .language = "en",
                          .crmUserId = "u1"};
  Put(practice);

  const Practice read = With([](PracticeStore& store) { return store.Find("a").value(); });
  Json::Value expected = ToJson(practice);
  expected["updated_at"] = ToJson(read)["updated_at"];
  EXPECT_EQ(expected, ToJson(read));
  EXPECT_EQ(2u, With([](PracticeStore& store) { return store.List(); }).size());
}

ON_BOTH_DATABASES(PracticesOn);
}  // namespace
}  // namespace OrthancClinic::Testing
