// SPDX-License-Identifier: GPL-3.0-or-later
//
// Decides whether patient data may be sent somewhere. Quebec's Law 25 (P-39.1, s. 17) asks for an assessment
// of the privacy impact before personal information is communicated outside Québec. Every part of the bundle
// that sends patient data over the network asks here first, and sends nothing if this throws.

#pragma once

#include <string>

#include "Core/Api.h"

namespace OrthancClinic
{
enum class Jurisdiction
{
  Quebec,
  Canada,  // elsewhere in Canada
  Other
};

ORTHANC_CLINIC_API std::string ToString(Jurisdiction jurisdiction);  // "QC", "CA" or "other"

struct Destination
{
  std::string url;              // with its host
  std::string region = {};      // of an object store
  std::string declared = {};    // "QC" or "CA" where the administrator says so; else empty
  std::string assessment = {};  // the reference of the privacy impact assessment; else empty
};

// What happens outside of the home jurisdiction.
struct ResidencyPolicy
{
  // "QC": Québec passes, the rest of Canada with an assessment. "CA": all of Canada passes.
  std::string home = "QC";
};

class ORTHANC_CLINIC_API ResidencyGuard
{
public:
  explicit ResidencyGuard(ResidencyPolicy policy) : policy_(std::move(policy)) {}

  // Where it is: this machine counts as Québec, known hosts by a table, others as declared. Throws Forbidden
  // if a declaration contradicts the table, or the region the host.
  Jurisdiction Locate(const Destination& destination) const;

  // Throws Forbidden, with the reason, unless patient data may be stored there: in the home jurisdiction, or
  // elsewhere in Canada with an assessment; by TLS unless it is this machine.
  void CheckStorage(const Destination& destination) const;

  // Whether what may be stored there may also be elsewhere in Canada: a second copy that the operator keeps.
  bool MayLeaveQuebec(const Destination& destination) const;

  // The same as CheckStorage for images without identity that are sent to be analysed: where that is
  // permitted explicitly and with an assessment, they may also leave Canada.
  void CheckDisclosure(const Destination& destination, bool outsideCanada) const;

private:
  const ResidencyPolicy policy_;
};

// Whether the URL's host is this machine.
ORTHANC_CLINIC_API bool IsLoopback(const std::string& url);
}  // namespace OrthancClinic
