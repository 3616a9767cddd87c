// SPDX-License-Identifier: GPL-3.0-or-later
//
// A remote server as what is asked of it: are you there, which studies do you have, give me these images. One
// implementation for each kind.

#pragma once

#include <json/value.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "Core/DefaultEncoding.h"
#include "Core/Errors.h"
#include "Core/Orthanc.h"
#include "RemoteQuery.h"
#include "ServerStore.h"

namespace OrthancClinic::Intake
{
struct FoundStudies
{
  std::vector<RemoteStudy> studies;
  bool complete = true;  // false: there are more
};

struct RemoteInstance
{
  std::string seriesUid;
  std::string sopUid;
  std::string orthancId;  // in the remote Orthanc; else empty
};

// The methods throw TimedOut, or Unavailable with a reason in words. Thread-safe.
class IRemoteArchive
{
public:
  virtual ~IRemoteArchive() = default;

  virtual void Echo() = 0;

  // At most `limit` studies that match.
  virtual FoundStudies Find(const StudyQuery& query, size_t limit) = 0;

  virtual std::vector<RemoteInstance> List(const std::string& studyInstanceUid) = 0;

  // Has the instances stored in this Orthanc. `listed` is all that List gave, in which the `wanted` ones are.
  // Asks `goesOn` after every few, and returns early if that is false.
  virtual void Fetch(const std::string& studyInstanceUid, const std::vector<RemoteInstance>& listed,
                     const std::vector<RemoteInstance>& wanted, const std::function<bool()>& goesOn) = 0;
};

// What the archives need of this process.
struct Surroundings
{
  IOrthanc& orthanc;
  DefaultEncoding& encoding;
  std::string aeTitle;             // Orthanc's own
  std::chrono::seconds retrieval;  // how long a server may be silent while it sends
};

// Runs what reads a server's answers: JSON of another shape than expected is the server's fault.
template <typename Function>
auto Asked(Function&& function)
{
  try
  {
    return function();
  }
  catch (const Json::Exception&)
  {
    throw Unavailable("The server's answer is not as it must be");
  }
}

std::unique_ptr<IRemoteArchive> OpenArchive(const Surroundings& surroundings, const RemoteServer& server);

// The kinds.
std::unique_ptr<IRemoteArchive> OpenDicom(const Surroundings& surroundings, const RemoteServer& server);
std::unique_ptr<IRemoteArchive> OpenDicomWeb(const Surroundings& surroundings, const RemoteServer& server);
std::unique_ptr<IRemoteArchive> OpenPeer(const Surroundings& surroundings, const RemoteServer& server);
}  // namespace OrthancClinic::Intake
