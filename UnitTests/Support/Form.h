// SPDX-License-Identifier: GPL-3.0-or-later
//
// A form with files (multipart/form-data, RFC 7578), as browsers and curl send it.

#pragma once

#include <string>
#include <vector>

#include "Support/HttpClient.h"

namespace OrthancClinic::Testing
{
class Form
{
public:
  Form& Field(const std::string& name, const std::string& value);
  Form& File(const std::string& name, const std::string& fileName, const std::string& bytes);

  HttpAnswer PostTo(const HttpClient& http, const std::string& path,
                    const std::vector<std::string>& headers = {}) const;

private:
  std::string body_;
};
}  // namespace OrthancClinic::Testing
