// SPDX-License-Identifier: GPL-3.0-or-later
//
// What was acknowledged is never lost: restarts, kills at any moment, a database that is full, read-only or
// gone.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <random>

#include "EndToEnd/Clinic.h"
#include "Support/PostgresServer.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
using Files = std::vector<std::filesystem::path>;

// `studies` studies of `instances` images each; every second person is in the directory (see KnownPatients).
Files MakeStudies(const std::filesystem::path& folder, int studies, int instances)
{
  Files files;
  for (int i = 0; i < studies; i++)
  {
    const std::string number = std::to_string(i);
    DicomFile image = ImageOf("Family" + number + "^Given" + number, "19800101", "F", "K" + number, "CT");
    for (int j = 0; j < instances; j++)
    {
      files.push_back(image.SaveIn(folder));
      image.NextInstance();
    }
  }
  return files;
}

Json::Value KnownPatients(int studies)
{
  Json::Value patients(Json::arrayValue);
  for (int i = 0; i < studies; i += 2)
  {
    const std::string number = std::to_string(i);
    patients.append(
        Person("k" + number, "Family" + number, "Given" + number, "1980-01-01", "F", "K" + number));
  }
  return patients;
}

enum class Storage
{
  Sqlite,   // ours and Orthanc's own index
  Postgres  // both
};

class Durability : public ::testing::TestWithParam<Storage>
{
protected:
  void SetUp() override
  {
    if (GetParam() == Storage::Postgres && !PostgresServer::IsInstalled())
    {
      GTEST_SKIP() << "PostgreSQL is not installed";
    }
    OrthancServer::Options options;
    if (GetParam() == Storage::Postgres)
    {
      PostgresServer& postgres = PostgresServer::Shared();
      options.databaseUrl = postgres.Url(postgres.NewDatabase());
      options.indexUrl = postgres.Url(postgres.NewDatabase());
    }
    clinic_.emplace(std::move(options));
  }

  std::optional<Clinic> clinic_;
  TemporaryDirectory folder_;
};

TEST_P(Durability, ARestartChangesNothing)
{
  clinic_->PutPatients(KnownPatients(6));
  const Files files = MakeStudies(folder_.Path(), 6, 3);
  ASSERT_EQ(files.size(), clinic_->Orthanc().Store(files).acknowledged.size());
  clinic_->ExpectComplete(files);
  const std::vector<Json::Value> before = clinic_->All("/api/v1/studies");

  clinic_->Orthanc().Restart();

  clinic_->ExpectComplete(files);
  const std::vector<Json::Value> after = clinic_->All("/api/v1/studies");
  ASSERT_EQ(before.size(), after.size());
  for (size_t i = 0; i < before.size(); i++)
  {
    EXPECT_EQ(before[i]["match"], after[i]["match"]);
  }
}

TEST_P(Durability, AKillAtAnyMomentLosesNothingThatWasAcknowledged)
{
  const char* wanted = std::getenv("CLINIC_KILL_REPETITIONS");
  const int repetitions = wanted == nullptr ? 4 : std::atoi(wanted);
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  clinic_->PutPatients(KnownPatients(25));

  Files acknowledged;
  for (int i = 0; i < repetitions && !HasFailure(); i++)
  {
    const std::filesystem::path folder = folder_.Path() / std::to_string(i);
    std::filesystem::create_directory(folder);
    const Files files = MakeStudies(folder, 25, 20);
    const size_t killAfter = std::uniform_int_distribution<size_t>(1, files.size() - 20)(random);
    SCOPED_TRACE("killed after " + std::to_string(killAfter) + " acknowledged instances");

    Storescu sender({.port = clinic_->Orthanc().DicomPort()}, files);
    EXPECT_TRUE(WaitUntil([&] { return sender.AcknowledgedSoFar() >= killAfter || !sender.IsRunning(); },
                          std::chrono::minutes(2)));
    clinic_->Orthanc().Kill9();
    const StoreResult result = sender.Wait();
    acknowledged.insert(acknowledged.end(), result.acknowledged.begin(), result.acknowledged.end());
    clinic_->Orthanc().Start();

    clinic_->ExpectComplete(acknowledged);
  }
}

TEST_P(Durability, AKillBetweenStoringAndDecidingLosesNothing)
{
  clinic_->PutPatients(KnownPatients(10));
  const Files files = MakeStudies(folder_.Path(), 10, 1);

  const StoreResult result = clinic_->Orthanc().Store(files);
  clinic_->Orthanc().Kill9();
  ASSERT_EQ(files.size(), result.acknowledged.size());
  clinic_->Orthanc().Start();

  clinic_->ExpectComplete(files);
}

INSTANTIATE_TEST_SUITE_P(On, Durability, ::testing::Values(Storage::Sqlite, Storage::Postgres),
                         [](const ::testing::TestParamInfo<Storage>& test)
                         { return test.param == Storage::Sqlite ? "Sqlite" : "Postgres"; });

long Health(const Clinic& clinic)
{
  return clinic.Http().Get("/api/v1/health").status;
}

// Sends while the database does not take anything: Orthanc accepts every image, and health says what is
// wrong.
void ExpectIngestWithoutDatabase(Clinic& clinic, const Files& files)
{
  EXPECT_EQ(files.size(), clinic.Orthanc().Store(files).acknowledged.size());
  EXPECT_TRUE(WaitUntil([&] { return Health(clinic) == 503; })) << clinic.Http().Get("/api/v1/health").body;
  EXPECT_EQ(200, clinic.Http().Get("/instances").status);
}

void ExpectRecovery(Clinic& clinic, const Files& files)
{
  EXPECT_TRUE(WaitUntil([&] { return Health(clinic) == 200; }, std::chrono::seconds(60)))
      << clinic.Http().Get("/api/v1/health").body;
  clinic.ExpectComplete(files);
}

// A file system of four megabytes, for a database to fill.
class SmallDisk
{
public:
  SmallDisk() : mounted_(mount("tmpfs", directory_.Path().c_str(), "tmpfs", 0, "size=8m") == 0) {}
  ~SmallDisk()
  {
    if (mounted_)
    {
      umount2(directory_.Path().c_str(), MNT_DETACH);
    }
  }

  bool IsMounted() const { return mounted_; }
  const std::filesystem::path& Path() const { return directory_.Path(); }

  void Fill() const
  {
    std::ofstream filler(Path() / "filler", std::ios::binary);
    const std::string block(1024, 'x');
    while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush())
    {
    }
  }

  void Free() const { std::filesystem::remove(Path() / "filler"); }

private:
  TemporaryDirectory directory_;
  bool mounted_;
};

TEST(DatabaseFull, IngestGoesOnAndAllCatchesUp)
{
  const SmallDisk disk;
  if (!disk.IsMounted())
  {
    GTEST_SKIP() << "mounting a small file system is not allowed here";
  }
  const TemporaryDirectory folder;
  Clinic clinic({.databaseUrl = (disk.Path() / "clinic.db").string()});
  const Files files = MakeStudies(folder.Path(), 30, 2);
  disk.Fill();

  ExpectIngestWithoutDatabase(clinic, files);
  disk.Free();

  ExpectRecovery(clinic, files);
}

class PostgresTrouble : public ::testing::Test
{
protected:
  void SetUp() override
  {
    if (!PostgresServer::IsInstalled())
    {
      GTEST_SKIP() << "PostgreSQL is not installed";
    }
    postgres_.emplace();
    database_ = postgres_->NewDatabase();
    clinic_.emplace(OrthancServer::Options{.databaseUrl = postgres_->Url(database_)});
    files_ = MakeStudies(folder_.Path(), 10, 2);
  }

  void Sql(const std::string& statement)
  {
    const Finished finished = RunProgram({"psql", postgres_->Url("postgres"), "-c", statement});
    EXPECT_EQ(0, finished.exitCode) << finished.output;
  }

  // A setting of a database holds for new connections: the present ones are cut.
  void SetReadOnly(bool readOnly)
  {
    Sql("ALTER DATABASE " + database_ + " SET default_transaction_read_only = " + (readOnly ? "on" : "off"));
    Sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + database_ + "'");
  }

  std::optional<PostgresServer> postgres_;
  std::string database_;
  std::optional<Clinic> clinic_;
  TemporaryDirectory folder_;
  Files files_;
};

TEST_F(PostgresTrouble, ReadOnlyIngestGoesOnAndAllCatchesUp)
{
  SetReadOnly(true);

  ExpectIngestWithoutDatabase(*clinic_, files_);
  SetReadOnly(false);

  ExpectRecovery(*clinic_, files_);
}

TEST_F(PostgresTrouble, StoppedIngestGoesOnAndAllCatchesUp)
{
  postgres_->Stop();

  ExpectIngestWithoutDatabase(*clinic_, files_);
  postgres_->Start();

  ExpectRecovery(*clinic_, files_);
}

TEST_F(PostgresTrouble, KilledDuringASendLosesNothing)
{
  Storescu sender({.port = clinic_->Orthanc().DicomPort()}, files_);
  WaitUntil([&] { return sender.AcknowledgedSoFar() >= 5; });
  postgres_->Kill9();
  EXPECT_EQ(files_.size(), sender.Wait().acknowledged.size());
  postgres_->Restart();

  ExpectRecovery(*clinic_, files_);
}

TEST(TwoOrthancs, ShareTheTasksOfOneDatabaseWithoutDoingOneTwice)
{
  if (!PostgresServer::IsInstalled())
  {
    GTEST_SKIP() << "PostgreSQL is not installed";
  }
  PostgresServer& postgres = PostgresServer::Shared();
  const TemporaryDirectory folder;
  const TemporaryDirectory storage;
  OrthancServer::Options options;
  options.databaseUrl = postgres.Url(postgres.NewDatabase());
  options.indexUrl = postgres.Url(postgres.NewDatabase());
  options.configuration["StorageDirectory"] = storage.Path().string();
  Clinic one(options);
  Clinic other(options);
  one.PutPatients(KnownPatients(40));
  const Files files = MakeStudies(folder.Path(), 40, 2);
  const Files first(files.begin(), files.begin() + 40);
  const Files second(files.begin() + 40, files.end());

  Storescu toOne({.port = one.Orthanc().DicomPort()}, first);
  Storescu toOther({.port = other.Orthanc().DicomPort()}, second);
  Files acknowledged = toOne.Wait().acknowledged;
  one.Orthanc().Kill9();
  const Files more = toOther.Wait().acknowledged;
  acknowledged.insert(acknowledged.end(), more.begin(), more.end());

  other.ExpectComplete(acknowledged, std::chrono::seconds(180));
}
}  // namespace
}  // namespace OrthancClinic::Testing
