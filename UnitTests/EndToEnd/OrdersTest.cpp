// SPDX-License-Identifier: GPL-3.0-or-later
//
// Orders over REST, and how real images find theirs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "EndToEnd/Clinic.h"
#include "Support/PostgresServer.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

// Orders and images are of one day, also if midnight comes between them.
constexpr const char* ORDERED_DATE = "2026-02-08T15:00:00Z";
constexpr const char* STUDY_DATE = "20260208";

class Orders : public ::testing::Test
{
protected:
  Orders()
  {
    clinic_.PutPatient(Person("p1", "Tremblay", "Jean-François", "1985-01-01", "M", "4711"));
    clinic_.PutPatient(Person("p2", "Khoury", "Nour", "1996-05-28", "F", "4712"));
  }

  static Json::Value Configuration()
  {
    Json::Value configuration;
    configuration["Clinic"]["Studies"]["QuietSeconds"] = 1;
    configuration["Clinic"]["Studies"]["QuietSecondsByModality"] = Json::objectValue;
    return configuration;
  }

  HttpAnswer Post(const std::string& path, const Json::Value& body) const
  {
    return clinic_.Http().Post(path, body);
  }

  Json::Value Create(const std::string& patient, const std::string& modality,
                     Json::Value body = Json::objectValue) const
  {
    body["patient_id"] = patient;
    body["modality_id"] = modality;
    if (!body.isMember("ordered_date"))
    {
      body["ordered_date"] = ORDERED_DATE;
    }
    const HttpAnswer answer = Post("/api/v1/orders/", body);
    EXPECT_EQ(201, answer.status) << answer.body;
    return answer.Json();
  }

  Json::Value Get(const std::string& id) const { return clinic_.Http().Get("/api/v1/orders/" + id).Json(); }

  long SetStatus(const std::string& id, const std::string& status) const
  {
    Json::Value body;
    body["status"] = status;
    return clinic_.Http().Put("/api/v1/orders/" + id + "/status", body).status;
  }

  // An image of p1.
  static DicomFile Image(const std::string& modality = "DX")
  {
    DicomFile image = ImageOf("Tremblay^Jean-François", "19850101", "M", "4711", modality);
    image.Set("StudyDate", STUDY_DATE);
    return image;
  }

  Json::Value WaitForReview(const std::string& uid) const
  {
    Json::Value study;
    EXPECT_TRUE(WaitUntil(
        [&]
        {
          study = clinic_.Study(uid);
          return study.isMember("order_review");
        }))
        << JsonText(study);
    return study;
  }

  std::string LinkedTo(const std::string& uid, const std::string& orderId) const
  {
    std::string linkedBy;
    EXPECT_TRUE(WaitUntil(
        [&]
        {
          const Json::Value orders = clinic_.Study(uid)["orders"];
          for (const Json::Value& order : orders)
          {
            if (order["order_id"] == orderId)
            {
              linkedBy = order["linked_by"].asString();
            }
          }
          return !linkedBy.empty();
        }))
        << JsonText(clinic_.Study(uid));
    return linkedBy;
  }

  // Nothing more happens to links. Each of these tasks may leave one of a later kind.
  void Settle() const
  {
    EXPECT_TRUE(WaitUntil(
        [&]
        {
          return clinic_.CountTasks("kind=settle.study") == 0 &&
                 clinic_.CountTasks("kind=match.study") == 0 && clinic_.CountTasks("kind=link.order") == 0 &&
                 clinic_.CountTasks("kind=link.study") == 0;
        }));
  }

  Clinic clinic_{OrthancServer::Options{.configuration = Configuration()}};
};

TEST_F(Orders, AreCreatedWithTheirNumbers)
{
  Json::Value body;
  body["priority"] = "urgent";
  body["clinical_indication"] = "Douleur thoracique";
  body["body_part_id"] = "CHEST";
  body["num_views"] = 2;
  const Json::Value order = Create("p1", "XRAY", body);

  EXPECT_THAT(order["order_number"].asString(), MatchesRegex("ORD-[0-9]{4}-00001"));
  EXPECT_THAT(order["accession_number"].asString(), MatchesRegex("ACC-[0-9]{4}-00001"));
  EXPECT_EQ("IMAGING", order["order_type"].asString());
  EXPECT_EQ("ordered", order["status"].asString());
  EXPECT_EQ("requested", order["state"].asString());
  EXPECT_EQ("XRAY", order["order_details"]["modality_id"].asString());
  EXPECT_EQ("CHEST", order["order_details"]["body_part_id"].asString());
  EXPECT_EQ(2, order["order_details"]["num_views"].asInt());
  EXPECT_EQ("Tremblay", order["patient"]["names"][0]["family"].asString());
  EXPECT_TRUE(order["study_instance_uid"].isNull()) << "no images yet";
  EXPECT_THAT(order["worklist_study_instance_uid"].asString(), MatchesRegex("2\\.25\\.[1-9][0-9]*"));
  for (const char* field : {"id",
                            "visit_id",
                            "ordered_by",
                            "ordered_date",
                            "special_instructions",
                            "notes",
                            "scheduled_date",
                            "scheduled_location",
                            "performing_user_id",
                            "performed_date",
                            "reporting_user_id",
                            "reported_date",
                            "report_text",
                            "findings",
                            "impression",
                            "result_status",
                            "orthanc_study_id",
                            "study_date",
                            "study_time",
                            "modality",
                            "number_of_series",
                            "number_of_instances",
                            "number_of_images",
                            "uploaded_by_id",
                            "uploaded_at",
                            "upload_source",
                            "dicom_upload_date",
                            "cancelled_date",
                            "cancellation_reason",
                            "created_at",
                            "updated_at"})
  {
    EXPECT_TRUE(order.isMember(field)) << field;
  }

  EXPECT_EQ(404, Post("/api/v1/orders/",
                      []
                      {
                        Json::Value unknown;
                        unknown["patient_id"] = "nobody";
                        return unknown;
                      }())
                     .status);
  EXPECT_EQ(422, Post("/api/v1/orders/", Json::objectValue).status);
}

TEST_F(Orders, AreFoundInEachWay)
{
  Json::Value body;
  body["visit_id"] = "v1";
  body["accession_number"] = "EHR-7";
  const Json::Value first = Create("p1", "XRAY", body);
  Json::Value later;
  later["ordered_date"] = "2026-02-08T16:00:00Z";
  const Json::Value second = Create("p2", "CT", later);
  const HttpClient http = clinic_.Http();
  const auto ids = [&](const std::string& path)
  {
    std::vector<std::string> result;
    const HttpAnswer answer = http.Get(path);
    EXPECT_EQ(200, answer.status) << path << answer.body;
    const Json::Value list = answer.Json();
    for (const Json::Value& order : list)
    {
      result.push_back(order["id"].asString());
    }
    return result;
  };
  const std::string one = first["id"].asString();
  const std::string other = second["id"].asString();

  EXPECT_THAT(ids("/api/v1/orders/"), ElementsAre(other, one));
  EXPECT_EQ("2", http.Get("/api/v1/orders?limit=1").headers.at("x-total-count"));
  EXPECT_THAT(ids("/api/v1/orders?skip=1"), ElementsAre(one));
  EXPECT_THAT(ids("/api/v1/orders?modality_id=CT&status=ordered"), ElementsAre(other));
  EXPECT_THAT(ids("/api/v1/orders?status=completed"), ElementsAre());
  EXPECT_THAT(ids("/api/v1/orders/patient/p1"), ElementsAre(one));
  EXPECT_THAT(ids("/api/v1/orders/visit/v1"), ElementsAre(one));
  EXPECT_EQ(one, http.Get("/api/v1/orders/search/accession/EHR-7").Json()["id"].asString());
  EXPECT_EQ(
      other,
      http.Get("/api/v1/orders/search/number/" + second["order_number"].asString()).Json()["id"].asString());
  EXPECT_EQ(404, http.Get("/api/v1/orders/search/accession/none").status);
  EXPECT_GE(http.Get("/api/v1/orders/modalities/list").Json().size(), 6u);
  EXPECT_GE(http.Get("/api/v1/orders/body-parts/list").Json().size(), 10u);

  Json::Value taken;
  taken["patient_id"] = "p2";
  taken["accession_number"] = "EHR-7";
  EXPECT_EQ(409, Post("/api/v1/orders", taken).status);
}

TEST_F(Orders, MoveOnlyForward)
{
  const std::string id = Create("p1", "XRAY")["id"].asString();

  EXPECT_EQ(409, SetStatus(id, "completed")) << "without images";
  EXPECT_EQ(409, SetStatus(id, "reported"));
  EXPECT_EQ(200, SetStatus(id, "scheduled"));
  EXPECT_EQ(409, SetStatus(id, "ordered"));
  EXPECT_EQ(422, SetStatus(id, "lost"));
  EXPECT_EQ(200, SetStatus(id, "in_progress"));
  Json::Value report;
  report["report_text"] = "Pas d'anomalie visible sur les deux incidences.";
  EXPECT_EQ(409, Post("/api/v1/orders/" + id + "/report", report).status);
  EXPECT_EQ(200, SetStatus(id, "completed"));
  EXPECT_EQ("acquired", Get(id)["state"].asString());
  Json::Value poor;
  poor["report_text"] = "rien";
  EXPECT_EQ(422, Post("/api/v1/orders/" + id + "/report", poor).status);
  report["findings"] = "short";
  EXPECT_EQ(422, Post("/api/v1/orders/" + id + "/report", report).status);
  report["findings"] = "Aucun foyer, aucun épanchement.";
  EXPECT_EQ(200, Post("/api/v1/orders/" + id + "/report", report).status);
  EXPECT_EQ("reported", Get(id)["status"].asString());
  EXPECT_EQ(200, SetStatus(id, "completed"));
  EXPECT_EQ("completed", Get(id)["state"].asString());
  EXPECT_EQ(409, SetStatus(id, "cancelled"));
  EXPECT_EQ(409, clinic_.Http().Delete("/api/v1/orders/" + id).status);
  EXPECT_EQ(5u, Get(id)["history"].size());

  const std::string other = Create("p1", "XRAY")["id"].asString();
  Json::Value reason;
  reason["cancellation_reason"] = "too short";
  EXPECT_EQ(422, Post("/api/v1/orders/" + other + "/cancel", reason).status);
  reason["cancellation_reason"] = "La patiente est partie";
  EXPECT_EQ(200, Post("/api/v1/orders/" + other + "/cancel", reason).status);
  EXPECT_EQ(409, SetStatus(other, "scheduled"));
  EXPECT_EQ(204, clinic_.Http().Delete("/api/v1/orders/" + other).status);
  EXPECT_EQ(404, clinic_.Http().Get("/api/v1/orders/" + other).status);
}

TEST_F(Orders, AreLinkedByTheAccessionNumberAlone)
{
  const Json::Value order = Create("p1", "XRAY");
  DicomFile image = Image();
  image.Set("AccessionNumber", order["accession_number"].asString());

  const std::string uid = clinic_.Send(image);

  EXPECT_EQ("accession_number", LinkedTo(uid, order["id"].asString()));
  EXPECT_TRUE(WaitUntil([&] { return Get(order["id"].asString())["state"] == "acquired"; }));
  EXPECT_EQ(uid, Get(order["id"].asString())["study_instance_uid"].asString());
}

TEST_F(Orders, AreLinkedByWhatASeriesSaysOfItsRequest)
{
  const Json::Value order = Create("p1", "XRAY");
  DicomFile image = Image();
  const std::string uid = clinic_.Send(image);
  Settle();
  ASSERT_EQ("score", LinkedTo(uid, order["id"].asString())) << "one image of the day, one order";
  const Json::Value other = Create("p1", "CT");
  image.NextInstance()
      .Set("SeriesInstanceUID", NewUid())
      .AddItem("RequestAttributesSequence", {{"RequestedProcedureID", other["order_number"].asString()}});

  clinic_.Send(image);

  EXPECT_EQ("request_attributes", LinkedTo(uid, other["id"].asString()));
  EXPECT_TRUE(WaitUntil([&] { return Get(order["id"].asString())["state"] == "requested"; }))
      << "what was only likely gives way";
}

TEST_F(Orders, ThatComeAfterTheImagesAreLinkedToo)
{
  DicomFile image = Image();
  image.Set("AccessionNumber", "LATE-1");
  const std::string uid = clinic_.Send(image);
  clinic_.Becomes(uid, "matched", "p1");
  Settle();
  Json::Value body;
  body["accession_number"] = "LATE-1";

  const Json::Value order = Create("p1", "XRAY", body);

  EXPECT_EQ("accession_number", LinkedTo(uid, order["id"].asString()));
  EXPECT_TRUE(WaitUntil([&] { return Get(order["id"].asString())["state"] == "acquired"; }));
}

TEST_F(Orders, OfAnotherPatientAreNeverLinkedSilently)
{
  const Json::Value order = Create("p2", "XRAY");
  DicomFile image = Image();
  image.Set("AccessionNumber", order["accession_number"].asString());

  const std::string uid = clinic_.Send(image);

  const Json::Value study = WaitForReview(uid);
  EXPECT_EQ("order_of_another_patient", study["order_review"]["reason"].asString());
  EXPECT_EQ(0u, study["orders"].size());
  EXPECT_EQ("requested", Get(order["id"].asString())["state"].asString());
  Json::Value body;
  body["order_id"] = order["id"];
  EXPECT_EQ(409, Post("/api/v1/studies/" + uid + "/orders", body).status) << "not by a person either";
  const Json::Value queue = clinic_.Http().Get("/api/v1/order-reviews").Json();
  ASSERT_EQ(1, queue["total"].asInt());
  EXPECT_EQ(order["id"], queue["items"][0]["candidates"][0]["order"]["id"]);
}

TEST_F(Orders, ThatFitEquallyWellAreChosenByAPerson)
{
  const std::string first = Create("p1", "XRAY")["id"].asString();
  const std::string second = Create("p1", "XRAY")["id"].asString();
  const std::string uid = clinic_.Send(Image());
  EXPECT_EQ("ambiguous", WaitForReview(uid)["order_review"]["reason"].asString());
  Json::Value body;
  body["order_id"] = first;

  EXPECT_EQ(200, Post("/api/v1/studies/" + uid + "/orders", body).status);
  Settle();
  Json::Value study = clinic_.Study(uid);
  EXPECT_FALSE(study.isMember("order_review"));
  ASSERT_EQ(1u, study["orders"].size());
  EXPECT_EQ("anonymous", study["orders"][0]["linked_by"].asString());

  EXPECT_EQ(204, clinic_.Http().Delete("/api/v1/studies/" + uid + "/orders/" + first).status);
  EXPECT_EQ(404, clinic_.Http().Delete("/api/v1/studies/" + uid + "/orders/" + first).status);
  EXPECT_EQ("score", LinkedTo(uid, second)) << "the other one is left";
  EXPECT_TRUE(WaitUntil([&] { return Get(first)["state"] == "requested"; }));
  Settle();
  EXPECT_EQ(1u, clinic_.Study(uid)["orders"].size()) << "what a person undid is not done again";
}

TEST_F(Orders, CanHaveSeveralStudiesAndAStudySeveralOrders)
{
  const Json::Value chest = Create("p1", "XRAY");
  const Json::Value hand = Create("p1", "XRAY");
  DicomFile image = Image();
  image.Set("AccessionNumber", chest["accession_number"].asString())
      .AddItem("RequestAttributesSequence", {{"RequestedProcedureID", hand["order_number"].asString()}});
  DicomFile again = Image();
  again.Set("AccessionNumber", chest["accession_number"].asString());

  const std::string uid = clinic_.Send(image);
  const std::string more = clinic_.Send(again);

  EXPECT_EQ("accession_number", LinkedTo(uid, chest["id"].asString()));
  EXPECT_EQ("request_attributes", LinkedTo(uid, hand["id"].asString()));
  EXPECT_EQ("accession_number", LinkedTo(more, chest["id"].asString()));
  EXPECT_EQ(2u, Get(chest["id"].asString())["studies"].size());
}

TEST_F(Orders, LoseTheirImagesWhenThesePassToAnotherPatient)
{
  const std::string id = Create("p1", "XRAY")["id"].asString();
  const std::string uid = clinic_.Send(Image());
  LinkedTo(uid, id);
  Json::Value body;
  body["patient_id"] = "p2";

  EXPECT_EQ(200, Post("/api/v1/studies/" + uid + "/match", body).status);

  EXPECT_TRUE(WaitUntil([&] { return clinic_.Study(uid)["orders"].empty(); }));
  EXPECT_EQ("requested", Get(id)["state"].asString());
}

TEST_F(Orders, FollowAMergeOfTheirPatient)
{
  const std::string id = Create("p2", "XRAY")["id"].asString();
  Json::Value into;
  into["into"] = "p1";
  EXPECT_EQ(200, Post("/api/v1/patients/p2/merge", into).status);

  const std::string uid = clinic_.Send(Image());

  EXPECT_EQ("score", LinkedTo(uid, id));
}

TEST_F(Orders, EndWithTheAppointmentForWhichTheyWereMade)
{
  Json::Value body;
  body["patient_id"] = "p1";
  body["start"] = "2026-12-01T15:00:00Z";
  const Json::Value appointment = clinic_.Http().Put("/api/v1/appointments/a1", body).Json();
  const std::string order = appointment["order_id"].asString();
  EXPECT_EQ("scheduled", Get(order)["state"].asString());
  const Json::Value uid = Get(order)["worklist_study_instance_uid"];

  body["start"] = "2026-12-02T15:00:00Z";
  EXPECT_EQ(order, clinic_.Http().Put("/api/v1/appointments/a1", body).Json()["order_id"].asString());
  EXPECT_EQ(uid, Get(order)["worklist_study_instance_uid"]) << "allotted once";
  body["patient_id"] = "p2";
  EXPECT_EQ(200, clinic_.Http().Put("/api/v1/appointments/a1", body).status);
  EXPECT_EQ("p2", Get(order)["patient_id"].asString()) << "the CRM corrected the patient";
  body["status"] = "cancelled";
  EXPECT_EQ(200, clinic_.Http().Put("/api/v1/appointments/a1", body).status);
  EXPECT_EQ("cancelled", Get(order)["state"].asString());

  const std::string own = Create("p1", "XRAY")["id"].asString();
  Json::Value second;
  second["patient_id"] = "p1";
  second["start"] = "2026-12-01T15:00:00Z";
  second["order_id"] = own;
  EXPECT_EQ(201, clinic_.Http().Put("/api/v1/appointments/a2", second).status);
  EXPECT_EQ("scheduled", Get(own)["state"].asString());
  EXPECT_EQ(204, clinic_.Http().Delete("/api/v1/appointments/a2").status);
  EXPECT_EQ("requested", Get(own)["state"].asString()) << "the need remains";
  second["patient_id"] = "p2";
  EXPECT_EQ(409, clinic_.Http().Put("/api/v1/appointments/a3", second).status);
}

TEST_F(Orders, TakeManyAppointmentsAtOnce)
{
  Json::Value batch;
  for (int i = 0; i < 250; i++)
  {
    Json::Value appointment;
    appointment["id"] = "b" + std::to_string(i);
    appointment["patient_id"] = i == 7 ? "nobody" : "p1";
    appointment["start"] = i == 8 ? "tomorrow" : "2026-12-01T15:00:00Z";
    batch["appointments"].append(appointment);
  }

  const HttpAnswer answer = Post("/api/v1/appointments/batch", batch);

  ASSERT_EQ(200, answer.status) << answer.body;
  EXPECT_EQ(248, answer.Json()["created"].asInt());
  EXPECT_EQ(2, answer.Json()["failed"].asInt());
  EXPECT_THAT(answer.Json()["results"][7]["error"].asString(), HasSubstr("no such patient"));
  EXPECT_THAT(answer.Json()["results"][8]["error"].asString(), HasSubstr("start"));
  const Json::Value day =
      clinic_.Http().Get("/api/v1/appointments?date=2026-12-01&status=scheduled&limit=10").Json();
  EXPECT_EQ(248, day["total"].asInt());
  EXPECT_EQ(10u, day["items"].size());
}

TEST(OrdersOfTwoOrthancs, NeverShareANumber)
{
  if (!PostgresServer::IsInstalled())
  {
    GTEST_SKIP() << "PostgreSQL is not installed";
  }
  PostgresServer& postgres = PostgresServer::Shared();
  OrthancServer::Options options;
  options.databaseUrl = postgres.Url(postgres.NewDatabase());
  const Clinic one(options);
  const Clinic other(options);
  one.PutPatient(Person("p1", "Tremblay", "Jean", "1985-01-01", "M", "4711"));
  Json::Value body;
  body["patient_id"] = "p1";

  std::vector<std::thread> clients;
  for (int i = 0; i < 4; i++)
  {
    clients.emplace_back(
        [&, i]
        {
          for (int j = 0; j < 25; j++)
          {
            EXPECT_EQ(201, (i % 2 == 0 ? one : other).Http().Post("/api/v1/orders", body).status);
          }
        });
  }
  for (std::thread& client : clients)
  {
    client.join();
  }

  std::set<std::string> numbers;
  std::set<std::string> accessions;
  const Json::Value all = one.Http().Get("/api/v1/orders?limit=1000").Json();
  for (const Json::Value& order : all)
  {
    numbers.insert(order["order_number"].asString());
    accessions.insert(order["accession_number"].asString());
  }
  EXPECT_EQ(100u, numbers.size());
  EXPECT_EQ(100u, accessions.size());
}
}  // namespace
}  // namespace OrthancClinic::Testing
