// SPDX-License-Identifier: GPL-3.0-or-later
//
// The practices to which a search is confined: all of them, or those that are named (perhaps none).

#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "Core/Database/Query.h"

namespace OrthancClinic
{
class PracticeScope
{
public:
  PracticeScope() = default;                                             // all
  PracticeScope(std::vector<std::string> ids) : ids_(std::move(ids)) {}  // NOLINT: implicit on purpose

  // One practice; all of them if `id` is empty.
  PracticeScope(const std::string& id)  // NOLINT: implicit on purpose
  {
    if (!id.empty())
    {
      ids_ = {id};
    }
  }

  PracticeScope(const char* id) : PracticeScope(std::string(id)) {}  // NOLINT: implicit on purpose

  bool All() const { return !ids_; }
  bool Has(const std::string& id) const
  {
    return All() || std::find(ids_->begin(), ids_->end(), id) != ids_->end();
  }

  // The only practice of the scope; empty if there are more, or none.
  std::string Single() const { return ids_ && ids_->size() == 1 ? ids_->front() : ""; }

  void AddTo(Conditions& conditions, const std::string& column = "practice_id") const
  {
    if (All())
    {
      return;
    }
    std::string condition = "1 = 0";
    for (size_t i = 0; i < ids_->size(); i++)
    {
      condition += " OR " + column + " = ?";
    }
    conditions.AddAll("(" + condition + ")", *ids_);
  }

private:
  std::optional<std::vector<std::string>> ids_;
};
}  // namespace OrthancClinic
