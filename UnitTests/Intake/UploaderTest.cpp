// SPDX-License-Identifier: GPL-3.0-or-later

#include "Intake/Uploader.h"

#include <gmock/gmock.h>

#include "Core/DatabaseFixture.h"
#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Tasks/TaskWorkers.h"
#include "Support/DicomFile.h"
#include "Support/EmptyOrthanc.h"
#include "Support/Wait.h"

namespace OrthancClinic::Intake
{
MigrationScripts Migrations();

namespace
{
// Takes what it is given, and keeps nothing.
class ForgetfulOrthanc : public Testing::EmptyOrthanc
{
public:
  Json::Value Post(const std::string&, const std::string&) override
  {
    Json::Value answer;
    answer["ID"] = "instance";
    answer["ParentSeries"] = "series";
    answer["ParentStudy"] = "study";
    answer["Status"] = "Success";
    return answer;
  }
};

class UploadsOn : public Testing::DatabaseTest
{
protected:
  void SetUp() override
  {
    DatabaseTest::SetUp();
    GetDatabase().Migrate("intake", Migrations());
    request_.practiceId = "default";
    request_.by.principal.name = "alice";
    request_.by.principal.remoteAddress = "192.0.2.7";
    request_.by.action = "upload.store";
  }

  std::unique_ptr<Upload> AnUpload() const
  {
    UploadReader reader(folder_.Path().string(), "application/dicom");
    reader.Add(Testing::ReadFile(Testing::DicomFile("PX").SaveIn(folder_.Path())));
    return reader.Finish();
  }

  std::vector<UploadEntry> Log()
  {
    return WithStore<UploadStore>([](UploadStore& store) { return store.Search({}).first; });
  }

  // The last first.
  std::vector<Json::Value> Trail()
  {
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    auto records = AuditTrail::List(transaction, {}).first;
    transaction.Commit();
    return records;
  }

  const Testing::TemporaryDirectory folder_;
  ForgetfulOrthanc orthanc_;
  const EventLog events_;
  UploadRequest request_;
};

ON_BOTH_DATABASES(UploadsOn);

constexpr int64_t MEGABYTE = 1 << 20;
const Options OPTIONS = {.largestFile = MEGABYTE, .mostFiles = 5, .largestUpload = MEGABYTE};

TEST_P(UploadsOn, AreInTheLogAndInTheAuditTrailOrInNeither)
{
  Uploader uploader(GetDatabase(), orthanc_, events_, folder_.Path().string(), OPTIONS);
  uploader.SetFace("failing", {.stored = [](Transaction&, const UploadRequest&, const UploadOutcome&)
                               { throw Unavailable("The power is gone"); }});
  request_.face = "failing";
  EXPECT_THROW(uploader.Store(*AnUpload(), request_), Unavailable);
  EXPECT_TRUE(Log().empty());
  EXPECT_TRUE(Trail().empty());

  request_.face.clear();
  uploader.Store(*AnUpload(), request_);
  ASSERT_EQ(1, Log().size());
  ASSERT_EQ(1, Trail().size());
  const Json::Value record = Trail().front();
  EXPECT_EQ("alice", record["principal"].asString());
  EXPECT_EQ("upload.store", record["action"].asString());
  EXPECT_EQ("success", record["outcome"].asString());
  EXPECT_EQ(Log().front().studyInstanceUid, record["study_instance_uid"].asString());
  EXPECT_EQ(Log().front().id, record["detail"]["upload_id"].asString());
}

TEST_P(UploadsOn, AreInTheAuditTrailAlsoWhenTheyRunAsJobs)
{
  Uploader uploader(GetDatabase(), orthanc_, events_, folder_.Path().string(), OPTIONS);
  const UploadJob job = uploader.Begin(*AnUpload(), request_);
  ASSERT_EQ(1, Trail().size());
  EXPECT_EQ(job.id, Trail().front()["detail"]["job_id"].asString());

  TaskWorkers workers(GetDatabase());
  workers.Register(uploader.Task());
  workers.Start();
  EXPECT_TRUE(Testing::WaitUntil([&] { return Log().size() == 1; }));
  workers.Stop();
  ASSERT_EQ(2, Trail().size());
  const Json::Value record = Trail().front();
  EXPECT_EQ("alice", record["principal"].asString());
  EXPECT_EQ("192.0.2.7", record["remote_address"].asString());
  EXPECT_EQ("upload.store", record["action"].asString());
  EXPECT_EQ(Log().front().id, record["detail"]["upload_id"].asString());
}
}  // namespace
}  // namespace OrthancClinic::Intake
