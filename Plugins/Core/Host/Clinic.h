// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a plugin is given when it is loaded: the parts of Core that all plugins of the process share. A plugin
// adds its routes, task kinds and subscriptions to them, and knows neither the other plugins nor Orthanc's
// SDK.

#pragma once

#include <json/value.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "Core/Api.h"
#include "Core/Configuration/Configuration.h"
#include "Core/Database/Database.h"
#include "Core/DefaultEncoding.h"
#include "Core/Dicom/Image.h"
#include "Core/Events/EventLog.h"
#include "Core/Feed/Feed.h"
#include "Core/Orthanc.h"
#include "Core/Records/Study.h"
#include "Core/Rest/RecordWriter.h"
#include "Core/Rest/Router.h"
#include "Core/Tasks/TaskWorkers.h"

namespace OrthancClinic
{
// What a plugin reports of itself in `GET /api/v1/health`.
struct HealthReport
{
  bool ready = true;
  Json::Value detail = Json::objectValue;  // no patient data
};

// A modality's C-FIND of its worklist, and what it is answered.
struct WorklistRequest
{
  Json::Value query;  // the identifier by tag ("gggg,eeee"), with UTF-8 values
  std::string callingAe;
  std::string calledAe;
};
struct WorklistAnswer
{
  std::vector<Json::Value> items;  // data sets by tag, with their SpecificCharacterSet
  bool complete = true;            // false: there are more
};
using WorklistHandler = std::function<WorklistAnswer(const WorklistRequest&)>;

// Whose credentials a request carries: nothing if it carries none that this one knows; throws Forbidden if
// they are bad. In memory: it is asked for every request. The request has no body.
using Authenticator = std::function<std::optional<Principal>(const HttpRequest&)>;

// Whether a request to Orthanc itself (its REST API, DICOMweb, the Explorer) is let in; without credentials
// there is no principal. The path is decoded and has no dot segments.
using OrthancGuard = std::function<bool(const HttpRequest&, const std::optional<Principal>&)>;

class ORTHANC_CLINIC_API Clinic
{
public:
  virtual ~Clinic() = default;

  virtual OrthancClinic::Configuration& Configuration() = 0;
  virtual OrthancClinic::Database& Database() = 0;
  virtual IOrthanc& Orthanc() = 0;  // answers only between "started" and "stopped"
  virtual IImageCodec& Images() = 0;
  virtual EventLog& Events() = 0;
  virtual TaskWorkers& Tasks() = 0;
  virtual Router& Routes() = 0;

  // Only while the plugins are loaded. The feed starts when Orthanc has started.
  virtual void Subscribe(std::unique_ptr<IFeedSubscriber> subscriber) = 0;

  // `action` runs when Orthanc has started, before the tasks and the feed do; if it throws, Orthanc does not
  // start.
  virtual void OnStarted(std::function<void()> action) = 0;

  // `action` runs when Orthanc stops, after the tasks and the feed have ended; it must not throw.
  virtual void OnStopped(std::function<void()> action) = 0;

  // Where uploads lie, also those that a plugin keeps for its tasks (SpoolFile::Keep).
  virtual const std::string& UploadFolder() const = 0;

  // Answers every worklist query of a modality; an exception becomes a failure status. One plugin of the
  // whole process can do so. Orthanc calls it for one query at a time.
  virtual void ServeWorklist(WorklistHandler handler) = 0;

  // The routes below "/api" are there always; those below another first segment ("/viewer") only with this.
  virtual void ServePath(const std::string& path) = 0;

  // Asked one after the other.
  virtual void AddAuthenticator(Authenticator authenticator) = 0;

  // With a guard, nobody comes in whom no authenticator knows. Once per process; Orthanc must not
  // authenticate by itself then (BadInput).
  virtual void GuardOrthanc(OrthancGuard guard) = 0;

  // Asked for each instance that comes by C-STORE, by its calling AE title: 0 lets it in, everything else is
  // the DIMSE status of the refusal. On the store path: in memory, and no more. One plugin of the process.
  virtual void FilterStores(std::function<uint16_t(const std::string& callingAe)> filter) = 0;

  // Quick, thread-safe, must not throw.
  virtual void AddHealth(const std::string& name, std::function<HealthReport()> report) = 0;

  // Prometheus' text format, for `GET /api/v1/metrics`. As AddHealth.
  virtual void AddMetrics(std::function<std::string()> metrics) = 0;

  // What the plugin has to say of a study, as the field `name` of its JSON. As AddHealth, but it may read the
  // database.
  virtual void AddStudyField(const std::string& name,
                             std::function<Json::Value(Transaction&, const Study&)> field) = 0;

  // For whoever needs Utf8 in it for a while.
  virtual DefaultEncoding& Encoding() = 0;
  // Records are of the kind "patient", "appointment" or "order". Find gives nullptr where no plugin has the
  // kind's routes; only once Orthanc has started.
  virtual void AddRecordWriter(const std::string& kind, RecordWriter writer) = 0;
  virtual const RecordWriter* FindRecordWriter(const std::string& kind) const = 0;
};
}  // namespace OrthancClinic
