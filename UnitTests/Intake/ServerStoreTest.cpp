// SPDX-License-Identifier: GPL-3.0-or-later

#include "Intake/ServerStore.h"

#include <gtest/gtest.h>

#include "Core/DatabaseFixture.h"
#include "Core/Errors.h"
#include "Core/Tasks/TaskStore.h"
#include "Intake/ImportStore.h"
#include "Intake/Importer.h"

namespace OrthancClinic::Intake
{
MigrationScripts Migrations();

namespace
{
class ServersOn : public Testing::DatabaseTest
{
protected:
  void SetUp() override
  {
    DatabaseTest::SetUp();
    GetDatabase().Migrate("intake", Migrations());
  }

  template <typename Function>
  auto With(Function&& function)
  {
    return WithStore<ServerStore>(std::forward<Function>(function));
  }

  static RemoteServer Pacs(const std::string& id, const std::string& practice)
  {
    RemoteServer server;
    server.id = id;
    server.practiceId = practice;
    server.aeTitle = "PACS";
    server.host = "pacs.example.org";
    server.port = 11112;
    server.allow = {"store"};
    server.updatedAt = Now();
    return server;
  }

  Import Request(const std::string& uid, const std::string& patient = "")
  {
    Transaction transaction(GetDatabase());
    const Import import = Importer::Request(transaction, Pacs("pacs", "north"), uid, patient, "lise");
    transaction.Commit();
    return import;
  }
};
}  // namespace

TEST_P(ServersOn, KeepWhatTheyWereGiven)
{
  RemoteServer web;
  web.id = "web";
  web.practiceId = "north";
  web.kind = ServerKind::DicomWeb;
  web.url = "https://pacs.example.org/dicom-web";
  web.user = "lise";
  web.password = "p\"w";
  web.timeout = std::chrono::seconds(7);
  EXPECT_TRUE(With([&](ServerStore& store) { return store.Put(web); }));
  EXPECT_FALSE(With([&](ServerStore& store) { return store.Put(web); }));
  EXPECT_TRUE(With([&](ServerStore& store) { return store.Put(Pacs("pacs", "south")); }));

  const RemoteServer read = With([](ServerStore& store) { return store.Get("web"); });
  EXPECT_EQ(ServerKind::DicomWeb, read.kind);
  EXPECT_EQ(web.url, read.url);
  EXPECT_EQ("p\"w", read.password);
  EXPECT_EQ(7, read.timeout.count());
  const RemoteServer pacs = With([](ServerStore& store) { return store.Get("pacs"); });
  EXPECT_EQ("PACS", pacs.aeTitle);
  EXPECT_EQ(11112, pacs.port);
  EXPECT_EQ(std::vector<std::string>{"store"}, pacs.allow);
  EXPECT_EQ(1, With([](ServerStore& store) { return store.List("south").size(); }));
  EXPECT_EQ(2, With([](ServerStore& store) { return store.List().size(); }));
  With([](ServerStore& store) { store.Delete("web"); });
  EXPECT_THROW(With([](ServerStore& store) { return store.Get("web"); }), NotFound);
}

TEST_P(ServersOn, ShowThatTheyHaveASecretAndNotWhich)
{
  RemoteServer web;
  web.id = "web";
  web.kind = ServerKind::Orthanc;
  web.password = "very-secret";
  web.token = "much-secret";
  const std::string shown = ToJson(web).toStyledString();
  EXPECT_EQ(std::string::npos, shown.find("secret"));
  EXPECT_TRUE(ToJson(web)["has_password"].asBool());
  EXPECT_TRUE(ToJson(web)["has_token"].asBool());
}

TEST_P(ServersOn, FetchAStudyOnceAtATime)
{
  const Import first = Request("1.2.3", "p1");
  EXPECT_EQ(first.id, Request("1.2.3", "p1").id);
  EXPECT_EQ(first.id, Request("1.2.3").id);
  EXPECT_THROW(Request("1.2.3", "p2"), Conflict);
  EXPECT_NE(first.id, Request("1.2.4").id);
  EXPECT_TRUE(WithStore<TaskStore>([&](TaskStore& store) { return store.Exists("import.study", first.id); }));

  {
    Transaction transaction(GetDatabase());
    EXPECT_EQ("cancelled", Importer::Cancel(transaction, first.id).state);
    transaction.Commit();
  }
  {
    Transaction transaction(GetDatabase());
    EXPECT_THROW(Importer::Cancel(transaction, first.id), Conflict);
    EXPECT_THROW(Importer::Cancel(transaction, "no-such"), NotFound);
  }
  EXPECT_NE(first.id, Request("1.2.3").id) << "what has ended does not stand in the way";

  const auto [imports, total] = WithStore<ImportStore>(
      [](ImportStore& store)
      { return store.Search({.practices = std::string("north"), .studyInstanceUid = "1.2.3", .limit = 1}); });
  EXPECT_EQ(2, total);
  ASSERT_EQ(1u, imports.size());
  EXPECT_EQ("queued", imports[0].state);
  EXPECT_EQ(0, WithStore<ImportStore>([](ImportStore& store)
                                      { return store.Search({.practices = std::string("south")}).second; }));
}

ON_BOTH_DATABASES(ServersOn);
}  // namespace OrthancClinic::Intake
