// SPDX-License-Identifier: GPL-3.0-or-later

#include "TargetDirectory.h"

#include <algorithm>

#include "Core/Errors.h"
#include "Core/Log.h"
#include "DicomTarget.h"
#include "ReplicaStore.h"
#include "Vna.h"

namespace OrthancClinic::Replication
{
namespace
{
constexpr Milliseconds LOOK_EVERY(500);
}

TargetDirectory::TargetDirectory(const ReplicatorParts& parts, const std::vector<TargetOptions>& configured)
    : parts_(parts)
{
  for (const TargetOptions& target : configured)
  {
    configured_.push_back(std::make_shared<Replicator>(parts_, target));
  }
}

void TargetDirectory::Reload()
{
  int64_t watermark = 0;
  std::vector<Vna> vnas;
  {
    Transaction transaction(parts_.database, Transaction::Mode::ReadOnly);
    VnaStore store(transaction);
    watermark = store.Watermark();
    bool isNews = false;
    {
      const std::lock_guard lock(mutex_);
      lookedAt_ = Now();
      isNews = watermark > watermark_;
    }
    if (isNews)
    {
      vnas = store.List();
    }
    transaction.Commit();
    if (!isNews)
    {
      return;
    }
  }
  decltype(made_) before;  // ends after the lock
  std::unique_lock lock(mutex_);
  if (watermark <= watermark_)
  {
    return;  // another thread was faster
  }
  decltype(made_) made;
  for (const Vna& vna : vnas)
  {
    try
    {
      const TargetOptions options = ToTarget(vna);
      const auto known = made_.find(vna.id);
      made[vna.id] = known != made_.end() && known->second->Options() == options
                         ? known->second
                         : std::make_shared<Replicator>(parts_, options);
    }
    catch (const BadInput& error)
    {
      // It was checked when it was stored: an older version of the bundle knows less.
      LogError("The target " + vna.id + " cannot be used: " + error.what());
    }
  }
  before = std::exchange(made_, made);
  watermark_ = watermark;
  lock.unlock();
  for (const auto& [name, replicator] : before)
  {
    if (replicator->Options().type == TargetType::Dicom && !made.contains(name))
    {
      ForgetNode(parts_.orthanc, name);
    }
  }
}

void TargetDirectory::ReloadIfOld()
{
  {
    const std::lock_guard lock(mutex_);
    if (Now() - lookedAt_ < LOOK_EVERY)
    {
      return;
    }
  }
  Reload();
}

std::shared_ptr<Replicator> TargetDirectory::Find(const std::string& name)
{
  ReloadIfOld();
  const auto find = [&]() -> std::shared_ptr<Replicator>
  {
    const auto known = Known();
    const auto found = std::find_if(known.begin(), known.end(),
                                    [&](const auto& replicator) { return replicator->Name() == name; });
    return found == known.end() ? nullptr : *found;
  };
  if (auto found = find())
  {
    return found;
  }
  Reload();  // it may be new
  return find();
}

std::vector<std::shared_ptr<Replicator>> TargetDirectory::All()
{
  ReloadIfOld();
  return Known();
}

std::vector<std::shared_ptr<Replicator>> TargetDirectory::Known() const
{
  std::vector<std::shared_ptr<Replicator>> all = configured_;
  const std::lock_guard lock(mutex_);
  for (const auto& [name, made] : made_)
  {
    all.push_back(made);
  }
  return all;
}

std::vector<std::shared_ptr<Replicator>> TargetDirectory::Of(Transaction& transaction,
                                                             const Study& study) const
{
  std::vector<std::shared_ptr<Replicator>> targets = configured_;
  const std::vector<std::string> routed = ReplicaStore(transaction).RoutedTargets(study.orthancStudyId);
  const std::lock_guard lock(mutex_);
  for (const std::string& name : routed)
  {
    if (const auto made = made_.find(name); made != made_.end())
    {
      targets.push_back(made->second);
    }
  }
  return targets;
}
}  // namespace OrthancClinic::Replication
