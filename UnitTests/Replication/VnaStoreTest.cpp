// SPDX-License-Identifier: GPL-3.0-or-later

#include <gmock/gmock.h>

#include "Core/DatabaseFixture.h"
#include "Replication/ReplicaStore.h"
#include "Replication/Vna.h"

namespace OrthancClinic::Replication
{
MigrationScripts Migrations();

namespace
{
using ::testing::ElementsAre;

class VnasOn : public Testing::DatabaseTest
{
protected:
  void SetUp() override
  {
    DatabaseTest::SetUp();
    GetDatabase().Migrate("replication", Migrations());
  }

  template <typename Function>
  auto With(Function&& function)
  {
    return WithStore<VnaStore>(std::forward<Function>(function));
  }

  Vna Make(const std::string& id, const std::string& practice, int priority, bool isDefault = false)
  {
    Vna vna;
    vna.id = id;
    vna.practiceId = practice;
    vna.priority = priority;
    vna.isDefault = isDefault;
    vna.document["name"] = "Montréal";
    vna.credentials["secretAccessKey"] = "secret";
    With([&](VnaStore& store) { store.Put(vna); });
    return vna;
  }

  std::vector<std::string> Ids(const PracticeScope& scope)
  {
    std::vector<std::string> ids;
    for (const Vna& vna : With([&](VnaStore& store) { return store.List(scope); }))
    {
      ids.push_back(vna.id + (vna.isDefault ? "!" : ""));
    }
    return ids;
  }
};

TEST_P(VnasOn, AreReadAsTheyWereWritten)
{
  EXPECT_EQ(0, With([](VnaStore& store) { return store.Watermark(); }));
  EXPECT_FALSE(With([](VnaStore& store) { return store.Any(); }));
  const Vna written = Make("v1", "north", 7, true);
  const auto read = With([](VnaStore& store) { return store.FindForUpdate("v1"); });
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ("north", read->practiceId);
  EXPECT_EQ(7, read->priority);
  EXPECT_TRUE(read->isDefault);
  EXPECT_EQ(written.document, read->document);
  EXPECT_EQ(written.credentials, read->credentials);
  EXPECT_EQ(written.createdAt, read->createdAt);
  EXPECT_EQ(written.serial, With([](VnaStore& store) { return store.Watermark(); }));
  EXPECT_TRUE(With([](VnaStore& store) { return store.Any(); }));
}

TEST_P(VnasOn, ComeByPriorityWithOneDefaultInEachPractice)
{
  Make("v1", "north", 2, true);
  Make("v2", "north", 1, true);
  Make("v3", "south", 0, true);
  EXPECT_THAT(Ids("north"), ElementsAre("v2!", "v1"));
  EXPECT_THAT(Ids("south"), ElementsAre("v3!"));
  EXPECT_THAT(Ids({}), ElementsAre("v3!", "v2!", "v1"));
}

TEST_P(VnasOn, TellOfEveryChangeAndKeepNoSecretOfADeletedOne)
{
  Vna vna = Make("v1", "north", 0);
  const int64_t made = vna.serial;
  With([&](VnaStore& store) { store.Put(vna); });
  const int64_t changed = With([](VnaStore& store) { return store.Watermark(); });
  EXPECT_GT(changed, made);
  With([&](VnaStore& store) { store.Delete(vna); });
  EXPECT_GT(With([](VnaStore& store) { return store.Watermark(); }), changed);
  EXPECT_FALSE(With([](VnaStore& store) { return store.Find("v1"); }).has_value());
  Transaction transaction(GetDatabase());
  std::string credentials;
  transaction.Sql([&](soci::session& sql)
                  { sql << "SELECT credentials FROM vnas", soci::into(credentials); });
  EXPECT_EQ("{}", credentials);
}

TEST_P(VnasOn, HaveRoutesWhichWaitForTheirCopies)
{
  Make("v1", "north", 0);
  Transaction transaction(GetDatabase());
  ReplicaStore store(transaction);
  EXPECT_FALSE(store.FindRoute("i1").has_value());
  store.PutRoute({"i1", "s1", "v1", "rule", true});
  store.PutRoute({"i2", "s1", "v1", "", false});
  store.PutRoute({"i3", "s1", "", "", false});
  const auto route = store.FindRoute("i1");
  ASSERT_TRUE(route.has_value());
  EXPECT_EQ("v1", route->target);
  EXPECT_EQ("rule", route->rule);
  EXPECT_TRUE(route->compress);
  EXPECT_EQ(2, store.CountRoutes("s1"));
  EXPECT_EQ(2, store.Awaited("v1").first);
  EXPECT_TRUE(store.Awaited("v1").second.has_value());

  Replica replica;
  replica.target = "v1";
  replica.orthancInstanceId = "i1";
  replica.orthancStudyId = "s1";
  replica.replicatedAt = Now();
  store.Put(replica);
  EXPECT_EQ(1, store.Awaited("v1", "s1").first);
  EXPECT_EQ(0, store.Awaited("v1", "s2").first);

  store.PutRoute({"i2", "s1", "", "", false});
  EXPECT_EQ(0, store.Awaited("v1").first);
  store.ForgetRoute("i1");
  EXPECT_THAT(store.RoutedTargets("s1"), ElementsAre("v1")) << "it holds a copy that it was asked for once";
  store.PutRoute({"i2", "s1", "v1", "", false});
  store.ForgetRoutesTo("v1");
  EXPECT_EQ(0, store.CountRoutes("s1"));
  store.ForgetRoutesOfStudy("s1");
  EXPECT_FALSE(store.FindRoute("i3").has_value());
}

ON_BOTH_DATABASES(VnasOn);
}  // namespace
}  // namespace OrthancClinic::Replication
