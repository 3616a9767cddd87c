// SPDX-License-Identifier: GPL-3.0-or-later
//
// The tests' own tools against an Orthanc without our plugins: what they report is what happened.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "Support/DicomFile.h"
#include "Support/Files.h"
#include "Support/OrthancServer.h"
#include "Support/PostgresServer.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
std::vector<std::filesystem::path> Series(const std::filesystem::path& folder, int count)
{
  DicomFile file("CT");
  file.Set("PatientID", "4711").Set("PatientName", "Tremblay^Jean-François");
  std::vector<std::filesystem::path> paths;
  for (int i = 0; i < count; i++)
  {
    paths.push_back(file.SaveIn(folder));
    file.NextInstance();
  }
  return paths;
}

TEST(BareOrthanc, StoresWhatItAcknowledges)
{
  OrthancServer orthanc({.clinic = false});
  const TemporaryDirectory folder;
  const auto files = Series(folder.Path(), 20);

  const StoreResult result = orthanc.Store(files);

  EXPECT_EQ(0, result.exitCode) << result.output;
  EXPECT_EQ(files, result.acknowledged);
  EXPECT_TRUE(result.failed.empty());
  EXPECT_EQ(20u, orthanc.Http().Get("/instances").Json().size());
  const Json::Value studies = orthanc.Http().Get("/studies?expand").Json();
  ASSERT_EQ(1u, studies.size());
  EXPECT_EQ("Tremblay^Jean-François", studies[0]["PatientMainDicomTags"]["PatientName"].asString());
}

TEST(BareOrthanc, KilledDuringASendKeepsWhatItAcknowledged)
{
  OrthancServer orthanc({.clinic = false});
  const TemporaryDirectory folder;
  constexpr size_t MANY = 2'000;  // seconds of sending, of which the kill must come within
  Series(folder.Path(), MANY);
  Storescu sender({.port = orthanc.DicomPort()}, {folder.Path()});
  ASSERT_TRUE(WaitUntil([&] { return sender.AcknowledgedSoFar() >= 20; }, std::chrono::minutes(1)));

  orthanc.Kill9();
  const StoreResult result = sender.Wait();
  orthanc.Start();

  EXPECT_NE(0, result.exitCode);
  EXPECT_GE(result.acknowledged.size(), 20u);
  EXPECT_LT(result.acknowledged.size(), MANY);
  for (const auto& file : result.acknowledged)
  {
    EXPECT_EQ(1u, orthanc.Http().Call("POST", "/tools/lookup", file.stem().string()).Json().size()) << file;
  }
}

TEST(BareOrthanc, StopsCleanlyAndRestartsOnItsStorage)
{
  OrthancServer orthanc({.clinic = false});
  const TemporaryDirectory folder;
  orthanc.Store(Series(folder.Path(), 3));

  EXPECT_EQ(0, orthanc.Stop());
  EXPECT_FALSE(orthanc.IsRunning());
  orthanc.Start();

  EXPECT_EQ(3u, orthanc.Http().Get("/instances").Json().size());
}

TEST(BareOrthanc, AsksForThePasswordThatItWasGiven)
{
  OrthancServer orthanc({.clinic = false, .user = "alice", .password = "a \"quoted\" secret"});
  const std::string url = "http://127.0.0.1:" + std::to_string(orthanc.HttpPort());

  EXPECT_EQ(200, orthanc.Http().Get("/system").status);
  EXPECT_EQ(401, HttpClient(url).Get("/system").status);
  EXPECT_EQ(401, HttpClient(url, "alice", "wrong").Get("/system").status);
}

TEST(BareOrthanc, KeepsItsIndexInPostgres)
{
  if (!PostgresServer::IsInstalled())
  {
    GTEST_SKIP() << "PostgreSQL is not installed";
  }
  PostgresServer& postgres = PostgresServer::Shared();
  const std::string database = postgres.NewDatabase();
  OrthancServer orthanc({.clinic = false, .indexUrl = postgres.Url(database)});
  const TemporaryDirectory folder;

  orthanc.Store(Series(folder.Path(), 3));

  EXPECT_EQ(3u, orthanc.Http().Get("/instances").Json().size());
  EXPECT_FALSE(std::filesystem::exists(orthanc.Directory() / "storage/index"));
}

TEST(Postgres, SurvivesBeingStoppedAndKilled)
{
  if (!PostgresServer::IsInstalled())
  {
    GTEST_SKIP() << "PostgreSQL is not installed";
  }
  PostgresServer postgres;
  const std::string url = postgres.Url(postgres.NewDatabase());
  EXPECT_EQ(0, RunProgram({"psql", url, "-c", "CREATE TABLE t(i int); INSERT INTO t VALUES (42)"}).exitCode);

  postgres.Restart();
  EXPECT_THAT(RunProgram({"psql", url, "-c", "SELECT i FROM t"}).output, ::testing::HasSubstr("42"));

  postgres.Kill9();
  EXPECT_NE(0, RunProgram({"psql", url, "-c", "SELECT i FROM t"}).exitCode);
  postgres.Restart();
  EXPECT_THAT(RunProgram({"psql", url, "-c", "SELECT i FROM t"}).output, ::testing::HasSubstr("42"));
}

TEST(StorescuOutput, TellsTheAcknowledgedFilesFromTheOthers)
{
  const StoreResult result = ParseStorescuOutput(
      "I: Requesting Association\n"
      "I: Sending file: /tmp/a b.dcm\nI: Sending Store Request (MsgID 1, CT)\n"
      "I: Received Store Response (Success)\n"
      "I: Sending file: /tmp/c.dcm\nI: Received Store Response (Refused: OutOfResources)\n"
      "I: Sending file: /tmp/d.dcm\nE: Store Failed, file: /tmp/d.dcm:\n");

  EXPECT_THAT(result.acknowledged, ::testing::ElementsAre("/tmp/a b.dcm"));
  EXPECT_THAT(result.failed, ::testing::ElementsAre("/tmp/c.dcm", "/tmp/d.dcm"));
}
}  // namespace
}  // namespace OrthancClinic::Testing
