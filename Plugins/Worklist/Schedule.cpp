// SPDX-License-Identifier: GPL-3.0-or-later

#include "Schedule.h"

#include <algorithm>
#include <tuple>

#include "Core/Dicom/LocalTime.h"
#include "Core/Errors.h"
#include "Core/Identity/AuditTrail.h"
#include "Core/Records/AppointmentStore.h"
#include "Core/Records/OrderStore.h"
#include "Core/Records/PatientStore.h"
#include "Core/Records/Practice.h"

namespace OrthancClinic::Worklist
{
namespace
{
constexpr size_t BATCH = 1000;
constexpr size_t MOST_REFUSED = 100;  // titles that are remembered
}  // namespace

void Schedule::Read(Transaction& transaction, const std::string& orderId)
{
  std::vector<WorklistItem> items;
  if (const auto order = OrderStore(transaction).Find(orderId))
  {
    const auto patient = PatientStore(transaction).Find(order->patientId);
    const auto practice = PracticeStore(transaction).Find(order->practiceId);
    if (patient && practice)
    {
      items = MakeItems(*order, AppointmentStore(transaction).OfOrder(orderId), *patient, *practice,
                        options_.unscheduledDays);
    }
  }
  index_.Put(orderId, std::move(items));
}

void Schedule::Load()
{
  std::vector<std::string> open;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    // First the numbers: what changes meanwhile is read again.
    patients_ = PatientStore(transaction).LastChange();
    std::tie(open, orders_) = OrderStore(transaction).Open();
    transaction.Commit();
  }
  for (size_t i = 0; i < open.size();)
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    for (const size_t end = std::min(i + BATCH, open.size()); i < end; i++)
    {
      Read(transaction, open[i]);
    }
    transaction.Commit();
  }
}

const WorklistIndex& Schedule::Current()
{
  const std::lock_guard lock(mutex_);
  if (!loaded_)
  {
    Load();
    loaded_ = true;
  }
  for (;;)
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    const auto orders = OrderStore(transaction).ChangedSince(orders_, BATCH);
    for (const auto& [id, serial] : orders)
    {
      Read(transaction, id);
      orders_ = serial;
    }
    const auto patients = PatientStore(transaction).ChangedSince(patients_, BATCH);
    for (const auto& [id, serial] : patients)
    {
      for (const std::string& order : index_.OrdersOf(id))
      {
        Read(transaction, order);
      }
      patients_ = serial;
    }
    transaction.Commit();
    if (orders.size() < BATCH && patients.size() < BATCH)
    {
      return index_;
    }
  }
}

Scope Schedule::MakeScope(const std::string& practiceId, const std::string& zone) const
{
  Scope scope;
  scope.practiceId = practiceId;
  scope.today = ToLocalTime(Now(), zone).date;
  scope.firstDay = AddDays(scope.today, -options_.lookBackDays);
  scope.lastDay = AddDays(scope.today, options_.lookAheadDays);
  scope.onlyOwnStation = options_.onlyOwnStation;
  scope.defaultModality = options_.defaultModality;
  scope.most = options_.limitAnswers;
  return scope;
}

WorklistAnswer Schedule::Answer(const WorklistRequest& request)
{
  if (!loaded_)
  {
    throw Unavailable("The worklist is still being read");  // a modality would not wait for it
  }
  Practice practice;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    PracticeStore practices(transaction);
    practice = practices.Find(practices.Resolve(request.callingAe, request.calledAe, "")).value();
    transaction.Commit();
  }
  const auto names = [](const std::vector<std::string>& titles, const std::string& title)
  { return std::find(titles.begin(), titles.end(), title) != titles.end(); };
  if (!practice.callingAeTitles.empty() && !names(practice.callingAeTitles, request.callingAe))
  {
    const std::lock_guard lock(refusedMutex_);
    if (refused_.contains(request.callingAe) || refused_.size() < MOST_REFUSED)
    {
      refused_[request.callingAe]++;
    }
    throw Forbidden("The AE title " + request.callingAe + " is not among those of the practice " +
                    practice.id);
  }

  Scope scope = MakeScope(practice.id, practice.timeZone);
  scope.callingAe = request.callingAe;
  Answers answers = Current().Find(request.query, scope);
  if (!answers.items.empty())
  {
    AuditEntry entry;
    entry.principal.name = request.callingAe;
    entry.action = "worklist.query";
    entry.practiceId = practice.id;
    for (const std::string& order : answers.orders)
    {
      entry.detail["orders"].append(order);
    }
    Transaction transaction(database_);
    AuditTrail::Append(transaction, entry);
    transaction.Commit();
  }
  return {std::move(answers.items), answers.complete};
}

Answers Schedule::List(const std::string& practiceId, const std::string& firstDay, const std::string& lastDay,
                       const std::string& station, const std::string& modality, size_t most)
{
  std::string zone;
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    const auto practice = PracticeStore(transaction).Find(practiceId);
    transaction.Commit();
    if (!practice)
    {
      throw NotFound("There is no such practice");
    }
    zone = practice->timeZone;
  }
  Scope scope = MakeScope(practiceId, zone);
  scope.firstDay = firstDay.empty() ? scope.today : firstDay;
  scope.lastDay = lastDay.empty() ? scope.firstDay : lastDay;
  scope.onlyOwnStation = false;
  scope.most = most;
  Json::Value step;
  step["0040,0001"] = station;
  step["0008,0060"] = modality;
  Json::Value query;
  query["0040,0100"].append(step);
  return Current().Find(query, scope);
}

bool Schedule::NeedsUtf8()
{
  // Every zone's today is within a day of this.
  const std::string today = ToLocalTime(Now(), "Etc/UTC").date;
  return Current().NeedsUtf8(AddDays(today, -options_.lookBackDays - 1),
                             AddDays(today, options_.lookAheadDays + 1));
}

std::map<std::string, int> Schedule::Refused() const
{
  const std::lock_guard lock(refusedMutex_);
  return refused_;
}
}  // namespace OrthancClinic::Worklist
