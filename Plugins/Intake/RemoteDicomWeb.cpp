// SPDX-License-Identifier: GPL-3.0-or-later
//
// A DICOMweb server: QIDO-RS (PS3.18 10.6) and WADO-RS (10.4).

#include <fmt/format.h>

#include <cctype>
#include <set>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"
#include "Core/Rest/Http.h"
#include "Core/Rest/Multipart.h"
#include "RemoteArchive.h"
#include "RemoteHttp.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr const char* DICOM_JSON = "application/dicom+json";
constexpr int PAGE = 500;  // of a list of instances
constexpr int MOST_PAGES = 1000;

// The values of an attribute of the DICOM JSON model (PS3.18 F.2); an empty array without them.
Json::Value Values(const Json::Value& dataset, const char* tag)
{
  const Json::Value values =
      dataset.isObject() && dataset[tag].isObject() ? dataset[tag]["Value"] : Json::Value();
  return values.isArray() ? values : Json::Value(Json::arrayValue);
}

// The first one.
std::string Text(const Json::Value& dataset, const char* tag)
{
  const Json::Value value = Values(dataset, tag).get(Json::ArrayIndex(0), Json::Value());
  if (value.isObject())
  {
    // A person's name.
    std::string name = TextOf(value, "Alphabetic");
    for (const char* group : {"Ideographic", "Phonetic"})
    {
      name += "=" + (value[group].isString() ? value[group].asString() : std::string());
    }
    name.erase(name.find_last_not_of('=') + 1);
    return name;
  }
  return value.isString() ? value.asString() : value.isIntegral() ? std::to_string(value.asInt64()) : "";
}

Json::Value Tags(const Json::Value& dataset)
{
  static constexpr std::pair<const char*, const char*> TAGS[] = {
      {"StudyInstanceUID", "0020000D"},
      {"PatientID", "00100020"},
      {"PatientName", "00100010"},
      {"PatientBirthDate", "00100030"},
      {"PatientSex", "00100040"},
      {"StudyDate", "00080020"},
      {"StudyTime", "00080030"},
      {"StudyDescription", "00081030"},
      {"AccessionNumber", "00080050"},
      {"NumberOfStudyRelatedSeries", "00201206"},
      {"NumberOfStudyRelatedInstances", "00201208"}};
  Json::Value tags;
  for (const auto& [keyword, tag] : TAGS)
  {
    tags[keyword] = Text(dataset, tag);
  }
  std::string modalities;
  for (const Json::Value& modality : Values(dataset, "00080061"))
  {
    modalities += (modalities.empty() ? "" : "\\") + (modality.isString() ? modality.asString() : "");
  }
  tags["ModalitiesInStudy"] = modalities;
  return tags;
}

// A key with wildcards in a URL. Orthanc's DICOMweb before 1.12 decodes nothing in it, so that what must not
// stand there as it is ('^', spaces) becomes a wildcard too; other letters than those of ASCII it never
// finds.
std::string WildcardKey(const std::string& key)
{
  std::string text;
  for (const char c : key)
  {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '?';
    const bool ascii = static_cast<unsigned char>(c) < 0x80;
    const std::string written = plain ? std::string(1, c) : ascii ? "*" : EncodeQueryText(std::string(1, c));
    if (written != "*" || !text.ends_with('*'))
    {
      text += written;
    }
  }
  return text;
}

class DicomWebArchive : public IRemoteArchive
{
public:
  DicomWebArchive(const Surroundings& surroundings, const RemoteServer& server)
      : orthanc_(surroundings.orthanc), http_(server, surroundings.retrieval)
  {
  }

  // A search that finds nobody.
  void Echo() override { Search("/studies?limit=1&StudyInstanceUID=2.25.1"); }

  FoundStudies Find(const StudyQuery& query, size_t limit) override
  {
    std::string path = fmt::format("/studies?limit={}", limit + 1);
    const Json::Value keys = Keys(query);
    for (const std::string& keyword : keys.getMemberNames())
    {
      const bool wild = keyword == "PatientName" || keyword == "StudyDescription";
      path += "&" + keyword + "=" +
              (wild ? WildcardKey(keys[keyword].asString()) : EncodeQueryText(keys[keyword].asString()));
    }
    for (const char* asked : {"00080061", "00081030", "00201206", "00201208"})
    {
      path += std::string("&includefield=") + asked;
    }
    FoundStudies found;
    const Json::Value answers = Search(path);
    found.complete = answers.size() <= limit;
    for (const Json::Value& answer : answers)
    {
      RemoteStudy study = StudyFromTags(Tags(answer));
      if (found.studies.size() < limit && Matches(query, study))
      {
        found.studies.push_back(std::move(study));
      }
    }
    return found;
  }

  std::vector<RemoteInstance> List(const std::string& studyInstanceUid) override
  {
    std::vector<RemoteInstance> instances;
    std::set<std::string> seen;
    for (int page = 0; page < MOST_PAGES; page++)
    {
      const Json::Value answers = Search(
          fmt::format("/studies/{}/instances?limit={}&offset={}", studyInstanceUid, PAGE, instances.size()));
      const size_t before = instances.size();
      for (const Json::Value& answer : answers)
      {
        const RemoteInstance instance{Text(answer, "0020000E"), Text(answer, "00080018"), ""};
        if (!instance.seriesUid.empty() && !instance.sopUid.empty() && seen.insert(instance.sopUid).second)
        {
          instances.push_back(instance);
        }
      }
      if (instances.size() == before)
      {
        break;  // the end, or a server that begins again
      }
    }
    return instances;
  }

  // Each image by itself: what is in memory is one of them.
  void Fetch(const std::string& studyInstanceUid, const std::vector<RemoteInstance>&,
             const std::vector<RemoteInstance>& wanted, const std::function<bool()>& goesOn) override
  {
    for (const RemoteInstance& instance : wanted)
    {
      const HttpReply reply =
          http_.Download(fmt::format("/studies/{}/series/{}/instances/{}", studyInstanceUid,
                                     instance.seriesUid, instance.sopUid),
                         "multipart/related; type=\"application/dicom\"; transfer-syntax=*", goesOn);
      const auto type = reply.headers.find("content-type");
      std::vector<MultipartPart> parts;
      try
      {
        parts = ParseMultipart(type == reply.headers.end() ? "" : type->second, reply.body);
      }
      catch (const BadInput& error)
      {
        throw Unavailable(std::string("The server does not send an image by WADO-RS: ") + error.what());
      }
      if (parts.size() != 1)
      {
        throw Unavailable("The server sends more than the one image that was asked for");
      }
      Store(orthanc_, std::string(parts[0].body), studyInstanceUid, instance.sopUid);
      if (!goesOn())
      {
        return;
      }
    }
  }

private:
  Json::Value Search(const std::string& path)
  {
    Json::Value answers = JsonOf(http_.Get(path, DICOM_JSON));
    if (!answers.isArray())
    {
      throw Unavailable("The server's answer is not one of QIDO-RS");
    }
    return answers;
  }

  IOrthanc& orthanc_;
  RemoteHttp http_;
};
}  // namespace

std::unique_ptr<IRemoteArchive> OpenDicomWeb(const Surroundings& surroundings, const RemoteServer& server)
{
  return std::make_unique<DicomWebArchive>(surroundings, server);
}
}  // namespace OrthancClinic::Intake
