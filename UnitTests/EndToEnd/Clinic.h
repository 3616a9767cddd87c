// SPDX-License-Identifier: GPL-3.0-or-later
//
// A clinic as the end-to-end tests see it: an Orthanc with the bundle's plugins, spoken to through its REST
// API and DICOM only.

#pragma once

#include <json/value.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "Support/DicomFile.h"
#include "Support/Files.h"
#include "Support/OrthancServer.h"

namespace OrthancClinic::Testing
{
// The JSON of a patient of the practice "default". Without `mrn` no identifier; else one of the issuer
// "CLINIC".
Json::Value Person(const std::string& id, const std::string& family, const std::string& given,
                   const std::string& birthDate, const std::string& sex, const std::string& mrn = "");

// An image of a person. Without `patientId` none is given.
DicomFile ImageOf(const std::string& name, const std::string& birthDate, const std::string& sex,
                  const std::string& patientId = "", const std::string& modality = "PX");

// A day of Montréal's calendar, `days` from today, at noon; YYYYMMDD unless `format` (strftime's) says
// otherwise.
std::string LocalDay(int days = 0, const char* format = "%Y%m%d");

class Clinic
{
public:
  explicit Clinic(OrthancServer::Options options = {}) : orthanc_(std::move(options)) {}

  OrthancServer& Orthanc() { return orthanc_; }
  const OrthancServer& Orthanc() const { return orthanc_; }
  HttpClient Http() const { return orthanc_.Http(); }

  // Each expects success.
  void PutPractice(const Json::Value& practice) const;
  void PutPatient(const Json::Value& patient) const;
  void PutPatients(const Json::Value& patients) const;  // an array, by one batch

  // Sends one image, expects it to be acknowledged, and gives the study's UID.
  std::string Send(const DicomFile& image, const std::string& callingAe = "MODALITY",
                   const std::string& calledAe = "CLINIC") const;

  // The study as the clinic sees it; null if it does not know it (yet).
  Json::Value Study(const std::string& uid) const;

  // Waits until the study is decided, or until it is in that status and filed under that patient ("": under
  // none); expects that to happen, and gives the study.
  Json::Value Decided(const std::string& uid) const;
  Json::Value Becomes(const std::string& uid, const std::string& status,
                      const std::string& patientId = "") const;

  // Every item of a paged list, or of the events since the beginning.
  std::vector<Json::Value> All(const std::string& path) const;
  std::vector<Json::Value> Events() const;

  // How many tasks there are; with a query as "state=dead".
  int CountTasks(const std::string& query = "") const;

  // What must hold when nothing is being sent: Orthanc's studies and ours are the same, each once and
  // decided, with the same number of instances; no task is left over, and each study was received and decided
  // exactly once. Waits for it. `acknowledged` are the files whose receipt a modality was promised, named
  // after their instance.
  void ExpectComplete(const std::vector<std::filesystem::path>& acknowledged,
                      std::chrono::seconds timeout = std::chrono::seconds(90)) const;

private:
  // Empty when everything agrees, otherwise what does not.
  std::string Disagreement() const;

  OrthancServer orthanc_;
  TemporaryDirectory images_;
};
}  // namespace OrthancClinic::Testing
