// SPDX-License-Identifier: GPL-3.0-or-later
//
// How well a study without an identifier of its request fits an order of its patient: by modality, body part,
// side and date, each with its reason. Pure: knows no database.

#pragma once

#include <json/value.h>

#include <optional>
#include <string>
#include <vector>

#include "Core/Records/Order.h"
#include "Core/Records/Study.h"

namespace OrthancClinic::Orders
{
struct OrderScore
{
  std::string orderId;
  double score = 0;
  Json::Value evidence = Json::arrayValue;  // [{field, level, weight}]
};

// `studyDate` and `orderDate` are local days of the practice (YYYYMMDD). Nothing if the order cannot be the
// study's: another kind of modality, or more than 30 days apart.
std::optional<OrderScore> Compare(const Study& study, const std::string& studyDate, const Order& order,
                                  const std::string& orderDate);

enum class Choice
{
  None,       // no order fits
  Ambiguous,  // a person must choose
  Certain     // the first one
};

// `scores` is sorted, the best first.
Choice Choose(const std::vector<OrderScore>& scores);
}  // namespace OrthancClinic::Orders
