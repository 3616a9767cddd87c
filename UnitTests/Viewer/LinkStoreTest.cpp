// SPDX-License-Identifier: GPL-3.0-or-later

#include "Viewer/LinkStore.h"

#include <gmock/gmock.h>

#include "Core/DatabaseFixture.h"
#include "Core/Errors.h"

namespace OrthancClinic::Viewer
{
MigrationScripts Migrations();

namespace
{
class LinksOn : public Testing::DatabaseTest
{
protected:
  void SetUp() override
  {
    DatabaseTest::SetUp();
    GetDatabase().Migrate("viewer", Migrations());
  }

  template <typename Function>
  auto With(Function&& function)
  {
    return WithStore<LinkStore>(std::forward<Function>(function));
  }

  static Link MakeLink(const std::string& id, int uses = -1,
                       std::chrono::seconds life = std::chrono::seconds(60))
  {
    return {id, {{"1.2." + id, "north"}}, true, uses, "lise", Now(), Now() + life};
  }

  size_t Open(const std::string& session)
  {
    return With([&](LinkStore& store) { return store.OfSession(session).size(); });
  }
};
}  // namespace

TEST_P(LinksOn, AreFoundByTheirSecretAlone)
{
  With([](LinkStore& store) { store.Insert(MakeLink("a", 2), "secret"); });
  EXPECT_FALSE(With([](LinkStore& store) { return store.FindBySecretForUpdate("a").has_value(); }));
  const Link link = With([](LinkStore& store) { return store.FindBySecretForUpdate("secret").value(); });
  EXPECT_EQ("1.2.a", link.studies.at(0).uid);
  EXPECT_EQ("north", link.studies.at(0).practiceId);
  EXPECT_TRUE(link.measurements);
  EXPECT_EQ(2, link.usesLeft);
  With([&](LinkStore& store) { store.Open(link, "browser", "-"); });
  EXPECT_EQ(1, With([](LinkStore& store) { return store.Find("a")->usesLeft; }));
}

TEST_P(LinksOn, StayOpenInTheBrowserUnderItsNewSecret)
{
  With(
      [](LinkStore& store)
      {
        store.Insert(MakeLink("a"), "secret a");
        store.Insert(MakeLink("b"), "secret b");
        store.Open(MakeLink("a"), "first", "-");
        store.Open(MakeLink("b"), "second", "first");
        store.Open(MakeLink("b"), "third", "second");  // once more
      });
  EXPECT_EQ(0, Open("first"));
  EXPECT_EQ(0, Open("second"));
  EXPECT_EQ(2, Open("third"));
  With([](LinkStore& store) { store.Delete("a"); });
  EXPECT_EQ(1, Open("third"));
  EXPECT_THROW(With([](LinkStore& store) { store.Delete("a"); }), NotFound);
}

TEST_P(LinksOn, AreForgottenWhenTheyHaveExpired)
{
  With(
      [](LinkStore& store)
      {
        store.Insert(MakeLink("old", -1, std::chrono::seconds(-1)), "secret");
        store.Insert(MakeLink("new"), "another");
        store.Open(MakeLink("old"), "browser", "-");
      });
  EXPECT_EQ(0, Open("browser"));
  EXPECT_EQ(1, With([](LinkStore& store) { return store.List().size(); }));
  With([](LinkStore& store) { store.DeleteExpired(); });
  EXPECT_FALSE(With([](LinkStore& store) { return store.Find("old").has_value(); }));
}

ON_BOTH_DATABASES(LinksOn);
}  // namespace OrthancClinic::Viewer
