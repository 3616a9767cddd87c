// SPDX-License-Identifier: GPL-3.0-or-later

#include "Directory.h"

#include "Core/Records/PatientStore.h"

namespace OrthancClinic::Matching
{
namespace
{
constexpr int64_t BATCH = 1000;
}

PatientIndex& Directory::Current()
{
  const std::lock_guard lock(mutex_);
  for (;;)
  {
    Transaction transaction(database_, Transaction::Mode::ReadOnly);
    PatientStore store(transaction);
    const auto changes = store.ChangedSince(serial_, BATCH);
    for (const auto& [id, serial] : changes)
    {
      if (const auto patient = store.Find(id))
      {
        index_.Put(*patient);
      }
      else
      {
        index_.Remove(id);
      }
      serial_ = serial;
    }
    transaction.Commit();
    if (changes.size() < static_cast<size_t>(BATCH))
    {
      loaded_ = true;
      return index_;
    }
  }
}
}  // namespace OrthancClinic::Matching
