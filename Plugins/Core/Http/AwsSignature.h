// SPDX-License-Identifier: GPL-3.0-or-later
//
// AWS's signature version 4 of a call to S3 (docs.aws.amazon.com, "Create a signed AWS API request"). Our own
// because libcurl's (7.88, Debian 12) sorts the headers by their whole lines: with one name the beginning of
// another, such as `x-amz-server-side-encryption` and `x-amz-server-side-encryption-aws-kms-key-id`, no
// server accepts it; and it signs `Expect`, so that each large body waits for a "100 Continue".

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "Core/Api.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
struct AwsSignature
{
  std::string region;
  std::string accessKey;
  std::string secretKey;
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// The headers with which the call is to be sent: those given, `x-amz-date` and `authorization`. The call's
// headers include `x-amz-content-sha256`; its query is sorted and encoded, every name with a '='.
ORTHANC_CLINIC_API HttpHeaders Sign(const AwsSignature& signature, const std::string& method,
                                    const std::string& url, HttpHeaders headers, Timestamp now);
}  // namespace OrthancClinic
