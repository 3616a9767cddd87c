// SPDX-License-Identifier: GPL-3.0-or-later
//
// The section "Analysis" of the configuration.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "Core/Configuration/Configuration.h"
#include "Core/Dicom/XrayType.h"
#include "Core/Http/ResidencyGuard.h"

namespace OrthancClinic::Analysis
{
const Json::Value& OptionsSchema();

struct ProviderOptions
{
  std::string name;
  std::string type;  // "quality", "openai", "http", "dicom" or "dicomweb"
  bool IsDicomNode() const { return type == "dicom" || type == "dicomweb"; }  // its answer comes as DICOM

  std::string endpoint;
  std::string model;
  std::string apiKey;
  std::string apiKeyHeader = "Authorization";  // "Authorization" carries it as a Bearer token
  std::string secret;                          // signs the requests of "http"
  std::string modality;                        // of "dicom": the name that Orthanc's DicomModalities give it
  std::string user;                            // of "dicomweb"
  std::string password;
  int resultMinutes = 60;              // that a DICOM node may take
  std::string certificateAuthorities;  // a PEM file; empty: the system's
  std::string jurisdiction;            // where the administrator declares the host to be: "QC" or "CA"
  std::string assessment;              // reference of the privacy impact assessment
  bool outsideCanada = false;          // explicitly permitted, for images without identity

  unsigned concurrency = 2;
  int timeoutSeconds = 120;
  int requestsPerMinute = 0;  // 0: no limit
  int64_t dailyTokens = 0;    // 0: no limit, as the next
  double dailyCost = 0;
  double inputPrice = 0;  // of a million tokens
  double outputPrice = 0;

  int maximumImages = 4;
  unsigned longEdge = 2048;
  bool asJpeg = false;
  bool sendsDicom = false;  // "http": DICOM without identity instead of rendered images
  bool overlay = false;     // the findings are also drawn into images
  bool burnedIn = false;    // images that may carry text in their pixels may be sent
  std::string prompts;      // a folder whose files replace ours
};

// Who is analysed by whom without being asked. What is empty does not restrict.
struct Rule
{
  std::string provider;
  std::vector<std::string> practices;
  std::vector<std::string> modalities;
  std::vector<std::string> bodyParts;
  std::vector<std::string> xrayTypes;
  std::vector<std::string> stations;  // calling AE titles
  std::string description;            // part of the StudyDescription
  std::optional<int> minimumAge;      // years, of the patient at the study
  std::optional<int> maximumAge;
};

struct Options
{
  std::vector<ProviderOptions> providers;
  std::vector<Rule> rules;
  std::vector<XrayTypeRule> xrayTypes;
  ResidencyPolicy residency;
  int xrayWaitSeconds = 60;
  std::string overlayFont;
};

// Throws BadInput with the key's path.
Options ReadOptions(Configuration& configuration);
}  // namespace OrthancClinic::Analysis
