// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/AppointmentStore.h"

#include <fmt/format.h>

#include "Core/Configuration/Json.h"
#include "Core/Database/Query.h"
#include "Core/Errors.h"
#include "Core/Records/OrderStore.h"
#include "Core/Records/PatientStore.h"

namespace OrthancClinic
{
std::vector<Appointment> AppointmentStore::Fetch(const std::string& tail,
                                                 const std::vector<std::string>& values)
{
  std::string document;
  std::string orderId;
  std::string stepId;
  std::string status;
  std::vector<Appointment> appointments;
  Query(
      transaction_,
      "SELECT document, order_id, scheduled_procedure_step_id, status FROM appointments " + tail, values,
      [&]
      {
        Appointment appointment = AppointmentFromJson(ParseJson(document));
        appointment.orderId = orderId;
        appointment.scheduledProcedureStepId = stepId;
        appointment.status = ParseAppointmentStatus(status);
        appointments.push_back(std::move(appointment));
      },
      document, orderId, stepId, status);
  return appointments;
}

std::optional<Appointment> AppointmentStore::Find(const std::string& id)
{
  auto appointments = Fetch("WHERE id = :id", {id});
  return appointments.empty() ? std::nullopt : std::optional(std::move(appointments.front()));
}

std::vector<Appointment> AppointmentStore::OfOrder(const std::string& orderId)
{
  return Fetch("WHERE order_id = :id ORDER BY start_at, id", {orderId});
}

std::optional<Appointment> AppointmentStore::FindByStepId(const std::string& scheduledProcedureStepId)
{
  auto appointments = Fetch("WHERE scheduled_procedure_step_id = :id", {scheduledProcedureStepId});
  return appointments.empty() ? std::nullopt : std::optional(std::move(appointments.front()));
}

std::pair<std::vector<Appointment>, int64_t> AppointmentStore::Search(const AppointmentFilter& filter)
{
  Conditions conditions;
  filter.practices.AddTo(conditions);
  conditions.AddAny("patient_id", PatientStore(transaction_).PartsOf(filter.patientId));
  conditions.Add("station_ae_title = ?", filter.stationAeTitle);
  conditions.Add("status = ?", filter.status);
  conditions.Add("start_at >= ?", filter.from ? ToString(*filter.from) : "");
  conditions.Add("start_at < ?", filter.to ? ToString(*filter.to) : "");
  return {Fetch(conditions.Where() +
                    fmt::format(" ORDER BY start_at, id LIMIT {} OFFSET {}", filter.limit, filter.offset),
                conditions.Values()),
          CountRows(transaction_, "appointments", conditions)};
}

bool AppointmentStore::Put(Appointment& appointment)
{
  const auto known = Find(appointment.id);
  if (known && known->practiceId != appointment.practiceId)
  {
    throw Conflict("The appointment belongs to another practice");
  }
  if (known && known->updatedAt > appointment.updatedAt)
  {
    throw Outdated("A later version of the appointment is stored already");
  }
  OrderStore orders(transaction_);
  if (known)
  {
    appointment.scheduledProcedureStepId = known->scheduledProcedureStepId;
    orders.NoteChange(known->orderId);
  }
  else
  {
    const std::string year = ToString(Now()).substr(0, 4);
    appointment.scheduledProcedureStepId =
        fmt::format("SPS-{}-{:05}", year, orders.NextNumber("step:" + year));
  }
  const std::string document = WriteJson(ToJson(appointment));
  const std::string status = ToString(appointment.status);
  const std::string start = ToString(appointment.start);
  const std::string updated = ToString(appointment.updatedAt);
  try
  {
    transaction_.Sql(
        [&](soci::session& sql)
        {
          // The conditions again, for another writer who came since.
          soci::statement upsert =
              (sql.prepare
                   << "INSERT INTO appointments (id, practice_id, patient_id, order_id, "
                      "scheduled_procedure_step_id, status, start_at, station_ae_title, document, "
                      "updated_at) "
                      "VALUES (:id, :practice, :patient, :order, :step, :status, :start, :station, "
                      ":document, "
                      ":updated) ON CONFLICT (id) DO UPDATE SET patient_id = excluded.patient_id, order_id = "
                      "excluded.order_id, status = excluded.status, start_at = excluded.start_at, "
                      "station_ae_title = excluded.station_ae_title, document = excluded.document, "
                      "updated_at = "
                      "excluded.updated_at WHERE appointments.updated_at <= excluded.updated_at AND "
                      "appointments.practice_id = excluded.practice_id",
               soci::use(appointment.id), soci::use(appointment.practiceId), soci::use(appointment.patientId),
               soci::use(appointment.orderId), soci::use(appointment.scheduledProcedureStepId),
               soci::use(status), soci::use(start), soci::use(appointment.stationAeTitle),
               soci::use(document), soci::use(updated));
          upsert.execute(true);
          if (upsert.get_affected_rows() != 1)
          {
            throw Outdated("A later version of the appointment was stored meanwhile");
          }
        });
  }
  catch (const Outdated&)
  {
    throw;
  }
  catch (const Conflict&)
  {
    throw NotFound("There is no such practice");
  }
  orders.NoteChange(appointment.orderId);
  return !known;
}

void AppointmentStore::SetStatus(const std::string& id, AppointmentStatus status)
{
  const std::string text = ToString(status);
  transaction_.Sql(
      [&](soci::session& sql)
      { sql << "UPDATE appointments SET status = :status WHERE id = :id", soci::use(text), soci::use(id); });
  OrderStore(transaction_).NoteChange(Find(id).value().orderId);
}

void AppointmentStore::SetOrder(const std::string& id, const std::string& orderId)
{
  transaction_.Sql(
      [&](soci::session& sql) {
        sql << "UPDATE appointments SET order_id = :order WHERE id = :id", soci::use(orderId), soci::use(id);
      });
  OrderStore(transaction_).NoteChange(orderId);
}

void AppointmentStore::Delete(const std::string& id)
{
  const auto known = Find(id);
  if (!known)
  {
    throw NotFound("There is no such appointment");
  }
  transaction_.Sql([&](soci::session& sql)
                   { sql << "DELETE FROM appointments WHERE id = :id", soci::use(id); });
  OrderStore(transaction_).NoteChange(known->orderId);
}
}  // namespace OrthancClinic
