// SPDX-License-Identifier: GPL-3.0-or-later
//
// The patient index of this process, kept as current as the database: whoever asks brings it up to date
// first, by the numbers of `patient_changes`, so that a decision never rests on an old directory, whichever
// process wrote the change.

#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "Core/Database/Database.h"
#include "PatientIndex.h"

namespace OrthancClinic::Matching
{
class Directory
{
public:
  Directory(Database& database, Thresholds thresholds) : database_(database), index_(thresholds) {}

  // The index with every change that is committed by now. The first call reads the whole directory.
  // Thread-safe.
  PatientIndex& Current();

  // The index as it is, without looking into the database.
  PatientIndex& Index() { return index_; }

  // Whether the whole directory has been read once.
  bool IsLoaded() const { return loaded_; }
  size_t Size() const { return index_.Size(); }

private:
  Database& database_;
  PatientIndex index_;
  std::mutex mutex_;  // of the one who reads; queries do not wait for it
  int64_t serial_ = 0;
  std::atomic<bool> loaded_{false};
};
}  // namespace OrthancClinic::Matching
