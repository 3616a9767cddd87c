// SPDX-License-Identifier: GPL-3.0-or-later

#include "Access/AccessStore.h"

#include <gmock/gmock.h>

#include "Access/AccessDirectory.h"
#include "Access/AccessToken.h"
#include "Access/DefaultRoles.h"
#include "Access/ModalityGate.h"
#include "Core/DatabaseFixture.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Records/Practice.h"
#include "Support/Wait.h"

namespace OrthancClinic::Access
{
MigrationScripts Migrations();

namespace
{
class AccessOn : public Testing::DatabaseTest
{
protected:
  template <typename Function>
  auto With(Function&& function)
  {
    return WithStore<AccessStore>(std::forward<Function>(function));
  }

  void SetUp() override
  {
    DatabaseTest::SetUp();
    GetDatabase().Migrate("access", Migrations());
    With(
        [](AccessStore& store)
        {
          store.SigningKey();
          for (const Role& role : DefaultRoles())
          {
            store.Put(role);
          }
        });
  }

  static User MakeUser(const std::string& name, const std::string& role = "dentist")
  {
    User user;
    user.name = name;
    user.displayName = "Ünïcödé 小东";
    user.roles = {{role, "default"}};
    user.createdAt = user.updatedAt = Now();
    return user;
  }

  // A session that is open, as the header of a request.
  HttpRequest SignIn(const std::string& user, const std::string& id)
  {
    const Timestamp end = Now() + std::chrono::minutes(5);
    With([&](AccessStore& store) { store.Insert(Session{id, user, Now(), end, Sha256Of("secret")}); });
    const std::string key = With([](AccessStore& store) { return store.FindSigningKey(); });
    HttpRequest request;
    request.headers["authorization"] = "Bearer " + Sign({user, id, AccessToken::API, end}, key);
    return request;
  }
};
}  // namespace

TEST_P(AccessOn, KeepsUsersAsTheyAre)
{
  User user = MakeUser("lise");
  With([&](AccessStore& store) { store.Insert(user); });
  EXPECT_THROW(With([&](AccessStore& store) { store.Insert(user); }), Conflict);
  user.disabled = true;
  user.passwordHash = "hash";
  user.roles.push_back({"nurse", "*"});
  With([&](AccessStore& store) { store.Update(user); });
  user.failures = 3;
  user.lockedUntil = Now() + std::chrono::minutes(1);
  With([&](AccessStore& store) { store.SetFailures(user); });
  const User read = With([](AccessStore& store) { return store.FindUserForUpdate("lise").value(); });
  EXPECT_EQ("Ünïcödé 小东", read.displayName);
  EXPECT_TRUE(read.disabled);
  EXPECT_EQ(3, read.failures);
  EXPECT_EQ(user.lockedUntil, read.lockedUntil);
  ASSERT_EQ(2, read.roles.size());
  EXPECT_EQ("*", read.roles[1].practiceId);
  EXPECT_FALSE(ToJson(read).isMember("password_hash"));

  for (const Assignment& bad :
       {Assignment{"no-such-role", "default"}, Assignment{"nurse", "no-such-practice"}})
  {
    user.roles = {bad};
    EXPECT_THROW(With([&](AccessStore& store) { store.Update(user); }), BadInput);
  }
  With([](AccessStore& store) { store.DeleteUser("lise"); });
  EXPECT_THROW(With([](AccessStore& store) { store.DeleteUser("lise"); }), NotFound);
}

TEST_P(AccessOn, KeepsARoleThatSomebodyHas)
{
  EXPECT_FALSE(With([](AccessStore& store) { return store.Put({"dentist", {Permission::ReadImages}}); }));
  EXPECT_TRUE(With([](AccessStore& store) { return store.Put({"hygienist", {Permission::ReadImages}}); }));
  With([](AccessStore& store) { store.Insert(MakeUser("lise", "hygienist")); });
  EXPECT_THROW(With([](AccessStore& store) { store.DeleteRole("hygienist"); }), Conflict);
  With([](AccessStore& store) { store.DeleteUser("lise"); });
  With([](AccessStore& store) { store.DeleteRole("hygienist"); });
  EXPECT_THROW(With([](AccessStore& store) { store.DeleteRole("hygienist"); }), NotFound);
}

TEST_P(AccessOn, KnowsWhoIsSignedIn)
{
  With([](AccessStore& store) { store.Insert(MakeUser("lise")); });
  AccessDirectory directory(GetDatabase(), Json::objectValue, 10);
  directory.Start();
  const HttpRequest request = SignIn("lise", "s1");
  directory.Reload();
  const auto principal = directory.Authenticate(request);
  ASSERT_TRUE(principal);
  EXPECT_EQ("lise", principal->name);
  EXPECT_TRUE(principal->May(Permission::ReadImages, "default"));
  EXPECT_FALSE(principal->May(Permission::ReadImages, "north"));
  EXPECT_FALSE(directory.Authenticate(HttpRequest()));

  With([](AccessStore& store) { store.DeleteSessionsOf("lise"); });
  directory.Reload();
  EXPECT_THROW(directory.Authenticate(request), Forbidden);
}

TEST_P(AccessOn, TellsTheOtherProcesses)
{
  if (GetParam() == Testing::DatabaseKind::Sqlite)
  {
    GTEST_SKIP() << "an SQLite file belongs to one process";
  }
  With([](AccessStore& store) { store.Insert(MakeUser("lise")); });
  const auto other = MakeAnother();
  AccessDirectory directory(*other, Json::objectValue, 10);
  directory.Start();
  const HttpRequest request = SignIn("lise", "s1");  // not told
  EXPECT_TRUE(Testing::WaitUntil(
      [&]
      {
        try
        {
          return directory.Authenticate(request).has_value();
        }
        catch (const Forbidden&)
        {
          return false;
        }
      }));
}

TEST_P(AccessOn, ForgetsSessionsThatHaveEnded)
{
  With(
      [](AccessStore& store)
      {
        store.Insert(Session{"old", "lise", Now(), Now() - std::chrono::seconds(1), "x"});
        store.Insert(Session{"new", "lise", Now(), Now() + std::chrono::minutes(1), "x"});
        store.DeleteExpired();
      });
  EXPECT_FALSE(With([](AccessStore& store) { return store.FindSessionForUpdate("old").has_value(); }));
  EXPECT_EQ(1, With([](AccessStore& store) { return store.LiveSessions().size(); }));
  Session session = With([](AccessStore& store) { return store.FindSessionForUpdate("new").value(); });
  session.refreshSha256 = "y";
  With([&](AccessStore& store) { store.SetRefresh(session); });
  EXPECT_EQ("y", With([](AccessStore& store) { return store.FindSessionForUpdate("new")->refreshSha256; }));
}

TEST_P(AccessOn, TakesKeysUntilTheyExpire)
{
  const std::string good = std::string(AccessDirectory::KEY_PREFIX) + RandomSecret();
  const std::string late = std::string(AccessDirectory::KEY_PREFIX) + RandomSecret();
  With(
      [&](AccessStore& store)
      {
        store.Insert(ApiKey{"1", "crm", {{"crm_service", "*"}}, Sha256Of(good), {}, "lise", Now()});
        store.Insert(ApiKey{"2",
                            "old",
                            {{"crm_service", "*"}},
                            Sha256Of(late),
                            Now() - std::chrono::seconds(1),
                            "lise",
                            Now()});
      });
  AccessDirectory directory(GetDatabase(), Json::objectValue, 10);
  directory.Reload();
  HttpRequest request;
  request.headers["authorization"] = "Bearer " + good;
  EXPECT_EQ("key:crm", directory.Authenticate(request)->name);
  request.headers["authorization"] = "Bearer " + late;
  EXPECT_THROW(directory.Authenticate(request), Forbidden);
  EXPECT_EQ(2, With([](AccessStore& store) { return store.ApiKeys().size(); }));
  With([](AccessStore& store) { store.DeleteApiKey("1"); });
  EXPECT_THROW(With([](AccessStore& store) { store.DeleteApiKey("1"); }), NotFound);
}

TEST_P(AccessOn, ListsModalitiesThatNobodyKnows)
{
  Json::Value configured;
  configured["mammo"]["AET"] = "MAMMO";
  ModalityGate gate(GetDatabase(), configured, true);
  {
    Transaction transaction(GetDatabase());
    Practice practice;
    practice.id = "north";
    practice.callingAeTitles = {"PANO1"};
    PracticeStore(transaction).Put(practice);
    transaction.Commit();
  }
  gate.Start();
  EXPECT_EQ(0, gate.Decide("PANO1"));
  EXPECT_EQ(0, gate.Decide("MAMMO"));
  EXPECT_EQ(ModalityGate::NOT_AUTHORIZED, gate.Decide("STRANGER"));
  EXPECT_EQ(ModalityGate::NOT_AUTHORIZED, gate.Decide(""));
  const auto instances = [&]
  {
    long long count = 0;
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    transaction.Sql(
        [&](soci::session& sql)
        { sql << "SELECT COALESCE(SUM(instances), 0) FROM access_unknown_modalities", soci::into(count); });
    transaction.Commit();
    return count;
  };
  EXPECT_TRUE(Testing::WaitUntil([&] { return instances() == 2; }));
  EXPECT_EQ(ModalityGate::NOT_AUTHORIZED, gate.Decide("STRANGER"));
  EXPECT_TRUE(Testing::WaitUntil([&] { return instances() == 3; }));
}

ON_BOTH_DATABASES(AccessOn);
}  // namespace OrthancClinic::Access
