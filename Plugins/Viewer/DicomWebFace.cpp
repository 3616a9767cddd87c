// SPDX-License-Identifier: GPL-3.0-or-later

#include "DicomWebFace.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/StudyStore.h"
#include "Core/Rest/Multipart.h"

namespace OrthancClinic::Viewer
{
namespace
{
constexpr const char* UID = "0020000D";
constexpr size_t MOST_STUDIES = 100;  // of the links of one browser, in one search
constexpr size_t LARGEST_REPORT = 16 << 20;

// Structured reports (PS3.4 B.5): what a viewer measures. Images are not stored through a viewer.
const std::set<std::string> REPORT_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.88.22", "1.2.840.10008.5.1.4.1.1.88.33",
    "1.2.840.10008.5.1.4.1.1.88.34"};

// What a viewer asks for below a study; "#" stands for digits, dots and commas, "*" at the end for any number
// of hexadecimal segments (bulk data). Whole studies and series are not among it: they are downloads.
constexpr const char* PATHS[] = {"series",
                                 "instances",
                                 "metadata",
                                 "series/#/instances",
                                 "series/#/metadata",
                                 "series/#/rendered",
                                 "series/#/thumbnail",
                                 "series/#/instances/#",
                                 "series/#/instances/#/metadata",
                                 "series/#/instances/#/rendered",
                                 "series/#/instances/#/thumbnail",
                                 "series/#/instances/#/frames/#",
                                 "series/#/instances/#/frames/#/rendered",
                                 "series/#/instances/#/frames/#/thumbnail",
                                 "series/#/instances/#/bulk/*"};
constexpr size_t LONGEST_PATH = 512;

bool FitsPath(std::string_view pattern, std::string_view path)
{
  static constexpr std::string_view NUMBERS = "0123456789.,";
  static constexpr std::string_view HEXADECIMAL = "0123456789ABCDEFabcdef/";
  while (!pattern.empty())
  {
    if (pattern.front() == '*')
    {
      return !path.empty() && path.find_first_not_of(HEXADECIMAL) == std::string_view::npos;
    }
    if (pattern.front() == '#')
    {
      const size_t end = std::min(path.find_first_not_of(NUMBERS), path.size());
      if (end == 0)
      {
        return false;
      }
      path.remove_prefix(end);
    }
    else
    {
      if (path.empty() || path.front() != pattern.front())
      {
        return false;
      }
      path.remove_prefix(1);
    }
    pattern.remove_prefix(1);
  }
  return path.empty();
}

bool IsViewersPath(const std::string& rest)
{
  return rest.size() <= LONGEST_PATH &&
         std::any_of(std::begin(PATHS), std::end(PATHS),
                     [&](const char* pattern) { return FitsPath(pattern, rest); });
}

std::string EncodeQuery(const HttpRequest& request, const std::string& without = "")
{
  std::string query;
  for (const auto& [name, value] : request.query)
  {
    if (name != without)
    {
      query += (query.empty() ? "?" : "&") + EncodeQueryText(name) + "=" + EncodeQueryText(value);
    }
  }
  return query;
}

void ReplaceAll(std::string& text, const std::string& from, const std::string& to)
{
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
  {
    text.replace(at, from.size(), to);
  }
}

// The studies of a search's answer; none, if DICOMweb could not answer.
Json::Value ParseStudies(const IOrthanc::Answer& answer)
{
  return answer.status == 200 && !answer.body.empty() ? ParseJson(answer.body)
                                                      : Json::Value(Json::arrayValue);
}

// The study that a search names; empty if it names none.
std::string NamedStudy(const HttpRequest& request)
{
  for (const auto& [name, value] : request.query)
  {
    if (name == UID || name == "StudyInstanceUID")
    {
      return value;
    }
  }
  return "";
}
}  // namespace

Response DicomWebFace::Forward(const Request& request, const std::string& path)
{
  std::map<std::string, std::string> headers;
  for (const char* name : {"accept", "host"})
  {
    if (const std::string value = FindHeader(request.Http(), name); !value.empty())
    {
      headers[name] = value;
    }
  }
  IOrthanc::Answer answer;
  try
  {
    answer = orthanc_.Fetch(path, headers);
  }
  catch (const NotFound&)
  {
    answer.status = 404;
  }
  if (answer.status >= 400)
  {
    Response response;
    response.http =
        Problem(answer.status == 404 || answer.status == 400 || answer.status == 406 ? answer.status : 502,
                "DICOMweb cannot answer this");
    return response;
  }
  const std::string type = answer.headers["content-type"];
  if (type.find("json") != std::string::npos || type.find("xml") != std::string::npos)
  {
    // The addresses of bulk data are to lead back here.
    ReplaceAll(answer.body, options_.dicomWebRoot + "studies/", std::string(ROOT) + "/studies/");
  }
  return Response::Text(std::move(answer.body), type.empty() ? "application/dicom+json" : type,
                        answer.status);
}

Response DicomWebFace::Retrieve(const Request& request)
{
  const std::string& uid = request.Path("uid");
  const std::string& rest = request.Path("rest");
  if (!IsViewersPath(rest))
  {
    throw NotFound("There is nothing of this kind here");
  }
  const AuditEntry entry = opening_.Require(request, uid, Permission::ReadImages);
  looks_.Write(entry);
  return Forward(request,
                 options_.dicomWebRoot + "studies/" + uid + "/" + rest + EncodeQuery(request.Http()));
}

// The study by a search that is confined to it.
Json::Value DicomWebFace::Search(const Request& request, const std::string& uid)
{
  const std::string others = EncodeQuery(request.Http(), UID);
  const std::string path =
      options_.dicomWebRoot + "studies" + others + (others.empty() ? "?" : "&") + UID + "=" + uid;
  return ParseStudies(orthanc_.Fetch(path, {{"accept", "application/dicom+json"}}));
}

Response DicomWebFace::SearchStudies(const Request& request)
{
  AuditEntry entry = request.Audit("image.search");
  entry.principal.remoteAddress = request.Http().remoteAddress;
  entry.detail["route"] = "GET /viewer/dicom-web/studies";
  const Grants& grants = *request.Caller().grants;
  if (grants.AllowEverywhere(Permission::ReadImages))
  {
    looks_.Write(entry);
    return Forward(request, options_.dicomWebRoot + "studies" + EncodeQuery(request.Http()));
  }

  const std::string named = NamedStudy(request.Http());
  std::vector<std::string> open;
  for (const Link& link : opening_.LinksOf(request))
  {
    for (const LinkedStudy& study : link.studies)
    {
      if ((named.empty() || named == study.uid) && open.size() < MOST_STUDIES &&
          std::find(open.begin(), open.end(), study.uid) == open.end())
      {
        open.push_back(study.uid);
        entry.principal.name = "link:" + link.id;
      }
    }
  }
  if (open.empty() && !grants.AllowSomewhere(Permission::ReadImages))
  {
    throw Forbidden("No study is open to you");
  }

  Json::Value found(Json::arrayValue);
  for (const std::string& uid : open)
  {
    for (const Json::Value& study : Search(request, uid))
    {
      found.append(study);
    }
  }
  if (grants.AllowSomewhere(Permission::ReadImages))
  {
    const Json::Value all = ParseStudies(
        orthanc_.Fetch(options_.dicomWebRoot + "studies" + EncodeQuery(request.Http()),
                       {{"accept", "application/dicom+json"}, {"host", FindHeader(request.Http(), "host")}}));
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    for (const Json::Value& study : all)
    {
      const std::string uid = study[UID]["Value"][0].asString();
      try
      {
        if (std::find(open.begin(), open.end(), uid) == open.end() &&
            grants.Allow(Permission::ReadImages, StudyStore(transaction).Get(uid).practiceId))
        {
          found.append(study);
        }
      }
      catch (const NotFound&)
      {
        continue;  // nobody knows yet to which practice it belongs
      }
      catch (const Conflict&)
      {
        continue;  // two studies have this UID
      }
    }
    transaction.Commit();
  }
  looks_.Write(entry);
  return Response::Text(WriteJson(found), "application/dicom+json");
}

Response DicomWebFace::Store(const Request& request, const std::string& studyUid)
{
  const std::string type = FindHeader(request.Http(), "content-type");
  struct Report
  {
    std::string dicom;
    std::string classUid;
    std::string instanceUid;
    AuditEntry entry;
  };
  std::vector<Report> reports;
  for (const MultipartPart& part : ParseMultipart(type, request.Http().body))
  {
    Report report{std::string(part.body), "", "", {}};
    const Json::Value tags = orthanc_.ReadDicom(report.dicom);
    const auto text = [&](const char* tag) { return TextOf(tags, tag); };
    report.classUid = text("0008,0016");
    report.instanceUid = text("0008,0018");
    const std::string uid = text("0020,000d");
    if (!REPORT_CLASSES.contains(report.classUid))
    {
      throw BadInput("Only structured reports are stored from the viewer");
    }
    if (!studyUid.empty() && studyUid != uid)
    {
      throw BadInput("The report belongs to another study than the address says");
    }
    report.entry = opening_.Require(request, uid, Permission::WriteMeasurements);

    // A report with another patient would be filed as another patient's study.
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    const Study study = StudyStore(transaction).Get(uid);
    transaction.Commit();
    if (text("0010,0020") != study.demographics.patientId)
    {
      throw BadInput("The report names another patient than the study");
    }
    reports.push_back(std::move(report));
  }
  if (reports.empty())
  {
    throw BadInput("There is no report in the body");
  }

  Json::Value answer;
  answer["00081199"]["vr"] = "SQ";
  for (const Report& report : reports)
  {
    looks_.WriteAlways(report.entry);
    orthanc_.Post("/instances", report.dicom);
    Json::Value item;
    item["00081150"]["vr"] = "UI";
    item["00081150"]["Value"].append(report.classUid);
    item["00081155"]["vr"] = "UI";
    item["00081155"]["Value"].append(report.instanceUid);
    answer["00081199"]["Value"].append(item);
  }
  return Response::Text(WriteJson(answer), "application/dicom+json");
}

void DicomWebFace::AddRoutes(Router& router)
{
  const std::string studies = std::string(ROOT) + "/studies";
  // Who may is found out study by study: by the caller's practices, or by the links of the browser.
  router.Add({.method = HttpMethod::Get,
              .path = studies,
              .permission = Permission::Public,
              .summary = "QIDO-RS of the studies that are open to the caller",
              .anyQuery = true,
              .handler = [this](const Request& request) { return SearchStudies(request); }});
  router.Add({.method = HttpMethod::Get,
              .path = studies + "/{uid}/{rest*}",
              .permission = Permission::Public,
              .summary = "QIDO-RS and WADO-RS below a study that is open to the caller",
              .anyQuery = true,
              .handler = [this](const Request& request) { return Retrieve(request); }});
  router.Add({.method = HttpMethod::Post,
              .path = studies,
              .permission = Permission::Public,
              .summary = "STOW-RS of structured reports",
              .rawBody = true,
              .maxBody = LARGEST_REPORT,
              .handler = [this](const Request& request) { return Store(request, ""); }});
  router.Add({.method = HttpMethod::Post,
              .path = studies + "/{uid}",
              .permission = Permission::Public,
              .summary = "STOW-RS of structured reports",
              .rawBody = true,
              .maxBody = LARGEST_REPORT,
              .handler = [this](const Request& request) { return Store(request, request.Path("uid")); }});
}
}  // namespace OrthancClinic::Viewer
