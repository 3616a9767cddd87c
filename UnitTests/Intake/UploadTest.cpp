// SPDX-License-Identifier: GPL-3.0-or-later

#include <gmock/gmock.h>
#include <zip.h>

#include <fstream>

#include "Core/Configuration/Json.h"
#include "Core/DatabaseFixture.h"
#include "Core/Dicom/DicomScan.h"
#include "Core/Errors.h"
#include "Core/Rest/Router.h"
#include "Intake/TagEditor.h"
#include "Intake/UploadFiles.h"
#include "Intake/UploadStore.h"
#include "Support/DicomFile.h"
#include "Support/Files.h"

namespace OrthancClinic::Intake
{
MigrationScripts Migrations();

namespace
{
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<std::string> MODIFIABLE = {"PatientID", "PatientName", "AccessionNumber", "StudyDate"};

std::string BytesOf(const Testing::DicomFile& file)
{
  const Testing::TemporaryDirectory folder;
  return Testing::ReadFile(file.SaveIn(folder.Path()));
}

TEST(TagChanges, AreCheckedFieldByField)
{
  struct Case
  {
    const char* json;
    const char* field;
  };
  for (const Case& item :
       {Case{R"({"StudyInstanceUID": "1.2"})", "tag_modifications.StudyInstanceUID"},
        Case{R"({"PatientID": 5})", "tag_modifications.PatientID"},
        Case{R"({"PatientID": "a\\b"})", "tag_modifications.PatientID"},
        Case{R"({"PatientID": "a\nb"})", "tag_modifications.PatientID"},
        Case{R"({"AccessionNumber": "12345678901234567"})", "tag_modifications.AccessionNumber"},
        Case{R"({"StudyDate": "20260230"})", "tag_modifications.StudyDate"},
        Case{R"({"StudyDate": "2026-02-03"})", "tag_modifications.StudyDate"},
        Case{R"({"PatientName": "a=b=c=d"})", "tag_modifications.PatientName"},
        Case{R"([1])", "tag_modifications"}})
  {
    try
    {
      ReadTagChanges(JsonLiteral(item.json), MODIFIABLE);
      ADD_FAILURE() << item.json;
    }
    catch (const BadInput& error)
    {
      ASSERT_EQ(1, error.Fields().size()) << item.json;
      EXPECT_EQ(item.field, error.Fields().front().field);
    }
  }
  EXPECT_EQ(2, ReadTagChanges(JsonLiteral(R"({"PatientID": "é", "StudyDate": ""})"), MODIFIABLE).size());
}

TEST(EditDicom, KeepsWhatTheFileSaidBefore)
{
  Testing::DicomFile file("PX");
  file.Set("PatientID", "OLD").Set("PatientName", "Tremblay^Jean").Remove("AccessionNumber");
  const EditedDicom edited = EditDicom(
      BytesOf(file), {{"PatientID", "NEW"}, {"AccessionNumber", "A1"}, {"PatientName", "Tremblay^Jean"}});
  EXPECT_EQ((TagChanges{{"PatientID", "OLD"}, {"AccessionNumber", ""}}), edited.original);
  const DicomScan scan = ScanDicom(edited.dicom);
  EXPECT_EQ("NEW", scan.Text(0x00100020));
  EXPECT_EQ("A1", scan.Text(0x00080050)) << "an absent element is added";
  EXPECT_EQ(file.InstanceUid(), scan.Text(0x00080018));
  EXPECT_THAT(scan.problems, ::testing::IsEmpty());
  EXPECT_THAT(edited.dicom, HasSubstr("OLD"));

  const EditedDicom again = EditDicom(edited.dicom, {{"PatientID", "NEW"}});
  EXPECT_TRUE(again.original.empty());
  EXPECT_EQ(edited.dicom, again.dicom);
}

TEST(EditDicom, WritesInTheFilesCharacterSetOrElseInUtf8)
{
  Testing::DicomFile latin("PX");
  latin.Set("SpecificCharacterSet", "ISO_IR 100")
      .Set("PatientName", "Gagn\xE9^Zo\xEB")
      .Set("PatientComments", "\xE0");
  const EditedDicom kept = EditDicom(BytesOf(latin), {{"PatientName", "Bélanger^Noël"}});
  EXPECT_EQ("Gagné^Zoë", kept.original.at("PatientName"));
  EXPECT_EQ("ISO_IR 100", ScanDicom(kept.dicom).Text(0x00080005));
  EXPECT_EQ("B\xE9langer^No\xEBl", ScanDicom(kept.dicom).Text(0x00100010));

  const EditedDicom converted = EditDicom(BytesOf(latin), {{"PatientName", "Wang^Xiaodong=王^小东"}});
  EXPECT_EQ("ISO_IR 192", ScanDicom(converted.dicom).Text(0x00080005));
  EXPECT_EQ("Wang^Xiaodong=王^小东", ScanDicom(converted.dicom).Text(0x00100010));
  EXPECT_EQ("à", ScanDicom(converted.dicom).Text(0x00104000)) << "the other texts go with it";
}

TEST(EditDicom, GivesAFileWithoutPreambleOne)
{
  const std::string whole = BytesOf(Testing::DicomFile("PX"));
  const DicomScan scan = ScanDicom(CompleteMetaHeader(whole.substr(132)));
  EXPECT_TRUE(scan.hasPreamble);
  EXPECT_EQ("1.2.840.10008.1.2.1", scan.transferSyntax);
  EXPECT_THAT(scan.problems, ::testing::IsEmpty());
}

class UploadedArchive : public ::testing::Test
{
protected:
  void Add(const std::string& name, const std::string& bytes, const char* password = nullptr)
  {
    files_.emplace_back(name, bytes, password == nullptr ? "" : password);
  }

  // The archive between other bytes, as it lies in a spool file.
  void Write()
  {
    const std::string zipped = (folder_.Path() / "a.zip").string();
    zip_t* zip = zip_open(zipped.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
    for (const auto& [name, bytes, password] : files_)
    {
      if (name.ends_with('/'))
      {
        zip_dir_add(zip, name.c_str(), ZIP_FL_ENC_UTF_8);
        continue;
      }
      const auto index = zip_file_add(
          zip, name.c_str(), zip_source_buffer(zip, bytes.data(), bytes.size(), 0), ZIP_FL_ENC_UTF_8);
      if (!password.empty())
      {
        zip_file_set_encryption(zip, static_cast<zip_uint64_t>(index), ZIP_EM_AES_256, password.c_str());
      }
    }
    zip_close(zip);
    archive_ = Testing::ReadFile(zipped);
    std::ofstream(path_, std::ios::binary) << "before" << archive_ << "after";
  }

  std::vector<UploadedPart> Parts() const
  {
    return {{.fileName = "a.zip", .offset = 6, .size = archive_.size()}};
  }

  const Testing::TemporaryDirectory folder_;
  const std::string path_ = (folder_.Path() / "spool").string();
  std::vector<std::tuple<std::string, std::string, std::string>> files_;
  std::string archive_;
  Options options_{.largestFile = 1000, .mostFiles = 3, .largestUpload = 5000};
};

TEST_F(UploadedArchive, GivesItsFilesAndNotItsFolders)
{
  Add("CD/", "");
  Add("CD/../../IM 1é", std::string(900, 'a'));
  Add("secret", "x", "password");
  Add("big", std::string(1001, 'a'));
  Write();
  UploadFiles files(path_, Parts(), options_);
  ASSERT_EQ(3, files.Size());
  EXPECT_EQ("CD/../../IM 1é", files.Name(0));
  EXPECT_EQ(std::string(900, 'a'), files.Read(0));
  EXPECT_THROW(files.Read(1), BadInput);
  EXPECT_THROW(files.Read(2), TooLarge);
}

TEST_F(UploadedArchive, IsRefusedWhenItHoldsTooMuch)
{
  for (int i = 0; i < 6; i++)
  {
    Add("file" + std::to_string(i), std::string(900, 'a'));
  }
  Write();
  EXPECT_THROW(UploadFiles(path_, Parts(), options_), TooLarge) << "a bomb: it says itself how large it is";
  options_.largestUpload = 10'000;
  EXPECT_NO_THROW(UploadFiles(path_, Parts(), options_)) << "what is no DICOM does not count";
  for (int i = 0; i < 4; i++)
  {
    Add("image" + std::to_string(i), std::string(128, '\0') + "DICM");
  }
  Write();
  EXPECT_THROW(UploadFiles(path_, Parts(), options_), BadInput);
}

TEST_F(UploadedArchive, GivesTheOtherFilesOfOneThatIsDamaged)
{
  const std::string image = BytesOf(Testing::DicomFile("PX")).substr(0, 800);
  Add("bad", image);
  Add("good", image);
  Write();
  const size_t data = archive_.find("bad") + 3;
  archive_.replace(data, 8, std::string(8, '\xFF'));
  std::ofstream(path_, std::ios::binary) << "before" << archive_;
  UploadFiles files(path_, Parts(), options_);
  ASSERT_EQ(2, files.Size());
  EXPECT_THROW(files.Read(0), BadInput);
  EXPECT_EQ(image, files.Read(1));
}

TEST_F(UploadedArchive, MayHoldAnyNumberOfSmallFilesThatAreNoDicom)
{
  for (int i = 0; i < 5; i++)
  {
    Add("icon" + std::to_string(i), "GIF89a");
  }
  Write();
  EXPECT_EQ(5, UploadFiles(path_, Parts(), options_).Size());
}

TEST_F(UploadedArchive, ThatIsDamagedGivesAnErrorAndNoCrash)
{
  Add("one", std::string(500, 'a'));
  Add("two", BytesOf(Testing::DicomFile("PX")).substr(0, 800));
  Write();
  const std::string whole = archive_;
  for (size_t at = 0; at < whole.size(); at++)
  {
    archive_ = whole;
    archive_[at] = static_cast<char>(archive_[at] ^ 0xFF);
    std::ofstream(path_, std::ios::binary) << "before" << archive_;
    try
    {
      UploadFiles files(path_, Parts(), options_);
      for (size_t i = 0; i < files.Size(); i++)
      {
        try
        {
          files.Read(i);
        }
        catch (const Error&)
        {
          continue;
        }
      }
    }
    catch (const Error&)
    {
      continue;
    }
  }
}

class UploadStoreTest : public Testing::DatabaseTest
{
};

ON_BOTH_DATABASES(UploadStoreTest);

TEST_P(UploadStoreTest, FindsWhatWasUploaded)
{
  GetDatabase().Migrate("intake", Migrations());
  Transaction transaction(GetDatabase());
  UploadStore store(transaction);
  UploadEntry entry{.id = "u1",
                    .practiceId = "default",
                    .patientId = "p1",
                    .studyInstanceUid = "1.2.3",
                    .orthancStudyId = "s1",
                    .uploadedBy = "alice",
                    .status = "uploaded",
                    .uploadedAt = Now()};
  entry.document["patient_name"] = "Tremblay^Jean-François";
  store.Insert(entry);
  entry.id = "u2";
  entry.practiceId = "north";
  entry.patientId = "p2";
  entry.document["patient_name"] = "Gagné^Zoé";
  store.Insert(entry);

  EXPECT_EQ(2, store.Search({}).second);
  EXPECT_EQ("u2", store.Search({.text = "gagne zo"}).first.at(0).id);
  EXPECT_EQ(0, store.Search({.text = "rembl"}).second);
  EXPECT_EQ("u1", store.Search({.practices = "default"}).first.at(0).id);
  EXPECT_EQ(1, store.Search({.patientId = "p2"}).second);
  EXPECT_EQ(2, store.Search({.uploadedBy = "alice", .limit = 1}).second);
  store.MarkDeleted("s1", "a duplicate");
  const auto deleted = ToJson(store.Search({.id = "u1"}).first.at(0));
  EXPECT_EQ("deleted", deleted["upload_status"].asString());
  EXPECT_EQ("a duplicate", deleted["deletion_reason"].asString());
}

TEST_P(UploadStoreTest, RemembersAJobFileByFile)
{
  GetDatabase().Migrate("intake", Migrations());
  Transaction transaction(GetDatabase());
  UploadStore store(transaction);
  UploadJob job{.id = "j1",
                .practiceId = "default",
                .owner = "alice",
                .file = "j1.upload",
                .total = 2,
                .createdAt = Now()};
  store.InsertJob(job);
  store.PutJobResult("j1", 1, JsonLiteral(R"({"status": "stored"})"));
  store.PutJobResult("j1", 1, JsonLiteral(R"({"status": "already_stored"})"));
  EXPECT_EQ(1, store.JobResults("j1").size());
  EXPECT_THAT(store.JobFiles(), ElementsAre("j1.upload"));
  job.state = "completed";
  job.completedAt = Now();
  store.UpdateJob(job);
  EXPECT_TRUE(store.FindJob("j1")->IsOver());
  EXPECT_TRUE(store.JobFiles().empty());
  store.ForgetJobs(Now() + std::chrono::seconds(1));
  EXPECT_FALSE(store.FindJob("j1"));
  EXPECT_TRUE(store.JobResults("j1").empty());
}
}  // namespace
}  // namespace OrthancClinic::Intake
