// SPDX-License-Identifier: GPL-3.0-or-later
//
// An imaging order: what somebody wants to have imaged of a patient, and how far that is (FHIR's
// ServiceRequest, DICOM's Requested Procedure).

#pragma once

#include <json/value.h>

#include <optional>
#include <string>

#include "Core/Api.h"
#include "Core/Timestamp.h"

namespace OrthancClinic
{
// requested → scheduled → in_progress → acquired → reported → completed, or cancelled.
enum class OrderState
{
  Requested,
  Scheduled,
  InProgress,  // the first image is there
  Acquired,    // the study is complete
  Reported,
  Completed,
  Cancelled
};

ORTHANC_CLINIC_API std::string ToString(OrderState state);
ORTHANC_CLINIC_API OrderState ParseOrderState(const std::string& text);  // throws BadInput

// Whether an order may go from one state to the other: forward, one step at a time.
ORTHANC_CLINIC_API bool IsTransition(OrderState from, OrderState to);

struct ORTHANC_CLINIC_API Order
{
  std::string id;
  std::string practiceId;
  std::string patientId;
  std::string orderNumber;       // ours; the worklist's RequestedProcedureID
  std::string accessionNumber;   // the CRM's, or ours
  std::string accessionIssuer;   // who gave that number; empty: the practice itself
  std::string studyInstanceUid;  // allotted once for the worklist, never changed
  OrderState state = OrderState::Requested;
  std::string modality;  // as it was ordered ("XRAY", "PX"); see ModalityGroup
  std::string visitId;
  std::string priority = "routine";  // "routine", "urgent" or "stat"
  std::optional<Timestamp> scheduledAt;
  Timestamp orderedAt{};

  // What only people read, in the words of the route `/api/v1/orders`: "clinical_indication", "report_text",
  // "body_part_id", …
  Json::Value document = Json::objectValue;

  Timestamp createdAt{};
  Timestamp updatedAt{};

  std::string Text(const char* name) const;  // of the document; empty if it has none
};

// DICOM's Modality (0008,0060) for a code of an EHR ("XRAY" → "DX", "MRI" → "MR", "FL" → "RF"); other codes
// as they are.
ORTHANC_CLINIC_API std::string DicomModality(const std::string& code);

// Modalities whose images may fulfil the same order are in one group: computed and digital radiography, for
// instance.
ORTHANC_CLINIC_API std::string ModalityGroup(const std::string& code);
}  // namespace OrthancClinic
