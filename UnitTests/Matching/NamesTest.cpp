// SPDX-License-Identifier: GPL-3.0-or-later

#include <gtest/gtest.h>

#include "Matching/BlockingKeys.h"
#include "Matching/NameForm.h"
#include "Matching/Similarity.h"

namespace OrthancClinic::Matching
{
namespace
{
std::string Show(const NameForm& form)
{
  std::string text;
  for (const std::string& word : form.family)
  {
    text += word + " ";
  }
  text += "|";
  for (const std::string& word : form.given)
  {
    text += " " + word;
  }
  return text;
}

TEST(NameForm, IsTheSameHoweverTheNameIsWritten)
{
  struct Case
  {
    const char* family;
    const char* given;
    const char* expected;
  };
  const Case cases[] = {{"Tremblay", "Jean-François", "tremblay | jean francois"},
                        {"TREMBLAY", "JEAN FRANCOIS", "tremblay | jean francois"},
                        {"St-Pierre", "Marie", "st pierre | marie"},
                        {"Saint Pierre", "Marie", "st pierre | marie"},
                        {"Sainte-Marie", "Luc", "ste marie | luc"},
                        {"de la Cruz", "María", "cruz | maria"},
                        {"D'Amours", "Éric", "amours | eric"},
                        {"Van der Berg", "Dr. Jan", "berg | jan"},
                        {"El Amrani", "Fatima", "amrani | fatima"},
                        {"De", "Jean", "de | jean"},
                        {"王", "小东", "wang | xiao dong"},
                        {"Иванов", "Пётр", "ivanov | petr"},
                        {"", "", "|"}};
  for (const Case& item : cases)
  {
    EXPECT_EQ(Show(MakeNameForm(item.family, item.given)), item.expected) << item.family;
  }
}

TEST(NameForm, IsReadFromFreeText)
{
  const std::pair<const char*, const char*> cases[] = {
      {"Jean-François Tremblay", "tremblay | jean francois"},
      {"TREMBLAY, Jean-François", "tremblay | jean francois"},
      {"TREMBLAY Jean", "tremblay | jean"},
      {"Mme Marie Tremblay-Roy", "tremblay roy | marie"},
      {"Maria de la Cruz", "cruz | maria"},
      {"Famille Tremblay", "tremblay |"},
      {"Tremblay", "tremblay |"},
      {"", "|"},
      {"---", "|"},
      {"Mme", "|"}};
  for (const auto& [text, expected] : cases)
  {
    EXPECT_EQ(Show(ParseFreeName(text)), expected) << text;
  }
}

TEST(NameForms, OfAPatientAreAllOfItsNames)
{
  Patient patient;
  patient.names.push_back({.family = "Roy", .given = "Marie"});
  patient.names.push_back({.use = "maiden", .family = "Tremblay", .given = "Marie"});
  patient.contactPerson = "Marie Roy";
  patient.businessName = "Clinique Roy inc.";
  const auto forms = NameForms(patient);
  ASSERT_EQ(forms.size(), 2U) << "the contact person repeats the first, the business is no person";
  EXPECT_EQ(Show(forms[1]), "tremblay | marie");
}

TEST(NameForms, OfAStudyCountEachComponentGroup)
{
  StudyDemographics demographics;
  demographics.patientName = "Wang^XiaoDong=王^小东";
  const auto forms = NameForms(demographics);
  ASSERT_EQ(forms.size(), 2U);
  EXPECT_EQ(forms[0].GivenJoined(), forms[1].GivenJoined());
}

TEST(NameForms, OfHostileTextsAreBounded)
{
  StudyDemographics demographics;
  demographics.patientName = std::string(1 << 16, 'a') + "^" + std::string(1 << 16, ' ');
  for (int i = 0; i < 100; i++)
  {
    demographics.otherPatientNames.push_back("Name" + std::to_string(i) + "^X");
  }
  EXPECT_LE(NameForms(demographics).size(), 8U);
}

TEST(Similarity, IsHighForTypingErrorsAlone)
{
  EXPECT_DOUBLE_EQ(JaroWinkler("tremblay", "tremblay"), 1);
  EXPECT_NEAR(JaroWinkler("martha", "marhta"), 0.961, 0.001);  // Winkler's own examples
  EXPECT_NEAR(JaroWinkler("dixon", "dicksonx"), 0.813, 0.001);
  EXPECT_DOUBLE_EQ(JaroWinkler("", "a"), 0);
  EXPECT_GE(JaroWinkler("tremblay", "trembaly"), 0.92);
  EXPECT_LT(JaroWinkler("tremblay", "gagnon"), 0.6);
}

TEST(Similarity, KnowsOneEdit)
{
  for (const auto& [a, b] : {std::pair("roy", "roi"), std::pair("roy", "ry"), std::pair("roy", "rooy"),
                             std::pair("roy", "ryo"), std::pair("roy", "royx")})
  {
    EXPECT_TRUE(IsOneEdit(a, b)) << a << " " << b;
    EXPECT_TRUE(IsOneEdit(b, a)) << b << " " << a;
  }
  EXPECT_FALSE(IsOneEdit("roy", "roy"));
  EXPECT_FALSE(IsOneEdit("roy", "yor"));
  EXPECT_FALSE(IsOneEdit("roy", "gagnon"));
}

TEST(PhoneticCode, IsTheSameForWhatSoundsAlike)
{
  for (const auto& [a, b] :
       {std::pair("thibault", "thibeau"), std::pair("phaneuf", "faneuf"), std::pair("gauthier", "gautier"),
        std::pair("lefebvre", "lefebvres"), std::pair("beaudoin", "baudouin"), std::pair("hebert", "ebert")})
  {
    EXPECT_EQ(PhoneticCode(a), PhoneticCode(b)) << a << " " << b;
  }
  EXPECT_NE(PhoneticCode("tremblay"), PhoneticCode("gagnon"));
  EXPECT_FALSE(PhoneticCode("oe").empty());
}

TEST(IdentifierKey, ForgetsSpellingAndRefusesPlaceholders)
{
  EXPECT_EQ(IdentifierKey("TREM 8501-0112"), "trem85010112");
  EXPECT_EQ(IdentifierKey("0004711"), "4711");
  for (const char* text :
       {"", "0", "000000", "UNKNOWN", "n/a", "ANON123", "Anonymous", "1", "1111", "test", "--"})
  {
    EXPECT_EQ(IdentifierKey(text), "") << text;
  }
}

TEST(PhoneKey, IsTheNumberAlone)
{
  EXPECT_EQ(PhoneKey("+1 (514) 555-0199"), "5145550199");
  EXPECT_EQ(PhoneKey("514-555-0199 poste 12"), "5145550199");
  EXPECT_EQ(PhoneKey("911"), "");
}

TEST(Address, OfDicomsFreeTextFindsThePostalCode)
{
  const AddressParts parts = ParseAddress(std::string("123, rue Saint-Denis, Montréal QC H2X 1Y4"));
  EXPECT_EQ(parts.postalCode, "h2x1y4");
  EXPECT_NE(std::find(parts.words.begin(), parts.words.end(), "123"), parts.words.end());
}
}  // namespace
}  // namespace OrthancClinic::Matching
