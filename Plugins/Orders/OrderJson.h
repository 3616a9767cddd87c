// SPDX-License-Identifier: GPL-3.0-or-later
//
// An order in the words of `/api/v1/orders`, which are an EHR's: its statuses are fewer than ours
// ("completed" is acquired), `state` has the exact one.

#pragma once

#include <json/value.h>

#include <string>

#include "Core/Database/Database.h"
#include "Core/Records/Order.h"

namespace OrthancClinic::Orders
{
// With its patient and the study that was linked to it last.
Json::Value ToJson(Transaction& transaction, const Order& order);

// What a caller may write of an order; a document that the schema accepted is read over `order`.
const Json::Value& OrderSchema();
void ReadOrder(const Json::Value& json, const std::string& zone, Order& order);

// The EHR's word for a state.
std::string ToStatus(OrderState state);

// Either's word for a state; the EHR's "completed" means acquired, unless the order is reported already.
// Throws BadInput.
OrderState ParseStatus(const std::string& text, OrderState present);

// The states that a status stands for in a search.
std::vector<std::string> StatesOf(const std::string& status);
}  // namespace OrthancClinic::Orders
