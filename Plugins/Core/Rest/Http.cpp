// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/Http.h"

namespace OrthancClinic
{
std::string_view ToString(HttpMethod method)
{
  switch (method)
  {
    case HttpMethod::Get:
      return "GET";
    case HttpMethod::Head:
      return "HEAD";
    case HttpMethod::Post:
      return "POST";
    case HttpMethod::Put:
      return "PUT";
    case HttpMethod::Patch:
      return "PATCH";
    case HttpMethod::Delete:
      return "DELETE";
    case HttpMethod::Options:
      return "OPTIONS";
  }
  return "";
}
}  // namespace OrthancClinic
