// SPDX-License-Identifier: GPL-3.0-or-later
//
// A DICOM server, by way of Orthanc's modality of the same name.

#include <algorithm>
#include <map>
#include <set>

#include "Core/Configuration/Json.h"
#include "Core/Dicom/RemoteModality.h"
#include "Core/Errors.h"
#include "RemoteArchive.h"
#include "RemoteAssociation.h"

namespace OrthancClinic::Intake
{
namespace
{
// So many single images are asked for before somebody may cancel.
constexpr Json::ArrayIndex AT_ONCE = 20;

class DicomArchive : public IRemoteArchive
{
public:
  DicomArchive(const Surroundings& surroundings, const RemoteServer& server)
      : surroundings_(surroundings),
        server_(server),
        modality_(surroundings.orthanc, server.id, server.timeout),
        retrieval_(surroundings.orthanc, server.id, surroundings.retrieval)
  {
  }

  void Echo() override
  {
    Explained([&] { modality_.Echo(); });
  }

  FoundStudies Find(const StudyQuery& query, size_t limit) override
  {
    Json::Value keys;
    for (const char* asked :
         {"PatientID", "PatientName", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate",
          "StudyTime", "StudyDescription", "AccessionNumber", "ModalitiesInStudy",
          "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances"})
    {
      keys[asked] = "";
    }
    const Json::Value matching = Keys(query);
    for (const std::string& keyword : matching.getMemberNames())
    {
      keys[keyword] = matching[keyword];
    }
    FoundStudies found;
    // Orthanc writes the query, and what it keeps of the answers, in its DefaultEncoding.
    const auto utf8 =
        server_.utf8 || NeedsUtf8(query) ? surroundings_.encoding.ClaimUtf8() : std::shared_ptr<void>();
    for (const Json::Value& tags : Ask("Study", keys))
    {
      RemoteStudy study = StudyFromTags(tags);
      if (!Matches(query, study))
      {
        continue;
      }
      if (found.studies.size() == limit)
      {
        found.complete = false;
        break;
      }
      found.studies.push_back(std::move(study));
    }
    return found;
  }

  std::vector<RemoteInstance> List(const std::string& studyInstanceUid) override
  {
    // Level by level, as every server can (PS3.4 C.4.1.2.1).
    std::vector<RemoteInstance> instances;
    Json::Value keys;
    keys["StudyInstanceUID"] = studyInstanceUid;
    keys["SeriesInstanceUID"] = "";
    for (const Json::Value& series : Ask("Series", keys))
    {
      keys["SeriesInstanceUID"] = TextOf(series, "SeriesInstanceUID");
      keys["SOPInstanceUID"] = "";
      for (const Json::Value& instance : Ask("Instance", keys))
      {
        instances.push_back({keys["SeriesInstanceUID"].asString(), TextOf(instance, "SOPInstanceUID"), ""});
      }
    }
    std::erase_if(instances,
                  [](const RemoteInstance& one) { return one.seriesUid.empty() || one.sopUid.empty(); });
    return instances;
  }

  void Fetch(const std::string& studyInstanceUid, const std::vector<RemoteInstance>& listed,
             const std::vector<RemoteInstance>& wanted, const std::function<bool()>& goesOn) override
  {
    std::map<std::string, size_t> whole;
    for (const RemoteInstance& instance : listed)
    {
      whole[instance.seriesUid]++;
    }
    std::map<std::string, std::vector<std::string>> missing;
    for (const RemoteInstance& instance : wanted)
    {
      missing[instance.seriesUid].push_back(instance.sopUid);
    }
    for (const auto& [series, uids] : missing)
    {
      Json::Value identifier;
      identifier["StudyInstanceUID"] = studyInstanceUid;
      identifier["SeriesInstanceUID"] = series;
      if (uids.size() == whole[series])
      {
        Json::Value identifiers(Json::arrayValue);
        identifiers.append(identifier);
        Retrieve("Series", identifiers);
        if (!goesOn())
        {
          return;
        }
        continue;
      }
      for (size_t begin = 0; begin < uids.size(); begin += AT_ONCE)
      {
        Json::Value identifiers(Json::arrayValue);
        for (size_t i = begin; i < std::min<size_t>(begin + AT_ONCE, uids.size()); i++)
        {
          identifier["SOPInstanceUID"] = uids[i];
          identifiers.append(identifier);
        }
        Retrieve("Instance", identifiers);
        if (!goesOn())
        {
          return;
        }
      }
    }
  }

private:
  std::vector<Json::Value> Ask(const std::string& level, const Json::Value& keys)
  {
    std::vector<Json::Value> answers;
    Explained([&] { answers = modality_.Find(level, keys); });
    return answers;
  }

  void Retrieve(const std::string& level, const Json::Value& identifiers)
  {
    Explained(
        [&]
        {
          if (server_.getInsteadOfMove)
          {
            retrieval_.Get(level, identifiers);
          }
          else
          {
            retrieval_.Move(level, identifiers);
          }
        });
  }

  // Finds out why something failed.
  template <typename Function>
  void Explained(Function&& function) const
  {
    try
    {
      function();
    }
    catch (const TimedOut&)
    {
      throw;
    }
    catch (const BadInput&)
    {
      throw Unavailable("Orthanc refuses to ask the server: see its log");
    }
    catch (const Unavailable& error)
    {
      const std::string why =
          server_.tls ? std::string()
                      : WhyNoAssociation({.host = server_.host,
                                          .port = server_.port,
                                          .calledAe = server_.aeTitle,
                                          .callingAe = server_.localAeTitle.empty() ? surroundings_.aeTitle
                                                                                    : server_.localAeTitle,
                                          .timeout = server_.timeout});
      throw Unavailable(why.empty()
                            ? std::string(error.what()) +
                                  ". It accepts the association, so it does not offer this service to "
                                  "us, or does not know this Orthanc as a destination"
                            : why);
    }
  }

  const Surroundings surroundings_;
  const RemoteServer server_;
  const RemoteModality modality_;
  const RemoteModality retrieval_;
};
}  // namespace

std::unique_ptr<IRemoteArchive> OpenDicom(const Surroundings& surroundings, const RemoteServer& server)
{
  return std::make_unique<DicomArchive>(surroundings, server);
}
}  // namespace OrthancClinic::Intake
