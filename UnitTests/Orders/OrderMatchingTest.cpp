// SPDX-License-Identifier: GPL-3.0-or-later

#include "Orders/OrderMatching.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "Core/Configuration/Configuration.h"
#include "Core/Errors.h"
#include "Orders/OrderJson.h"
#include "Orders/OrderOptions.h"
#include "Support/Documentation.h"

namespace OrthancClinic::Orders
{
namespace
{
struct Case
{
  const char* what;
  const char* imaged;  // modality
  const char* ordered;
  const char* studyDate;
  const char* orderDate;
  const char* bodyPart = "";  // of the study
  const char* orderedPart = "";
  const char* side = "";
  const char* orderedSide = "";
  Choice choice = Choice::None;
};

TEST(OrderMatching, WeighsModalityDateBodyPartAndSide)
{
  const Case cases[] = {
      {"the day's order", "DX", "XRAY", "20260208", "20260208", "", "", "", "", Choice::Certain},
      {"computed for digital radiography", "CR", "XRAY", "20260208", "20260208", "", "", "", "",
       Choice::Certain},
      {"another modality", "CT", "XRAY", "20260208", "20260208"},
      {"a day late", "DX", "XRAY", "20260208", "20260207", "", "", "", "", Choice::Ambiguous},
      {"a day late, and the right knee", "DX", "XRAY", "20260208", "20260207", "KNEE", "knee", "R", "right",
       Choice::Certain},
      {"the other knee", "DX", "XRAY", "20260208", "20260208", "KNEE", "knee", "L", "right",
       Choice::Ambiguous},
      {"another part and side", "DX", "XRAY", "20260208", "20260208", "HAND", "knee", "L", "right"},
      {"both knees for one", "DX", "XRAY", "20260208", "20260208", "KNEE", "knee", "B", "right",
       Choice::Certain},
      {"a week apart", "PX", "PX", "20260208", "20260202", "", "", "", "", Choice::Ambiguous},
      {"two months apart", "PX", "PX", "20260208", "20251208"},
      {"no modality ordered", "PX", "", "20260208", "20260208", "", "", "", "", Choice::Ambiguous},
      {"no date", "PX", "PX", "", "20260208"}};
  for (const Case& item : cases)
  {
    Study study;
    study.modalities = {item.imaged};
    if (*item.bodyPart != '\0')
    {
      study.acquisition["body_parts"].append(item.bodyPart);
    }
    if (*item.side != '\0')
    {
      study.acquisition["lateralities"].append(item.side);
    }
    Order order;
    order.modality = item.ordered;
    order.document["body_part_id"] = item.orderedPart;
    order.document["laterality"] = item.orderedSide;
    const auto score = Compare(study, item.studyDate, order, item.orderDate);
    EXPECT_EQ(item.choice, score ? Choose({*score}) : Choice::None)
        << item.what << ": " << (score ? score->score : 0);
    if (score)
    {
      double sum = 0;
      for (const Json::Value& evidence : score->evidence)
      {
        sum += evidence["weight"].asDouble();
      }
      EXPECT_DOUBLE_EQ(sum, score->score) << "the evidence explains the score";
    }
  }
}

TEST(OrderMatching, AsksAPersonWhenTwoAreNearlyAsGood)
{
  const OrderScore good{.orderId = "a", .score = 7};
  const OrderScore near{.orderId = "b", .score = 5.5};
  const OrderScore far{.orderId = "c", .score = 5};
  EXPECT_EQ(Choice::Ambiguous, Choose({good, near}));
  EXPECT_EQ(Choice::Certain, Choose({good, far}));
  EXPECT_EQ(Choice::None, Choose({}));
}

TEST(OrderStatus, SpeaksTheEhrsWordsAndOurs)
{
  EXPECT_EQ("ordered", ToStatus(OrderState::Requested));
  EXPECT_EQ("completed", ToStatus(OrderState::Acquired));
  EXPECT_EQ("reported", ToStatus(OrderState::Reported));
  EXPECT_EQ(OrderState::Acquired, ParseStatus("completed", OrderState::InProgress));
  EXPECT_EQ(OrderState::Completed, ParseStatus("completed", OrderState::Reported));
  EXPECT_EQ(OrderState::Requested, ParseStatus("ordered", OrderState::Scheduled));
  EXPECT_EQ(OrderState::Acquired, ParseStatus("acquired", OrderState::InProgress));
  EXPECT_THROW(ParseStatus("lost", OrderState::Requested), BadInput);
}

TEST(OrderOptions, StandInThePageOfThePlugin)
{
  EXPECT_EQ(Testing::DocumentedOptions("Plugins/Orders/README.md"), OptionTable("Orders", OptionsSchema()));
}

TEST(OrderOptions, RefuseAFormatThatDoesNotFitDicom)
{
  Json::Value orthanc;
  orthanc["Clinic"]["Orders"]["AccessionNumberFormat"] = "ACCESSION-{year}-{number}";
  Configuration configuration(orthanc);
  try
  {
    ReadOptions(configuration);
    FAIL();
  }
  catch (const BadInput& error)
  {
    EXPECT_EQ(0U, std::string(error.what()).find("Clinic.Orders.AccessionNumberFormat: expected"))
        << error.what();
  }
}
}  // namespace
}  // namespace OrthancClinic::Orders
