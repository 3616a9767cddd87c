// SPDX-License-Identifier: GPL-3.0-or-later
//
// Another Orthanc, by its REST API.

#include <map>
#include <set>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/RemoteModality.h"
#include "Core/Errors.h"
#include "RemoteArchive.h"
#include "RemoteHttp.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr const char* JSON = "application/json";

class Peer : public IRemoteArchive
{
public:
  Peer(const Surroundings& surroundings, const RemoteServer& server)
      : orthanc_(surroundings.orthanc), http_(server, surroundings.retrieval)
  {
  }

  void Echo() override
  {
    const Json::Value system = JsonOf(http_.Get("/system", JSON));
    if (!system.isObject() || !system["ApiVersion"].isInt())
    {
      throw Unavailable("What answers at this URL is no Orthanc");
    }
  }

  FoundStudies Find(const StudyQuery& query, size_t limit) override
  {
    Json::Value call;
    call["Level"] = "Study";
    call["Expand"] = true;
    call["Limit"] = static_cast<Json::UInt64>(limit + 1);
    call["Query"] = Keys(query);
    const Json::Value answers = JsonOf(http_.Post("/tools/find", call));
    FoundStudies found;
    found.complete = answers.size() <= limit;
    for (const Json::Value& answer : answers)
    {
      if (!answer.isObject())
      {
        throw Unavailable("What answers at this URL is no Orthanc");
      }
      Json::Value tags = answer["MainDicomTags"];
      const Json::Value& patient = answer["PatientMainDicomTags"];
      for (const std::string& keyword : patient.getMemberNames())
      {
        tags[keyword] = patient[keyword];
      }
      RemoteStudy study = StudyFromTags(tags);
      if (found.studies.size() < limit && Matches(query, study))
      {
        Describe(answer["ID"].asString(), study);
        found.studies.push_back(std::move(study));
      }
    }
    return found;
  }

  std::vector<RemoteInstance> List(const std::string& studyInstanceUid) override
  {
    Json::Value call;
    call["Level"] = "Instance";
    call["Expand"] = true;
    call["Query"]["StudyInstanceUID"] = studyInstanceUid;
    std::map<std::string, std::string> series;  // Orthanc's id → UID
    std::vector<RemoteInstance> instances;
    for (const Json::Value& answer : JsonOf(http_.Post("/tools/find", call)))
    {
      const std::string parent = answer["ParentSeries"].asString();
      if (!series.contains(parent))
      {
        series[parent] =
            TextOf(JsonOf(http_.Get("/series/" + parent, JSON))["MainDicomTags"], "SeriesInstanceUID");
      }
      instances.push_back(
          {series[parent], TextOf(answer["MainDicomTags"], "SOPInstanceUID"), answer["ID"].asString()});
    }
    return instances;
  }

  void Fetch(const std::string& studyInstanceUid, const std::vector<RemoteInstance>&,
             const std::vector<RemoteInstance>& wanted, const std::function<bool()>& goesOn) override
  {
    for (const RemoteInstance& instance : wanted)
    {
      const HttpReply reply =
          http_.Download("/instances/" + instance.orthancId + "/file", "application/dicom", goesOn);
      Store(orthanc_, reply.body, studyInstanceUid, instance.sopUid);
      if (!goesOn())
      {
        return;
      }
    }
  }

private:
  // What Orthanc does not say of a study by itself.
  void Describe(const std::string& orthancId, RemoteStudy& study)
  {
    std::set<std::string> modalities;
    for (const Json::Value& series : JsonOf(http_.Get("/studies/" + orthancId + "/series", JSON)))
    {
      modalities.insert(TextOf(series["MainDicomTags"], "Modality"));
      study.series++;
      study.instances += static_cast<int>(series["Instances"].size());
    }
    modalities.erase("");
    study.modalities.assign(modalities.begin(), modalities.end());
  }

  IOrthanc& orthanc_;
  RemoteHttp http_;
};
}  // namespace

std::unique_ptr<IRemoteArchive> OpenPeer(const Surroundings& surroundings, const RemoteServer& server)
{
  return std::make_unique<Peer>(surroundings, server);
}
}  // namespace OrthancClinic::Intake
