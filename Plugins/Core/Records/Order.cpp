// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/Order.h"

#include <algorithm>
#include <map>
#include <set>

#include "Core/Errors.h"

namespace OrthancClinic
{
namespace
{
constexpr std::pair<OrderState, const char*> STATES[] = {
    {OrderState::Requested, "requested"},    {OrderState::Scheduled, "scheduled"},
    {OrderState::InProgress, "in_progress"}, {OrderState::Acquired, "acquired"},
    {OrderState::Reported, "reported"},      {OrderState::Completed, "completed"},
    {OrderState::Cancelled, "cancelled"}};
}

std::string ToString(OrderState state)
{
  for (const auto& [value, name] : STATES)
  {
    if (value == state)
    {
      return name;
    }
  }
  throw std::logic_error("Unknown state of an order");
}

OrderState ParseOrderState(const std::string& text)
{
  for (const auto& [value, name] : STATES)
  {
    if (text == name)
    {
      return value;
    }
  }
  throw BadInput("Unknown state of an order");
}

bool IsTransition(OrderState from, OrderState to)
{
  static const std::set<std::pair<OrderState, OrderState>> LEGAL = {
      {OrderState::Requested, OrderState::Scheduled},
      {OrderState::Requested, OrderState::InProgress},  // images of a patient who was not scheduled
      {OrderState::Requested, OrderState::Cancelled},
      {OrderState::Scheduled, OrderState::InProgress},
      {OrderState::Scheduled, OrderState::Cancelled},
      {OrderState::InProgress, OrderState::Acquired},
      {OrderState::InProgress, OrderState::Cancelled},
      {OrderState::Acquired, OrderState::Reported},
      {OrderState::Reported, OrderState::Completed}};
  return LEGAL.contains({from, to});
}

std::string Order::Text(const char* name) const
{
  const Json::Value& value = document[name];
  return value.isString() ? value.asString() : std::string();
}

std::string DicomModality(const std::string& code)
{
  static const std::map<std::string, std::string> CODES = {{"XRAY", "DX"}, {"MRI", "MR"}, {"FL", "RF"}};
  const auto known = CODES.find(code);
  return known == CODES.end() ? code : known->second;
}

std::string ModalityGroup(const std::string& code)
{
  static const std::map<std::string, std::string> GROUPS = {
      {"CR", "DX"}, {"RG", "DX"}, {"XA", "RF"}, {"IO", "DX"}};
  const std::string modality = DicomModality(code);
  const auto known = GROUPS.find(modality);
  return known == GROUPS.end() ? modality : known->second;
}
}  // namespace OrthancClinic
