// SPDX-License-Identifier: GPL-3.0-or-later
//
// clinic-orders: imaging orders, and which study fulfils which of them.

#include <memory>

#include "AppointmentOrders.h"
#include "Core/Host/Plugin.h"
#include "OrderLinker.h"
#include "OrderOptions.h"
#include "OrderRoutes.h"

namespace OrthancClinic::Orders
{
namespace
{
void Load(Clinic& clinic)
{
  const Options options = ReadOptions(clinic.Configuration());

  // Lives until the process ends: Orthanc may call back late.
  static const auto linker = std::make_unique<OrderLinker>(clinic.Database(), clinic.Events());

  AddOrderRoutes(clinic.Routes(), clinic.Database(), clinic.Events(), options);
  clinic.AddRecordWriter("order", MakeOrderWriter(clinic.Events(), options));
  for (TaskKind& kind : linker->Tasks())
  {
    clinic.Tasks().Register(std::move(kind));
  }
  OrderLinker::Subscribe(clinic.Events());
  GiveOrdersToAppointments(clinic.Events(), options);
  clinic.OnStarted([] { linker->Start(); });
}
}  // namespace
}  // namespace OrthancClinic::Orders

ORTHANC_CLINIC_PLUGIN("clinic-orders", "Imaging orders, and which study fulfils which of them",
                      OrthancClinic::Orders::Load)
