// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/OrthancServer.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <stdexcept>

#include "Support/Wait.h"

namespace OrthancClinic::Testing
{
namespace
{
constexpr size_t kLogTail = 6000;

std::string EnvironmentOr(const char* name, const std::string& otherwise)
{
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}
}  // namespace

void MergeJson(Json::Value& base, const Json::Value& over)
{
  for (const std::string& key : over.getMemberNames())
  {
    if (base[key].isObject() && over[key].isObject())
    {
      MergeJson(base[key], over[key]);
    }
    else
    {
      base[key] = over[key];
    }
  }
}

OrthancServer::OrthancServer(Options options)
    : options_(std::move(options)), httpPort_(FreePort()), dicomPort_(FreePort())
{
  Start();
}

OrthancServer::~OrthancServer()
{
  process_.reset();
  const std::string log = Log();
  // A sanitizer's report inside Orthanc is a failure whatever the answers were.
  for (const char* report : {"ERROR: AddressSanitizer", "WARNING: ThreadSanitizer", ": runtime error: "})
  {
    if (log.find(report) != std::string::npos)
    {
      ADD_FAILURE() << "a sanitizer reports in Orthanc's log";
    }
  }
  if (::testing::Test::HasFailure())
  {
    std::cerr << "---- the end of Orthanc's log ----\n"
              << (log.size() > kLogTail ? log.substr(log.size() - kLogTail) : log) << "\n---- ----"
              << std::endl;
  }
}

Json::Value OrthancServer::Configuration() const
{
  const std::filesystem::path orthancPlugins = "/usr/share/orthanc/plugins";
  Json::Value result;
  result["Name"] = "Test";
  result["StorageDirectory"] = (Directory() / "storage").string();
  result["IndexDirectory"] = (Directory() / "storage").string();
  result["HttpPort"] = httpPort_;
  result["DicomPort"] = dicomPort_;
  result["RemoteAccessAllowed"] = false;
  result["DicomAet"] = "ORTHANC";
  result["StableAge"] = 2;
  result["DicomAlwaysAllowFindWorklist"] = true;  // the worklist knows the modalities of the practices
  result["Plugins"] = Json::arrayValue;
  if (!EnvironmentOr("ORTHANC_CLINIC_PRELOAD", "").empty())
  {
    result["MallocArenaMax"] = 0;  // the sanitizers' allocator does not know it, and Orthanc would end
  }
  if (!options_.user.empty())
  {
    result["AuthenticationEnabled"] = true;
    result["RegisteredUsers"][options_.user] = options_.password;
  }
  if (!options_.indexUrl.empty())
  {
    result["Plugins"].append((orthancPlugins / "libOrthancPostgreSQLIndex.so").string());
    result["PostgreSQL"]["EnableIndex"] = true;
    result["PostgreSQL"]["EnableStorage"] = false;
    result["PostgreSQL"]["ConnectionUri"] = options_.indexUrl;
    result["PostgreSQL"]["Lock"] = false;
  }
  if (options_.clinic)
  {
    std::vector<std::string> plugins;
    for (const auto& entry : std::filesystem::directory_iterator(CLINIC_PLUGINS))
    {
      if (entry.path().extension() == ".so")
      {
        plugins.push_back(entry.path().string());
      }
    }
    std::sort(plugins.begin(), plugins.end());
    for (const std::string& plugin : plugins)
    {
      result["Plugins"].append(plugin);
    }
    result["Clinic"] = Json::objectValue;
    if (!options_.databaseUrl.empty())
    {
      result["Clinic"]["Database"] = options_.databaseUrl;
    }
  }
  if (options_.dicomWeb)
  {
    result["Plugins"].append((orthancPlugins / "libOrthancDicomWeb.so").string());
  }
  MergeJson(result, options_.configuration);
  return result;
}

void OrthancServer::Start(bool waitUntilReady)
{
  std::filesystem::create_directories(Directory() / "storage");
  WriteFile(Directory() / "orthanc.json", JsonText(Configuration()));
  logStart_ = ReadFile(Directory() / "log").size();

  std::map<std::string, std::string> environment = options_.environment;
  const std::string preload = EnvironmentOr("ORTHANC_CLINIC_PRELOAD", "");
  if (!preload.empty())
  {
    environment["LD_PRELOAD"] = preload;
  }
  process_ = std::make_unique<Process>(
      Process::Options{.arguments = {EnvironmentOr("ORTHANC_CLINIC_ORTHANC", "/usr/sbin/Orthanc"),
                                     (Directory() / "orthanc.json").string()},
                       .environment = std::move(environment),
                       .output = Directory() / "log"});
  if (waitUntilReady && !BecomesReady())
  {
    throw std::runtime_error("Orthanc does not become ready:\n" + Log());
  }
}

bool OrthancServer::BecomesReady()
{
  // Orthanc says this once its DICOM and HTTP servers listen.
  const bool ended = WaitUntil(
      [this]
      {
        return !process_->IsRunning() ||
               ReadFile(Directory() / "log").find("Orthanc has started", logStart_) != std::string::npos;
      },
      std::chrono::seconds(60));
  const HttpClient http = Http();
  const std::string path = options_.clinic ? "/api/v1/health" : "/system";
  return ended &&
         WaitUntil([&] { return !process_->IsRunning() || http.Get(path).status == 200; },
                   std::chrono::minutes(5)) &&
         process_->IsRunning();
}

HttpClient OrthancServer::Http() const
{
  return HttpClient("http://127.0.0.1:" + std::to_string(httpPort_), options_.user, options_.password);
}

StoreResult OrthancServer::Store(const std::vector<std::filesystem::path>& filesOrFolders,
                                 const std::string& callingAe, const std::string& calledAe) const
{
  return Testing::Store({.port = dicomPort_, .callingAe = callingAe, .calledAe = calledAe}, filesOrFolders);
}

std::string OrthancServer::Log() const
{
  return ReadFile(Directory() / "log");
}

int OrthancServer::ProcessId() const
{
  return process_->Id();
}

bool OrthancServer::IsRunning()
{
  return process_->IsRunning();
}

int OrthancServer::Stop()
{
  process_->Signal(SIGTERM);
  const std::optional<int> exitCode = process_->Wait(std::chrono::seconds(60));
  if (!exitCode)
  {
    ADD_FAILURE() << "Orthanc does not stop";
    process_->Kill9();
  }
  return exitCode.value_or(-1);
}

void OrthancServer::Kill9()
{
  process_->Kill9();
}

void OrthancServer::Restart()
{
  if (process_->IsRunning())
  {
    EXPECT_EQ(0, Stop());
  }
  Start();
}
}  // namespace OrthancClinic::Testing
