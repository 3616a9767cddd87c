// SPDX-License-Identifier: GPL-3.0-or-later
//
// Records of studies that come, go and come back while somebody looks.

#include "Core/Feed/StudyRecorder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>

#include "Core/DatabaseFixture.h"
#include "Core/Records/StudyStore.h"
#include "Support/EmptyOrthanc.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
// An Orthanc that has one study ("study") with one image, or nothing.
class OrthancOfOneStudy : public EmptyOrthanc
{
public:
  std::atomic<bool> hasStudy = true;
  std::function<void(const std::string& path)> meanwhile;  // runs while it answers what was true before

  Json::Value Get(const std::string& path) override
  {
    const bool had = hasStudy;
    if (meanwhile)
    {
      meanwhile(path);
    }
    if (path == "/studies")
    {
      Json::Value all = Json::arrayValue;
      if (had)
      {
        all.append("study");
      }
      return all;
    }
    if (!had)
    {
      throw NotFound(path);
    }
    Json::Value answer;
    if (path == "/instances/image")
    {
      answer["ParentSeries"] = "series";
    }
    else if (path == "/series/series")
    {
      answer["ParentStudy"] = "study";
      answer["MainDicomTags"]["Modality"] = "PX";
      answer["Instances"].append("image");
    }
    else if (path == "/studies/study")
    {
      answer["MainDicomTags"]["StudyInstanceUID"] = "1.2.3";
      answer["Series"].append("series");
    }
    else if (path == "/studies/study/statistics")
    {
      answer["CountSeries"] = 1;
      answer["CountInstances"] = 1;
      answer["DicomUncompressedSize"] = "1000";
    }
    else if (path == "/instances/image/simplified-tags")
    {
      answer["SpecificCharacterSet"] = "ISO_IR 192";
      answer["PatientName"] = "Cote^Amelie";
    }
    else if (path == "/instances/image/metadata?expand")
    {
      answer["Origin"] = "DicomProtocol";
    }
    else
    {
      throw NotFound(path);
    }
    return answer;
  }
};

class StudyRecorderOn : public DatabaseTest
{
protected:
  void SetUp() override
  {
    DatabaseTest::SetUp();
    recorder_ = Recorder(std::chrono::hours(1));
  }

  std::unique_ptr<StudyRecorder> Recorder(Milliseconds quiet)
  {
    return std::make_unique<StudyRecorder>(GetDatabase(), orthanc_, events_,
                                           StudyRecorder::QuietPeriods{{}, quiet});
  }

  std::function<void(Transaction&)> Read()
  {
    return recorder_->Read({{++sequence_, "NewInstance", "image"}});
  }

  void Write(const std::function<void(Transaction&)>& write)
  {
    Transaction transaction(GetDatabase());
    write(transaction);
    transaction.Commit();
  }

  std::vector<Task> Tasks(const std::string& kind)
  {
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    return TaskStore(transaction).List(kind, "", 10, 0).first;
  }

  // Runs a task of the study until it has ended or waits for later.
  void Run(TaskKind kind)
  {
    kind.firstDelay = Milliseconds(10);
    TaskWorkers workers(GetDatabase());
    const std::string name = kind.name;
    workers.Register(std::move(kind));
    WithStore<TaskStore>([&](TaskStore& store) { store.Enqueue(name, "study"); });
    workers.Start();
    EXPECT_TRUE(WaitUntil(
        [&]
        {
          const auto tasks = Tasks(name);
          return tasks.empty() ||
                 (tasks[0].state == TaskState::Due && tasks[0].dueAt > Now() + std::chrono::minutes(1));
        }));
  }

  std::optional<Study> Recorded()
  {
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    return StudyStore(transaction).FindByOrthancId("study");
  }

  size_t CountEvents(const std::string& type)
  {
    Transaction transaction(GetDatabase(), Transaction::Mode::ReadOnly);
    return EventLog::Since(transaction, 0, type, 100).size();
  }

  OrthancOfOneStudy orthanc_;
  EventLog events_;
  std::unique_ptr<StudyRecorder> recorder_;

private:
  int64_t sequence_ = 0;
};

ON_BOTH_DATABASES(StudyRecorderOn);

TEST_P(StudyRecorderOn, ForgetsAStudyThatIsGone)
{
  Write(Read());
  ASSERT_TRUE(Recorded());
  orthanc_.hasStudy = false;

  Run(recorder_->ForgetTask());

  EXPECT_FALSE(Recorded());
  EXPECT_EQ(1U, CountEvents("study.deleted"));
}

TEST_P(StudyRecorderOn, KeepsAStudyThatComesBackWhileItIsBeingForgotten)
{
  Write(Read());
  orthanc_.hasStudy = false;
  orthanc_.meanwhile = [&](const std::string&)
  {
    orthanc_.meanwhile = nullptr;
    orthanc_.hasStudy = true;
    Write(Read());
  };

  Run(recorder_->ForgetTask());

  EXPECT_TRUE(Recorded());
  EXPECT_EQ(0U, CountEvents("study.deleted"));
}

TEST_P(StudyRecorderOn, ReadsAStudyAgainThatWasForgottenWhileItWasRead)
{
  Write(Read());
  const auto stale = Read();
  WithStore<StudyStore>([](StudyStore& store) { store.Delete("study"); });

  EXPECT_THROW(Write(stale), Unavailable);
  Write(Read());

  EXPECT_TRUE(Recorded());
}

TEST_P(StudyRecorderOn, SweepsPastAStudyThatIsForgottenMeanwhile)
{
  Write(Read());
  orthanc_.meanwhile = [&](const std::string& path)
  {
    if (path.ends_with("/statistics"))
    {
      WithStore<StudyStore>([](StudyStore& store) { store.Delete("study"); });
    }
  };

  recorder_->Sweep(SweepDepth::Content, false);

  EXPECT_FALSE(Recorded()) << "its images are in the change log, if it came back";
}

TEST_P(StudyRecorderOn, SettlesAStudyOnceHoweverOftenItLooks)
{
  recorder_ = Recorder(Milliseconds(0));
  Write(Read());

  Run(recorder_->SettleTask());
  Run(recorder_->SettleTask());

  EXPECT_EQ(1U, CountEvents("study.settled"));
}

TEST_P(StudyRecorderOn, SettlesNoStudyBeforeItsTimeThoughSomebodyRunsTheTask)
{
  Write(Read());

  Run(recorder_->SettleTask());

  EXPECT_EQ(0U, CountEvents("study.settled"));
  EXPECT_EQ(1U, Tasks("settle.study").size()) << "it waits";
}
}  // namespace
}  // namespace OrthancClinic::Testing
