// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/HttpClient.h"

#include <curl/curl.h>
#include <json/reader.h>
#include <json/writer.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <sstream>
#include <stdexcept>

namespace OrthancClinic::Testing
{
namespace
{
size_t AppendBody(char* data, size_t size, size_t count, void* target)
{
  static_cast<std::string*>(target)->append(data, size * count);
  return size * count;
}

size_t AppendHeader(char* data, size_t size, size_t count, void* target)
{
  const std::string line(data, size * count);
  const size_t colon = line.find(':');
  if (colon != std::string::npos)
  {
    std::string name = line.substr(0, colon);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const size_t first = line.find_first_not_of(" \t", colon + 1);
    const size_t last = line.find_last_not_of(" \t\r\n");
    (*static_cast<std::map<std::string, std::string>*>(target))[name] =
        first == std::string::npos || last < first ? "" : line.substr(first, last - first + 1);
  }
  return size * count;
}
}  // namespace

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
    : baseUrl_(std::move(baseUrl)), credentials_(user.empty() ? "" : user + ":" + password)
{
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_ALL);
  if (initialised != CURLE_OK)
  {
    throw std::runtime_error("libcurl does not initialise");
  }
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
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), curl_easy_cleanup);
  curl_slist* lines = curl_slist_append(nullptr, "Expect:");
  for (const std::string& header : headers)
  {
    lines = curl_slist_append(lines, header.c_str());
  }
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> guard(lines, curl_slist_free_all);

  HttpAnswer answer;
  curl_easy_setopt(curl.get(), CURLOPT_URL, (baseUrl_ + path).c_str());
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 60L);
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl.get(), CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, lines);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, &AppendBody);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, &AppendHeader);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &answer.headers);
  if (!credentials_.empty())
  {
    curl_easy_setopt(curl.get(), CURLOPT_USERPWD, credentials_.c_str());
  }
  if (method == "HEAD")
  {
    curl_easy_setopt(curl.get(), CURLOPT_NOBODY, 1L);
  }
  else if (method != "GET" || !body.empty())
  {
    if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH")
    {
      curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
      curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.data());
    }
    curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, method.c_str());
  }

  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK)
  {
    return {.status = 0, .headers = {}, .body = curl_easy_strerror(code)};
  }
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  return answer;
}
}  // namespace OrthancClinic::Testing
