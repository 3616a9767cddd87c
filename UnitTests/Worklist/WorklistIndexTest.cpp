// SPDX-License-Identifier: GPL-3.0-or-later

#include "Worklist/WorklistIndex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "Core/Configuration/Configuration.h"
#include "Core/Dicom/LocalTime.h"
#include "Core/Errors.h"
#include "Core/Records/PatientModule.h"
#include "Support/Documentation.h"
#include "Worklist/AttributeMatching.h"
#include "Worklist/PriorStudies.h"
#include "Worklist/WorklistOptions.h"

namespace OrthancClinic::Worklist
{
namespace
{
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(AttributeMatching, ComparesAsDicomSays)
{
  EXPECT_TRUE(MatchesText("CT", "CT"));
  EXPECT_FALSE(MatchesText("CT", "ct"));
  EXPECT_TRUE(MatchesText("MR\\CT", "CT"));
  EXPECT_TRUE(MatchesText("A?C*", "ABCDE"));
  EXPECT_FALSE(MatchesText("A?C", "AC"));
  EXPECT_TRUE(MatchesWildcard("?^*", "王^x")) << "a character, not a byte";
  EXPECT_TRUE(MatchesWildcard("*a*b", "xxaxxbxb"));
  EXPECT_TRUE(MatchesRange("20260201-20260203", "20260203"));
  EXPECT_TRUE(MatchesRange("-20260203", "20260203"));
  EXPECT_TRUE(MatchesRange("20260203-", "20260203"));
  EXPECT_FALSE(MatchesRange("20260204-", "20260203"));
  EXPECT_FALSE(MatchesRange("20260201-20260203", ""));
  EXPECT_TRUE(MatchesRange("20260203", "20260203"));
}

TEST(AttributeMatching, ComparesNamesWithoutCaseAccentsAndHyphens)
{
  struct Case
  {
    const char* key;
    const char* name;
    bool matches;
  };
  for (const Case& item :
       {Case{"TREMBLAY^JEAN FRANCOIS", "Tremblay^Jean-François", true},
        Case{"tremblay", "Tremblay^Jean", true}, Case{"trem", "Tremblay^Jean", false},
        Case{"trem*", "Tremblay^Jean", true}, Case{"*fran*", "Tremblay^Jean-François", true},
        Case{"*^jean*", "Tremblay^Jean-François", true}, Case{"cote^eve", "Côté^Ève", true},
        Case{"王*", "Wang^XiaoDong=王^小東", true}, Case{"wang^*=王^*", "Wang^XiaoDong=王^小東", true},
        Case{"wang^*=李^*", "Wang^XiaoDong=王^小東", false}, Case{"O'Brien*", "OBRIEN^PAT", false},
        Case{"O'Brien*", "O'BRIEN^PAT", true}, Case{"tr?mblay*", "Tremblay^Jean", true},
        Case{"*", "Tremblay", true}})
  {
    EXPECT_EQ(item.matches, NameKey(item.key).Matches(FoldName(item.name))) << item.key << " " << item.name;
  }
}

TEST(AttributeMatching, IsQuickForSpitefulWildcards)
{
  const std::string value(1000, 'a');
  std::string key;
  for (int i = 0; i < 100; i++)
  {
    key += "*a";
  }
  EXPECT_FALSE(MatchesWildcard(key + "b", value));
}

Patient Somebody(const std::string& id, const std::string& family, const std::string& given)
{
  Patient patient;
  patient.id = id;
  patient.names.push_back({.family = family, .given = given});
  patient.birthDate = "1985-01-01";
  patient.sex = "F";
  return patient;
}

Order SomeOrder(const std::string& id, const std::string& start)
{
  Order order;
  order.id = id;
  order.practiceId = "default";
  order.patientId = "p" + id;
  order.orderNumber = "ORD-" + id;
  order.accessionNumber = "ACC-" + id;
  order.studyInstanceUid = "2.25." + id;
  order.modality = "PX";
  order.scheduledAt = ParseTimestamp(start);
  order.orderedAt = ParseTimestamp("2026-02-06T12:00:00Z").value();
  return order;
}

Scope OneDay()
{
  Scope scope;
  scope.practiceId = "default";
  scope.today = "20260208";
  scope.firstDay = "20260208";
  scope.lastDay = "20260310";
  scope.callingAe = "PANO1";
  return scope;
}

Json::Value Query(const std::map<std::string, std::string>& root,
                  const std::map<std::string, std::string>& step = {})
{
  Json::Value query;
  for (const auto& [tag, value] : root)
  {
    query[tag] = value;
  }
  Json::Value item(Json::objectValue);
  for (const auto& [tag, value] : step)
  {
    item[tag] = value;
  }
  query["0040,0100"].append(item);
  return query;
}

TEST(WorklistIndex, ShowsAnOrderWithoutATimeOnEveryDayForAWhile)
{
  WorklistIndex index;
  Order order = SomeOrder("1", "");
  index.Put("1", MakeItems(order, {}, Somebody("p1", "Roy", "Anne"), Practice(), 7));
  Scope scope = OneDay();
  const Answers answers = index.Find(Query({}), scope);
  ASSERT_EQ(1U, answers.items.size());
  EXPECT_EQ("20260208", answers.items[0]["0040,0100"][0]["0040,0002"].asString());
  scope.today = scope.firstDay = "20260213";
  EXPECT_THAT(index.Find(Query({}), scope).orders, ElementsAre("1"));
  scope.today = scope.firstDay = "20260214";
  EXPECT_THAT(index.Find(Query({}), scope).orders, IsEmpty());
}

TEST(WorklistIndex, OffersAnXrayToEveryKindOfRadiography)
{
  WorklistIndex index;
  Order order = SomeOrder("1", "2026-02-08T15:00:00Z");
  order.modality = "XRAY";
  index.Put("1", MakeItems(order, {}, Somebody("p1", "Roy", "Anne"), Practice(), 7));
  for (const auto& [asked, answered] :
       {std::pair("CR", "CR"), std::pair("DX", "DX"), std::pair("MR\\CR", "CR"), std::pair("", "DX")})
  {
    const Answers answers = index.Find(Query({}, {{"0008,0060", asked}}), OneDay());
    ASSERT_EQ(1U, answers.items.size()) << asked;
    EXPECT_EQ(answered, answers.items[0]["0040,0100"][0]["0008,0060"].asString());
  }
  EXPECT_THAT(index.Find(Query({}, {{"0008,0060", "CT"}}), OneDay()).items, IsEmpty());
}

TEST(WorklistIndex, RefusesWhatIsNoQuery)
{
  const WorklistIndex index;
  EXPECT_THROW(index.Find(Json::Value("text"), OneDay()), BadInput);
  EXPECT_THROW(index.Find(Query({{"0010,0020", std::string(2000, 'x')}}), OneDay()), BadInput);
  Json::Value two = Query({});
  two["0040,0100"].append(Json::objectValue);
  EXPECT_THROW(index.Find(two, OneDay()), BadInput);
}

TEST(WorklistIndex, LimitsWhatItAnswersAndSaysSo)
{
  WorklistIndex index;
  for (int i = 0; i < 20; i++)
  {
    const std::string id = std::to_string(i);
    index.Put(id, MakeItems(SomeOrder(id, "2026-02-08T15:00:00Z"), {}, Somebody("p" + id, "Roy", "Anne"),
                            Practice(), 7));
  }
  Scope scope = OneDay();
  scope.most = 5;
  const Answers answers = index.Find(Query({}), scope);
  EXPECT_EQ(5U, answers.items.size());
  EXPECT_FALSE(answers.complete);
}

// What a selective key finds is what a look at every item would find.
TEST(WorklistIndex, FindsTheSameByEveryWay)
{
  std::mt19937 random(20260208);
  const char* const families[] = {"Tremblay", "Trudeau", "Côté", "Khoury", "O'Brien", "Saint-Pierre"};
  const char* const givens[] = {"Anne", "Jean-François", "Ève", "Nour"};
  const auto pick = [&](const auto& values) { return values[random() % std::size(values)]; };
  WorklistIndex index;
  std::map<std::string, std::vector<WorklistItem>> all;
  for (int round = 0; round < 2000; round++)
  {
    const std::string id = std::to_string(random() % 500);  // puts often replace
    Order order = SomeOrder(
        id, random() % 10 == 0 ? "" : "2026-02-" + std::to_string(10 + random() % 18) + "T15:00:00Z");
    order.modality = random() % 2 == 0 ? "PX" : "CT";
    order.state = random() % 4 == 0 ? OrderState::Cancelled : OrderState::Scheduled;
    const auto items = MakeItems(order, {}, Somebody("p" + id, pick(families), pick(givens)), Practice(), 7);
    index.Put(id, items);
    all[id] = items;
  }
  size_t size = 0;
  for (const auto& [id, items] : all)
  {
    size += items.size();
  }
  EXPECT_EQ(size, index.Size());

  for (int round = 0; round < 500; round++)
  {
    std::map<std::string, std::string> root;
    std::map<std::string, std::string> step;
    if (random() % 2 == 0)
    {
      const std::string name = pick(families);
      root["0010,0010"] = random() % 2 == 0 ? name + "*" : name.substr(0, 2) + "*";
    }
    if (random() % 6 == 0)
    {
      root["0010,0020"] = "p" + std::to_string(random() % 500);
    }
    if (random() % 6 == 0)
    {
      root["0008,0050"] = "ACC-" + std::to_string(random() % 50) + "*";
    }
    if (random() % 2 == 0)
    {
      step["0040,0002"] =
          "202602" + std::to_string(10 + random() % 9) + "-202602" + std::to_string(18 + random() % 9);
    }
    if (random() % 3 == 0)
    {
      step["0008,0060"] = "PX";
    }
    Scope scope = OneDay();
    std::multiset<std::string> expected;
    for (const auto& [id, items] : all)
    {
      for (const WorklistItem& item : items)
      {
        const std::string date = item.date.empty() ? scope.today : item.date;
        const bool matches =
            (!root.contains("0010,0010") || NameKey(root["0010,0010"]).Matches(item.foldedName)) &&
            (!root.contains("0010,0020") || root["0010,0020"] == item.dicomPatientId) &&
            (!root.contains("0008,0050") || MatchesText(root["0008,0050"], item.accessionNumber)) &&
            (!step.contains("0040,0002") || MatchesRange(step["0040,0002"], date)) &&
            (!step.contains("0008,0060") || item.modalities.front() == "PX") && date >= scope.firstDay &&
            date <= scope.lastDay;
        if (matches)
        {
          expected.insert(item.orderId);
        }
      }
    }
    const auto found = index.Find(Query(root, step), scope).orders;
    EXPECT_EQ(expected, std::multiset<std::string>(found.begin(), found.end())) << round;
  }
}

TEST(WorklistItem, KnowsWhenLatin1DoesNotSuffice)
{
  EXPECT_FALSE(NeedsUtf8("Lefèvre^Zoë"));
  EXPECT_FALSE(NeedsUtf8(""));
  EXPECT_TRUE(NeedsUtf8("Wang=王"));
  EXPECT_TRUE(NeedsUtf8("Łukasz"));
  EXPECT_TRUE(NeedsUtf8("Œuvrard")) << "ISO 8859-1 has no œ";
}

TEST(WorklistItem, NamesALeadByWhatTheCrmHas)
{
  Patient lead;
  lead.id = "cml1";
  EXPECT_EQ("cml1", DicomName(lead)) << "type 1";
  EXPECT_EQ("cml1", DicomPatientId(lead));
  lead.contactPerson = "Jean-François Tremblay";
  EXPECT_EQ("Tremblay^Jean-François", DicomName(lead));
  lead.contactPerson = "Tremblay, Jean^François\\x";
  EXPECT_EQ("Tremblay^Jean François x", DicomName(lead));
  lead.names.push_back({.family = "Wang", .given = "XiaoDong", .ideographic = "王^小東"});
  EXPECT_EQ("Wang^XiaoDong=王^小東", DicomName(lead));
  lead.identifiers.push_back({"4711", "CLINIC", "mrn"});
  EXPECT_EQ("4711", DicomPatientId(lead));
}

TEST(PriorStudies, WaitForTheWindow)
{
  const auto next = [](const char* time, int from, int to)
  { return ToString(NextInWindow(ParseTimestamp(time).value(), "America/Toronto", from, to)); };
  // 17:30 in Montréal: opens at 20:00, which is 01:00 UTC.
  EXPECT_EQ("2026-02-09T01:00:00.000Z", next("2026-02-08T22:30:00Z", 20 * 60, 6 * 60));
  EXPECT_EQ("2026-02-09T02:30:00.000Z", next("2026-02-09T02:30:00Z", 20 * 60, 6 * 60)) << "open";
  EXPECT_EQ("2026-02-09T10:59:00.000Z", next("2026-02-09T10:59:00Z", 20 * 60, 6 * 60)) << "still open";
  EXPECT_EQ("2026-02-10T01:00:00.000Z", next("2026-02-09T11:00:00Z", 20 * 60, 6 * 60)) << "just closed";
  EXPECT_EQ("2026-02-08T22:30:00.000Z", next("2026-02-08T22:30:00Z", 0, 24 * 60)) << "always";
}

TEST(WorklistOptions, StandInThePageOfThePlugin)
{
  EXPECT_EQ(Testing::DocumentedOptions("Plugins/Worklist/README.md"),
            OptionTable("Worklist", OptionsSchema()));
}

TEST(WorklistOptions, ReadWhatTheAdministratorWrote)
{
  Json::Value orthanc;
  orthanc["Clinic"]["Worklist"]["Priors"]["Hours"] = "19:30-05:15";
  orthanc["Clinic"]["Worklist"]["Priors"]["Rules"][0]["Most"] = 3;
  Configuration configuration(orthanc);
  const Options options = ReadOptions(configuration);
  EXPECT_EQ(19 * 60 + 30, options.priors.fromMinute);
  EXPECT_EQ(5 * 60 + 15, options.priors.toMinute);
  ASSERT_EQ(1U, options.priors.rules.size());
  EXPECT_EQ(3, options.priors.rules[0].most);
  EXPECT_EQ(5, options.priors.rules[0].withinYears);

  orthanc["Clinic"]["Worklist"]["Priors"]["Hours"] = "at night";
  Configuration bad(orthanc);
  EXPECT_THROW(ReadOptions(bad), BadInput);
}
}  // namespace
}  // namespace OrthancClinic::Worklist
