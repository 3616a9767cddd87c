// SPDX-License-Identifier: GPL-3.0-or-later
//
// The directory's table, within one transaction of the caller. Every change is numbered in `patient_changes`,
// which is what an index in memory follows.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "Core/Api.h"
#include "Core/Database/Database.h"
#include "Core/Records/Patient.h"
#include "Core/Records/PracticeScope.h"

namespace OrthancClinic
{
struct PatientFilter
{
  PracticeScope practices = {};  // empty fields do not filter
  std::string text;              // every word of it begins a word of the names, e-mail or phone
  std::string identifier;  // an identifier's value, or the id itself; compared without case and punctuation
  int64_t limit = 50;
  int64_t offset = 0;
};

enum class PutOutcome
{
  Created,
  Updated,
  Unchanged
};

class ORTHANC_CLINIC_API PatientStore
{
public:
  explicit PatientStore(Transaction& transaction) : transaction_(transaction) {}

  std::optional<Patient> Find(const std::string& id);

  // In the order of sort name; with the total number.
  std::pair<std::vector<Patient>, int64_t> Search(const PatientFilter& filter);

  // Stores the patient as it is, except for `mergedInto`, which only Merge and Unmerge change. Throws
  // Outdated if the stored one has a later `updatedAt`, Conflict if it belongs to another practice, NotFound
  // if the practice does not exist.
  PutOutcome Put(const Patient& patient);

  // The studies filed under it, also by a person, become pending: whom they were filed under is no more.
  // Throws NotFound, or Conflict if other patients were merged into this one.
  void Delete(const std::string& id);

  // Makes `id` part of `survivorId`: the studies filed under it move, and their ids are kept for Unmerge.
  // Returns the Orthanc ids of the studies. Throws NotFound; Conflict if one of both is merged already, they
  // are the same, or their practices differ.
  std::vector<std::string> Merge(const std::string& id, const std::string& survivorId, const std::string& by);

  // Takes the last merge of `id` back: studies that it moved and that are still filed under the survivor
  // return. Returns their Orthanc ids, and of the survivor's other studies that were decided since. Throws
  // NotFound, or Conflict if `id` is not merged.
  std::vector<std::string> Unmerge(const std::string& id);

  // The patient whom this one is part of, if it was merged; else itself, also if there is none of this id.
  std::string SurvivorOf(std::string id);

  // The patients that are part of this one.
  std::vector<std::string> MergedInto(const std::string& survivorId);

  // Under which ids the records of this patient stand: the survivor's and those of its parts, whichever of
  // them is named. None for an empty id.
  std::vector<std::string> PartsOf(const std::string& id);

  // The number of the last change of any patient.
  int64_t LastChange();

  // At most `limit` ids whose change has a greater number than `after`, in order; the second is the number.
  std::vector<std::pair<std::string, int64_t>> ChangedSince(int64_t after, int64_t limit);

private:
  void Index(const Patient& patient);
  void NoteChange(const std::string& id);

  Transaction& transaction_;
};
}  // namespace OrthancClinic
