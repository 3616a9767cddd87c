// SPDX-License-Identifier: GPL-3.0-or-later

#include "OrderMatching.h"

#include <chrono>
#include <cmath>
#include <cstdlib>

#include "Core/Dicom/DicomDate.h"
#include "Core/Dicom/Folding.h"

namespace OrthancClinic::Orders
{
namespace
{
// An order is taken without a person if its modality is the study's and the day is right, or if body part or
// side make up for one day of difference; a second one that is nearly as good asks for a person.
constexpr double CERTAIN = 6;
constexpr double WORTH_A_LOOK = 3;
constexpr double MARGIN = 2;
constexpr int MOST_DAYS = 30;

std::optional<std::chrono::sys_days> Day(const std::string& date)
{
  const auto parsed = DicomDate::Parse(date);
  if (!parsed || parsed->day == 0)
  {
    return std::nullopt;
  }
  return std::chrono::sys_days(std::chrono::year(parsed->year) / parsed->month / parsed->day);
}

// 'L', 'R' or 'B' of DICOM's "L", an EHR's "left", a person's "gauche"; 0 for anything else.
char Side(const std::string& text)
{
  const std::string folded = Folded(text);
  if (folded == "l" || folded == "left" || folded == "gauche")
  {
    return 'L';
  }
  if (folded == "r" || folded == "right" || folded == "droite" || folded == "droit")
  {
    return 'R';
  }
  return (folded == "b" || folded == "bilateral" || folded == "both") ? 'B' : '\0';
}

void Add(OrderScore& score, const char* field, const char* level, double weight)
{
  Json::Value evidence;
  evidence["field"] = field;
  evidence["level"] = level;
  evidence["weight"] = weight;
  score.evidence.append(evidence);
  score.score += weight;
}

// False if no image of the study can be what was ordered.
bool CompareModality(OrderScore& score, const Study& study, const Order& order)
{
  if (order.modality.empty())
  {
    Add(score, "modality", "not_ordered", 0);
    return true;
  }
  bool same = false;
  bool sameGroup = false;
  for (const std::string& modality : study.modalities)
  {
    same = same || modality == DicomModality(order.modality);
    sameGroup = sameGroup || ModalityGroup(modality) == ModalityGroup(order.modality);
  }
  Add(score, "modality", same ? "exact" : "same_kind", same ? 4 : 3);
  return same || sameGroup;
}

void CompareBodyPart(OrderScore& score, const Study& study, const Order& order)
{
  const std::string ordered = Folded(order.Text("body_part_id"));
  const Json::Value& imaged = study.acquisition["body_parts"];
  if (ordered.empty() || imaged.empty())
  {
    return;
  }
  bool same = false;
  for (const Json::Value& part : imaged)
  {
    const std::string folded = Folded(part.asString());
    same = same || folded == ordered || folded.find(ordered) != std::string::npos ||
           ordered.find(folded) != std::string::npos;
  }
  Add(score, "body_part", same ? "agrees" : "differs", same ? 2 : -4);
}

void CompareSide(OrderScore& score, const Study& study, const Order& order)
{
  const char ordered = Side(order.Text("laterality"));
  const Json::Value& imaged = study.acquisition["lateralities"];
  if (ordered == '\0' || ordered == 'B' || imaged.empty())
  {
    return;
  }
  bool same = false;
  for (const Json::Value& side : imaged)
  {
    same = same || Side(side.asString()) == ordered || Side(side.asString()) == 'B';
  }
  Add(score, "laterality", same ? "agrees" : "differs", same ? 1 : -4);
}
}  // namespace

std::optional<OrderScore> Compare(const Study& study, const std::string& studyDate, const Order& order,
                                  const std::string& orderDate)
{
  OrderScore score{.orderId = order.id};
  const auto imaged = Day(studyDate);
  const auto ordered = Day(orderDate);
  if (!imaged || !ordered || !CompareModality(score, study, order))
  {
    return std::nullopt;
  }
  const auto days = std::abs((*imaged - *ordered).count());
  if (days > MOST_DAYS)
  {
    return std::nullopt;
  }
  if (days == 0)
  {
    Add(score, "date", "same_day", 3);
  }
  else if (days == 1)
  {
    Add(score, "date", "one_day_apart", 1.5);
  }
  else
  {
    Add(score, "date", days <= 7 ? "same_week" : "same_month", days <= 7 ? 0.5 : 0);
  }
  CompareBodyPart(score, study, order);
  CompareSide(score, study, order);
  return score;
}

Choice Choose(const std::vector<OrderScore>& scores)
{
  if (scores.empty() || scores.front().score < WORTH_A_LOOK)
  {
    return Choice::None;
  }
  const bool alone = scores.size() == 1 || scores[1].score <= scores.front().score - MARGIN;
  return scores.front().score >= CERTAIN && alone ? Choice::Certain : Choice::Ambiguous;
}
}  // namespace OrthancClinic::Orders
