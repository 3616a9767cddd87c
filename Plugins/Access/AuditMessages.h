// SPDX-License-Identifier: GPL-3.0-or-later
//
// A record of the audit trail as others read it: CSV, FHIR R4 AuditEvent, DICOM audit message.

#pragma once

#include <json/value.h>

#include <string>

namespace OrthancClinic::Access
{
// A row of CSV (RFC 4180); of null, the row of the names. A cell that a spreadsheet would take for a formula
// gets an apostrophe.
std::string ToCsv(const Json::Value& record);

// https://hl7.org/fhir/R4/auditevent.html
Json::Value ToFhir(const Json::Value& record);

// PS3.15 A.5.1.
std::string ToDicomAuditMessage(const Json::Value& record);

// RFC 5424, framed for TLS as RFC 5425 s. 4.3 has it. `host` is this machine.
std::string ToSyslog(const Json::Value& record, const std::string& host);
}  // namespace OrthancClinic::Access
