// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Identity/AuditEntry.h"

#include "Core/Errors.h"

namespace OrthancClinic
{
void AuditEntry::Check() const
{
  if (!permission || *permission == Permission::SignedIn)
  {
    return;
  }
  if (practiceId.empty() && !principal.grants->AllowEverywhere(*permission))
  {
    throw Forbidden("This needs the permission " + ToString(*permission) + " in every practice");
  }
  if (!practiceId.empty() && !principal.May(*permission, practiceId))
  {
    throw NotFound("There is no such record");
  }
}
}  // namespace OrthancClinic
