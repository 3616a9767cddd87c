// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Http/ResidencyGuard.h"

#include <gtest/gtest.h>

#include "Core/Errors.h"

namespace OrthancClinic
{
namespace
{
struct Case
{
  Destination destination;
  const char* home;
  bool passes;
};

TEST(ResidencyGuard, LetsDataGoWhereTheLawDoes)
{
  const Case cases[] = {{{"https://s3.ca-central-1.amazonaws.com", "ca-central-1"}, "QC", true},
                        {{"https://images.s3.ca-central-1.amazonaws.com", "ca-central-1"}, "QC", true},
                        {{"https://s3.ca-central-1.amazonaws.com", "us-east-1"}, "QC", false},
                        {{"https://s3.us-east-1.amazonaws.com", "us-east-1"}, "QC", false},
                        {{"https://s3.amazonaws.com", "us-east-1"}, "CA", false},
                        {{"https://s3.us-east-1.amazonaws.com", "us-east-1", "QC", "PIA-1"}, "QC", false},
                        {{"https://s3.ca-west-1.amazonaws.com", "ca-west-1"}, "QC", false},
                        {{"https://s3.ca-west-1.amazonaws.com", "ca-west-1", "", "PIA-2026-1"}, "QC", true},
                        {{"https://s3.ca-west-1.amazonaws.com", "ca-west-1"}, "CA", true},
                        {{"https://s3.bhs.io.cloud.ovh.net", "bhs"}, "QC", true},
                        {{"https://s3.gra.io.cloud.ovh.net", "gra"}, "QC", false},
                        {{"https://s3.ca-central-1.wasabisys.com", "ca-central-1"}, "QC", false},
                        {{"https://s3.ca-central-1.wasabisys.com", "ca-central-1", "", "PIA-1"}, "QC", true},
                        {{"https://s3.ca-central-1.wasabisys.com", "ca-central-1", "QC"}, "QC", false},
                        {{"https://ca-central-1.amazonaws.com.example.org", "ca-central-1"}, "QC", false},
                        {{"https://ca-central-1.s3.us-east-1.amazonaws.com", "us-east-1"}, "QC", false},
                        {{"https://xca-central-1.amazonaws.com", "ca-central-1"}, "QC", false},
                        {{"https://s3.ca-montreal-1.s4.mega.io", "ca-montreal-1"}, "QC", true},
                        {{"https://s3.eu-central-1.s4.mega.io", "eu-central-1"}, "QC", false},
                        {{"https://s3.mon01.cloud-object-storage.appdomain.cloud", "mon01"}, "QC", true},
                        {{"https://clinic.blob.core.windows.net", "canadaeast"}, "QC", true},
                        {{"https://clinic.blob.core.windows.net", "canadacentral"}, "QC", false},
                        {{"https://clinic.blob.core.windows.net", "canadacentral", "", "PIA-1"}, "QC", true},
                        {{"https://clinic.blob.core.windows.net", "canadacentral"}, "CA", true},
                        {{"https://clinic.blob.core.windows.net", "canadacentral", "QC"}, "QC", false},
                        {{"https://clinic.blob.core.windows.net", "eastus"}, "QC", false},
                        {{"https://clinic.blob.core.windows.net", "eastus", "QC", "PIA-1"}, "CA", false},
                        {{"https://clinic.blob.core.windows.net"}, "CA", false},
                        {{"https://clinic.blob.core.windows.net", "canada"}, "CA", false},
                        {{"http://clinic.blob.core.windows.net", "canadaeast"}, "QC", false},
                        {{"https://clinic.file.core.windows.net", "canadaeast"}, "QC", false},
                        {{"https://blob.core.windows.net.example.org", "canadaeast"}, "QC", false},
                        {{"https://storage.example.org", "canadaeast"}, "QC", false},
                        {{"https://storage.example.org", "x"}, "QC", false},
                        {{"https://storage.example.org", "x", "QC"}, "QC", true},
                        {{"https://storage.example.org", "x", "CA"}, "QC", false},
                        {{"https://storage.example.org", "x", "CA", "PIA-1"}, "QC", true},
                        {{"http://storage.example.org", "x", "QC"}, "QC", false},
                        {{"http://127.0.0.1:9000", "x"}, "QC", true},
                        {{"http://localhost:9000", "x"}, "QC", true},
                        {{"http://127.0.0.1.example.org", "x", "QC"}, "QC", false},
                        {{"http://[::1]:9000", "x"}, "QC", true}};
  for (const Case& item : cases)
  {
    const ResidencyGuard guard(ResidencyPolicy{item.home});
    bool passes = true;
    std::string why;
    try
    {
      guard.CheckStorage(item.destination);
    }
    catch (const Forbidden& error)
    {
      passes = false;
      why = error.what();
    }
    EXPECT_EQ(item.passes, passes) << item.destination.url << " " << item.destination.region << ": " << why;
  }
  EXPECT_THROW(ResidencyGuard({}).CheckStorage({"not a url"}), Error);
}
}  // namespace
}  // namespace OrthancClinic
