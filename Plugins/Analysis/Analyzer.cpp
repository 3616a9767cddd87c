// SPDX-License-Identifier: GPL-3.0-or-later

#include "Analyzer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "Core/Configuration/Json.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Log.h"
#include "Core/Records/AwaitedStudy.h"
#include "Core/Records/Practice.h"
#include "Core/Records/StudyStore.h"
#include "Core/Rest/Translations.h"
#include "Core/Tasks/TaskStore.h"
#include "Core/Uuid.h"
#include "Language.h"
#include "Overlay.h"
#include "Pseudonyms.h"
#include "Rules.h"
#include "StructuredReport.h"
#include "XrayResult.h"

namespace OrthancClinic::Analysis
{
namespace
{
constexpr const char* RULES = "analysis-rules";
constexpr const char* RECEIVE = "analysis-result";
constexpr const char* POLL = "analysis-poll";
constexpr const char* VERIFY = "verified-report";
constexpr const char* REJECT = "rejection-note";
constexpr int ATTEMPTS = 20;  // with an hour between the last ones: most of a day
constexpr Milliseconds LONGEST_DELAY(3600'000);
constexpr int ATTEMPTS_OF_A_MOVE = 12;       // about an hour
constexpr Milliseconds SAME_QUESTION(1000);  // until it is looked whether it has its answer
constexpr Milliseconds STILL_SENT(2000);     // likewise, whether the node has all images
constexpr Milliseconds CORRECTED(1000);      // likewise, whether the correction of the study has ended
constexpr Milliseconds SLACK(30'000);        // of a request's time, for what is not the request
constexpr int FIRST_POLL = 2;  // seconds after the images were sent; then twice as long each time
constexpr int LONGEST_POLL = 60;
constexpr unsigned OVERLAY_EDGE = 2048;
constexpr int MOST_WAITING = 8;  // calls at once; Orthanc has 50 threads for all of them

// What a DICOM node made is in the study, for a viewer to show; the finding says that it is there.
Json::Value ReturnedObject(const std::string& modality, const AnalysedImage& image)
{
  std::string kind = "dicom.";
  for (const char c : modality)
  {
    kind += (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : '_';
  }
  Json::Value finding;
  finding["kind"] = kind;
  finding["severity"] = "info";
  finding["image"] = image.sopInstanceUid;
  finding["text"]["en"] = "The service returned an object of the modality " + modality + ".";
  finding["text"]["fr"] = "Le service a retourné un objet de la modalité " + modality + ".";
  finding["text"]["es"] = "El servicio devolvió un objeto de la modalidad " + modality + ".";
  finding["text"]["zh"] = "该服务返回了一个" + modality + "对象。";
  return finding;
}

Timestamp Tomorrow()
{
  return ParseTimestamp(ToString(Now() + std::chrono::hours(24)).substr(0, 10) + "T00:00:00Z").value();
}
}  // namespace

Analyzer::Analyzer(Database& database, IOrthanc& orthanc, IImageCodec& codec, const EventLog& events,
                   const Options& options)
    : database_(database), orthanc_(orthanc), events_(events), options_(options), images_(orthanc, codec)
{
  for (const ProviderOptions& one : options.providers)
  {
    if (one.overlay && !lettering_)
    {
      try
      {
        lettering_ = std::make_unique<Lettering>(options.overlayFont);
      }
      catch (const BadInput& error)
      {
        throw BadInput(std::string("Clinic.Analysis.OverlayFont: ") + error.what());
      }
      for (const std::string& language : Translations::Languages())
      {
        if (LabelIn(language, *lettering_) != LanguageOf(language).notVerified)
        {
          LogWarning(
              "Clinic.Analysis.OverlayFont: the font lacks letters of the language \"" + language +
              "\"; what is drawn into images for its practices says in English that it is not verified");
        }
      }
    }
    providers_.push_back(std::make_unique<Provider>());
    providers_.back()->options = one;
    providers_.back()->provider = MakeProvider(one, images_, orthanc_);
  }
}

std::vector<TaskKind> Analyzer::Tasks()
{
  std::vector<TaskKind> kinds = {{.name = RULES, .handler = [this](RunningTask& task) { Apply(task); }},
                                 {.name = RECEIVE, .handler = [this](RunningTask& task) { Receive(task); }},
                                 {.name = POLL, .handler = [this](RunningTask& task) { Poll(task); }},
                                 {.name = VERIFY, .handler = [this](RunningTask& task) { Follow(task); }},
                                 {.name = REJECT, .handler = [this](RunningTask& task) { Follow(task); }}};
  for (const auto& provider : providers_)
  {
    kinds.push_back({.name = "analyse." + provider->options.name,
                     .handler = [this](RunningTask& task) { Analyse(task); },
                     .concurrency = provider->options.concurrency,
                     .maxAttempts = ATTEMPTS,
                     .longestDelay = LONGEST_DELAY});
  }
  return kinds;
}

Analyzer::Provider* Analyzer::FindProvider(const std::string& name) const
{
  const auto found = std::find_if(providers_.begin(), providers_.end(),
                                  [&](const auto& provider) { return provider->options.name == name; });
  return found == providers_.end() ? nullptr : found->get();
}

void Analyzer::Settled(Transaction& transaction, const std::string& orthancStudyId,
                       const std::string& studyInstanceUid) const
{
  // It has a record only if it came before such studies were kept apart.
  if (AnalysisStore(transaction).FindBySentStudy(studyInstanceUid))
  {
    TaskStore(transaction).Enqueue(RECEIVE, orthancStudyId);
  }
  else if (!options_.rules.empty())
  {
    TaskStore(transaction).Enqueue(RULES, orthancStudyId);
  }
}

// A modality of Orthanc is where its host is; whether it is spoken to by TLS is Orthanc's matter
// (`UseDicomTls`).
Destination Analyzer::DestinationOf(const ProviderOptions& options) const
{
  Destination destination{
      .url = options.endpoint, .declared = options.jurisdiction, .assessment = options.assessment};
  if (options.type == "dicom")
  {
    const Json::Value modalities = orthanc_.Get("/modalities?expand");
    const Json::Value& modality = modalities[options.modality];
    if (!modality.isObject() || !modality["Host"].isString())
    {
      throw PermanentFailure("Orthanc knows no modality " + options.modality);
    }
    destination.url = "https://" + modality["Host"].asString();
  }
  return destination;
}

std::set<std::string> Analyzer::OwnSeries(const std::string& orthancStudyId) const
{
  Transaction transaction(database_, Transaction::Mode::ReadOnly);
  std::set<std::string> series;
  for (const Analysis& analysis :
       AnalysisStore(transaction).Search({.orthancStudyId = orthancStudyId, .limit = 1000}).first)
  {
    series.insert(analysis.OverlaySeriesUid());
  }
  transaction.Commit();
  return series;
}

std::string Analyzer::ChooseProvider(const Study& study, const std::string& xrayId)
{
  if (providers_.empty())
  {
    throw NotFound("There is no provider of analyses");
  }
  if (!options_.rules.empty())
  {
    const auto first = images_.Choose(study.orthancStudyId, 1, xrayId, OwnSeries(study.orthancStudyId));
    for (const Rule& rule : options_.rules)
    {
      if (!first.empty() &&
          Concerns(rule, study, first.front().tags, XrayTypeOf(options_.xrayTypes, first.front().tags)))
      {
        return rule.provider;
      }
    }
  }
  return providers_.front()->options.name;
}

Analysis Analyzer::Request(Transaction& transaction, const Study& study, const std::string& provider,
                           const std::string& language, const std::string& requestedBy,
                           const std::string& xrayId) const
{
  const Provider* const found = FindProvider(provider);
  if (found == nullptr)
  {
    throw NotFound("There is no such provider of analyses");
  }
  const auto practice = PracticeStore(transaction).Find(study.practiceId);
  Analysis analysis;
  analysis.id = NewUuid();
  analysis.practiceId = study.practiceId;
  analysis.orthancStudyId = study.orthancStudyId;
  analysis.studyInstanceUid = study.studyInstanceUid;
  analysis.xrayId = xrayId;
  analysis.provider = found->options.name;
  analysis.language =
      !language.empty() ? language : LanguageOf(practice ? practice->language.substr(0, 2) : "en").code;
  analysis.requestedBy = requestedBy;
  analysis.requestedAt = Now();
  AnalysisStore(transaction).Insert(analysis);
  TaskStore(transaction).Enqueue("analyse." + analysis.provider, analysis.id);
  Emit(transaction, "analysis.requested", analysis);
  return analysis;
}

std::optional<Analysis> Analyzer::Await(const std::string& id)
{
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(options_.xrayWaitSeconds);
  const bool mayWait = waiting_.fetch_add(1) < MOST_WAITING;
  const std::shared_ptr<void> leaving(nullptr, [this](void*) { waiting_--; });
  while (true)
  {
    std::optional<Analysis> analysis;
    {
      // By the database: another process may have the task.
      Transaction transaction(database_, Transaction::Mode::ReadOnly);
      analysis = AnalysisStore(transaction).Find(id);
      transaction.Commit();
    }
    const bool goesOn = analysis && (analysis->status == "requested" || analysis->status == "sent" ||
                                     analysis->status == "answered");
    std::unique_lock lock(mutex_);
    if (!goesOn || !mayWait || stopping_ || std::chrono::steady_clock::now() >= until)
    {
      return analysis;
    }
    stopped_.wait_for(lock, std::chrono::milliseconds(100), [&] { return stopping_; });
  }
}

void Analyzer::StudyMoved(Transaction& transaction, const std::string& fromOrthancStudyId,
                          const std::string& toOrthancStudyId)
{
  AnalysisStore(transaction).MoveToStudy(fromOrthancStudyId, toOrthancStudyId);
}

void Analyzer::Stop()
{
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  stopped_.notify_all();
}

void Analyzer::Cancel(Transaction& transaction, const std::string& id)
{
  AnalysisStore store(transaction);
  auto analysis = store.FindForUpdate(id);
  if (!analysis)
  {
    throw NotFound("There is no such analysis");
  }
  if (analysis->status != "requested" && analysis->status != "sent")
  {
    throw Conflict("The analysis is " + analysis->status + " already");
  }
  analysis->status = "cancelled";
  analysis->error.clear();
  analysis->completedAt = Now();
  store.Update(*analysis);
  {
    const std::lock_guard lock(mutex_);
    cancelled_.insert(id);
  }
  TaskStore(transaction).Cancel("analyse." + analysis->provider, id);
}

bool Analyzer::IsCancelled(const std::string& id) const
{
  const std::lock_guard lock(mutex_);
  return cancelled_.contains(id);
}

void Analyzer::Emit(Transaction& transaction, const std::string& type, const Analysis& analysis) const
{
  Json::Value data;
  data["analysis_id"] = analysis.id;
  data["study_instance_uid"] = analysis.studyInstanceUid;
  data["orthanc_study_id"] = analysis.orthancStudyId;
  data["provider"] = analysis.provider;
  data["status"] = analysis.status;
  events_.Emit(transaction, type, analysis.practiceId, data);
}

// Then neither all of its images nor its analyses need be where Orthanc has the study. Asked before and after
// the images are chosen: it may begin or end meanwhile.
bool Analyzer::IsBeingCorrected(const std::string& studyInstanceUid) const
{
  Transaction transaction(database_, Transaction::Mode::ReadOnly);
  const bool is = TaskStore(transaction).Exists(CORRECTION_TASK, studyInstanceUid);
  transaction.Commit();
  return is;
}

void Analyzer::Apply(RunningTask& task)
{
  const std::string& id = task.Get().key;
  std::map<std::string, Json::Value> wanted;  // by provider: the images that it would be given
  try
  {
    const auto ours = OwnSeries(id);
    const auto first = images_.Choose(id, 1, "", ours);
    std::optional<Study> study;
    {
      Transaction transaction(database_, Transaction::Mode::ReadOnly);
      study = StudyStore(transaction).FindByOrthancId(id);
      transaction.Commit();
    }
    if (first.empty() || !study)
    {
      return;
    }
    bool waits = IsBeingCorrected(study->studyInstanceUid);
    const std::string xrayType = XrayTypeOf(options_.xrayTypes, first.front().tags);
    for (const Rule& rule : options_.rules)
    {
      if (!wanted.contains(rule.provider) && Concerns(rule, *study, first.front().tags, xrayType))
      {
        const int most = FindProvider(rule.provider)->options.maximumImages;
        wanted[rule.provider] = Describe(images_.Choose(id, most, "", ours));
      }
    }
    waits = waits || IsBeingCorrected(study->studyInstanceUid);
    if (waits)
    {
      task.PutOff(Now() + CORRECTED);
      return;
    }
  }
  catch (const NotFound&)
  {
    return;  // deleted since
  }

  Transaction transaction(database_);
  if (const auto study = StudyStore(transaction).FindForUpdate(id))
  {
    const auto [known, total] = AnalysisStore(transaction).Search({.orthancStudyId = id, .limit = 1000});
    for (const auto& [provider, images] : wanted)
    {
      const bool isThere =
          std::any_of(known.begin(), known.end(),
                      [&, &name = provider, &described = images](const Analysis& one)
                      {
                        return one.provider == name &&
                               ((one.xrayId.empty() && (one.status == "requested" || one.status == "sent")) ||
                                Identity(one.images) == Identity(described));
                      });
      if (!isThere)
      {
        Request(transaction, *study, provider, "", "rule");
      }
    }
  }
  task.Complete(transaction);
  transaction.Commit();
}

void Analyzer::Fail(RunningTask& task, Analysis& analysis, const std::string& failure,
                    const std::string& reason)
{
  Transaction transaction(database_);
  AnalysisStore store(transaction);
  if (const auto now = store.FindForUpdate(analysis.id);
      now && (now->status == "requested" || now->status == "sent"))
  {
    analysis.status = "failed";
    analysis.failure = failure;
    analysis.error = reason;
    analysis.completedAt = Now();
    store.Update(analysis);
    Emit(transaction, "analysis.failed", analysis);
  }
  task.Complete(transaction);
  transaction.Commit();
}

// So that who looks sees why nothing happens yet.
void Analyzer::NoteWaiting(const Analysis& analysis, const std::string& reason) const
{
  Transaction transaction(database_);
  AnalysisStore store(transaction);
  if (auto now = store.FindForUpdate(analysis.id); now && now->status == "requested" && now->error != reason)
  {
    now->error = reason;
    store.Update(*now);
  }
  transaction.Commit();
}

std::optional<Timestamp> Analyzer::MustWaitUntil(Provider& provider, std::string& reason)
{
  if (const auto until = provider.circuit.OpenUntil())
  {
    reason = "The provider is left alone after failures";
    return until;
  }
  const ProviderOptions& options = provider.options;
  if (options.dailyTokens > 0 || options.dailyCost > 0)
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    const auto [tokens, cost] = AnalysisStore(transaction).Spent(options.name, ToString(Now()).substr(0, 10));
    transaction.Commit();
    if ((options.dailyTokens > 0 && tokens >= options.dailyTokens) ||
        (options.dailyCost > 0 && static_cast<double>(cost) >= options.dailyCost * 1e6))
    {
      reason = "The budget of the day is used up";
      return Tomorrow();
    }
  }
  if (options.requestsPerMinute > 0)
  {
    const std::lock_guard lock(mutex_);
    if (provider.nextRequest > Now())
    {
      reason = "The provider is asked no more often";
      return provider.nextRequest;
    }
    provider.nextRequest = Now() + Milliseconds(60'000 / options.requestsPerMinute);
  }
  return std::nullopt;
}

std::optional<Answer> Analyzer::Reuse(Provider& provider, Dispatch& dispatch) const
{
  Transaction transaction(database_, Transaction::Mode::ReadOnly);
  const auto known = AnalysisStore(transaction).FindAnswer(provider.options.name, dispatch.questionSha256);
  transaction.Commit();
  if (!known)
  {
    return std::nullopt;
  }
  Answer answer;
  answer.result = known->answer;
  answer.model = known->document["model"].asString();
  dispatch.outcome = "reused";
  dispatch.document["answer_of"] = known->id;
  return answer;
}

// Before anything leaves. What the same question of another analysis is getting, or has just got, is not paid
// for twice: false.
bool Analyzer::Begin(Provider& provider, Analysis& analysis, const Dispatch& dispatch) const
{
  const ProviderOptions& options = provider.options;
  Transaction transaction(database_);
  AnalysisStore store(transaction);
  if (options.type == "openai" || options.type == "http")
  {
    StudyStore(transaction).FindForUpdate(analysis.orthancStudyId);  // one question after the other
    // One that was begun earlier is that of a process which has ended.
    if (store.IsAsked(dispatch, Now() - std::chrono::seconds(options.timeoutSeconds) - SLACK))
    {
      return false;
    }
  }
  store.Put(dispatch);
  if (options.IsDicomNode())
  {
    // What it makes may come before it has got everything.
    analysis.sentStudyUid = Pseudonyms(analysis.id).Uid(analysis.studyInstanceUid);
    AwaitedStudyStore(transaction).Await(analysis.sentStudyUid, RECEIVE);
    if (auto now = store.FindForUpdate(analysis.id))
    {
      now->sentStudyUid = analysis.sentStudyUid;
      store.Update(*now);
    }
  }
  if (options.type != "quality")
  {
    AuditEntry entry;
    entry.principal.name = analysis.requestedBy;
    entry.action = "analysis.dispatch";
    entry.practiceId = analysis.practiceId;
    entry.studyInstanceUid = analysis.studyInstanceUid;
    entry.detail = dispatch.document;
    entry.detail["analysis_id"] = analysis.id;
    AuditTrail::Append(transaction, entry);
  }
  transaction.Commit();
  return true;
}

// An image is not where it was. Throws Unavailable while its study may be on its way to another PatientID
// (StudyMoved tells when it has arrived); returns if it was deleted.
void Analyzer::CheckGone(RunningTask& task, const Analysis& analysis) const
{
  Transaction transaction(database_, Transaction::Mode::ReadOnly);
  const auto now = AnalysisStore(transaction).Find(analysis.id);
  const bool isMoved = now && now->orthancStudyId != analysis.orthancStudyId;
  StudyStore store(transaction);
  Study study;
  study.orthancStudyId = analysis.orthancStudyId;
  study.studyInstanceUid = analysis.studyInstanceUid;
  const bool isSomewhere = store.FindByOrthancId(analysis.orthancStudyId) || !store.Twins(study).empty();
  transaction.Commit();
  if (isMoved || (isSomewhere && task.Get().attempts <= ATTEMPTS_OF_A_MOVE))
  {
    throw Unavailable("The study is being moved or deleted");
  }
}

Answer Analyzer::Send(RunningTask& task, Provider& provider, const Analysis& analysis,
                      const Question& question, const ProviderRequest& request, Dispatch& dispatch)
{
  const ProviderOptions& options = provider.options;
  const Timestamp begun = Now();
  const auto finish = [&](const std::string& error)
  {
    dispatch.outcome = error.empty() ? "answered" : "failed";
    dispatch.document["error"] = OrNull(error);
    dispatch.document["latency_ms"] = static_cast<Json::Int64>((Now() - begun).count());
  };
  const auto note = [&](const std::string& error)
  {
    const std::lock_guard lock(mutex_);
    provider.health = {error.empty(), error};
  };
  try
  {
    Answer answer = provider.provider->Ask(question, request,
                                           [&] { return task.IsStopping() || IsCancelled(analysis.id); });
    provider.circuit.Succeeded();
    note("");
    if (answer.error.empty() && !answer.comesAsDicom)
    {
      try
      {
        CheckResult(answer.result, question.images);
      }
      catch (const BadInput& error)
      {
        answer.error = error.what();
      }
    }
    finish(answer.error);
    dispatch.outcome = answer.comesAsDicom ? "sent" : dispatch.outcome;
    if (!answer.sentSha256.empty())
    {
      dispatch.document["request_sha256"] = answer.sentSha256;
      dispatch.document["bytes"] = static_cast<Json::Int64>(answer.sentBytes);
    }
    dispatch.tokens = answer.tokensIn + answer.tokensOut;
    dispatch.costMicros = std::llround(static_cast<double>(answer.tokensIn) * options.inputPrice +
                                       static_cast<double>(answer.tokensOut) * options.outputPrice);
    dispatch.document["model"] = answer.model;
    dispatch.document["tokens_in"] = static_cast<Json::Int64>(answer.tokensIn);
    dispatch.document["tokens_out"] = static_cast<Json::Int64>(answer.tokensOut);
    return answer;
  }
  catch (const DatabaseError&)
  {
    throw;
  }
  catch (const Error& error)
  {
    const auto* const unavailable = dynamic_cast<const Unavailable*>(&error);
    if (unavailable != nullptr && !task.IsStopping() && !IsCancelled(analysis.id))
    {
      provider.circuit.Failed(unavailable->RetryAfter());
      note(error.what());
    }
    finish(error.what());
    Transaction transaction(database_);
    AnalysisStore(transaction).Put(dispatch);
    transaction.Commit();
    throw;
  }
}

bool Analyzer::GetAnswer(RunningTask& task, Provider& provider, Analysis& analysis)
{
  const ProviderOptions& options = provider.options;
  Dispatch dispatch;
  dispatch.id = NewUuid();
  dispatch.analysisId = analysis.id;
  dispatch.provider = options.name;
  Answer answer;
  const char* failure = Failure::NOT_SENT;  // until it is asked
  try
  {
    Question question;
    question.analysisId = analysis.id;
    question.language = analysis.language;
    bool waits = IsBeingCorrected(analysis.studyInstanceUid);
    question.images = images_.Choose(analysis.orthancStudyId, options.maximumImages, analysis.xrayId,
                                     OwnSeries(analysis.orthancStudyId));
    waits = waits || IsBeingCorrected(analysis.studyInstanceUid);
    if (waits)
    {
      NoteWaiting(analysis, "The study is being corrected");
      task.PutOff(Now() + CORRECTED);
      return false;
    }
    if (question.images.empty())
    {
      throw PermanentFailure("The study has no images");
    }
    question.xrayType = XrayTypeOf(options_.xrayTypes, question.images.front().tags);
    analysis.xrayType = question.xrayType;
    analysis.images = Describe(question.images);
    const Destination destination = DestinationOf(options);
    const ResidencyGuard guard(options_.residency);
    if (options.type != "quality")
    {
      guard.CheckDisclosure(destination, options.outsideCanada);
    }
    const ProviderRequest request = provider.provider->Prepare(question);
    dispatch.questionSha256 = Sha256Of(request.sha256 + Identity(analysis.images));
    Json::Value& document = dispatch.document;
    document["provider"] = options.name;
    document["destination"] = options.type == "quality" ? "this process" : destination.url;
    document["jurisdiction"] = options.type == "quality" ? "QC" : ToString(guard.Locate(destination));
    document["privacy_impact_assessment"] = options.assessment;
    document["outside_canada_permitted"] = options.outsideCanada;
    document["deidentified"] = options.type != "quality";
    document["images"] = analysis.images;
    document["bytes"] = static_cast<Json::UInt64>(request.body.size());
    document["request_sha256"] = request.sha256;
    document["prompt_version"] = request.promptVersion;
    document["sent_at"] = ToString(Now());
    if (const auto reused = Reuse(provider, dispatch))
    {
      answer = *reused;
      document["model"] = answer.model;
      CheckResult(answer.result, question.images);
    }
    else
    {
      std::string reason;
      if (const auto until = MustWaitUntil(provider, reason))
      {
        NoteWaiting(analysis, reason);
        task.PutOff(*until);
        return false;
      }
      if (!Begin(provider, analysis, dispatch))
      {
        NoteWaiting(analysis, "The same question is being asked");
        task.PutOff(Now() + SAME_QUESTION);
        return false;
      }
      failure = Failure::BAD_ANSWER;
      answer = Send(task, provider, analysis, question, request, dispatch);
    }
  }
  catch (const NotFound&)
  {
    CheckGone(task, analysis);
    Fail(task, analysis, Failure::NOT_SENT, "The study was deleted");
    return false;
  }
  catch (const MustNotLeave& error)
  {
    Fail(task, analysis, Failure::NOT_SENT, error.what());
    return false;
  }
  catch (const PermanentFailure& error)
  {
    Fail(task, analysis, failure, error.what());
    return false;
  }
  catch (const Forbidden& error)
  {
    Fail(task, analysis, Failure::NOT_SENT, error.what());
    return false;
  }
  catch (const Unavailable& error)
  {
    if (IsCancelled(analysis.id))
    {
      return false;
    }
    NoteWaiting(analysis, error.what());
    if (task.Get().attempts >= ATTEMPTS)
    {
      Fail(task, analysis, Failure::NO_ANSWER, error.what());
      return false;
    }
    throw;
  }

  // What was paid for is kept at once, whatever becomes of the report.
  Transaction transaction(database_);
  AnalysisStore store(transaction);
  dispatch.answer = answer.error.empty() ? answer.result : Json::Value();
  store.Put(dispatch);
  const auto now = store.FindForUpdate(analysis.id);
  const bool isWanted = now && now->status == "requested";
  if (isWanted)
  {
    analysis.dispatchId = dispatch.id;
    analysis.status = answer.error.empty() ? "answered" : "failed";
    analysis.failure = answer.error.empty() ? "" : Failure::BAD_ANSWER;
    analysis.error = answer.error.empty() ? "" : "The provider's answer cannot be used: " + answer.error;
    analysis.result = dispatch.answer;
    if (answer.comesAsDicom)
    {
      analysis.status = "sent";
      // When this task runs again, the time is up.
      task.Complete(transaction);
      TaskStore(transaction)
          .Enqueue(task.Get().kind, task.Get().key, Json::objectValue,
                   Now() + std::chrono::minutes(options.resultMinutes));
      if (provider.provider->IsPolled())
      {
        Json::Value payload;
        payload["seconds"] = FIRST_POLL;
        TaskStore(transaction).Enqueue(POLL, analysis.id, payload, Now() + std::chrono::seconds(FIRST_POLL));
      }
    }
    if (analysis.status == "failed")
    {
      analysis.completedAt = Now();
      Emit(transaction, "analysis.failed", analysis);
    }
    store.Update(analysis);
  }
  transaction.Commit();
  return isWanted && analysis.status == "answered";
}

void Analyzer::StoreReport(const Analysis& analysis, bool verified)
{
  ReportContent content;
  content.analysis = analysis;
  content.images = images_.Load(analysis.images, analysis.orthancStudyId);
  content.result = analysis.result;
  Transaction transaction(database_, Transaction::Mode::ReadOnly);
  const auto dispatch = AnalysisStore(transaction).FindDispatch(analysis.dispatchId);
  const auto practice = PracticeStore(transaction).Find(analysis.practiceId);
  transaction.Commit();
  if (dispatch)
  {
    content.algorithm = dispatch->document["model"].asString();
    content.algorithmVersion = dispatch->document["prompt_version"].asString().substr(0, 12);
  }
  content.algorithm = content.algorithm.empty() ? analysis.provider : content.algorithm;
  if (verified)
  {
    if (!analysis.review["findings"].isNull())
    {
      content.result["findings"] = analysis.review["findings"];
    }
    content.verifiedBy = analysis.reviewedBy;
    content.organization = practice && !practice->name.empty() ? practice->name : analysis.practiceId;
    content.comment = analysis.review["comment"].asString();
  }
  orthanc_.Post("/instances", MakeReport(content));
}

void Analyzer::StoreRejectionNote(const Analysis& analysis)
{
  const std::vector<AnalysedImage> images = images_.Load(analysis.images, analysis.orthancStudyId);
  std::vector<MadeObject> made = {{false, analysis.ReportSeriesUid(false), analysis.ReportUid()}};
  for (const AnalysedImage& image : images)
  {
    made.push_back(
        {true, analysis.OverlaySeriesUid(), analysis.OverlayUid(image.sopInstanceUid, image.frame)});
  }
  std::erase_if(made, [&](const MadeObject& object)
                { return orthanc_.Post("/tools/lookup", object.sopInstanceUid).empty(); });
  if (!made.empty())
  {
    orthanc_.Post("/instances", MakeRejectionNote(analysis, images.front().tags, made));
  }
}

void Analyzer::StoreOverlays(const Analysis& analysis)
{
  std::string language = analysis.language;
  std::string algorithm = analysis.provider;
  std::string version;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    if (const auto practice = PracticeStore(transaction).Find(analysis.practiceId))
    {
      language = practice->language.substr(0, 2);
    }
    if (const auto dispatch = AnalysisStore(transaction).FindDispatch(analysis.dispatchId))
    {
      algorithm = dispatch->document["model"].asString();
      version = dispatch->document["prompt_version"].asString().substr(0, 12);
    }
    transaction.Commit();
  }
  int number = 0;
  for (const AnalysedImage& image : images_.Load(analysis.images, analysis.orthancStudyId))
  {
    if (HasRegions(image, analysis.result["findings"]))
    {
      number++;
      const Image drawn = DrawFindings(*lettering_, images_.Rendered(image, OVERLAY_EDGE), image,
                                       analysis.result["findings"], language);
      orthanc_.Post("/instances", MakeOverlay({.analysis = analysis,
                                               .image = image,
                                               .drawn = drawn,
                                               .number = number,
                                               .algorithm = algorithm,
                                               .algorithmVersion = version}));
    }
  }
}

void Analyzer::Analyse(RunningTask& task)
{
  std::optional<Analysis> analysis;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    analysis = AnalysisStore(transaction).Find(task.Get().key);
    transaction.Commit();
  }
  if (!analysis ||
      (analysis->status != "requested" && analysis->status != "sent" && analysis->status != "answered"))
  {
    return;
  }
  Provider* const provider = FindProvider(analysis->provider);
  if (provider == nullptr)
  {
    throw PermanentFailure("The provider is not configured any more");
  }
  if (analysis->status == "sent")
  {
    Fail(task, *analysis, Failure::NO_ANSWER,
         fmt::format("No result came within {} minutes", provider->options.resultMinutes));
    return;
  }
  if (analysis->status == "requested" && !GetAnswer(task, *provider, *analysis))
  {
    return;
  }
  try
  {
    StoreReport(*analysis, false);
    if (provider->options.overlay)
    {
      StoreOverlays(*analysis);
    }
  }
  catch (const NotFound&)
  {
    CheckGone(task, *analysis);
    analysis->error = "The study was deleted before the report could be stored";
  }
  Transaction transaction(database_);
  AnalysisStore store(transaction);
  analysis->status = "completed";
  analysis->completedAt = Now();
  store.Update(*analysis);
  if (const auto dispatch = store.FindDispatch(analysis->dispatchId))
  {
    WriteIntoXrays(transaction, *analysis, *dispatch);
  }
  Emit(transaction, "analysis.completed", *analysis);
  task.Complete(transaction);
  transaction.Commit();
}

void Analyzer::Poll(RunningTask& task)
{
  std::optional<Analysis> analysis;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    analysis = AnalysisStore(transaction).Find(task.Get().key);
    transaction.Commit();
  }
  Provider* const provider = analysis ? FindProvider(analysis->provider) : nullptr;
  if (provider == nullptr || analysis->status != "sent")
  {
    return;  // it has come, or its time is up
  }
  Json::Value payload = task.Get().payload;
  std::set<std::string> known;
  for (const Json::Value& uid : payload["known"])
  {
    known.insert(uid.asString());
  }
  Question question;
  question.analysisId = analysis->id;
  std::string error;
  try
  {
    question.images = images_.Load(analysis->images, analysis->orthancStudyId);
    // What is stored here is received like what a node sends by itself.
    for (const auto& [uid, file] : provider->provider->Fetch(
             question, known, [&] { return task.IsStopping() || IsCancelled(analysis->id); }))
    {
      payload["known"].append(uid);
      try
      {
        if (Tag(orthanc_.ReadDicom(file), "0020,000d") == analysis->sentStudyUid)
        {
          orthanc_.Post("/instances", file);
          continue;
        }
        error = "The provider has an object of another study than it says";
      }
      catch (const BadInput&)
      {
        error = "The provider has an object that is no DICOM";
      }
    }
  }
  catch (const NotFound&)
  {
    CheckGone(task, *analysis);
    return;  // the study was deleted
  }
  catch (const Unavailable& reason)
  {
    error = reason.what();  // asked again, until the time is up
  }
  const int seconds = std::min(2 * payload["seconds"].asInt(), LONGEST_POLL);
  payload["seconds"] = seconds;
  {
    const std::lock_guard lock(mutex_);
    provider->health = {error.empty(), error};
  }
  Transaction transaction(database_);
  task.Complete(transaction);
  TaskStore(transaction).Enqueue(POLL, analysis->id, payload, Now() + std::chrono::seconds(seconds));
  transaction.Commit();
}

void Analyzer::Receive(RunningTask& task)
{
  const std::string& id = task.Get().key;
  Json::Value instances;
  std::optional<Analysis> analysis;
  try
  {
    const std::string uid = TextOf(orthanc_.Get("/studies/" + id)["MainDicomTags"], "StudyInstanceUID");
    instances = orthanc_.Get("/studies/" + id + "/instances");
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    analysis = AnalysisStore(transaction).FindBySentStudy(uid);
    transaction.Commit();
  }
  catch (const NotFound&)
  {
    return;  // an earlier attempt has brought everything home
  }
  if (!analysis)
  {
    throw PermanentFailure("No analysis is known that has sent this study");
  }
  if (analysis->status == "requested")
  {
    task.PutOff(Now() + STILL_SENT);
    return;
  }
  std::vector<std::string> handled;
  std::vector<AnalysedImage> images;
  if (analysis->status != "cancelled")
  {
    try
    {
      images = images_.Load(analysis->images, analysis->orthancStudyId);
    }
    catch (const NotFound&)
    {
      CheckGone(task, *analysis);
    }
  }
  const Pseudonyms pseudonyms(analysis->id);
  std::set<std::string> sent;
  for (const AnalysedImage& image : images)
  {
    sent.insert(pseudonyms.Uid(image.sopInstanceUid));
  }
  std::string problem;
  Json::Value findings(Json::arrayValue);
  for (const Json::Value& instance : instances)
  {
    handled.push_back(instance["ID"].asString());
    // Of a cancelled analysis or a deleted study, nothing is kept; nor is our own, from a node that gives
    // back what it got.
    if (images.empty() || sent.contains(instance["MainDicomTags"]["SOPInstanceUID"].asString()))
    {
      continue;
    }
    try
    {
      orthanc_.Post("/instances", pseudonyms.Reidentify(
                                      orthanc_.GetBytes("/instances/" + handled.back() + "/file"), images));
      findings.append(ReturnedObject(
          Tag(orthanc_.Get("/instances/" + handled.back() + "/tags?short"), "0008,0060"), images.front()));
    }
    catch (const Unavailable& error)
    {
      problem = error.what();  // the others come home all the same
      handled.pop_back();
    }
  }
  if (!findings.empty())
  {
    Transaction transaction(database_);
    AnalysisStore store(transaction);
    analysis = store.FindForUpdate(analysis->id);
    // What comes when the analysis has ended is in the study all the same.
    if (analysis && analysis->status == "sent")
    {
      analysis->status = "answered";
      analysis->result["findings"] = findings;
      store.Update(*analysis);
      if (auto dispatch = store.FindDispatch(analysis->dispatchId))
      {
        dispatch->outcome = "answered";
        dispatch->answer = analysis->result;
        store.Put(*dispatch);
      }
      TaskStore(transaction).Enqueue("analyse." + analysis->provider, analysis->id);
    }
    transaction.Commit();
  }
  // They live on in the study to which they belong; what has come meanwhile stays until it has its turn.
  for (const std::string& instance : handled)
  {
    try
    {
      orthanc_.Delete("/instances/" + instance);
    }
    catch (const NotFound&)
    {
      // Deleted already, by an earlier attempt of this task.
    }
  }
  if (images.empty())
  {
    LogWarning("What was made for the analysis " + analysis->id +
               " was deleted: it was cancelled, or its study is gone");
    if (analysis->status == "sent")
    {
      Fail(task, *analysis, Failure::NO_ANSWER, "The study was deleted");
    }
  }
  if (!problem.empty())
  {
    throw Unavailable(problem);
  }
}

void Analyzer::CheckEdit(const std::string& id, const Json::Value& findings)
{
  std::optional<Analysis> analysis;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    analysis = AnalysisStore(transaction).Find(id);
    transaction.Commit();
  }
  if (analysis)
  {
    Json::Value result;
    result["findings"] = findings;
    CheckResult(result, images_.Load(analysis->images, analysis->orthancStudyId));
  }
}

Analysis Analyzer::Review(Transaction& transaction, const std::string& id, const std::string& reviewer,
                          const std::string& decision, const Json::Value& body) const
{
  AnalysisStore store(transaction);
  auto analysis = store.FindForUpdate(id);
  if (!analysis)
  {
    throw NotFound("There is no such analysis");
  }
  if (analysis->status != "completed")
  {
    throw Conflict("Only a completed analysis can be reviewed; this one is " + analysis->status);
  }
  if ((decision == "edit") != body.isMember("findings"))
  {
    throw BadInput("Findings come with the decision \"edit\", and only with it",
                   {{"findings", decision == "edit" ? "expected" : "not expected"}});
  }
  const auto viewed = store.FirstViewedAt(id, reviewer);
  analysis->status = decision == "accept" ? "accepted" : decision == "edit" ? "edited" : "rejected";
  analysis->reviewedBy = reviewer;
  analysis->reviewedAt = Now();
  Json::Value& review = analysis->review;
  review["decision"] = decision;
  review["comment"] = body["comment"].isString() ? body["comment"] : Json::Value("");
  review["patient_informed"] = body["patient_informed"];
  review["findings"] = body["findings"];
  // How long the person had the result before them; null if they never asked for it.
  review["seconds_viewed"] =
      viewed ? Json::Value(static_cast<double>((*analysis->reviewedAt - *viewed).count()) / 1000)
             : Json::Value();
  store.Update(*analysis);
  if (const auto dispatch = store.FindDispatch(analysis->dispatchId))
  {
    WriteIntoXrays(transaction, *analysis, *dispatch);
  }
  TaskStore(transaction).Enqueue(decision == "reject" ? REJECT : VERIFY, id);
  Emit(transaction, "analysis.reviewed", *analysis);
  return *analysis;
}

void Analyzer::Follow(RunningTask& task)
{
  std::optional<Analysis> analysis;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    analysis = AnalysisStore(transaction).Find(task.Get().key);
    transaction.Commit();
  }
  if (analysis)
  {
    try
    {
      analysis->status == "rejected" ? StoreRejectionNote(*analysis) : StoreReport(*analysis, true);
    }
    catch (const NotFound&)
    {
      CheckGone(task, *analysis);
      throw PermanentFailure(
          "The study was deleted before what a person said of its analysis could be stored");
    }
  }
}

std::map<std::string, Analyzer::Health> Analyzer::GetHealth() const
{
  const std::lock_guard lock(mutex_);
  std::map<std::string, Health> health;
  for (const auto& provider : providers_)
  {
    health[provider->options.name] = provider->health;
  }
  return health;
}
}  // namespace OrthancClinic::Analysis
