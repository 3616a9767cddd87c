// SPDX-License-Identifier: GPL-3.0-or-later
//
// Remote servers as a clinic has them: a second Orthanc, asked by DICOM, by DICOMweb and by its REST API.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>

#include "EndToEnd/Clinic.h"
#include "Support/HttpServer.h"
#include "Support/PostgresServer.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

constexpr const char* USER = "reader";
constexpr const char* PASSWORD = "rem0te-pass";

// Listens, and never answers.
class SilentServer
{
public:
  SilentServer() : handle_(socket(AF_INET, SOCK_STREAM, 0))
  {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(0, bind(handle_, reinterpret_cast<sockaddr*>(&address), size));
    EXPECT_EQ(0, listen(handle_, 16));
    getsockname(handle_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~SilentServer() { close(handle_); }
  uint16_t Port() const { return port_; }

private:
  const int handle_;
  uint16_t port_ = 0;
};

class RemoteServers : public ::testing::Test
{
protected:
  static void SetUpTestSuite()
  {
    folder_.emplace();
    // Counts what arrives, and can make it slow: see Slow().
    WriteFile(folder_->Path() / "filter.lua",
              "function ReceivedInstanceFilter(dicom, origin, info)\n"
              "  local count = io.open('" +
                  (folder_->Path() / "received").string() +
                  "', 'a'); count:write('x'); local number = count:seek('end'); count:close()\n"
                  "  local slow = io.open('" +
                  (folder_->Path() / "slow").string() +
                  "')\n"
                  "  if slow then\n"
                  "    local quick = slow:read('*n') or 0; slow:close()\n"
                  "    if number > quick then os.execute('sleep 0.5') end\n"
                  "  end\n"
                  "  return true\nend\n");
    OrthancServer::Options options;
    options.configuration["DicomAet"] = "CLINIC";
    options.configuration["LuaScripts"].append((folder_->Path() / "filter.lua").string());
    options.configuration["DicomModalities"]["taken"].append("TAKEN");
    options.configuration["DicomModalities"]["taken"].append("127.0.0.1");
    options.configuration["DicomModalities"]["taken"].append(4242);
    options.configuration["Clinic"]["Intake"]["RetrieveTimeoutSeconds"] = 60;
    clinic_.emplace(options);

    OrthancServer::Options remote;
    remote.clinic = false;
    remote.dicomWeb = true;
    remote.user = USER;
    remote.password = PASSWORD;
    remote.configuration["DicomAet"] = "PACS";
    remote.configuration["DicomCheckCalledAet"] = true;
    remote.configuration["DefaultEncoding"] = "Utf8";
    remote.configuration["DicomScuTimeout"] = 60;  // so that it gives up no C-STORE that is slow here
    Json::Value& clinic = remote.configuration["DicomModalities"]["clinic"];
    clinic.append("CLINIC");
    clinic.append("127.0.0.1");
    clinic.append(clinic_->Orthanc().DicomPort());
    pacs_.emplace(remote);

    Json::Value practice;
    practice["id"] = "north";
    practice["name"] = "North";
    clinic_->PutPractice(practice);
    Json::Value patient = Person("p1", "Tremblay", "Jean", "1985-01-01", "M", "4711");
    patient["practice_id"] = "north";
    clinic_->PutPatient(patient);
    Expect(201, PutServer("pacs", Dicom()));
    Expect(201, PutServer("web", Web()));
    Expect(201, PutServer("peer", Peer()));
    archives_ = {"pacs", "web", "peer"};
    if (PutServer("get", ByGet()).status == 201)  // Orthanc 1.12.7
    {
      archives_.emplace_back("get");
    }
  }

  static void TearDownTestSuite()
  {
    clinic_.reset();
    pacs_.reset();
    folder_.reset();
  }

  void TearDown() override { Slow(false); }

  static void Expect(int status, const HttpAnswer& answer)
  {
    EXPECT_EQ(status, answer.status) << answer.body;
  }

  static Json::Value Dicom()
  {
    Json::Value server;
    server["kind"] = "dicom";
    server["practice_id"] = "north";
    server["ae_title"] = "PACS";
    server["host"] = "127.0.0.1";
    server["port"] = pacs_->Orthanc().DicomPort();
    server["timeout_seconds"] = 20;
    return server;
  }

  static Json::Value ByGet()
  {
    Json::Value server = Dicom();
    server["retrieve_by"] = "get";
    return server;
  }

  static Json::Value Http(const char* kind, const std::string& path)
  {
    Json::Value server;
    server["kind"] = kind;
    server["practice_id"] = "north";
    server["url"] = "http://127.0.0.1:" + std::to_string(pacs_->Orthanc().HttpPort()) + path;
    server["user"] = USER;
    server["password"] = PASSWORD;
    server["timeout_seconds"] = 20;
    return server;
  }
  static Json::Value Web() { return Http("dicomweb", "/dicom-web"); }
  static Json::Value Peer() { return Http("orthanc", ""); }

  static HttpAnswer PutServer(const std::string& id, const Json::Value& server)
  {
    return clinic_->Http().Put("/api/v1/servers/" + id, server);
  }

  static Json::Value Echo(const std::string& id)
  {
    const HttpAnswer answer = clinic_->Http().Call("POST", "/api/v1/servers/" + id + "/echo");
    Expect(200, answer);
    return answer.Json();
  }

  static HttpAnswer Query(const std::string& id, const Json::Value& query)
  {
    return clinic_->Http().Post("/api/v1/servers/" + id + "/query", query);
  }

  static std::vector<std::string> Names(const HttpAnswer& answer)
  {
    Expect(200, answer);
    std::vector<std::string> names;
    const Json::Value body = answer.Json();
    for (const Json::Value& study : body["studies"])
    {
      names.push_back(study["patient_name"].asString());
    }
    return names;
  }

  static Json::Value By(const char* field, const std::string& value)
  {
    Json::Value query;
    query[field] = value;
    return query;
  }

  // A study of 50 images in ten series, in the remote archive.
  static std::string MakeStudy()
  {
    const TemporaryDirectory files;
    std::optional<DicomFile> first;
    std::string study;
    for (int series = 0; series < 10; series++)
    {
      DicomFile image = ImageOf("TREMBLAY^JEAN", "19850101", "M", "4711", "CT");
      study = study.empty() ? image.StudyUid() : study;
      image.Set("StudyInstanceUID", study);
      for (int i = 0; i < 5; i++)
      {
        image.SaveIn(files.Path());
        image.NextInstance();
      }
    }
    EXPECT_EQ(50u, pacs_->Orthanc().Store({files.Path()}, "MODALITY", "PACS").acknowledged.size());
    return study;
  }

  // From the eleventh image on, each takes half a second, so that a study is under way for twenty. No hold
  // without an end: Orthanc answers no HTTP while its Lua runs.
  static void Slow(bool on)
  {
    if (on)
    {
      WriteFile(folder_->Path() / "slow", std::to_string(Received() + 10));
    }
    else
    {
      std::filesystem::remove(folder_->Path() / "slow");
    }
  }

  static size_t Received() { return ReadFile(folder_->Path() / "received").size(); }

  static Json::Value Start(const std::string& server, const std::string& study,
                           const std::string& patient = "p1")
  {
    Json::Value body;
    body["study_instance_uid"] = study;
    body["patient_id"] = patient;
    const HttpAnswer answer = clinic_->Http().Post("/api/v1/servers/" + server + "/import", body);
    Expect(202, answer);
    return answer.Json();
  }

  static Json::Value Get(const Json::Value& import)
  {
    const HttpAnswer answer = clinic_->Http().Get("/api/v1/imports/" + import["id"].asString());
    Expect(200, answer);
    return answer.Json();
  }

  static Json::Value Ended(const Json::Value& import)
  {
    Json::Value now;
    WaitUntil(
        [&]
        {
          now = Get(import);
          return now["state"] != "queued" && now["state"] != "running";
        },
        std::chrono::seconds(90));
    return now;
  }

  static void Arrives(const Json::Value& import, int most)
  {
    EXPECT_TRUE(WaitUntil([&] { return Get(import)["instances_done"].asInt() >= 6; }))
        << JsonText(Get(import));
    const Json::Value now = Get(import);
    EXPECT_EQ(50, now["instances_total"].asInt());
    EXPECT_LT(now["instances_done"].asInt(), most);
    EXPECT_EQ(now["instances_done"].asInt() * 2, now["progress"].asInt());
  }

  static std::vector<std::string> archives_;  // the ids of the servers, which are all the same archive
  static std::optional<TemporaryDirectory> folder_;
  static std::optional<Clinic> clinic_;
  static std::optional<Clinic> pacs_;
};

std::vector<std::string> RemoteServers::archives_;
std::optional<TemporaryDirectory> RemoteServers::folder_;
std::optional<Clinic> RemoteServers::clinic_;
std::optional<Clinic> RemoteServers::pacs_;

TEST_F(RemoteServers, AnswerOrSayWhyNot)
{
  for (const char* id : {"pacs", "web", "peer"})
  {
    const Json::Value echo = Echo(id);
    EXPECT_TRUE(echo["reachable"].asBool()) << id << JsonText(echo);
    EXPECT_TRUE(echo["error"].isNull());
    EXPECT_GE(echo["latency_ms"].asInt(), 0);
  }
  const auto why = [](const Json::Value& server)
  {
    const HttpAnswer put = PutServer("bad", server);
    EXPECT_TRUE(put.status == 200 || put.status == 201) << put.body;
    const Json::Value echo = Echo("bad");
    EXPECT_FALSE(echo["reachable"].asBool());
    return echo["error"].asString();
  };
  Json::Value server = Dicom();
  server["ae_title"] = "OTHER";
  EXPECT_THAT(why(server), HasSubstr("called AE title OTHER"));
  server = Dicom();
  server["port"] = FreePort();
  EXPECT_THAT(why(server), HasSubstr("Nothing listens at 127.0.0.1:" + server["port"].asString()));
  server = Dicom();
  server["host"] = "no-such-host.invalid";
  EXPECT_THAT(why(server), HasSubstr("leads to no address"));
  server = Dicom();
  server["port"] = pacs_->Orthanc().HttpPort();
  EXPECT_THAT(why(server), Not(IsEmpty()));
  const SilentServer silent;
  server = Dicom();
  server["port"] = silent.Port();
  server["timeout_seconds"] = 1;
  EXPECT_THAT(why(server), HasSubstr("did not answer within 1 s"));
  const HttpAnswer query = Query("bad", By("patient_id", "4711"));
  EXPECT_EQ(504, query.status) << query.body;
  server["port"] = FreePort();
  EXPECT_EQ(200, PutServer("bad", server).status);
  const HttpAnswer refused = Query("bad", By("patient_id", "4711"));
  EXPECT_EQ(503, refused.status) << refused.body;
  EXPECT_THAT(refused.body, HasSubstr("Nothing listens"));

  for (Json::Value http : {Web(), Peer()})
  {
    http["password"] = "wrong";
    EXPECT_THAT(why(http), HasSubstr("401"));
    http["url"] = http["url"].asString() + "/nothing";
    http["password"] = PASSWORD;
    EXPECT_THAT(why(http), HasSubstr("404"));
    http["url"] = "http://127.0.0.1:" + std::to_string(FreePort());
    http["password"] = PASSWORD;
    EXPECT_THAT(why(http), HasSubstr("No reply from 127.0.0.1"));
    http["url"] = "http://127.0.0.1:" + std::to_string(silent.Port());
    http["password"] = PASSWORD;
    http["timeout_seconds"] = 1;
    EXPECT_THAT(why(http), HasSubstr("in time"));
    EXPECT_EQ(504, Query("bad", By("patient_id", "4711")).status);
  }
  const HttpServer nonsense([](const ServedRequest&)
                            { return ServedReply{.body = R"([1, "x", {"00100010": 3}])"}; });
  for (Json::Value http : {Web(), Peer()})
  {
    http["url"] = nonsense.Url();
    EXPECT_EQ(200, PutServer("bad", http).status);
    const HttpAnswer answer = Query("bad", By("patient_id", "4711"));
    EXPECT_TRUE(answer.status == 200 || answer.status == 503) << answer.status << answer.body;
  }
  Expect(204, clinic_->Http().Delete("/api/v1/servers/bad"));
  EXPECT_EQ(404, clinic_->Http().Get("/api/v1/servers/bad").status);
  EXPECT_EQ(404, clinic_->Http().Get("/modalities/bad/configuration").status);
}

TEST_F(RemoteServers, AreAskedForStudies)
{
  const auto store = [](const std::string& name, const std::string& id, const std::string& date,
                        const std::string& modality, const std::string& characterSet = "ISO_IR 192")
  {
    DicomFile image = ImageOf(name, "19700102", "F", id, modality);
    image.Set("StudyDate", date).Set("SpecificCharacterSet", characterSet).Set("StudyDescription", "Crâne");
    image.Set("AccessionNumber", "ACC" + id);
    return pacs_->Send(image, "MODALITY", "PACS");
  };
  const std::string first = store("Gagné^Jean-François", "Q1", "20200101", "CT");
  store("GAGNE^JEAN-FRANCOIS", "Q2", "20210101", "MR");
  store("Gagn\xE9^Marie", "Q3", "20220101", "CT", "ISO_IR 100");
  store("Wang^XiaoMing=王小明", "Q4", "20230101", "PX");
  for (const std::string& id : archives_)
  {
    SCOPED_TRACE(id);
    EXPECT_THAT(Names(Query(id, By("patient_name", "Gagné, Jean-François"))),
                UnorderedElementsAre("Gagné^Jean-François", "GAGNE^JEAN-FRANCOIS"));
    EXPECT_THAT(Names(Query(id, By("patient_name", "Marie Gagné"))), UnorderedElementsAre("Gagné^Marie"));
    EXPECT_THAT(Names(Query(id, By("patient_name", "gagn*^*"))),
                UnorderedElementsAre("Gagné^Jean-François", "GAGNE^JEAN-FRANCOIS", "Gagné^Marie"));
    const HttpAnswer byId = Query(id, By("patient_id", "Q1"));
    ASSERT_EQ(1u, Names(byId).size());
    const Json::Value study = byId.Json()["studies"][0];
    EXPECT_EQ(first, study["study_instance_uid"].asString());
    EXPECT_EQ("Q1", study["patient_dicom_id"].asString());
    EXPECT_EQ("19700102", study["patient_birth_date"].asString());
    EXPECT_EQ("F", study["patient_sex"].asString());
    EXPECT_EQ("20200101", study["study_date"].asString());
    EXPECT_EQ("Crâne", study["study_description"].asString());
    EXPECT_EQ("ACCQ1", study["accession_number"].asString());
    EXPECT_EQ("CT", study["modality"].asString());
    EXPECT_EQ(1, study["number_of_series"].asInt());
    EXPECT_EQ(1, study["number_of_instances"].asInt());
    EXPECT_EQ(1u, Names(Query(id, By("accession_number", "ACCQ2"))).size());
    EXPECT_EQ(1u, Names(Query(id, By("study_instance_uid", first))).size());
    Json::Value query = By("patient_birth_date", "19700102");
    EXPECT_EQ(4u, Names(Query(id, query)).size());
    query["modality"] = "CT";
    EXPECT_EQ(2u, Names(Query(id, query)).size());
    query["study_date_from"] = "20210101";
    EXPECT_EQ(1u, Names(Query(id, query)).size());
    query = By("study_date_from", "20200101");
    query["study_date_to"] = "20221231";
    query["limit"] = 2;
    const HttpAnswer limited = Query(id, query);
    EXPECT_EQ(2u, Names(limited).size());
    EXPECT_FALSE(limited.Json()["complete"].asBool());
    EXPECT_THAT(Names(Query(id, By("patient_id", "nobody"))), IsEmpty());

    for (const char* bad : {"*", "Q*", "Q?", "Q1\\Q2"})
    {
      EXPECT_EQ(422, Query(id, By("patient_id", bad)).status) << bad;
    }
    EXPECT_EQ(422, Query(id, By("patient_name", "*")).status);
    EXPECT_EQ(422, Query(id, By("patient_name", "a\\b")).status);
    EXPECT_EQ(422, Query(id, Json::objectValue).status);
    EXPECT_EQ(422, Query(id, By("study_date_from", "20269999")).status);
  }
  // Orthanc's DefaultEncoding cannot write it: it is Utf8 for that long.
  EXPECT_THAT(Names(Query("pacs", By("patient_name", "王小明"))),
              UnorderedElementsAre("Wang^XiaoMing=王小明"));
  EXPECT_THAT(Names(Query("web", By("patient_id", "Q4"))), UnorderedElementsAre("Wang^XiaoMing=王小明"));
  EXPECT_EQ("Latin1", clinic_->Http().Get("/tools/default-encoding").body);
  Json::Value server = Dicom();
  server["utf8"] = true;
  Expect(200, PutServer("pacs", server));
  EXPECT_THAT(Names(Query("pacs", By("patient_id", "Q4"))), UnorderedElementsAre("Wang^XiaoMing=王小明"));
  Expect(200, PutServer("pacs", Dicom()));

  Json::Value crm;
  crm["serverId"] = "pacs";
  crm["patientId"] = "Q1";
  crm["studyDate"] = "2020-01-01";
  const Json::Value answer = clinic_->Http().Post("/api/dental/dicom/query", crm).Json();
  EXPECT_TRUE(answer["success"].asBool());
  EXPECT_EQ(1, answer["count"].asInt());
  EXPECT_EQ(first, answer["studies"][0]["studyInstanceUid"].asString());
  EXPECT_EQ("Gagné^Jean-François", answer["studies"][0]["patientName"].asString());
  EXPECT_EQ(1, answer["studies"][0]["instanceCount"].asInt());
  crm["studyDate"] = "yesterday";
  EXPECT_EQ("studyDate",
            clinic_->Http().Post("/api/dental/dicom/query", crm).Json()["errors"][0]["field"].asString());
  crm["serverId"] = "no-such";
  const HttpAnswer missing = clinic_->Http().Post("/api/dental/dicom/query", crm);
  EXPECT_EQ(404, missing.status);
  EXPECT_EQ("NOT_FOUND", missing.Json()["code"].asString());

  const Json::Value audit = clinic_->Http().Get("/api/v1/audit?limit=1000").Json();
  int queries = 0;
  for (const Json::Value& entry : audit["items"])
  {
    queries += entry["action"] == "server.query" && entry["practice_id"] == "north" ? 1 : 0;
    EXPECT_THAT(JsonText(entry), Not(HasSubstr("Gagn")));
  }
  EXPECT_GT(queries, 20);
}

TEST_F(RemoteServers, GiveAStudyOnceAndWhole)
{
  for (const std::string& id : archives_)
  {
    SCOPED_TRACE(id);
    const std::string study = MakeStudy();
    const size_t before = Received();
    Slow(true);
    const Json::Value import = Start(id, study);
    EXPECT_EQ(import["id"], Start(id, study)["id"]) << "the same, while it is under way";
    Arrives(import, 50);
    Slow(false);
    const Json::Value done = Ended(import);
    EXPECT_EQ("completed", done["state"].asString()) << JsonText(done);
    EXPECT_EQ(50, done["instances_done"].asInt());
    EXPECT_EQ(100, done["progress"].asInt());
    EXPECT_EQ(50u, Received() - before);
    EXPECT_TRUE(WaitUntil([&] { return clinic_->Study(study)["number_of_instances"].asInt() == 50; }));
    const Json::Value here = clinic_->Study(study);
    EXPECT_EQ("north", here["practice_id"].asString());
    EXPECT_EQ(done["orthanc_study_id"], here["orthanc_study_id"]);
    clinic_->Becomes(study, "matched", "p1");

    const Json::Value again = Ended(Start(id, study));
    EXPECT_EQ("completed", again["state"].asString());
    EXPECT_NE(import["id"], again["id"]);
    EXPECT_EQ(50u, Received() - before) << "nothing came twice";

    // What was lost here comes back, and nothing else.
    const std::string orthancId = here["orthanc_study_id"].asString();
    const Json::Value instances = clinic_->Http().Get("/studies/" + orthancId + "/instances").Json();
    for (Json::ArrayIndex i = 0; i < 3; i++)
    {
      EXPECT_EQ(200, clinic_->Http().Delete("/instances/" + instances[i]["ID"].asString()).status);
    }
    EXPECT_EQ("completed", Ended(Start(id, study))["state"].asString());
    EXPECT_EQ(53u, Received() - before);

    int completed = 0;
    for (const Json::Value& event : clinic_->Events())
    {
      completed +=
          event["type"] == "import.completed" && event["data"]["study_instance_uid"] == study ? 1 : 0;
    }
    EXPECT_EQ(3, completed);
    const Json::Value list =
        clinic_->Http().Get("/api/v1/imports?state=completed&study_instance_uid=" + study).Json();
    EXPECT_EQ(3, list["total"].asInt());
  }
  const Json::Value missing = Ended(Start("pacs", "1.2.3.4"));
  EXPECT_EQ("failed", missing["state"].asString());
  EXPECT_THAT(missing["error"].asString(), HasSubstr("does not have this study"));
  const Json::Value last =
      clinic_->Http().Get("/api/v1/events?type=import.failed&limit=1000").Json()["items"];
  ASSERT_EQ(1u, last.size());
  EXPECT_EQ(missing["id"], last[0]["data"]["import_id"]);
  Json::Value body;
  body["study_instance_uid"] = "1.2.3";
  body["patient_id"] = "nobody";
  EXPECT_EQ(404, clinic_->Http().Post("/api/v1/servers/pacs/import", body).status);
  body["study_instance_uid"] = "1.2.3\\1.2.4";
  EXPECT_EQ(422, clinic_->Http().Post("/api/v1/servers/pacs/import", body).status);
}

TEST_F(RemoteServers, StopWhenAnImportIsCancelled)
{
  for (const std::string& id : archives_)
  {
    SCOPED_TRACE(id);
    const std::string study = MakeStudy();
    Slow(true);
    const Json::Value import = Start(id, study);
    Arrives(import, 50);
    const std::string path = "/api/v1/imports/" + import["id"].asString();
    EXPECT_EQ("cancelled", clinic_->Http().Delete(path).Json()["state"].asString());
    EXPECT_EQ(409, clinic_->Http().Delete(path).status);
    EXPECT_TRUE(WaitUntil([&] { return clinic_->CountTasks("kind=import.study") == 0; }));
    Slow(false);
    EXPECT_EQ("cancelled", Get(import)["state"].asString());
    const std::string orthancId = Get(import)["orthanc_study_id"].asString();
    EXPECT_LT(clinic_->Http().Get("/studies/" + orthancId + "/statistics").Json()["CountInstances"].asInt(),
              50);
  }
}

TEST_F(RemoteServers, MayGoAwayInTheMiddle)
{
  for (const std::string& id : archives_)
  {
    SCOPED_TRACE(id);
    const std::string study = MakeStudy();
    const size_t before = Received();
    Slow(true);
    const Json::Value import = Start(id, study);
    Arrives(import, 50);
    pacs_->Orthanc().Kill9();
    EXPECT_TRUE(WaitUntil([&] { return !Get(import)["error"].isNull(); })) << JsonText(Get(import));
    Slow(false);
    pacs_->Orthanc().Start();
    const Json::Value done = Ended(import);
    EXPECT_EQ("completed", done["state"].asString()) << JsonText(done);
    EXPECT_TRUE(done["error"].isNull());
    EXPECT_LE(Received() - before, 51u) << "one may have been under way";
  }
}

TEST_F(RemoteServers, GoOnAfterARestartOfOurs)
{
  for (const std::string& id : archives_)
  {
    SCOPED_TRACE(id);
    const std::string study = MakeStudy();
    const size_t before = Received();
    Slow(true);
    const Json::Value import = Start(id, study);
    Arrives(import, 50);
    if (id == "pacs" || id == "get")
    {
      clinic_->Orthanc().Kill9();
    }
    else
    {
      EXPECT_EQ(0, clinic_->Orthanc().Stop());
    }
    Slow(false);
    clinic_->Orthanc().Start();
    const Json::Value done = Ended(import);
    EXPECT_EQ("completed", done["state"].asString()) << JsonText(done);
    EXPECT_LE(Received() - before, 56u) << "those of a series that was under way may come again";
    EXPECT_TRUE(Echo(id)["reachable"].asBool()) << "it is known again";
  }
}

TEST_F(RemoteServers, NeverTakeANameOfTheAdministrator)
{
  const std::string configured = clinic_->Http().Get("/modalities/taken/configuration").body;
  const HttpAnswer clash = PutServer("taken", Dicom());
  EXPECT_EQ(409, clash.status);
  EXPECT_THAT(clash.body, HasSubstr("administrator"));
  EXPECT_EQ(configured, clinic_->Http().Get("/modalities/taken/configuration").body);
  EXPECT_EQ(404, clinic_->Http().Get("/api/v1/servers/taken").status);

  // A name that the administrator takes while Orthanc is down.
  Expect(201, PutServer("later", Dicom()));
  EXPECT_EQ(200, clinic_->Http().Get("/modalities/later/configuration").status);
  Json::Value& modalities = clinic_->Orthanc().NextStart().configuration["DicomModalities"];
  modalities["later"] = modalities["taken"];
  clinic_->Orthanc().Restart();
  EXPECT_EQ("TAKEN", clinic_->Http().Get("/modalities/later/configuration").Json()["AET"].asString());
  EXPECT_THAT(clinic_->Http().Get("/api/v1/servers/later").Json()["problem"].asString(),
              HasSubstr("administrator"));
  EXPECT_EQ(409, clinic_->Http().Call("POST", "/api/v1/servers/later/echo").status);
  Expect(204, clinic_->Http().Delete("/api/v1/servers/later"));
  EXPECT_EQ("TAKEN", clinic_->Http().Get("/modalities/later/configuration").Json()["AET"].asString());
  modalities.removeMember("later");
  clinic_->Orthanc().Restart();
}

TEST_F(RemoteServers, KeepTheirSecrets)
{
  std::string shown;
  const HttpClient http = clinic_->Http();
  for (const char* path : {"/api/v1/servers", "/api/v1/servers/web", "/api/v1/servers/peer", "/api/v1/health",
                           "/api/v1/audit?limit=1000", "/peers?expand", "/peers/peer/configuration"})
  {
    shown += http.Get(path).body;
  }
  shown += PutServer("peer", Peer()).body + clinic_->Orthanc().Log();
  EXPECT_THAT(shown, Not(HasSubstr(PASSWORD)));
  EXPECT_TRUE(http.Get("/api/v1/servers/web").Json()["has_password"].asBool());
  EXPECT_EQ(200, http.Get("/peers/peer/system").status) << "Orthanc can use it";

  Json::Value server = Web();
  server.removeMember("password");
  Expect(200, PutServer("web", server));
  EXPECT_TRUE(Echo("web")["reachable"].asBool()) << "what is not given again stays";
  const HttpServer thief([](const ServedRequest&) { return ServedReply{.status = 500}; });
  server["url"] = thief.Url();
  Expect(200, PutServer("web", server));
  EXPECT_FALSE(http.Get("/api/v1/servers/web").Json()["has_password"].asBool());
  EXPECT_FALSE(Echo("web")["reachable"].asBool());
  for (const ServedRequest& request : thief.Requests())
  {
    for (const auto& [name, value] : request.headers)
    {
      EXPECT_THAT(value, Not(HasSubstr("cmVhZGVyOnJlbTB0ZS1wYXNz"))) << name;
    }
  }
  Expect(200, PutServer("web", Web()));
}

TEST_F(RemoteServers, RefuseWhatCannotWork)
{
  Json::Value server = ByGet();
  if (archives_.back() != "get")
  {
    EXPECT_EQ(422, PutServer("x", server).status) << "this Orthanc cannot";
  }
  server = Dicom();
  server.removeMember("host");
  EXPECT_EQ(422, PutServer("x", server).status);
  server = Dicom();
  server["url"] = "http://localhost";
  EXPECT_EQ(422, PutServer("x", server).status);
  for (const char* title : {"", " A", "A\\B", "SEVENTEEN LETTERS"})
  {
    server = Dicom();
    server["ae_title"] = title;
    EXPECT_EQ(422, PutServer("x", server).status) << title;
  }
  for (const char* url :
       {"ftp://x", "http://", "http://user@host/", "http://host/?x=1", "file:///etc/passwd"})
  {
    server = Web();
    server["url"] = url;
    EXPECT_EQ(422, PutServer("x", server).status) << url;
  }
  server = Dicom();
  server["practice_id"] = "nowhere";
  EXPECT_EQ(422, PutServer("x", server).status);
  EXPECT_EQ(400, PutServer("a.b", Dicom()).status);
  EXPECT_EQ(404, clinic_->Http().Get("/api/v1/servers/x").status);

  Expect(201, PutServer("x", Dicom()));
  const Json::Value rights = clinic_->Http().Get("/modalities/x/configuration").Json();
  EXPECT_TRUE(rights["AllowStore"].asBool());
  EXPECT_FALSE(rights["AllowFind"].asBool());
  EXPECT_FALSE(rights["AllowMove"].asBool());
  Expect(204, clinic_->Http().Delete("/api/v1/servers/x"));
}

TEST_F(RemoteServers, AreAskedByTheCrm)
{
  const std::string study = MakeStudy();
  Json::Value body;
  body["studyInstanceUid"] = study;
  body["leadId"] = "p1";
  const HttpAnswer first = clinic_->Http().Post("/api/dental/dicom/import", body);  // whichever has it
  EXPECT_TRUE(first.status == 200 || first.status == 202) << first.body;
  EXPECT_TRUE(first.Json()["success"].asBool());
  Json::Value import;
  import["id"] = first.Json()["jobId"];
  EXPECT_EQ("completed", Ended(import)["state"].asString());
  // 202 as long as the import takes longer than an answer waits.
  const auto outcome = [&]
  {
    HttpAnswer answer;
    WaitUntil(
        [&]
        {
          answer = clinic_->Http().Post("/api/dental/dicom/import", body);
          return answer.status != 202;
        });
    return answer;
  };
  body["serverId"] = "pacs";
  const HttpAnswer again = outcome();
  EXPECT_EQ(200, again.status) << again.body;

  // What a person decided is not told otherwise.
  clinic_->Becomes(study, "matched", "p1");
  Json::Value decision;
  decision["patient_id"] = "p1";
  Expect(200, clinic_->Http().Post("/api/v1/studies/" + study + "/match", decision));
  Json::Value other = Person("p9", "Roy", "Zoé", "1990-01-02", "F", "Q9");
  other["practice_id"] = "north";
  clinic_->PutPatient(other);
  body["leadId"] = "p9";
  const HttpAnswer refused = outcome();
  EXPECT_EQ(409, refused.status) << refused.body;
  EXPECT_EQ("p1", clinic_->Study(study)["match"]["patient_id"].asString());

  body["leadId"] = "nobody";
  EXPECT_EQ(404, clinic_->Http().Post("/api/dental/dicom/import", body).status);
  body["leadId"] = "p1";
  body["studyInstanceUid"] = "1.2.3.4.5";
  EXPECT_EQ(404, outcome().status);
}

TEST(TwoOrthancsOfOneClinic, LearnOfEachOthersServers)
{
  if (!PostgresServer::IsInstalled())
  {
    GTEST_SKIP() << "PostgreSQL is not installed";
  }
  PostgresServer& postgres = PostgresServer::Shared();
  OrthancServer::Options options;
  options.databaseUrl = postgres.Url(postgres.NewDatabase());
  options.indexUrl = postgres.Url(postgres.NewDatabase());
  Clinic one(options);
  Clinic other(options);
  Json::Value server;
  server["kind"] = "dicom";
  server["ae_title"] = "PACS";
  server["host"] = "127.0.0.1";
  EXPECT_EQ(201, one.Http().Put("/api/v1/servers/pacs", server).status);
  const auto known = [&] { return other.Http().Get("/modalities/pacs/configuration"); };
  EXPECT_TRUE(WaitUntil([&] { return known().status == 200; }));
  server["ae_title"] = "NEWPACS";
  EXPECT_EQ(200, one.Http().Put("/api/v1/servers/pacs", server).status);
  EXPECT_TRUE(WaitUntil([&] { return known().Json()["AET"] == "NEWPACS"; }));
  EXPECT_EQ(204, other.Http().Delete("/api/v1/servers/pacs").status);
  EXPECT_TRUE(WaitUntil([&] { return one.Http().Get("/modalities/pacs/configuration").status == 404; }));
}
}  // namespace
}  // namespace OrthancClinic::Testing
