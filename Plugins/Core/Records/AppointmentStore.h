// SPDX-License-Identifier: GPL-3.0-or-later
//
// The table of appointments, within one transaction of the caller.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "Core/Api.h"
#include "Core/Database/Database.h"
#include "Core/Records/Appointment.h"
#include "Core/Records/PracticeScope.h"

namespace OrthancClinic
{
struct AppointmentFilter
{
  PracticeScope practices = {};  // empty fields do not filter
  std::string patientId = {};    // also of whoever is part of the same patient
  std::string stationAeTitle = {};
  std::string status = {};
  std::optional<Timestamp> from = {};  // of the start, inclusive
  std::optional<Timestamp> to = {};    // exclusive
  int64_t limit = 50;
  int64_t offset = 0;
};

class ORTHANC_CLINIC_API AppointmentStore
{
public:
  explicit AppointmentStore(Transaction& transaction) : transaction_(transaction) {}

  std::optional<Appointment> Find(const std::string& id);
  std::vector<Appointment> OfOrder(const std::string& orderId);
  std::optional<Appointment> FindByStepId(const std::string& scheduledProcedureStepId);

  // The earliest first; with the total number.
  std::pair<std::vector<Appointment>, int64_t> Search(const AppointmentFilter& filter);

  // Stores it, with a ScheduledProcedureStepID if it is new. Throws Outdated if the stored one has a later
  // `updatedAt`, Conflict if it belongs to another practice, NotFound if the practice does not exist. True if
  // it is new.
  bool Put(Appointment& appointment);

  void SetStatus(const std::string& id, AppointmentStatus status);
  void SetOrder(const std::string& id, const std::string& orderId);

  void Delete(const std::string& id);  // throws NotFound

private:
  std::vector<Appointment> Fetch(const std::string& tail, const std::vector<std::string>& values);

  Transaction& transaction_;
};
}  // namespace OrthancClinic
