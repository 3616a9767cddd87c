// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Http/ResidencyGuard.h"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

#include "Core/Errors.h"
#include "Core/LetterCase.h"

namespace OrthancClinic
{
namespace
{
// Object stores whose place their operators publish. A host matches if its last labels are those of `suffix`,
// the first of which may end with a '*', and where the host does not tell the place, if its region is
// `region`. The first match counts.
struct KnownHost
{
  const char* suffix;
  Jurisdiction jurisdiction;
  const char* source;
  const char* region = nullptr;  // any
};

constexpr KnownHost KNOWN_HOSTS[] = {
    {"ca-central-1.amazonaws.com", Jurisdiction::Quebec,
     "docs.aws.amazon.com, AWS Regions: Canada (Central) is Montréal"},
    {"ca-west-1.amazonaws.com", Jurisdiction::Canada,
     "docs.aws.amazon.com, AWS Regions: Canada West is Calgary"},
    {"amazonaws.com", Jurisdiction::Other, "docs.aws.amazon.com, AWS Regions"},
    {"bhs.io.cloud.ovh.net", Jurisdiction::Quebec, "ovhcloud.com, Object Storage: BHS is Beauharnois"},
    {"bhs.perf.cloud.ovh.net", Jurisdiction::Quebec, "ovhcloud.com, Object Storage: BHS is Beauharnois"},
    {"bhs.cloud.ovh.net", Jurisdiction::Quebec, "ovhcloud.com, Object Storage: BHS is Beauharnois"},
    {"cloud.ovh.net", Jurisdiction::Other, "ovhcloud.com, Object Storage"},
    {"mon01.cloud-object-storage.appdomain.cloud", Jurisdiction::Quebec,
     "cloud.ibm.com, Object Storage endpoints: mon01 is Montréal"},
    {"ca-tor.cloud-object-storage.appdomain.cloud", Jurisdiction::Canada,
     "cloud.ibm.com, Object Storage endpoints: ca-tor is Toronto"},
    {"cloud-object-storage.appdomain.cloud", Jurisdiction::Other, "cloud.ibm.com, Object Storage endpoints"},
    {"ca-montreal-*.s4.mega.io", Jurisdiction::Quebec, "mega.io, S4: ca-montreal is Montréal"},
    {"s4.mega.io", Jurisdiction::Other, "mega.io, S4"},
    {"ca-central-1.wasabisys.com", Jurisdiction::Canada,
     "docs.wasabi.com, Storage Regions: ca-central-1 is Toronto"},
    {"wasabisys.com", Jurisdiction::Other, "docs.wasabi.com, Storage Regions"},
    {"tor1.digitaloceanspaces.com", Jurisdiction::Canada, "docs.digitalocean.com: TOR1 is Toronto"},
    {"digitaloceanspaces.com", Jurisdiction::Other, "docs.digitalocean.com"},
    {"blob.core.windows.net", Jurisdiction::Quebec,
     "learn.microsoft.com, Azure regions: Canada East is Québec", "canadaeast"},
    {"blob.core.windows.net", Jurisdiction::Canada,
     "learn.microsoft.com, Azure regions: Canada Central is Toronto", "canadacentral"},
    {"core.windows.net", Jurisdiction::Other, "learn.microsoft.com, Azure regions"},
    {"googleapis.com", Jurisdiction::Other, "cloud.google.com: the host does not tell the place"},
    {"cloudflarestorage.com", Jurisdiction::Other, "developers.cloudflare.com"}};

bool HasSuffix(const std::string& host, const std::string& suffix)
{
  size_t h = host.size();
  size_t s = suffix.size();
  while (h > 0 && s > 0 && host[h - 1] == suffix[s - 1])
  {
    h--;
    s--;
  }
  if (s == 0)
  {
    return h == 0 || host[h - 1] == '.';
  }
  const size_t star = suffix.find('*');
  if (star == std::string::npos || s != star + 1)
  {
    return false;
  }
  // The label before what was compared begins as the pattern's does.
  const size_t begin = host.rfind('.', h == 0 ? 0 : h - 1);
  const std::string label = host.substr(begin == std::string::npos ? 0 : begin + 1, h);
  return label.starts_with(suffix.substr(0, star));
}

std::string Part(const std::string& url, CURLUPart part)
{
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  char* text = nullptr;
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parsed.get(), part, &text, 0) != CURLUE_OK)
  {
    throw BadInput("expected a URL with a host");
  }
  const std::unique_ptr<char, decltype(&curl_free)> owned(text, curl_free);
  return ToLower(text);
}

const KnownHost* Find(const std::string& host, const std::string& region)
{
  const auto* const found = std::find_if(
      std::begin(KNOWN_HOSTS), std::end(KNOWN_HOSTS),
      [&](const KnownHost& known)
      { return HasSuffix(host, known.suffix) && (known.region == nullptr || known.region == region); });
  return found == std::end(KNOWN_HOSTS) ? nullptr : found;
}

// The host; throws Forbidden if it is another machine and not spoken to by TLS.
std::string HostByTls(const Destination& destination)
{
  std::string host = Part(destination.url, CURLUPART_HOST);
  if (Part(destination.url, CURLUPART_SCHEME) != "https" && !IsLoopback(destination.url))
  {
    throw Forbidden("Patient data go to another machine by TLS only: the URL of " + host + " is not https");
  }
  return host;
}
}  // namespace

std::string ToString(Jurisdiction jurisdiction)
{
  return jurisdiction == Jurisdiction::Quebec ? "QC" : jurisdiction == Jurisdiction::Canada ? "CA" : "other";
}

bool IsLoopback(const std::string& url)
{
  const std::string host = Part(url, CURLUPART_HOST);
  const bool isAddress = host.find_first_not_of("0123456789.") == std::string::npos;
  return host == "localhost" || host == "[::1]" || (isAddress && host.starts_with("127."));
}

Jurisdiction ResidencyGuard::Locate(const Destination& destination) const
{
  if (IsLoopback(destination.url))
  {
    return Jurisdiction::Quebec;
  }
  const std::string host = Part(destination.url, CURLUPART_HOST);
  if (const KnownHost* known = Find(host, destination.region))
  {
    if (!destination.declared.empty() && destination.declared != ToString(known->jurisdiction))
    {
      throw Forbidden("The host " + host + " is declared as " + destination.declared + ", and known as " +
                      ToString(known->jurisdiction) + " (" + known->source + ")");
    }
    if (host.ends_with(".amazonaws.com") &&
        ("." + host).find("." + destination.region + ".amazonaws.com") == std::string::npos)
    {
      throw Forbidden("The region " + destination.region + " is not that of the host " + host);
    }
    return known->jurisdiction;
  }
  return destination.declared == "QC"   ? Jurisdiction::Quebec
         : destination.declared == "CA" ? Jurisdiction::Canada
                                        : Jurisdiction::Other;
}

bool ResidencyGuard::MayLeaveQuebec(const Destination& destination) const
{
  return policy_.home == "CA" || !destination.assessment.empty();
}

void ResidencyGuard::CheckDisclosure(const Destination& destination, bool outsideCanada) const
{
  if (Locate(destination) != Jurisdiction::Other || !outsideCanada)
  {
    CheckStorage(destination);
    return;
  }
  const std::string host = HostByTls(destination);
  if (destination.assessment.empty())
  {
    throw Forbidden(
        "The host " + host +
        " is outside Canada: Law 25 (s. 17) asks for a privacy impact assessment, whose reference is not "
        "configured");
  }
}

void ResidencyGuard::CheckStorage(const Destination& destination) const
{
  const std::string host = HostByTls(destination);
  switch (Locate(destination))
  {
    case Jurisdiction::Quebec:
      return;
    case Jurisdiction::Canada:
      if (!MayLeaveQuebec(destination))
      {
        throw Forbidden(
            "The host " + host +
            " is in Canada outside Québec: Law 25 (s. 17) asks for a privacy impact assessment, whose "
            "reference is not configured");
      }
      return;
    case Jurisdiction::Other:
      if (host.ends_with(".core.windows.net"))
      {
        throw Forbidden("The region " + destination.region + " of the host " + host +
                        " is not one of Azure's in Canada: canadaeast (Québec), canadacentral");
      }
      throw Forbidden("The host " + host + " is not known to be in Canada, and not declared to be");
  }
}
}  // namespace OrthancClinic
