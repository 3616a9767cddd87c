// SPDX-License-Identifier: GPL-3.0-or-later
//
// Links each study to the order that it fulfils, and moves orders and appointments on as their images come.
// The tasks:
// - `link.study` (key: Orthanc's study id): decides anew to which orders a study belongs;
// - `link.order` (key: the order's id): finds the studies that a new or changed order may concern.
// Links that a person made or undid are never touched.

#pragma once

#include <string>
#include <vector>

#include "Core/Database/Database.h"
#include "Core/Events/EventLog.h"
#include "Core/Records/OrderStore.h"
#include "Core/Records/Study.h"
#include "Core/Tasks/TaskWorkers.h"

namespace OrthancClinic::Orders
{
class OrderLinker
{
public:
  OrderLinker(Database& database, const EventLog& events) : database_(database), events_(events) {}

  std::vector<TaskKind> Tasks();

  // Subscribes to the events after which a link must be decided anew.
  static void Subscribe(EventLog& events);

  // Has every study looked at that was decided while this plugin was not loaded.
  void Start();

  // What a person decides, within the caller's transaction. Link throws Conflict if the order is cancelled or
  // its patient is not the study's; Unlink throws NotFound if the two are not linked.
  static void Link(Transaction& transaction, const EventLog& events, const Study& study, Order order,
                   const std::string& by);
  static void Unlink(Transaction& transaction, const EventLog& events, const Study& study, Order order,
                     const std::string& by);

  // None of the candidates is the study's order.
  static void Dismiss(Transaction& transaction, const Study& study, const OrderReview& review,
                      const std::string& by);

private:
  void LinkStudy(RunningTask& task);
  void LinkOrder(RunningTask& task);

  Database& database_;
  const EventLog& events_;
};

// Moves an order on with its event, within the caller's transaction.
void MoveOrder(Transaction& transaction, const EventLog& events, Order& order, OrderState to,
               const std::string& by, const std::string& notes = "");
}  // namespace OrthancClinic::Orders
