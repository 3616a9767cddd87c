// SPDX-License-Identifier: GPL-3.0-or-later
//
// The dental CRM's records in the words of our own routes. Of a record that is known already, what the CRM
// does not keep (identifiers, sex, station, room, …) stays as it is.

#pragma once

#include <json/value.h>

#include <optional>

#include "Core/Records/Appointment.h"
#include "Core/Records/Patient.h"

namespace OrthancClinic::Webhooks
{
// Whether the record is in the CRM's spelling.
bool IsCrmRecord(const Json::Value& data);

// A Lead {id, userId, businessName, contactPerson, email, phone, address, city, state, zipCode, country,
// dateOfBirth, status} as a document of `/api/v1/patients`. What people are called stays free text: matching
// reads it as such. Throws BadInput with the CRM's names of the fields.
Json::Value PatientFromLead(const Json::Value& lead, PatientKind kind, const std::optional<Patient>& known);

// A BookingAppointment {id, userId, clinicId, leadId, customerName, customerEmail, customerPhone,
// customerTimezone, appointmentDate, duration, status, notes} as a document of `/api/v1/appointments`. Throws
// BadInput as above.
Json::Value AppointmentFromBooking(const Json::Value& booking, const std::optional<Appointment>& known);
}  // namespace OrthancClinic::Webhooks
