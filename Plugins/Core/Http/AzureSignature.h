// SPDX-License-Identifier: GPL-3.0-or-later
//
// Azure's Shared Key authorisation of a call to Blob Storage (learn.microsoft.com, "Authorize with Shared
// Key").

#pragma once

#include <cstddef>
#include <string>

#include "Core/Api.h"
#include "Core/Http/AwsSignature.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
struct AzureSignature
{
  std::string account;
  std::string key;  // bytes; Azure shows them in base64
};

// What is signed. Every header with which the call is sent is among the headers, but Content-Length; a
// version (`x-ms-version`) before 2015-02-21 would want another text.
ORTHANC_CLINIC_API std::string StringToSign(const std::string& account, const std::string& method,
                                            const std::string& url, const HttpHeaders& headers,
                                            size_t bodySize);

// The headers with which the call is to be sent: those given, `x-ms-date` and `Authorization`.
ORTHANC_CLINIC_API HttpHeaders Sign(const AzureSignature& signature, const std::string& method,
                                    const std::string& url, HttpHeaders headers, size_t bodySize,
                                    Timestamp now);
}  // namespace OrthancClinic
