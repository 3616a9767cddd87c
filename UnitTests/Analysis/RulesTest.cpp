// SPDX-License-Identifier: GPL-3.0-or-later

#include "Analysis/Rules.h"

#include <gtest/gtest.h>

#include <functional>

#include "Analysis/Codes.h"
#include "Core/Configuration/Json.h"

namespace OrthancClinic::Analysis
{
namespace
{
TEST(Rule, ConcernsWhatItDoesNotExclude)
{
  Study study;
  study.practiceId = "rosemont";
  study.modalities = {"PX", "SR"};
  study.studyDate = "20260208";
  study.studyDescription = "Panoramique « Été »";
  study.demographics.birthDate = "20080209";
  study.source.callingAe = "PANO1";
  const Json::Value tags = ParseJson(R"({"0018,0015": "JAW"})");
  struct Case
  {
    std::function<void(Rule&)> change;
    bool concerns;
  };
  const Case cases[] = {{[](Rule&) {}, true},
                        {[](Rule& rule) {
                           rule.practices = {"rosemont", "north"};
                         },
                         true},
                        {[](Rule& rule) { rule.practices = {"north"}; }, false},
                        {[](Rule& rule) { rule.modalities = {"PX"}; }, true},
                        {[](Rule& rule) { rule.modalities = {"CT"}; }, false},
                        {[](Rule& rule) { rule.bodyParts = {"JAW"}; }, true},
                        {[](Rule& rule) { rule.bodyParts = {"HEAD"}; }, false},
                        {[](Rule& rule) { rule.xrayTypes = {"panoramic"}; }, true},
                        {[](Rule& rule) { rule.xrayTypes = {"bitewing"}; }, false},
                        {[](Rule& rule) { rule.stations = {"PANO1"}; }, true},
                        {[](Rule& rule) { rule.stations = {"PANO2"}; }, false},
                        {[](Rule& rule) { rule.description = "ete"; }, true},
                        {[](Rule& rule) { rule.description = "hiver"; }, false},
                        {[](Rule& rule) { rule.minimumAge = 17; }, true},
                        {[](Rule& rule) { rule.minimumAge = 18; }, false},  // the day before the birthday
                        {[](Rule& rule) { rule.maximumAge = 17; }, true},
                        {[](Rule& rule) { rule.maximumAge = 16; }, false}};
  for (size_t i = 0; i < std::size(cases); i++)
  {
    Rule rule;
    cases[i].change(rule);
    EXPECT_EQ(cases[i].concerns, Concerns(rule, study, tags, "panoramic")) << "case " << i;
  }

  study.demographics.birthDate.clear();
  Rule rule;
  rule.minimumAge = 0;
  EXPECT_FALSE(Concerns(rule, study, tags, "panoramic")) << "nobody knows the age";
  study.demographics.birthDate = "29991231";
  rule.minimumAge.reset();
  rule.maximumAge = 5;
  EXPECT_FALSE(Concerns(rule, study, tags, "panoramic")) << "nobody is younger than nothing";
}

TEST(Codes, NameTeethAsDicomDoes)
{
  EXPECT_EQ("866006002", CodeOfTooth("36").value);
  EXPECT_EQ("SCT", CodeOfTooth("36").scheme);
  EXPECT_EQ("Mandibular left first molar tooth", CodeOfTooth("36").meaning);
  EXPECT_EQ("68085002", CodeOfTooth("18").value);
  EXPECT_EQ("61868007", CodeOfTooth("85").value);
  EXPECT_EQ("80967001", CodeOfKind("caries").value);
  EXPECT_EQ(OWN_SCHEME, CodeOfKind("periapical_lesion").scheme);
}
}  // namespace
}  // namespace OrthancClinic::Analysis
