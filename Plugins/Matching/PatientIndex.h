// SPDX-License-Identifier: GPL-3.0-or-later
//
// The directory in memory, in the form in which it is compared: holds a million patients, and answers in a
// fraction of a millisecond to whom a study belongs. Rebuilt from the database at the start of the process.

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "Core/Records/Patient.h"
#include "Core/Records/StudyDemographics.h"
#include "Decision.h"
#include "Parameters.h"

namespace OrthancClinic::Matching
{
struct Thresholds
{
  double match = 0.999;  // at least so probable: filed without a person
  double review = 0.02;  // less probable than this: nobody in the directory
};

class PatientIndex
{
public:
  explicit PatientIndex(Thresholds thresholds = {});
  ~PatientIndex();

  // Adds the patient or replaces the one of the same id. A patient that was merged stays comparable by its
  // own names and identifiers, but what is decided is its survivor. One thread at a time; queries go on
  // meanwhile.
  void Put(const Patient& patient);
  void Remove(const std::string& id);

  size_t Size() const;

  void SetParameters(const Parameters& parameters);
  Parameters GetParameters() const;

  // Thread-safe, bounded in time whatever the demographics are.
  Decision Decide(const StudyDemographics& demographics, const std::string& practiceId) const;

  // Estimates the parameters by expectation–maximisation over what was observed (no truth is needed): m from
  // the candidates of each study weighed by their probability, u from pairs of patients chosen at random.
  // Shrunk towards the defaults by the number of observations; nothing below 200 studies. Deterministic.
  std::optional<Parameters> Estimate(
      const std::vector<std::pair<StudyDemographics, std::string>>& observedWithPractice) const;

private:
  struct Content;
  std::unique_ptr<Content> content_;
};
}  // namespace OrthancClinic::Matching
