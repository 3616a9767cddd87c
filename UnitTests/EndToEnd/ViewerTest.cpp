// SPDX-License-Identifier: GPL-3.0-or-later
//
// The viewer: links that open exactly their studies, DICOMweb behind them, and what a person sees in a real
// Chromium.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "EndToEnd/GuardedClinic.h"
#include "Support/ChatServer.h"
#include "Support/HostileInput.h"
#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
using ::testing::HasSubstr;
using ::testing::Not;

Json::Value WithViewer(Json::Value more)
{
  more["Clinic"]["Viewer"]["Ohif"] = CLINIC_SHARE "/ohif";
  more["Clinic"]["Viewer"]["App"] = CLINIC_SHARE "/app";
  return more;
}

// A small CT whose slices differ.
std::string SendSeries(const Clinic& clinic, const std::string& name, const std::string& id, int slices,
                       const std::string& callingAe)
{
  TemporaryDirectory folder;
  DicomFile slice("CT", 64);
  slice.Set("PatientName", name)
      .Set("PatientID", id)
      .Set("PatientBirthDate", "19850101")
      .Set("PatientSex", "F");
  slice.Set("FrameOfReferenceUID", NewUid()).Set("ImageOrientationPatient", "1\\0\\0\\0\\1\\0");
  slice.Set("PixelSpacing", "1\\1").Set("SliceThickness", "1").Set("RescaleSlope", "1");
  slice.Set("WindowCenter", "1000").Set("WindowWidth", "3000").Set("ImageType", "ORIGINAL\\PRIMARY\\AXIAL");
  for (int i = 0; i < slices; i++)
  {
    slice.Set("ImagePositionPatient", "0\\0\\" + std::to_string(i));
    slice.Set("RescaleIntercept", std::to_string(-1024 + i * 50));
    slice.SaveIn(folder.Path());
    slice.NextInstance();
  }
  EXPECT_EQ(0, clinic.Orthanc().Store({folder.Path()}, callingAe).exitCode);
  EXPECT_TRUE(
      WaitUntil([&] { return clinic.Study(slice.StudyUid())["number_of_instances"].asInt() == slices; }));
  return slice.StudyUid();
}

class Viewer : public ::testing::Test
{
protected:
  static constexpr int SLICES = 8;

  explicit Viewer(const Json::Value& more = Json::objectValue) : clinic_(WithViewer(more))
  {
    clinic_.MakePractice("north", "CT-NORTH");
    clinic_.MakePractice("south", "CT-SOUTH");
    own_ = SendSeries(clinic_, "ROY^ANNE", "4711", SLICES, "CT-NORTH");
    second_ = SendSeries(clinic_, "ROY^ANNE", "4711", SLICES, "CT-NORTH");
    foreign_ = SendSeries(clinic_, "KHOURY^NOUR", "4712", SLICES, "CT-SOUTH");
  }

  HttpAnswer MakeLink(const std::vector<std::string>& uids, const Json::Value& more = Json::objectValue) const
  {
    Json::Value body = more;
    for (const std::string& uid : uids)
    {
      body["study_uids"].append(uid);
    }
    return clinic_.Http().Post("/api/v1/dicom/viewer-token", body);
  }

  // The cookie of a browser that opened the link, as a header.
  HttpAnswer Open(const std::string& token, const std::string& cookie = "") const
  {
    Json::Value body;
    body["token"] = token;
    std::vector<std::string> headers = {"Origin: " + clinic_.Url()};
    if (!cookie.empty())
    {
      headers.push_back(cookie);
    }
    return clinic_.As("", "POST", "/viewer/open", JsonText(body), headers);
  }

  static std::string Cookie(const HttpAnswer& opened)
  {
    const std::string set = opened.headers.at("set-cookie");
    return "Cookie: " + set.substr(0, set.find(';'));
  }

  std::string CookieFor(const std::vector<std::string>& uids,
                        const Json::Value& more = Json::objectValue) const
  {
    const HttpAnswer opened = Open(MakeLink(uids, more).Json()["token"].asString());
    EXPECT_EQ(200, opened.status) << opened.body;
    return Cookie(opened);
  }

  HttpAnswer Get(const std::string& cookie, const std::string& path) const
  {
    return clinic_.As("", "GET", path, "", {cookie});
  }

  std::vector<std::string> Studies(const HttpAnswer& answer) const
  {
    std::vector<std::string> uids;
    const Json::Value found = answer.Json();
    for (const Json::Value& study : found)
    {
      uids.push_back(study["0020000D"]["Value"][0].asString());
    }
    return uids;
  }

  GuardedClinic clinic_;
  std::string own_;
  std::string second_;
  std::string foreign_;
};

constexpr const char* DICOMWEB = "/viewer/dicom-web/studies";
}  // namespace

TEST_F(Viewer, OpensExactlyTheStudiesOfALink)
{
  const std::string cookie = CookieFor({own_});
  EXPECT_THAT(Studies(Get(cookie, DICOMWEB)), ::testing::ElementsAre(own_));
  EXPECT_THAT(Studies(Get(cookie, std::string(DICOMWEB) + "?PatientID=4711&limit=100")),
              ::testing::ElementsAre(own_));
  EXPECT_THAT(Studies(Get(cookie, std::string(DICOMWEB) + "?StudyInstanceUID=" + own_)),
              ::testing::ElementsAre(own_));

  const Json::Value series = Get(cookie, std::string(DICOMWEB) + "/" + own_ + "/series").Json();
  ASSERT_EQ(1, series.size());
  const std::string own =
      std::string(DICOMWEB) + "/" + own_ + "/series/" + series[0]["0020000E"]["Value"][0].asString();
  EXPECT_THAT(series[0]["00081190"]["Value"][0].asString(), HasSubstr("/viewer/dicom-web/studies/"));
  const Json::Value instances = Get(cookie, own + "/instances").Json();
  ASSERT_EQ(SLICES, instances.size());
  const std::string instance = own + "/instances/" + instances[0]["00080018"]["Value"][0].asString();
  EXPECT_EQ(SLICES, Get(cookie, own + "/metadata").Json().size());
  for (const std::string& path :
       {instance + "/frames/1", instance + "/rendered", instance + "/metadata", instance})
  {
    EXPECT_EQ(200, Get(cookie, path).status) << path;
  }
  EXPECT_GT(Get(cookie, instance + "/frames/1").body.size(), 64 * 64 * 2);

  // Another study in every way in which one can be asked for.
  const Json::Value others = clinic_.Http().Get(std::string(DICOMWEB) + "/" + foreign_ + "/series").Json();
  const std::string foreignSeries = others[0]["0020000E"]["Value"][0].asString();
  const std::string root = DICOMWEB;
  for (const std::string& path : std::vector<std::string>{
           root + "/" + foreign_ + "/series",
           root + "/" + foreign_ + "/metadata",
           root + "/" + foreign_ + "/instances",
           root + "/" + foreign_ + "/series/" + foreignSeries + "/metadata",
           root + "/" + own_ + "/series/" + foreignSeries + "/metadata",
           root + "/" + own_ + "/series/" + foreignSeries + "/instances",
           root + "?StudyInstanceUID=" + foreign_,
           root + "?0020000D=" + foreign_,
           root + "?PatientID=4712",
           root + "?StudyInstanceUID=" + own_ + "&StudyInstanceUID=" + foreign_,
           root + "?0020000D=" + own_ + "," + foreign_,
           root + "?0020000d=" + foreign_,
           root + "?studyinstanceuid=" + foreign_,
           root + "/" + own_ + "/../" + foreign_ + "/series",
           root + "/" + own_ + "%2f..%2f" + foreign_ + "/series",
           root + "/" + own_ + "/series/../../" + foreign_ + "/metadata",
           root + "/%2e/" + foreign_ + "/series",
           root + "/" + own_ + "/series?StudyInstanceUID=" + foreign_ + "&0020000D=" + foreign_,
           root + "/" + own_ + "/instances?0020000D=" + foreign_,
           root + "/" + own_ + "/series/" + std::string(8000, '1') + "/metadata",
           root + "/" + own_ + "/series/1/instances/1/bulk/" + std::string(8000, 'a'),
           "/viewer/dicom-web/series",
           "/viewer/dicom-web/instances",
           "/viewer/dicom-web/studies/" + own_,
           "/viewer/DICOM-WEB/studies/" + foreign_ + "/series",
           "/dicom-web/studies/" + foreign_ + "/series",
           "/dicom-web/studies/" + own_ + "/series",
           "/dicom-web/studies",
           "/wado?studyUID=" + foreign_,
           "/studies",
           "/api/v1/studies",
           "/api/v1/studies/" + own_})
  {
    const HttpAnswer answer = Get(cookie, path);
    EXPECT_THAT(answer.body, Not(HasSubstr("KHOURY"))) << path;
    EXPECT_THAT(answer.body, Not(HasSubstr(foreignSeries))) << path;
    EXPECT_TRUE(answer.status != 200 || answer.body == "[]" || answer.body.find(own_) != std::string::npos)
        << path << ": " << answer.body.substr(0, 200);
  }
}

TEST_F(Viewer, TakesALinkNoMoreOftenAndNoLongerThanItSays)
{
  Json::Value once;
  once["uses"] = 1;
  const Json::Value link = MakeLink({own_}, once).Json();
  EXPECT_EQ(200, Open(link["token"].asString()).status);
  const HttpAnswer used = Open(link["token"].asString());
  EXPECT_EQ(403, used.status);
  EXPECT_EQ("used", used.Json()["reason"].asString());
  EXPECT_EQ(403, Open(std::string(64, '0')).status);

  Json::Value brief;
  brief["expires_in"] = 10;  // so long that it is opened in time
  const std::string token = MakeLink({own_}, brief).Json()["token"].asString();
  const std::string cookie = Cookie(Open(token));
  EXPECT_EQ(200, Get(cookie, std::string(DICOMWEB) + "/" + own_ + "/series").status);
  EXPECT_TRUE(
      WaitUntil([&] { return Get(cookie, std::string(DICOMWEB) + "/" + own_ + "/series").status == 404; }));
  EXPECT_EQ("expired", Open(token).Json()["reason"].asString());

  const Json::Value revoked = MakeLink({own_}).Json();
  const std::string open = Cookie(Open(revoked["token"].asString()));
  EXPECT_EQ(200, Get(open, std::string(DICOMWEB) + "/" + own_ + "/series").status);
  EXPECT_EQ(204, clinic_.Http().Delete("/api/v1/dicom/viewer-token/" + revoked["id"].asString()).status);
  EXPECT_EQ(404, Get(open, std::string(DICOMWEB) + "/" + own_ + "/series").status);
  EXPECT_EQ("unknown", Open(revoked["token"].asString()).Json()["reason"].asString());
}

TEST_F(Viewer, DoesNotListenToWhoTriesManyLinks)
{
  long status = 403;
  for (int i = 0; i < 70 && status == 403; i++)
  {
    status = Open(std::string(64, 'a')).status;
  }
  EXPECT_EQ(503, status) << "Orthanc 1.10 has no 429";
}

TEST_F(Viewer, GivesEachBrowserACookieOfItsOwn)
{
  const std::string first = CookieFor({own_});
  // What was open stays open, under a new cookie; a cookie that somebody planted opens nothing.
  const std::string second = Cookie(Open(MakeLink({second_}).Json()["token"].asString(), first));
  EXPECT_NE(first, second);
  EXPECT_THAT(Studies(Get(second, DICOMWEB)), ::testing::UnorderedElementsAre(own_, second_));
  EXPECT_EQ(403, Get(first, DICOMWEB).status);
  const std::string planted = "Cookie: clinic_viewer=chosen-by-somebody-else";
  const std::string third = Cookie(Open(MakeLink({own_}).Json()["token"].asString(), planted));
  EXPECT_EQ(403, Get(planted, DICOMWEB).status);
  EXPECT_THAT(third, Not(HasSubstr("chosen")));

  Json::Value body;
  body["token"] = MakeLink({own_}).Json()["token"];
  EXPECT_EQ(403,
            clinic_.As("", "POST", "/viewer/open", JsonText(body), {"Origin: https://evil.example"}).status);
}

TEST_F(Viewer, StoresOnlyReportsOfOpenStudiesAndOnlyIfTheLinkSaysSo)
{
  Json::Value measuring;
  measuring["measurements"] = true;
  const std::string reads = CookieFor({own_});
  const std::string measures = CookieFor({own_}, measuring);
  const auto store = [&](const std::string& cookie, const std::string& study, const std::string& sopClass,
                         const std::string& patient)
  {
    TemporaryDirectory folder;
    DicomFile report("OT");
    report.Set("SOPClassUID", sopClass)
        .Set("Modality", "SR")
        .Set("StudyInstanceUID", study)
        .Set("PatientID", patient);
    report.Set("PatientName", "ROY^ANNE");
    const std::string body = "--b\r\nContent-Type: application/dicom\r\n\r\n" +
                             ReadFile(report.SaveIn(folder.Path())) + "\r\n--b--\r\n";
    return HttpClient(clinic_.Url())
        .Call("POST", DICOMWEB, body,
              {cookie, "Origin: " + clinic_.Url(),
               "Content-Type: multipart/related; type=\"application/dicom\"; boundary=b"})
        .status;
  };
  const std::string sr = "1.2.840.10008.5.1.4.1.1.88.34";
  EXPECT_EQ(404, store(reads, own_, sr, "4711"));
  EXPECT_EQ(404, store(measures, foreign_, sr, "4712"));
  EXPECT_EQ(404, store(measures, NewUid(), sr, "4711"));
  EXPECT_EQ(400, store(measures, own_, "1.2.840.10008.5.1.4.1.1.2", "4711")) << "an image";
  EXPECT_EQ(400, store(measures, own_, sr, "4712")) << "another patient";
  EXPECT_EQ(SLICES, clinic_.Study(own_)["number_of_instances"].asInt());
  EXPECT_EQ(200, store(measures, own_, sr, "4711"));
  EXPECT_TRUE(WaitUntil([&] { return clinic_.Study(own_)["number_of_instances"].asInt() == SLICES + 1; }));
  const std::string nested = "--b\r\n\r\n" + NestedDicom(own_) + "\r\n--b--";
  for (const std::string& body : {std::string(), std::string("x"), std::string("--b"),
                                  std::string("--b\r\n\r\nno DICOM\r\n--b--"), std::string("--b--"), nested})
  {
    EXPECT_EQ(400,
              HttpClient(clinic_.Url())
                  .Call("POST", DICOMWEB, body,
                        {measures, "Origin: " + clinic_.Url(), "Content-Type: multipart/related; boundary=b"})
                  .status)
        << body.substr(0, 40);
  }
}

TEST_F(Viewer, ShowsAUserThePracticesThatAreTheirs)
{
  clinic_.MakeUser("lise", Roles("dentist", "north"));
  const std::string who = clinic_.SignIn("lise");
  EXPECT_THAT(Studies(clinic_.As(who, "GET", DICOMWEB)), ::testing::UnorderedElementsAre(own_, second_));
  EXPECT_EQ(200, clinic_.As(who, "GET", std::string(DICOMWEB) + "/" + own_ + "/series").status);
  EXPECT_EQ(404, clinic_.As(who, "GET", std::string(DICOMWEB) + "/" + foreign_ + "/series").status);
  EXPECT_EQ(200, clinic_.As(who, "GET", "/dicom-web/studies/" + own_ + "/series").status);
  EXPECT_EQ(403, clinic_.As(who, "GET", "/dicom-web/studies/" + foreign_ + "/series").status);
  EXPECT_EQ(403, clinic_.As("", "GET", DICOMWEB).status);

  // What she may not see she cannot share.
  Json::Value body;
  body["study_uids"].append(foreign_);
  EXPECT_EQ(404, clinic_.As(who, "POST", "/api/v1/dicom/viewer-token", JsonText(body)).status);
}

TEST_F(Viewer, GivesTheClientsTheirAddresses)
{
  const HttpClient http = clinic_.Http();
  for (const char* path : {"/api/v1/dicom/viewer-url/", "/api/v1/dicom/viewer/url/"})
  {
    const HttpAnswer answer = http.Get(path + own_);
    ASSERT_EQ(200, answer.status) << answer.body;
    EXPECT_EQ(own_, answer.Json()["study_uid"].asString());
    EXPECT_THAT(answer.Json()["url"].asString(), ::testing::StartsWith(clinic_.Url() + "/viewer/open#"));
    EXPECT_EQ(404, http.Get(path + NewUid()).status);
  }
  const Json::Value compare =
      http.Get("/api/v1/dicom/viewer/compare?study_uids=" + own_ + "," + second_).Json();
  EXPECT_EQ(2, compare["study_count"].asInt());
  EXPECT_EQ(own_, compare["study_uids"][0].asString());
  EXPECT_EQ(400, http.Get("/api/v1/dicom/viewer/compare?study_uids=" + own_).status);
  const std::string missing = NewUid();
  const HttpAnswer named = http.Get("/api/v1/dicom/viewer/compare?study_uids=" + own_ + "," + missing);
  EXPECT_EQ(404, named.status);
  EXPECT_THAT(named.Json()["detail"].asString(), HasSubstr(missing));
  EXPECT_EQ(10, http.Get("/api/v1/dicom/viewer/config").Json()["max_studies_comparison"].asInt());

  clinic_.PutPatient(
      [&]
      {
        Json::Value patient = Person("p1", "Roy", "Anne", "1985-01-01", "F", "4711");
        patient["practice_id"] = "north";
        return patient;
      }());
  clinic_.Becomes(own_, "matched", "p1");
  clinic_.Becomes(second_, "matched", "p1");
  EXPECT_EQ(2, http.Get("/api/v1/dicom/viewer/url/patient/p1").Json()["study_count"].asInt());
  EXPECT_EQ(404, http.Get("/api/v1/dicom/viewer/url/patient/nobody").status);
  Json::Value order;
  order["patient_id"] = "p1";
  const std::string id = http.Post("/api/v1/orders", order).Json()["id"].asString();
  EXPECT_EQ(404, http.Get("/api/v1/dicom/viewer/url/order/" + id).status);
  Json::Value link;
  link["order_id"] = id;
  EXPECT_EQ(200, http.Post("/api/v1/studies/" + own_ + "/orders", link).status);
  EXPECT_EQ(own_, http.Get("/api/v1/dicom/viewer/url/order/" + id).Json()["study_uids"][0].asString());

  // Who may look but not share gets an address for those who have signed in.
  clinic_.MakeUser("nurse", Roles("nurse", "north"));
  const HttpAnswer plain = clinic_.As(clinic_.SignIn("nurse"), "GET", "/api/v1/dicom/viewer-url/" + own_);
  EXPECT_EQ(clinic_.Url() + "/ohif/viewer?StudyInstanceUIDs=" + own_, plain.Json()["url"].asString());
}

TEST_F(Viewer, ServesItsFilesAsBrowsersWantThem)
{
  if (!std::filesystem::exists(CLINIC_SHARE "/ohif/index.html"))
  {
    GTEST_SKIP() << "OHIF could not be fetched";
  }
  const HttpAnswer page = clinic_.As("", "GET", "/ohif/viewer?StudyInstanceUIDs=1.2.3");
  EXPECT_EQ(200, page.status);
  EXPECT_THAT(page.headers.at("content-type"), HasSubstr("text/html"));
  EXPECT_THAT(page.headers.at("content-security-policy"), HasSubstr("default-src 'none'"));
  EXPECT_THAT(page.body, Not(HasSubstr("service-worker")));
  for (const auto& entry : std::filesystem::directory_iterator(CLINIC_SHARE "/ohif"))
  {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() == ".wasm")
    {
      const HttpAnswer wasm = clinic_.As("", "GET", "/ohif/" + name, "", {"Accept-Encoding: gzip"});
      EXPECT_EQ("application/wasm", wasm.headers.at("content-type"));
      EXPECT_EQ("gzip", wasm.headers.at("content-encoding"));
      EXPECT_THAT(wasm.headers.at("cache-control"), HasSubstr("immutable"));
      EXPECT_LT(wasm.body.size(), entry.file_size());
      EXPECT_EQ(304, clinic_
                         .As("", "GET", "/ohif/" + name, "",
                             {"Accept-Encoding: gzip", "If-None-Match: " + wasm.headers.at("etag")})
                         .status);
      break;
    }
  }
  EXPECT_EQ(404, clinic_.As("", "GET", "/ohif/no-such-file.js").status);
}

TEST_F(Viewer, IsFramedOnlyByThoseWhoAreNamed)
{
  if (!std::filesystem::exists(CLINIC_SHARE "/ohif/index.html"))
  {
    GTEST_SKIP() << "OHIF could not be fetched";
  }
  const auto policy = [&]
  { return clinic_.As("", "GET", "/ohif/viewer").headers.at("content-security-policy"); };
  EXPECT_THAT(policy(), ::testing::EndsWith("frame-ancestors 'self'"));
  Json::Value& next = clinic_.Orthanc().NextStart().configuration["Clinic"]["Viewer"];
  next["FrameAncestors"].append("https://crm.example.org");
  next["SecureCookies"] = true;
  next["PublicUrl"] = "https://imaging.example.org";
  clinic_.Orthanc().Restart();
  EXPECT_THAT(policy(), ::testing::EndsWith("frame-ancestors 'self' https://crm.example.org"));
  const Json::Value link = MakeLink({own_}).Json();
  EXPECT_THAT(link["url"].asString(), ::testing::StartsWith("https://imaging.example.org/viewer/open#"));
  EXPECT_THAT(Open(link["token"].asString()).headers.at("set-cookie"),
              ::testing::EndsWith("SameSite=None; Secure; Partitioned"));
}

namespace
{
// What a person sees: see UnitTests/Browser/browser.mjs.
class Browser : public Viewer
{
protected:
  explicit Browser(const Json::Value& more = Json::objectValue) : Viewer(more) {}

  void SetUp() override
  {
    if (RunProgram({"sh", "-c", "command -v chromium && command -v node"}).exitCode != 0 ||
        !std::filesystem::exists(CLINIC_BROWSER_MODULES "/node_modules/playwright-core") ||
        !std::filesystem::exists(CLINIC_SHARE "/ohif/index.html") ||
        !std::filesystem::exists(CLINIC_SHARE "/app/index.html"))
    {
      GTEST_SKIP() << "chromium, playwright-core, OHIF or the web application is not there";
    }
    given_["url"] = clinic_.Url();
    given_["study"] = own_;
    given_["otherStudy"] = foreign_;
    given_["images"] = SLICES;
  }

  void Walk(const std::string& scenario)
  {
    const Finished finished =
        RunProgram({"timeout", "240", "node", ORTHANC_CLINIC_SOURCE_DIR "/UnitTests/Browser/browser.mjs",
                    scenario, JsonText(given_)},
                   {{"CLINIC_BROWSER_MODULES", CLINIC_BROWSER_MODULES}}, std::chrono::minutes(5));
    EXPECT_EQ(0, finished.exitCode) << finished.output;
  }

  std::string LinkTo(const std::vector<std::string>& uids, const Json::Value& more = Json::objectValue) const
  {
    return MakeLink(uids, more).Json()["url"].asString();
  }

  Json::Value given_;
};
}  // namespace

TEST_F(Browser, OpensALink)
{
  given_["link"] = LinkTo({own_});
  Walk("link");
}

TEST_F(Browser, ScrollsASeries)
{
  given_["link"] = LinkTo({own_});
  Walk("scroll");
}

TEST_F(Browser, OpensALinkWhosePartsComeLate)
{
  given_["link"] = LinkTo({own_});
  Walk("lateParts");
}

TEST_F(Browser, ShowsThreePlanes)
{
  given_["link"] = LinkTo({own_});
  Walk("mpr");
}

TEST_F(Browser, ComparesTwoStudies)
{
  given_["link"] =
      clinic_.Http().Get("/api/v1/dicom/viewer/compare?study_uids=" + own_ + "," + second_).Json()["url"];
  Walk("compare");
}

TEST_F(Browser, KeepsWhatIsMeasured)
{
  Json::Value measuring;
  measuring["measurements"] = true;
  given_["link"] = LinkTo({own_}, measuring);
  Walk("measure");
}

TEST_F(Browser, SaysWhyALinkDoesNotOpen)
{
  const auto refused = [&](const std::string& link, const std::string& says)
  {
    Json::Value one;
    one["link"] = link;
    one["says"] = says;
    given_["refused"].append(one);
  };
  Json::Value once;
  once["uses"] = 1;
  const Json::Value used = MakeLink({own_}, once).Json();
  Open(used["token"].asString());
  refused(used["url"].asString(), "Ce lien a déjà servi");
  const Json::Value revoked = MakeLink({own_}).Json();
  clinic_.Http().Delete("/api/v1/dicom/viewer-token/" + revoked["id"].asString());
  refused(revoked["url"].asString(), "Ce lien n’est pas valide");
  refused(clinic_.Url() + "/viewer/open#" + std::string(64, 'f'), "Ce lien n’est pas valide");
  refused(clinic_.Url() + "/viewer/open", "Ce lien n’est pas valide");
  // The last one that is made: a new link removes what has expired.
  Json::Value brief;
  brief["expires_in"] = 1;
  refused(LinkTo({own_}, brief), "Ce lien a expiré");
  Walk("refused");
}

TEST_F(Browser, ShowsEachRoleWhatIsTheirs)
{
  const std::string name = "<IMG SRC=X ONERROR=ALERT(1)>^A";
  SendSeries(clinic_, name, "4713", SLICES, "CT-NORTH");
  given_["patient"] = name;
  given_["foreignPatient"] = "KHOURY^NOUR";
  for (const auto& [role, sees] :
       {std::pair("dentist", true), std::pair("radiologist", true), std::pair("reception", false)})
  {
    clinic_.MakeUser(role, Roles(role, "north"));
    Json::Value user;
    user["user"] = role;
    user["password"] = GuardedClinic::PASSWORD;
    user["sees"] = sees;
    given_["users"].append(user);
  }
  Walk("roles");
}

TEST_F(Browser, SaysThatAPasswordIsWrong)
{
  clinic_.MakeUser("lise", Roles("dentist", "north"));
  given_["user"] = "lise";
  given_["password"] = GuardedClinic::PASSWORD;
  Walk("wrongPassword");
}

TEST_F(Browser, LoadsNothingAfterTheLogOut)
{
  clinic_.MakeUser("lise", Roles("dentist", "north"));
  given_["user"] = "lise";
  given_["password"] = GuardedClinic::PASSWORD;
  given_["patient"] = "ROY^ANNE";
  Walk("signOut");
}

TEST_F(Browser, ComparesFromTheList)
{
  clinic_.MakeUser("lise", Roles("dentist", "north"));
  given_["user"] = "lise";
  given_["password"] = GuardedClinic::PASSWORD;
  Walk("compareFromList");
}

namespace
{
class BrowserUpload : public Browser
{
protected:
  void SetUp() override
  {
    Browser::SetUp();
    if (IsSkipped())
    {
      return;
    }
    clinic_.MakeUser("lise", Roles("technician", "north"));
    given_["user"] = "lise";
    given_["password"] = GuardedClinic::PASSWORD;
    const Json::Value patient = ParseJsonText(R"({
      "id": "p-roy", "practice_id": "north", "kind": "patient", "birth_date": "1985-01-01", "sex": "F",
      "identifiers": [{"value": "4711", "issuer": "CLINIC", "type": "mrn"}],
      "names": [{"use": "official", "family": "Roy", "given": "Anne"}]})");
    ASSERT_EQ(201, clinic_.Http().Put("/api/v1/patients/p-roy", patient).status);
  }

  // Three images whose PatientID has two digits swapped.
  std::string MakeStudy(const std::filesystem::path& folder)
  {
    DicomFile image("PX", 64);
    image.Set("PatientName", "Roy^Anne").Set("PatientID", WRONG).Set("PatientBirthDate", "19850101");
    for (int i = 0; i < 3; i++)
    {
      given_["files"].append(image.SaveIn(folder).string());
      image.NextInstance();
    }
    last_ = ReadFile(image.SaveIn(files_.Path()));
    return image.StudyUid();
  }

  void Write(const std::string& name, const std::string& bytes)
  {
    const std::filesystem::path path = files_.Path() / name;
    std::ofstream(path, std::ios::binary) << bytes;
    given_["files"].append(path.string());
  }

  static constexpr const char* WRONG = "4171";
  TemporaryDirectory files_;
  std::string last_;  // a fourth image
};
}  // namespace

TEST_F(BrowserUpload, SendsACorrectedStudyToItsPatient)
{
  const std::string study = MakeStudy(files_.Path());
  Write("cut.dcm", last_.substr(0, last_.size() - 100));
  Write("readme.txt", "Insert this CD into a computer");
  // What comes after the pixels, only the server reads.
  Write("late.dcm", last_ + std::string("\xFC\xFF\xFC\xFFOB\0\0\xFF\xFF\xFF\x0F", 12));
  const Json::Value order =
      clinic_.Http()
          .Post("/api/v1/orders", ParseJsonText(R"({"patient_id": "p-roy", "priority": "routine",
            "clinical_indication": "Wisdom teeth", "modality_id": "XRAY"})"))
          .Json();
  given_["accession"] = order["accession_number"];
  given_["order"] = order["order_number"].asString() + " · XRAY · " + order["accession_number"].asString();
  given_["wrongId"] = WRONG;
  given_["sent"] = study;
  Walk("upload");

  Json::Value stored;
  EXPECT_TRUE(WaitUntil(
      [&]
      {
        stored = clinic_.Study(study);
        return stored["number_of_instances"].asInt() == 3;
      }))
      << JsonText(stored);
  EXPECT_EQ("4711", stored["patient_dicom_id"].asString());
  EXPECT_EQ("p-roy", stored["match"]["patient_id"].asString());
  EXPECT_EQ(order["accession_number"], stored["accession_number"]);
  EXPECT_EQ(order["id"], stored["orders"][0]["order_id"]);
}

TEST_F(BrowserUpload, SendsAgainWhatFailed)
{
  TemporaryDirectory folder;
  MakeStudy(folder.Path());
  Write("readme.txt", "Insert this CD into a computer");
  given_["folder"] = folder.Path().string();
  Walk("uploadAgain");
}

namespace
{
class BrowserWithAnalysis : public Browser
{
protected:
  BrowserWithAnalysis() : BrowserWithAnalysis(std::make_unique<ChatServer>()) {}

private:
  explicit BrowserWithAnalysis(std::unique_ptr<ChatServer> server)
      : Browser(Configuration(*server)), server_(std::move(server))
  {
  }

  static Json::Value Configuration(const ChatServer& server)
  {
    Json::Value more;
    Json::Value& provider = more["Clinic"]["Analysis"]["Providers"][0];
    provider["Name"] = "vision";
    provider["Type"] = "openai";
    provider["Endpoint"] = server.Endpoint();
    provider["Model"] = ChatServer::MODEL;
    provider["ApiKey"] = ChatServer::KEY;
    provider["Jurisdiction"] = "QC";
    more["Clinic"]["Analysis"]["Rules"][0]["Provider"] = "vision";
    more["Clinic"]["Analysis"]["Rules"][0]["Modalities"].append("IO");
    return more;
  }

  std::unique_ptr<ChatServer> server_;
};
}  // namespace

TEST_F(BrowserWithAnalysis, ShowsWhatSoftwareFound)
{
  DicomFile tooth("IO", 200);
  tooth.Set("PatientName", "Roy^Anne").Set("PatientID", "4711");
  const std::string study = clinic_.Send(tooth);
  EXPECT_TRUE(WaitUntil([&] { return clinic_.Study(study)["number_of_instances"].asInt() == 2; }))
      << "the report";
  given_["link"] = LinkTo({study});
  given_["report"] = "AI findings, not verified";
  Walk("report");

  // The note of a rejection is an object that OHIF does not know: it shows everything else as before.
  const std::string id =
      clinic_.Http().Get("/api/v1/analyses?study_uid=" + study).Json()["items"][0]["id"].asString();
  Json::Value body;
  body["decision"] = "reject";
  EXPECT_EQ(200, clinic_.Http().Post("/api/v1/analyses/" + id + "/review", body).status);
  EXPECT_TRUE(WaitUntil([&] { return clinic_.Study(study)["number_of_instances"].asInt() == 3; }));
  given_["link"] = LinkTo({study});
  Walk("report");
}
}  // namespace OrthancClinic::Testing
