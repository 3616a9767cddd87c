// SPDX-License-Identifier: GPL-3.0-or-later
//
// A real Orthanc as a test's fixture: Debian's, with the plugins of this build, a storage of its own and free
// ports. When the test fails, the end of its log is printed.
//
// Environment of the tests: ORTHANC_CLINIC_ORTHANC is another Orthanc executable than Debian's;
// ORTHANC_CLINIC_PRELOAD is put into Orthanc's LD_PRELOAD (the sanitizers' libraries must come first).

#pragma once

#include <json/value.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "Support/Files.h"
#include "Support/HttpClient.h"
#include "Support/Process.h"
#include "Support/Storescu.h"

namespace OrthancClinic::Testing
{
class OrthancServer
{
public:
  struct Options
  {
    bool clinic = true;     // our plugins; without: a bare Orthanc
    bool dicomWeb = false;  // Orthanc's DICOMweb
    std::string databaseUrl =
        {};  // "Clinic.Database": "postgresql://…" or a file; empty: the default, SQLite
    std::string indexUrl =
        {};  // a PostgreSQL for Orthanc's own index (orthanc-postgresql); empty: Orthanc's SQLite
    std::string user = {};  // with a password: Orthanc asks for them, and Http() gives them
    std::string password = {};
    Json::Value configuration = Json::objectValue;        // merged over all that, objects deeply
    std::map<std::string, std::string> environment = {};  // of the process
  };

  // Starts Orthanc and waits until it is ready (with our plugins: until /api/v1/health says 200). Throws
  // std::runtime_error with the log if it does not become so. Start it from the thread that runs the test.
  explicit OrthancServer(Options options);
  OrthancServer() : OrthancServer(Options{}) {}
  ~OrthancServer();
  OrthancServer(const OrthancServer&) = delete;
  OrthancServer& operator=(const OrthancServer&) = delete;

  uint16_t HttpPort() const { return httpPort_; }
  uint16_t DicomPort() const { return dicomPort_; }
  HttpClient Http() const;

  // Sends over DICOM; the options are those of a modality that Orthanc does not know.
  StoreResult Store(const std::vector<std::filesystem::path>& filesOrFolders,
                    const std::string& callingAe = "MODALITY", const std::string& calledAe = "ORTHANC") const;

  // Holds Orthanc's storage, index, configuration and log.
  const std::filesystem::path& Directory() const { return directory_.Path(); }

  // What the next start will use.
  Options& NextStart() { return options_; }

  std::string Log() const;
  bool IsRunning();
  int ProcessId() const;

  // Starts a process that was stopped or killed, on the same ports and storage. `waitUntilReady` false:
  // returns at once, ready or not.
  void Start(bool waitUntilReady = true);
  bool BecomesReady();

  // Ends it as a service manager does, and gives its exit code; a hanging process is killed and is a failure
  // of the test.
  int Stop();
  void Kill9();
  void Restart();

private:
  Json::Value Configuration() const;

  Options options_;
  TemporaryDirectory directory_;
  uint16_t httpPort_ = 0;
  uint16_t dicomPort_ = 0;
  size_t logStart_ = 0;  // where the log of the running process begins
  std::unique_ptr<Process> process_;
};

// `over` laid over `base`: objects are merged deeply, every other value replaces.
void MergeJson(Json::Value& base, const Json::Value& over);
}  // namespace OrthancClinic::Testing
