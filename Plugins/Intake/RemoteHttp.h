// SPDX-License-Identifier: GPL-3.0-or-later
//
// A remote server that speaks HTTP: its address and credentials, and what its statuses mean in words.

#pragma once

#include <json/value.h>

#include <functional>
#include <string>

#include "Core/Http/HttpClient.h"
#include "Core/Orthanc.h"
#include "ServerStore.h"

namespace OrthancClinic::Intake
{
class RemoteHttp
{
public:
  // `retrieval`: how long it may be silent while it sends an image.
  RemoteHttp(const RemoteServer& server, std::chrono::seconds retrieval);

  // `path` is added to the server's URL. Throws TimedOut, or Unavailable for every answer but 200 and 204.
  HttpReply Get(const std::string& path, const std::string& accept);
  HttpReply Post(const std::string& path, const Json::Value& body);
  // An image, however long it takes; given up when `goesOn` is false.
  HttpReply Download(const std::string& path, const std::string& accept, const std::function<bool()>& goesOn);

private:
  HttpReply Send(HttpClient& client, HttpCall call) const;

  const RemoteServer server_;
  HttpClient client_;
  HttpClient downloads_;
};

// The JSON of an answer, tolerant of nothing. Throws Unavailable.
Json::Value JsonOf(const HttpReply& reply);

// Stores the image in Orthanc. Throws Unavailable unless it is the one that was asked for.
void Store(IOrthanc& orthanc, const std::string& dicom, const std::string& studyInstanceUid,
           const std::string& sopInstanceUid);
}  // namespace OrthancClinic::Intake
