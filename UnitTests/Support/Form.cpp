// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/Form.h"

namespace OrthancClinic::Testing
{
namespace
{
constexpr const char* BOUNDARY = "------------------------b0undary";
}

Form& Form::Field(const std::string& name, const std::string& value)
{
  body_ += std::string("--") + BOUNDARY + "\r\nContent-Disposition: form-data; name=\"" + name +
           "\"\r\n\r\n" + value + "\r\n";
  return *this;
}

Form& Form::File(const std::string& name, const std::string& fileName, const std::string& bytes)
{
  body_ += std::string("--") + BOUNDARY + "\r\nContent-Disposition: form-data; name=\"" + name +
           "\"; filename=\"" + fileName + "\"\r\nContent-Type: application/octet-stream\r\n\r\n" + bytes +
           "\r\n";
  return *this;
}

HttpAnswer Form::PostTo(const HttpClient& http, const std::string& path,
                        const std::vector<std::string>& headers) const
{
  std::vector<std::string> all = headers;
  all.push_back(std::string("Content-Type: multipart/form-data; boundary=") + BOUNDARY);
  return http.Call("POST", path, body_ + "--" + BOUNDARY + "--\r\n", all);
}
}  // namespace OrthancClinic::Testing
