// SPDX-License-Identifier: GPL-3.0-or-later

#include "RemoteArchive.h"

namespace OrthancClinic::Intake
{
std::unique_ptr<IRemoteArchive> OpenArchive(const Surroundings& surroundings, const RemoteServer& server)
{
  switch (server.kind)
  {
    case ServerKind::DicomWeb:
      return OpenDicomWeb(surroundings, server);
    case ServerKind::Orthanc:
      return OpenPeer(surroundings, server);
    default:
      return OpenDicom(surroundings, server);
  }
}
}  // namespace OrthancClinic::Intake
