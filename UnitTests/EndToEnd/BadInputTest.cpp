// SPDX-License-Identifier: GPL-3.0-or-later
//
// Images whose patient attributes are missing, wrong or hostile: stored, filed as unmatched, never lost,
// never a crash. And the rest of Orthanc is as it was before our plugins came.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "EndToEnd/Clinic.h"

namespace OrthancClinic::Testing
{
namespace
{
struct Case
{
  std::string name;
  std::function<void(DicomFile&)> spoil;
};

std::ostream& operator<<(std::ostream& stream, const Case& value)
{
  return stream << value.name;
}

// What is done to a valid image of a person unknown to the clinic. (Orthanc itself refuses a PatientID of
// more than about 256 bytes.)
const Case kCases[] = {
    {"NoPatientAttributes",
     [](DicomFile& image)
     {
       for (const char* element : {"PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyDate",
                                   "StudyTime", "AccessionNumber", "StudyID", "ReferringPhysicianName"})
       {
         image.Remove(element);
       }
     }},
    {"NoPatientId", [](DicomFile& image) { image.Remove("PatientID"); }},
    {"NoName", [](DicomFile& image) { image.Remove("PatientName"); }},
    {"OnlySeparatorsAsName", [](DicomFile& image) { image.Set("PatientName", "^^^^=^^=="); }},
    {"TooManyComponents", [](DicomFile& image) { image.Set("PatientName", "a^b^c^d^e^f^g=h=i=j=k\\l\\m"); }},
    {"GarbageBirthDate", [](DicomFile& image) { image.Set("PatientBirthDate", "99999999"); }},
    {"BirthDateInWords", [](DicomFile& image) { image.Set("PatientBirthDate", "1er janvier 1985"); }},
    {"NegativeStudyDate",
     [](DicomFile& image) { image.Set("StudyDate", "-0010101").Set("StudyTime", "25:61"); }},
    {"UnknownSex", [](DicomFile& image) { image.Set("PatientSex", "<M>"); }},
    {"Latin1BytesSaidToBeUtf8", [](DicomFile& image) { image.Set("PatientName", "C\xF4t\xE9^\xC9ric"); }},
    {"Utf8BytesWithoutCharacterSet",
     [](DicomFile& image) { image.Remove("SpecificCharacterSet").Set("PatientName", "Côté^Éric"); }},
    {"UnknownCharacterSet", [](DicomFile& image)
     { image.Set("SpecificCharacterSet", "ISO_IR 999").Set("PatientName", "C\xF4t\xE9"); }},
    {"BrokenEscapeSequences",
     [](DicomFile& image)
     {
       image.Set("SpecificCharacterSet", "\\ISO 2022 IR 87")
           .Set("PatientName", "Yamada^Tarou=\x1B$B;3\x1B=\x1B(");
     }},
    {"ControlCharacters", [](DicomFile& image)
     { image.Set("PatientName", "Do\x01\x07\x1F^J\ta\r\nne\x7F").Set("PatientID", "4\x02\x03"); }},
    {"OverlongNameAndId",
     [](DicomFile& image)
     {
       image.Set("PatientName", std::string(60000, 'N') + "^" + std::string(5000, 'G'));
       image.Set("PatientID", std::string(250, '7'));
     }},
    {"Sql", [](DicomFile& image)
     { image.Set("PatientName", "Robert'); DROP TABLE studies;--").Set("PatientID", "' OR '1'='1"); }},
    {"Html", [](DicomFile& image) { image.Set("PatientName", "<script>alert(1)</script>^\"&amp;"); }},
    {"OtherIdsWithoutContent",
     [](DicomFile& image) {
       image.AddItem("OtherPatientIDsSequence", {}).AddItem("OtherPatientIDsSequence", {{"PatientID", ""}});
     }},
};

class BadInput : public ::testing::TestWithParam<Case>
{
};

TEST_P(BadInput, IsFiledAsUnmatched)
{
  Clinic clinic;
  clinic.PutPatient(Person("p1", "Khoury", "Nour", "1996-05-28", "F", "4720"));
  DicomFile bad = ImageOf("Vandenberghe^Wouter", "19440302", "M", "X-99812");
  GetParam().spoil(bad);

  const Json::Value match = clinic.Decided(clinic.Send(bad))["match"];

  EXPECT_EQ("unmatched", match["status"].asString()) << JsonText(match);
  EXPECT_EQ("", match.get("patient_id", "").asString());
  // And the next modality's image goes its way.
  clinic.Becomes(clinic.Send(ImageOf("Khoury^Nour", "19960528", "F", "4720")), "matched", "p1");
  EXPECT_EQ(200, clinic.Http().Get("/api/v1/studies").status);
  EXPECT_EQ(0, clinic.CountTasks("state=dead"));
}

INSTANTIATE_TEST_SUITE_P(Images, BadInput, ::testing::ValuesIn(kCases),
                         [](const ::testing::TestParamInfo<Case>& test) { return test.param.name; });

TEST(Orthanc, KeepsItsCustomDictionary)
{
  Json::Value configuration;
  Json::Value& entry = configuration["Dictionary"]["4321,1012"];
  entry.append("LO");
  entry.append("ClinicCustomTag");
  entry.append(1);
  entry.append(1);
  Clinic clinic({.configuration = configuration});
  Json::Value create;
  create["Tags"]["PatientName"] = "Khoury^Nour";
  create["Tags"]["ClinicCustomTag"] = "kept";

  const HttpAnswer answer = clinic.Http().Post("/tools/create-dicom", create);

  ASSERT_EQ(200, answer.status) << answer.body;
  const std::string id = answer.Json()["ID"].asString();
  EXPECT_EQ("kept",
            clinic.Http().Get("/instances/" + id + "/simplified-tags").Json()["ClinicCustomTag"].asString());
}

TEST(Orthanc, RefusesToStartWithAMisspeltOption)
{
  Json::Value configuration;
  configuration["Clinic"]["Matchin"] = Json::objectValue;

  try
  {
    Clinic clinic({.configuration = configuration});
    FAIL() << "it started";
  }
  catch (const std::runtime_error& error)
  {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("Clinic.Matchin"));
  }
}
}  // namespace
}  // namespace OrthancClinic::Testing
