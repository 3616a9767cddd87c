// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/HttpClient.h"

#include <json/reader.h>
#include <json/writer.h>

#include <sstream>
#include <stdexcept>

namespace OrthancClinic::Testing
{
Json::Value ParseJsonText(const std::string& text)
{
  Json::Value value;
  std::string errors;
  std::istringstream stream(text);
  if (!Json::parseFromStream(Json::CharReaderBuilder(), stream, &value, &errors))
  {
    throw std::runtime_error("not JSON: " + text.substr(0, 500));
  }
  return value;
}

std::string JsonText(const Json::Value& value)
{
  Json::StreamWriterBuilder builder;
  builder["indentation"] = "";
  builder["emitUTF8"] = true;
  return Json::writeString(builder, value);
}

Json::Value HttpAnswer::Json() const
{
  return ParseJsonText(body);
}

HttpClient::HttpClient(std::string baseUrl, std::string user, std::string password)
    : baseUrl_(std::move(baseUrl)),
      client_(std::make_shared<OrthancClinic::HttpClient>(
          OrthancClinic::HttpClient::Options{.user = std::move(user), .password = std::move(password)}))
{
}

HttpAnswer HttpClient::Put(const std::string& path, const Json::Value& body) const
{
  return Call("PUT", path, JsonText(body), {"Content-Type: application/json"});
}

HttpAnswer HttpClient::Post(const std::string& path, const Json::Value& body) const
{
  return Call("POST", path, JsonText(body), {"Content-Type: application/json"});
}

HttpAnswer HttpClient::Call(const std::string& method, const std::string& path, const std::string& body,
                            const std::vector<std::string>& headers) const
{
  HttpCall call{.method = method, .url = baseUrl_ + path, .body = body};
  for (const std::string& header : headers)
  {
    const size_t colon = header.find(": ");
    call.headers.emplace_back(header.substr(0, colon), header.substr(colon + 2));
  }
  try
  {
    HttpReply reply = client_->Send(call);
    return {.status = reply.status, .headers = std::move(reply.headers), .body = std::move(reply.body)};
  }
  catch (const Unavailable& error)
  {
    return {.status = 0, .headers = {}, .body = error.what()};
  }
}
}  // namespace OrthancClinic::Testing
