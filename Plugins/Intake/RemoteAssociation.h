// SPDX-License-Identifier: GPL-3.0-or-later
//
// Why a DICOM server does not talk to us, in words. Orthanc tells plugins that a call failed, and not why; so
// the association is proposed once more, and what is answered is read (PS3.8 section 9.3).

#pragma once

#include <chrono>
#include <string>

namespace OrthancClinic::Intake
{
struct AssociationRequest
{
  std::string host;
  int port = 104;
  std::string calledAe;
  std::string callingAe;
  std::chrono::seconds timeout{10};
};

// "Nothing listens at …", "… does not know the called AE title …"; empty if the association is accepted. It
// is aborted at once.
std::string WhyNoAssociation(const AssociationRequest& request);
}  // namespace OrthancClinic::Intake
