// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/RemoteModality.h"

#include <algorithm>
#include <utility>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"
#include "Core/Log.h"

namespace OrthancClinic
{
RemoteModality::RemoteModality(IOrthanc& orthanc, std::string name, std::chrono::seconds timeout)
    : orthanc_(orthanc), name_(std::move(name)), timeout_(timeout)
{
}

Json::Value RemoteModality::Post(const std::string& operation, Json::Value body) const
{
  if (timeout_.count() > 0)
  {
    body["Timeout"] = static_cast<Json::Int64>(timeout_.count());
  }
  // Orthanc tells plugins that a call failed, and not why.
  const auto begin = std::chrono::steady_clock::now();
  try
  {
    return orthanc_.Post("/modalities/" + name_ + "/" + operation, WriteJson(body));
  }
  catch (const NotFound&)
  {
    throw Unavailable("Orthanc knows no modality " + name_);
  }
  catch (const Unavailable&)
  {
    if (timeout_.count() > 0 && std::chrono::steady_clock::now() - begin >= timeout_)
    {
      throw TimedOut(name_ + " did not answer within " + std::to_string(timeout_.count()) + " s");
    }
    throw Unavailable(name_ + " cannot be reached, or refuses the " + operation);
  }
}

void RemoteModality::Echo() const
{
  Post("echo", Json::objectValue);
}

std::vector<Json::Value> RemoteModality::Find(const std::string& level, const Json::Value& keys) const
{
  Json::Value body;
  body["Level"] = level;
  body["Query"] = keys;
  const std::string path = Post("query", body)["Path"].asString();
  const Json::Value answers = orthanc_.Get(path + "/answers?expand&simplify");
  try
  {
    orthanc_.Delete(path);
  }
  catch (const Error& error)
  {
    LogWarning(std::string("A query's answers stay in Orthanc: ") + error.what());
  }
  return {answers.begin(), answers.end()};
}

void RemoteModality::Move(const std::string& level, const Json::Value& identifiers) const
{
  Json::Value body;
  body["Level"] = level;
  body["Resources"] = identifiers;
  Post("move", body);
}

void RemoteModality::Get(const std::string& level, const Json::Value& identifiers) const
{
  Json::Value body;
  body["Level"] = level;
  body["Resources"] = identifiers;
  Post("get", body);
}

std::vector<std::string> ValuesOf(const std::string& multiple)
{
  std::vector<std::string> values;
  for (size_t begin = 0; begin <= multiple.size();)
  {
    const size_t end = std::min(multiple.find('\\', begin), multiple.size());
    if (end > begin)
    {
      values.push_back(multiple.substr(begin, end - begin));
    }
    begin = end + 1;
  }
  return values;
}
}  // namespace OrthancClinic
