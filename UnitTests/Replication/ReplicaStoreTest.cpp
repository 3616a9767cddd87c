// SPDX-License-Identifier: GPL-3.0-or-later

#include "Replication/ReplicaStore.h"

#include <gmock/gmock.h>

#include "Core/DatabaseFixture.h"

namespace OrthancClinic::Replication
{
MigrationScripts Migrations();

namespace
{
using ::testing::ElementsAre;

class ReplicasOn : public Testing::DatabaseTest
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
    return WithStore<ReplicaStore>(std::forward<Function>(function));
  }

  static Replica Copy(const std::string& instance, int64_t size, const std::string& verifiedAt)
  {
    Replica replica;
    replica.target = "montreal";
    replica.orthancInstanceId = instance;
    replica.orthancStudyId = "s1";
    replica.key = "1.2/3.4/" + instance + ".dcm";
    replica.transferSyntax = "1.2.840.10008.1.2.1";
    replica.size = size;
    replica.sha256 = "abc";
    replica.md5 = "def";
    replica.state = "verified";
    replica.replicatedAt = ParseTimestamp("2026-02-08T10:30:00Z").value();
    replica.verifiedAt = ParseTimestamp(verifiedAt);
    return replica;
  }
};

TEST_P(ReplicasOn, AreReadAsTheyWereWritten)
{
  const Replica written = Copy("i1", 5'000'000'000, "2026-02-08T10:31:00Z");
  With([&](ReplicaStore& store) { store.Put(written); });
  const auto read = With([](ReplicaStore& store) { return store.Find("montreal", "i1"); });
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(written.key, read->key);
  EXPECT_EQ(written.size, read->size);
  EXPECT_EQ(written.sha256, read->sha256);
  EXPECT_EQ(written.md5, read->md5);
  EXPECT_EQ(written.transferSyntax, read->transferSyntax);
  EXPECT_EQ("verified", read->state);
  EXPECT_EQ(written.verifiedAt, read->verifiedAt);
  EXPECT_FALSE(With([](ReplicaStore& store) { return store.Find("nas", "i1"); }).has_value());
  With([](ReplicaStore& store) { store.Forget("montreal", "i1"); });
  EXPECT_FALSE(With([](ReplicaStore& store) { return store.Find("montreal", "i1"); }).has_value());
}

TEST_P(ReplicasOn, TakeWhatWasFoundOfTheSameCopyAlone)
{
  const Replica written = Copy("i1", 5, "2026-02-08T10:31:00Z");
  Replica found = written;
  found.state = "failed";
  found.error = "gone";
  found.verifiedAt = ParseTimestamp("2026-02-08T10:32:00Z");
  const auto put = [&] { return With([&](ReplicaStore& store) { return store.PutFindings(found); }); };
  EXPECT_FALSE(put()) << "there is none";
  EXPECT_FALSE(With([](ReplicaStore& store) { return store.Find("montreal", "i1"); }).has_value());

  With([&](ReplicaStore& store) { store.Put(written); });
  EXPECT_TRUE(put());
  const auto read = With([](ReplicaStore& store) { return store.Find("montreal", "i1"); }).value();
  EXPECT_EQ("failed", read.state);
  EXPECT_EQ("gone", read.error);
  EXPECT_EQ(found.verifiedAt, read.verifiedAt);
  EXPECT_EQ(written.replicatedAt, read.replicatedAt);

  found.replicatedAt += Milliseconds(1);
  EXPECT_FALSE(put()) << "sent again since";
  found.replicatedAt = written.replicatedAt;
  found.sha256 = "other";
  EXPECT_FALSE(put()) << "of another content";
}

TEST_P(ReplicasOn, AreCountedAndTheLongestUnverifiedComeFirst)
{
  With(
      [](ReplicaStore& store)
      {
        store.Put(Copy("i1", 5'000'000'000, "2026-02-08T12:00:00Z"));
        store.Put(Copy("i2", 5'000'000'000, "2026-02-08T11:00:00Z"));
        Replica failed = Copy("i3", 7, "2026-02-08T13:00:00Z");
        failed.state = "failed";
        store.Put(failed);
      });
  EXPECT_EQ((std::pair<int64_t, int64_t>(2, 10'000'000'000)),
            With([](ReplicaStore& store) { return store.Total("montreal", "verified"); }));
  EXPECT_EQ((std::pair<int64_t, int64_t>(0, 0)),
            With([](ReplicaStore& store) { return store.Total("nas", "verified"); }));
  std::vector<std::string> ids;
  for (const Replica& replica :
       With([](ReplicaStore& store) { return store.LongestUnverified("montreal", 2); }))
  {
    ids.push_back(replica.orthancInstanceId);
  }
  EXPECT_THAT(ids, ElementsAre("i2", "i1"));
  EXPECT_EQ(3U, With([](ReplicaStore& store) { return store.OfStudy("montreal", "s1"); }).size());
}

TEST_P(ReplicasOn, RememberAnUploadForItsContentAlone)
{
  With([](ReplicaStore& store) { store.PutUpload("montreal", "key", "abc", "upload-1"); });
  EXPECT_EQ("upload-1", With([](ReplicaStore& store) { return store.FindUpload("montreal", "key", "abc"); }));
  EXPECT_FALSE(With([](ReplicaStore& store) { return store.FindUpload("montreal", "key", "other"); }));
  With([](ReplicaStore& store) { store.PutUpload("montreal", "key", "other", "upload-2"); });
  EXPECT_FALSE(With([](ReplicaStore& store) { return store.FindUpload("montreal", "key", "abc"); }));
  With([](ReplicaStore& store) { store.ForgetUpload("montreal", "key"); });
  EXPECT_FALSE(With([](ReplicaStore& store) { return store.FindUpload("montreal", "key", "other"); }));
}

TEST_P(ReplicasOn, HaveManifestsWithVersions)
{
  EXPECT_EQ(0, With([](ReplicaStore& store) { return store.FindManifest("montreal", "s1"); }).version);
  With([](ReplicaStore& store) { store.PutManifest("montreal", "s1", "1.2", {1, 5, "abc"}); });
  With([](ReplicaStore& store) { store.PutManifest("montreal", "s1", "1.2", {2, 6, "def"}); });
  const Manifest manifest = With([](ReplicaStore& store) { return store.FindManifest("montreal", "s1"); });
  EXPECT_EQ(2, manifest.version);
  EXPECT_EQ(6, manifest.numberOfInstances);
  EXPECT_EQ("def", manifest.content);
}

TEST_P(ReplicasOn, AreOfTargetsWhoseDeclarationsAreRemembered)
{
  const auto declare = [&](const char* text)
  { return With([&](ReplicaStore& store) { return store.Declare("montreal", text); }); };
  EXPECT_TRUE(declare("QC"));
  EXPECT_FALSE(declare("QC"));
  EXPECT_TRUE(declare("CA"));
  With([](ReplicaStore& store) { store.Put(Copy("i1", 1, "2026-02-08T12:00:00Z")); });
  EXPECT_THAT(With([](ReplicaStore& store) { return store.Studies("montreal"); }), ElementsAre("s1"));
}

TEST_P(ReplicasOn, AreRestoredWithAnAccountOfIt)
{
  Restore restore;
  restore.id = "r1";
  restore.target = "montreal";
  restore.state = "running";
  restore.requestedBy = "alice";
  restore.requestedAt = ParseTimestamp("2026-02-08T10:30:00Z").value();
  restore.studiesTotal = 3;
  With([&](ReplicaStore& store) { store.Insert(restore); });
  restore.state = "failed";
  restore.studiesDone = 3;
  restore.instancesDone = 40;
  restore.errors.append("1.2: there is no manifest");
  With([&](ReplicaStore& store) { store.Update(restore); });
  const auto read = With([](ReplicaStore& store) { return store.FindRestore("r1"); });
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ("failed", read->state);
  EXPECT_EQ("alice", read->requestedBy);
  EXPECT_EQ(40, read->instancesDone);
  EXPECT_EQ(restore.errors, read->errors);
  EXPECT_FALSE(With([](ReplicaStore& store) { return store.FindRestore("r2"); }).has_value());
}

ON_BOTH_DATABASES(ReplicasOn);
}  // namespace
}  // namespace OrthancClinic::Replication
