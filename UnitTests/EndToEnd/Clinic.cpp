// SPDX-License-Identifier: GPL-3.0-or-later

#include "EndToEnd/Clinic.h"

#include <gtest/gtest.h>

#include <ctime>
#include <map>

#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
Json::Value Person(const std::string& id, const std::string& family, const std::string& given,
                   const std::string& birthDate, const std::string& sex, const std::string& mrn)
{
  Json::Value name;
  name["use"] = "official";
  name["family"] = family;
  name["given"] = given;
  Json::Value person;
  person["id"] = id;
  person["practice_id"] = "default";
  person["kind"] = "patient";
  person["names"].append(name);
  person["birth_date"] = birthDate;
  person["sex"] = sex;
  person["identifiers"] = Json::arrayValue;
  if (!mrn.empty())
  {
    Json::Value identifier;
    identifier["value"] = mrn;
    identifier["issuer"] = "CLINIC";
    identifier["type"] = "mrn";
    person["identifiers"].append(identifier);
  }
  return person;
}

DicomFile ImageOf(const std::string& name, const std::string& birthDate, const std::string& sex,
                  const std::string& patientId, const std::string& modality)
{
  DicomFile image(modality);
  image.Set("PatientName", name).Set("PatientBirthDate", birthDate).Set("PatientSex", sex);
  if (!patientId.empty())
  {
    image.Set("PatientID", patientId).Set("IssuerOfPatientID", "CLINIC");
  }
  return image;
}

std::string LocalDay(int days, const char* format)
{
  setenv("TZ", "America/Toronto", 1);
  tzset();
  const time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  local.tm_mday += days;
  local.tm_hour = 12;  // not every day has 24 hours
  local.tm_isdst = -1;
  std::mktime(&local);
  char text[32];
  std::strftime(text, sizeof(text), format, &local);
  unsetenv("TZ");
  tzset();
  return text;
}

void Clinic::PutPractice(const Json::Value& practice) const
{
  const HttpAnswer answer = Http().Put("/api/v1/practices/" + practice["id"].asString(), practice);
  EXPECT_TRUE(answer.status == 200 || answer.status == 201) << answer.status << " " << answer.body;
}

void Clinic::PutPatient(const Json::Value& patient) const
{
  const HttpAnswer answer = Http().Put("/api/v1/patients/" + patient["id"].asString(), patient);
  EXPECT_TRUE(answer.status == 200 || answer.status == 201) << answer.status << " " << answer.body;
}

void Clinic::PutPatients(const Json::Value& patients) const
{
  Json::Value batch;
  batch["patients"] = patients;
  const HttpAnswer answer = Http().Post("/api/v1/patients/batch", batch);
  ASSERT_EQ(200, answer.status) << answer.body;
  const Json::Value results = answer.Json()["results"];
  EXPECT_EQ(patients.size(), results.size());
  for (const Json::Value& result : results)
  {
    EXPECT_NE("failed", result["status"].asString()) << JsonText(result);
  }
}

std::string Clinic::Send(const DicomFile& image, const std::string& callingAe,
                         const std::string& calledAe) const
{
  const std::filesystem::path file = image.SaveIn(images_.Path());
  const StoreResult result = orthanc_.Store({file}, callingAe, calledAe);
  EXPECT_EQ(1u, result.acknowledged.size()) << result.output;
  return image.StudyUid();
}

Json::Value Clinic::Study(const std::string& uid) const
{
  const HttpAnswer answer = Http().Get("/api/v1/studies/" + uid);
  EXPECT_TRUE(answer.status == 200 || answer.status == 404) << answer.status << " " << answer.body;
  return answer.status == 200 ? answer.Json() : Json::Value();
}

Json::Value Clinic::Decided(const std::string& uid) const
{
  Json::Value study;
  const bool decided = WaitUntil(
      [&]
      {
        study = Study(uid);
        return !study.isNull() && study["match"]["status"] != "pending";
      });
  EXPECT_TRUE(decided) << JsonText(study);
  return study;
}

Json::Value Clinic::Becomes(const std::string& uid, const std::string& status,
                            const std::string& patientId) const
{
  Json::Value study;
  const bool became = WaitUntil(
      [&]
      {
        study = Study(uid);
        return !study.isNull() && study["match"]["status"] == status &&
               study["match"].get("patient_id", "").asString() == patientId;
      });
  EXPECT_TRUE(became) << "expected " << status << " " << patientId << ", is " << JsonText(study);
  return study;
}

std::vector<Json::Value> Clinic::All(const std::string& path) const
{
  std::vector<Json::Value> items;
  for (;;)
  {
    const HttpAnswer answer = Http().Get(path + (path.find('?') == std::string::npos ? "?" : "&") +
                                         "limit=1000&offset=" + std::to_string(items.size()));
    if (answer.status != 200)
    {
      ADD_FAILURE() << path << ": " << answer.status << " " << answer.body;
      return items;
    }
    const Json::Value page = answer.Json();
    items.insert(items.end(), page["items"].begin(), page["items"].end());
    if (page["items"].empty() || items.size() >= page["total"].asUInt64())
    {
      return items;
    }
  }
}

std::vector<Json::Value> Clinic::Events() const
{
  std::vector<Json::Value> events;
  for (;;)
  {
    const int64_t since = events.empty() ? 0 : events.back()["id"].asInt64();
    const HttpAnswer answer = Http().Get("/api/v1/events?limit=1000&since=" + std::to_string(since));
    EXPECT_EQ(200, answer.status) << answer.body;
    const Json::Value items = answer.status == 200 ? answer.Json()["items"] : Json::Value();
    if (items.empty())
    {
      return events;
    }
    events.insert(events.end(), items.begin(), items.end());
  }
}

int Clinic::CountTasks(const std::string& query) const
{
  const HttpAnswer answer = Http().Get("/api/v1/tasks?" + query);
  EXPECT_EQ(200, answer.status) << answer.body;
  return answer.status == 200 ? answer.Json()["total"].asInt() : -1;
}

std::string Clinic::Disagreement() const
{
  std::map<std::string, unsigned> stored;  // study → its instances in Orthanc
  for (const Json::Value& study : Http().Get("/studies?expand").Json())
  {
    const std::string id = study["ID"].asString();
    stored[study["MainDicomTags"]["StudyInstanceUID"].asString()] =
        Http().Get("/studies/" + id + "/statistics").Json()["CountInstances"].asUInt();
  }
  std::map<std::string, int> seen;
  for (const Json::Value& study : All("/api/v1/studies"))
  {
    const std::string uid = study["study_instance_uid"].asString();
    if (++seen[uid] > 1)
    {
      return "two records of the study " + uid;
    }
    if (!stored.contains(uid))
    {
      return "Orthanc does not have the study " + uid;
    }
    if (study["number_of_instances"].asUInt() != stored[uid])
    {
      return "instances of the study " + uid + ": " + study["number_of_instances"].asString() +
             ", Orthanc has " + std::to_string(stored[uid]);
    }
    if (study["match"]["status"] == "pending")
    {
      return "not decided: " + uid;
    }
  }
  if (seen.size() != stored.size())
  {
    return std::to_string(seen.size()) + " studies are known, Orthanc has " + std::to_string(stored.size());
  }
  return CountTasks("kind=match.study") == 0 ? "" : "tasks are left over";
}

void Clinic::ExpectComplete(const std::vector<std::filesystem::path>& acknowledged,
                            std::chrono::seconds timeout) const
{
  std::string disagreement;
  WaitUntil([&] { return (disagreement = Disagreement()).empty(); }, timeout);
  EXPECT_EQ("", disagreement);
  EXPECT_EQ(0, CountTasks("state=dead"));

  for (const std::filesystem::path& file : acknowledged)
  {
    const Json::Value found = Http().Call("POST", "/tools/lookup", file.stem().string()).Json();
    EXPECT_EQ(1u, found.size()) << "acknowledged, and lost: " << file.stem();
  }

  std::map<std::string, int> received;
  std::map<std::string, int> decided;
  for (const Json::Value& event : Events())
  {
    const std::string type = event["type"].asString();
    const std::string uid = event["data"]["study_instance_uid"].asString();
    received[uid] += type == "study.received" ? 1 : 0;
    decided[uid] += type == "study.matched" || type == "study.unmatched" || type == "study.review" ? 1 : 0;
  }
  for (const Json::Value& study : All("/api/v1/studies"))
  {
    const std::string uid = study["study_instance_uid"].asString();
    EXPECT_EQ(1, received[uid]) << uid;
    EXPECT_EQ(1, decided[uid]) << uid;
  }
}
}  // namespace OrthancClinic::Testing
