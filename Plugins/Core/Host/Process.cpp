// SPDX-License-Identifier: GPL-3.0-or-later
//
// The bundle's one instance per process: made when Orthanc loads the first of our plugins, started and
// stopped with Orthanc, gone with the last plugin.

#include <algorithm>
#include <atomic>
#include <boost/filesystem.hpp>
#include <cstdlib>
#include <fstream>
#include <list>
#include <utility>

#include "Core/Configuration/CoreOptions.h"
#include "Core/Dicom/Text.h"
#include "Core/Feed/StudyRecorder.h"
#include "Core/Host/DurationHistogram.h"
#include "Core/Host/OrthancSdk.h"
#include "Core/Host/Plugin.h"
#include "Core/Host/RestBridge.h"
#include "Core/Host/WorklistBridge.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/CoreMigrations.h"
#include "Core/Rest/CoreRoutes.h"
#include "Core/Tasks/TaskStore.h"
#include "Core/Uuid.h"

namespace OrthancClinic
{
namespace
{
// Orthanc's global property that names its index; plugins have the numbers from 1024 on.
constexpr int32_t INDEX_PROPERTY = 4171;

Json::Value ReadOrthancConfiguration(OrthancPluginContext* context)
{
  const std::string text = TakeString(context, OrthancPluginGetConfiguration(context));
  return ParseOrthancJson(text).value();  // Orthanc wrote it
}

// Newer SDKs deprecate this service in favour of the configuration itself, which does not say where it lies.
std::string ConfigurationPath(OrthancPluginContext* context)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  return TakeString(context, OrthancPluginGetConfigurationPath(context));
#pragma GCC diagnostic pop
}

// Where Orthanc's own index is, whose path is relative to the configuration file: the default place of the
// SQLite file and of uploads.
boost::filesystem::path IndexFolder(OrthancPluginContext* context, const Json::Value& orthanc)
{
  const std::string storage = orthanc.get("StorageDirectory", "OrthancStorage").asString();
  const std::string index = orthanc.get("IndexDirectory", storage).asString();
  const std::string file = ConfigurationPath(context);
  boost::filesystem::path base = boost::filesystem::current_path();
  if (!file.empty())
  {
    const boost::filesystem::path path = boost::filesystem::absolute(file);
    base = boost::filesystem::is_directory(path) ? path : path.parent_path();
  }
  const boost::filesystem::path folder = boost::filesystem::absolute(index, base);
  boost::filesystem::create_directories(folder);
  return folder;
}

StudyRecorder::QuietPeriods ReadQuietPeriods(const Json::Value& studies)
{
  StudyRecorder::QuietPeriods periods;
  periods.otherwise = std::chrono::seconds(studies["QuietSeconds"].asInt64());
  for (const std::string& modality : studies["QuietSecondsByModality"].getMemberNames())
  {
    periods.byModality[modality] =
        std::chrono::seconds(studies["QuietSecondsByModality"][modality].asInt64());
  }
  return periods;
}

// At most half of Orthanc's HTTP threads may wait for events.
unsigned LivePlaces(const Json::Value& events, const Json::Value& orthanc)
{
  const unsigned places = events["HeldRequests"].asUInt();
  const Json::Value& threads = orthanc["HttpThreadsCount"];
  const unsigned most = (threads.isUInt() ? threads.asUInt() : 50) / 2;
  if (places > most)
  {
    LogWarning("Clinic.Events.HeldRequests: " + std::to_string(most) +
               " are held at most, half of Orthanc's HttpThreadsCount");
  }
  return std::min(places, most);
}

// Whether Orthanc checks passwords itself (its rule for the default included): only then does the name in the
// header mean something.
bool OrthancAuthenticates(const Json::Value& orthanc)
{
  const Json::Value& enabled = orthanc["AuthenticationEnabled"];
  return enabled.isBool()
             ? enabled.asBool()
             : orthanc["RemoteAccessAllowed"].isBool() && orthanc["RemoteAccessAllowed"].asBool();
}

Principal ReadPrincipal(const HttpRequest& request, bool authenticated)
{
  const auto credentials = authenticated ? FindBasicCredentials(request) : std::nullopt;
  return credentials ? Principal{CleanText(credentials->first, 128)} : Principal();
}

std::string ReadFile(const std::string& path)
{
  std::ifstream file(path, std::ios::binary);
  if (!file)
  {
    throw NotFound("There is no file " + path);
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

class Process : public Clinic
{
public:
  explicit Process(OrthancPluginContext* context)
      : context_(context),
        configuration_(ReadOrthancConfiguration(context)),
        options_(configuration_.Section("", CoreOptions())),
        authenticated_(OrthancAuthenticates(configuration_.Orthanc())),
        database_(OptionOr("Database", "orthanc-clinic.db")),
        uploadFolder_(OptionOr("UploadDirectory", "orthanc-clinic-uploads")),
        orthanc_(context),
        images_(context),
        encoding_(orthanc_),
        live_(database_, LivePlaces(options_["Events"], configuration_.Orthanc())),
        tasks_(database_),
        router_(MakeSecurity())
  {
    database_.Migrate("core", CoreMigrations());
    if (options_["Dicom"]["TcpNoDelay"].asBool())
    {
      setenv("TCP_NODELAY", "1", 0);  // read by DCMTK, whose copy Orthanc shares, for each new connection
    }

    const CoreParts parts{database_,
                          events_,
                          live_,
                          tasks_,
                          [this] { return PluginHealth(); },
                          [this] { return started_.load(); },
                          [this] { return started_ ? feed_->GetLag() : std::vector<Feed::Lag>(); },
                          [this]
                          {
                            std::string text = storeCallback_.ToPrometheus(
                                "orthanc_clinic_store_callback_seconds",
                                "Time that the bundle takes while Orthanc stores an "
                                "instance.");
                            text += live_.ToPrometheus();
                            for (const auto& metrics : metrics_)
                            {
                              text += metrics();
                            }
                            return text;
                          },
                          [this](Transaction& transaction, const Study& study, Json::Value& json)
                          {
                            for (const auto& [name, field] : studyFields_)
                            {
                              json[name] = field(transaction, study);
                            }
                          },
                          PluginVersion()};
    AddOperationRoutes(router_, parts);
    AddPracticeRoutes(router_, parts);
    AddPatientRoutes(router_, parts);
    AddRecordWriter("patient", MakePatientWriter(events_));
    AddStudyRoutes(router_, parts);
    // Not when Orthanc has started: requests may come before.
    const std::string folder = options_["SwaggerUi"].asString();
    router_.AddDescription(PluginVersion(),
                           [folder](const std::string& file) -> std::optional<std::string>
                           {
                             try
                             {
                               return ReadFile(folder + "/" + file);
                             }
                             catch (const NotFound&)
                             {
                               return std::nullopt;
                             }
                           });
    router_.SetUploadFolder(uploadFolder_);
    RegisterRestBridge(context, router_, [this](const HttpRequest& request) { return Admits(request); });
    ServePath("/api");
    OrthancPluginRegisterOnChangeCallback(context, OnChange);
    OrthancPluginRegisterOnStoredInstanceCallback(context, OnStoredInstance);
    instance_ = this;
  }

  ~Process() override
  {
    instance_ = nullptr;
    Stop();
  }

  OrthancClinic::Configuration& Configuration() override { return configuration_; }
  OrthancClinic::Database& Database() override { return database_; }
  IOrthanc& Orthanc() override { return orthanc_; }
  IImageCodec& Images() override { return images_; }
  DefaultEncoding& Encoding() override { return encoding_; }
  EventLog& Events() override { return events_; }
  TaskWorkers& Tasks() override { return tasks_; }
  Router& Routes() override { return router_; }
  const std::string& UploadFolder() const override { return uploadFolder_; }
  void Subscribe(std::unique_ptr<IFeedSubscriber> subscriber) override
  {
    subscribers_.push_back(std::move(subscriber));
  }
  void OnStarted(std::function<void()> action) override { onStarted_.push_back(std::move(action)); }
  void OnStopped(std::function<void()> action) override { onStopped_.push_back(std::move(action)); }
  void ServeWorklist(WorklistHandler handler) override
  {
    if (worklist_)
    {
      throw std::logic_error("Two plugins of the bundle serve the worklist");
    }
    worklist_ = std::move(handler);
    if (OrthancPluginRegisterWorklistCallback(context_, OnWorklist) != OrthancPluginErrorCode_Success)
    {
      throw BadInput(
          "another plugin serves the Modality Worklist already (Orthanc's sample "
          "libModalityWorklists.so?): only one can");
    }
  }
  void ServePath(const std::string& path) override
  {
    ServeRestPath(path);
    paths_.push_back(path);
  }
  void AddAuthenticator(Authenticator authenticator) override
  {
    authenticators_.push_back(std::move(authenticator));
  }
  void GuardOrthanc(OrthancGuard guard) override
  {
    if (authenticated_)
    {
      throw BadInput(
          "AuthenticationEnabled: expected false, since with Clinic.Access the bundle checks who calls; the "
          "RegisteredUsers stay valid");
    }
    guard_ = std::move(guard);
    router_.SetChallenge("Bearer realm=\"Orthanc Clinic\"");
  }
  void FilterStores(std::function<uint16_t(const std::string&)> filter) override
  {
    storeFilter_ = std::move(filter);
    OrthancPluginRegisterIncomingCStoreInstanceFilter(context_, OnIncomingStore);
  }
  void AddHealth(const std::string& name, std::function<HealthReport()> report) override
  {
    health_.emplace_back(name, std::move(report));
  }
  void AddMetrics(std::function<std::string()> metrics) override { metrics_.push_back(std::move(metrics)); }
  void AddStudyField(const std::string& name,
                     std::function<Json::Value(Transaction&, const Study&)> field) override
  {
    studyFields_.emplace_back(name, std::move(field));
  }
  void AddRecordWriter(const std::string& kind, RecordWriter writer) override
  {
    recordWriters_[kind] = std::move(writer);
  }
  const RecordWriter* FindRecordWriter(const std::string& kind) const override
  {
    const auto found = recordWriters_.find(kind);
    return found == recordWriters_.end() ? nullptr : &found->second;
  }

private:
  // The text of the option; if it is empty, a file or folder of this name beside Orthanc's index.
  std::string OptionOr(const char* option, const char* name) const
  {
    const std::string value = options_[option].asString();
    return value.empty() ? (IndexFolder(context_, configuration_.Orthanc()) / name).string() : value;
  }

  Router::Security MakeSecurity()
  {
    return {
        .authenticate =
            [this](const HttpRequest& request)
        {
          auto principal = Authenticate(request);
          if (!principal)
          {
            throw Forbidden("Sign in first");
          }
          return *std::move(principal);
        },
        .audit =
            [this](const std::vector<AuditEntry>& entries)
        {
          Transaction transaction(database_);
          for (const AuditEntry& entry : entries)
          {
            AuditTrail::Append(transaction, entry);
          }
          transaction.Commit();
        },
        .logError = [](const std::string& message) { LogError(message); },
    };
  }

  // Nothing for a caller without credentials, where they are needed.
  std::optional<Principal> Authenticate(const HttpRequest& request) const
  {
    std::optional<Principal> principal;
    for (auto it = authenticators_.begin(); !principal && it != authenticators_.end(); ++it)
    {
      principal = (*it)(request);
    }
    if (!principal && !guard_)
    {
      principal = ReadPrincipal(request, authenticated_);
    }
    if (principal)
    {
      principal->remoteAddress = request.remoteAddress;
    }
    return principal;
  }

  // What the router answers itself it also checks itself.
  bool Admits(const HttpRequest& request) const
  {
    const bool ours = std::any_of(paths_.begin(), paths_.end(),
                                  [&](const std::string& path)
                                  { return request.path == path || request.path.starts_with(path + "/"); });
    if (ours || !guard_)
    {
      return true;
    }
    try
    {
      return guard_(request, Authenticate(request));
    }
    catch (const Forbidden&)
    {
      return false;
    }
  }

  void Start()
  {
    configuration_.RefuseUnclaimed();
    ProbeQueryDecoding();
    auto recorder =
        std::make_unique<StudyRecorder>(database_, orthanc_, events_, ReadQuietPeriods(options_["Studies"]));
    tasks_.Register(recorder->SettleTask());
    tasks_.Register(recorder->ForgetTask());
    tasks_.Register(recorder->RereadTask());
    tasks_.Register(recorder->IndexTask());
    recorder->EnqueueIndexing();
    tasks_.Register(RollUpTask());
    feed_ = std::make_unique<Feed>(database_, orthanc_, IndexIdentity());
    feed_->Subscribe(std::move(recorder));
    for (auto& subscriber : subscribers_)
    {
      feed_->Subscribe(std::move(subscriber));
    }

    for (const auto& action : onStarted_)
    {
      action();
    }
    {
      Transaction transaction(database_);
      TaskStore(transaction).Enqueue("roll-up.measurements", "all");
      transaction.Commit();
    }
    tasks_.Start();
    feed_->Start();
    started_ = true;
  }

  // Every hour; one process of several does it.
  TaskKind RollUpTask()
  {
    return {.name = "roll-up.measurements",
            .handler = [this](RunningTask& task)
            {
              Transaction transaction(database_);
              Measurements::RollUp(transaction);
              task.Complete(transaction);
              TaskStore(transaction)
                  .Enqueue("roll-up.measurements", "all", Json::objectValue, Now() + std::chrono::hours(1));
              transaction.Commit();
            }};
  }

  void Stop()
  {
    started_ = false;
    live_.Stop();
    if (std::exchange(stopped_, true))
    {
      return;
    }
    if (feed_)
    {
      feed_->Stop();
    }
    tasks_.Stop();
    for (const auto& action : onStopped_)
    {
      action();
    }
  }

  // Kept in Orthanc's own index, so that it changes when the index (and with it the change log) is replaced,
  // and is the same for every Orthanc on one index.
  std::string IndexIdentity()
  {
    const auto read = [&]
    { return TakeString(context_, OrthancPluginGetGlobalProperty(context_, INDEX_PROPERTY, "")); };
    if (read().empty())
    {
      const std::string identity = NewUuid();
      if (OrthancPluginSetGlobalProperty(context_, INDEX_PROPERTY, identity.c_str()) !=
          OrthancPluginErrorCode_Success)
      {
        throw Unavailable("Orthanc's index cannot be written");
      }
    }
    return read();
  }

  Json::Value PluginHealth() const
  {
    Json::Value parts(Json::objectValue);
    for (const auto& [name, report] : health_)
    {
      const HealthReport part = report();
      parts[name] = part.detail;
      parts[name]["ready"] = part.ready;
    }
    return parts;
  }

  static int32_t OnIncomingStore(uint16_t* status, const OrthancPluginDicomInstance* instance) noexcept
  {
    int32_t answer = -1;
    Guarded("OnIncomingStore",
            [&]
            {
              Process* const process = instance_;
              const char* const ae = process == nullptr
                                         ? nullptr
                                         : OrthancPluginGetInstanceRemoteAet(process->context_, instance);
              *status = process == nullptr ? 0 : process->storeFilter_(ae == nullptr ? "" : ae);
              answer = *status == 0 ? 1 : 0;
            });
    return answer;
  }

  static OrthancPluginErrorCode OnChange(OrthancPluginChangeType type, OrthancPluginResourceType resource,
                                         const char* id) noexcept
  {
    return Guarded("OnChange",
                   [&]
                   {
                     Process* const process = instance_;
                     if (process == nullptr)
                     {
                       return;
                     }
                     switch (type)
                     {
                       case OrthancPluginChangeType_OrthancStarted:
                         process->Start();
                         break;
                       case OrthancPluginChangeType_OrthancStopped:
                         process->Stop();
                         break;
                       case OrthancPluginChangeType_Deleted:
                         if (resource == OrthancPluginResourceType_Study && process->started_)
                         {
                           process->feed_->StudyDeleted(id);
                         }
                         break;
                       default:
                         break;
                     }
                   });
  }

  static OrthancPluginErrorCode OnStoredInstance(const OrthancPluginDicomInstance*, const char*) noexcept
  {
    // Orthanc calls this under a lock that every modality waits for: nothing happens here.
    Process* const process = instance_;
    if (process != nullptr && process->started_)
    {
      const auto begin = std::chrono::steady_clock::now();
      process->feed_->Wake();
      process->storeCallback_.Add(std::chrono::steady_clock::now() - begin);
    }
    return OrthancPluginErrorCode_Success;
  }

  static OrthancPluginErrorCode OnWorklist(OrthancPluginWorklistAnswers* answers,
                                           const OrthancPluginWorklistQuery* query, const char* callingAe,
                                           const char* calledAe) noexcept
  {
    return Guarded("OnWorklist",
                   [&]
                   {
                     Process* const process = instance_;
                     if (process == nullptr || !process->started_)
                     {
                       throw Unavailable("The worklist is not ready");
                     }
                     AnswerWorklist(process->context_, answers, query,
                                    [&](const Json::Value& json) {
                                      return process->worklist_({json, callingAe, calledAe});
                                    });
                   });
  }

  static std::atomic<Process*> instance_;

  OrthancPluginContext* const context_;
  OrthancClinic::Configuration configuration_;
  const Json::Value options_;
  const bool authenticated_;
  OrthancClinic::Database database_;
  const std::string uploadFolder_;
  InProcessOrthanc orthanc_;
  OrthancImageCodec images_;
  DefaultEncoding encoding_;
  EventLog events_;
  LiveEvents live_;
  TaskWorkers tasks_;
  Router router_;
  std::unique_ptr<Feed> feed_;
  DurationHistogram storeCallback_;
  std::vector<std::unique_ptr<IFeedSubscriber>> subscribers_;
  WorklistHandler worklist_;
  std::vector<std::string> paths_;
  std::list<Authenticator> authenticators_;
  OrthancGuard guard_;
  std::function<uint16_t(const std::string&)> storeFilter_;
  std::vector<std::function<void()>> onStarted_;
  std::vector<std::function<void()>> onStopped_;
  std::list<std::pair<std::string, std::function<HealthReport()>>> health_;
  std::list<std::function<std::string()>> metrics_;
  std::list<std::pair<std::string, std::function<Json::Value(Transaction&, const Study&)>>> studyFields_;
  std::map<std::string, RecordWriter> recordWriters_;
  std::atomic<bool> started_{false};
  bool stopped_ = false;
};

std::atomic<Process*> Process::instance_{nullptr};

// Orthanc loads and unloads its plugins one after the other, in one thread.
std::unique_ptr<Process> process_;
int plugins_ = 0;
OrthancPluginContext* logContext_ = nullptr;

void LogToOrthanc(LogLevel level, const std::string& message)
{
  switch (level)
  {
    case LogLevel::Info:
      OrthancPluginLogInfo(logContext_, message.c_str());
      break;
    case LogLevel::Warning:
      OrthancPluginLogWarning(logContext_, message.c_str());
      break;
    case LogLevel::Error:
      OrthancPluginLogError(logContext_, message.c_str());
      break;
  }
}
}  // namespace

int32_t InitializePlugin(void* context, const char* name, const char* description,
                         void (*load)(Clinic&)) noexcept
{
  auto* const orthanc = static_cast<OrthancPluginContext*>(context);
  if (logContext_ == nullptr)
  {
    logContext_ = orthanc;
    SetLogSink(LogToOrthanc);
  }
  return Guarded("Orthanc Clinic cannot start",
                 [&]
                 {
                   if (!OrthancPluginCheckVersion(orthanc))
                   {
                     throw BadInput("this Orthanc is older than 1.10.1");
                   }
                   // OrthancPluginSetDescription() asks the library that it is compiled into for its name.
                   const _OrthancPluginSetPluginProperty property{name, _OrthancPluginProperty_Description,
                                                                  description};
                   orthanc->InvokeService(orthanc, _OrthancPluginService_SetPluginProperty, &property);
                   if (!process_)
                   {
                     process_ = std::make_unique<Process>(orthanc);
                   }
                   plugins_++;
                   load(*process_);
                   ServeUploads();
                 }) == OrthancPluginErrorCode_Success
             ? 0
             : -1;
}

void FinalizePlugin() noexcept
{
  if (--plugins_ == 0)
  {
    process_.reset();
  }
}

const char* PluginVersion() noexcept
{
  return ORTHANC_CLINIC_VERSION;
}
}  // namespace OrthancClinic
