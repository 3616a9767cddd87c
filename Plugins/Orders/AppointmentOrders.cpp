// SPDX-License-Identifier: GPL-3.0-or-later

#include "AppointmentOrders.h"

#include <algorithm>

#include "Core/Errors.h"
#include "Core/Records/AppointmentStore.h"
#include "Core/Records/OrderStore.h"
#include "Core/Records/Study.h"
#include "Core/Tasks/TaskStore.h"
#include "OrderLinker.h"

namespace OrthancClinic::Orders
{
namespace
{
constexpr const char* MADE_FOR = "made_for_appointment";

void Describe(Order& order, const Appointment& appointment)
{
  order.practiceId = appointment.practiceId;
  order.patientId = appointment.patientId;
  order.modality = appointment.modality;
  order.priority = appointment.Text("priority").empty() ? "routine" : appointment.Text("priority");
  order.document["procedure_text"] = appointment.document["procedure_text"];
  order.document["procedure_code"] = appointment.document["procedure_code"];
  order.document["ordered_by"] = appointment.document["referring_physician"];
  order.document[MADE_FOR] = appointment.id;
}

void Emit(Transaction& transaction, const EventLog& events, const char* type, const Order& order)
{
  Json::Value data;
  data["order_id"] = order.id;
  data["patient_id"] = order.patientId;
  events.Emit(transaction, type, order.practiceId, data);
}

// An order is scheduled as long as an appointment of it is open; one that was made for its appointment ends
// with it.
void Follow(Transaction& transaction, const EventLog& events, const std::string& orderId,
            const std::string& appointmentId)
{
  OrderStore orders(transaction);
  Order order = orders.GetForUpdate(orderId);
  const auto siblings = AppointmentStore(transaction).OfOrder(order.id);
  const bool open = std::any_of(siblings.begin(), siblings.end(),
                                [](const Appointment& sibling) { return sibling.IsOpen(); });
  if (open && order.state == OrderState::Requested)
  {
    MoveOrder(transaction, events, order, OrderState::Scheduled, StudyMatch::MACHINE, "appointment");
  }
  else if (!open && order.state == OrderState::Scheduled)
  {
    if (order.Text(MADE_FOR) == appointmentId)
    {
      MoveOrder(transaction, events, order, OrderState::Cancelled, StudyMatch::MACHINE,
                "its appointment is over");
    }
    else if (!order.scheduledAt)
    {
      orders.PutBack(order, OrderState::Requested, StudyMatch::MACHINE, "its appointment is over");
    }
  }
  TaskStore(transaction).Enqueue("link.order", order.id);
}

void Stored(Transaction& transaction, const EventLog& events, const Options& options,
            const std::string& appointmentId)
{
  AppointmentStore appointments(transaction);
  OrderStore orders(transaction);
  Appointment appointment = appointments.Find(appointmentId).value();
  const auto known = orders.Find(appointment.orderId);
  // One that was cancelled, and takes place after all, needs an order anew.
  const bool isCancelled =
      known && known->state == OrderState::Cancelled && known->Text(MADE_FOR) == appointment.id;
  if (appointment.orderId.empty() || isCancelled)
  {
    if (!appointment.IsOpen())
    {
      return;
    }
    Order order;
    Describe(order, appointment);
    order = orders.Insert(std::move(order), options.accessionNumberFormat);
    appointments.SetOrder(appointment.id, order.id);
    appointment.orderId = order.id;
    Emit(transaction, events, "order.create", order);
  }
  else
  {
    Order order = orders.GetForUpdate(appointment.orderId);
    const bool waits = order.state == OrderState::Requested || order.state == OrderState::Scheduled;
    if (waits && order.Text(MADE_FOR) == appointment.id)
    {
      Describe(order, appointment);
      orders.Update(order);
      Emit(transaction, events, "order.update", order);
    }
    else if (order.patientId != appointment.patientId || order.practiceId != appointment.practiceId)
    {
      throw Conflict("The appointment's order is of another patient or practice");
    }
  }
  Follow(transaction, events, appointment.orderId, appointment.id);
}
}  // namespace

void GiveOrdersToAppointments(EventLog& events, const Options& options)
{
  for (const char* type : {"appointment.create", "appointment.update"})
  {
    events.On(type, [&events, options](Transaction& transaction, const Event& event)
              { Stored(transaction, events, options, event.data["appointment_id"].asString()); });
  }
  events.On("appointment.delete",
            [&events](Transaction& transaction, const Event& event)
            {
              const std::string orderId = event.data["order_id"].asString();
              if (OrderStore(transaction).Find(orderId))
              {
                Follow(transaction, events, orderId, event.data["appointment_id"].asString());
              }
            });
}
}  // namespace OrthancClinic::Orders
