// SPDX-License-Identifier: GPL-3.0-or-later
//
// The sentences that reach a caller, read from the sources, and the catalogue of their translations.

#include "Core/Rest/Translations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "Core/Configuration/Json.h"
#include "Core/Configuration/JsonSchema.h"
#include "Core/Errors.h"
#include "Support/Files.h"

using namespace OrthancClinic;

namespace
{
namespace fs = std::filesystem;

// Whose errors an administrator reads, in the log at start or beside a task that failed: they stay English.
bool IsForAdministrators(const std::string& file)
{
  static const std::set<std::string> FILES = {
      // at start
      "Core/Configuration/Configuration.cpp",
      "Core/Configuration/JsonSchema.cpp",
      "Core/Database/Database.cpp",
      // to a modality, and into the log
      "Core/Host/WorklistBridge.cpp",
      "Worklist/CharacterSet.cpp",
      "Worklist/WorklistIndex.cpp",
      "Worklist/WorklistItem.cpp",
      // into the log
      "Access/OpenIdConnect.cpp",
      // beside a copy or an analysis that failed
      "Replication/Content.cpp",
      "Replication/Replicator.cpp",
      "Analysis/DicomDataset.cpp",
      "Analysis/DicomProvider.cpp",
      "Analysis/HttpProvider.cpp",
      "Analysis/Lettering.cpp",
      "Analysis/OpenAiProvider.cpp",
      "Analysis/Provider.cpp",
      "Analysis/RemoteProvider.cpp",
      "Analysis/StructuredReport.cpp",
  };
  return FILES.contains(file) || file.ends_with("Options.cpp");
}

struct Token
{
  enum Kind
  {
    Text,  // a string literal, decoded
    Word,
    Sign
  } kind;
  std::string text;
};

std::vector<Token> Tokenize(const std::string& source)
{
  std::vector<Token> tokens;
  const auto isWord = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  for (size_t i = 0; i < source.size();)
  {
    const std::string_view rest = std::string_view(source).substr(i);
    if (rest.starts_with("//"))
    {
      i = std::min(source.find('\n', i), source.size());
    }
    else if (rest.starts_with("R\""))
    {
      const size_t open = source.find('(', i);
      const std::string end = ")" + source.substr(i + 2, open - i - 2) + "\"";
      i = source.find(end, open) + end.size();
      tokens.push_back({Token::Word, "raw"});
    }
    else if (source[i] == '"' || (source[i] == '\'' && (i == 0 || !isWord(source[i - 1]))))
    {
      const char quote = source[i++];
      std::string text;
      for (; i < source.size() && source[i] != quote; i++)
      {
        if (source[i] == '\\')
        {
          i++;
          text += source[i] == 'n' ? '\n' : source[i] == 't' ? '\t' : source[i];
        }
        else
        {
          text += source[i];
        }
      }
      i++;
      if (quote == '"' && !tokens.empty() && tokens.back().kind == Token::Text)
      {
        tokens.back().text += text;
      }
      else
      {
        tokens.push_back({quote == '"' ? Token::Text : Token::Word, text});
      }
    }
    else if (isWord(source[i]))
    {
      const size_t begin = i;
      const bool isNumber = std::isdigit(static_cast<unsigned char>(source[i])) != 0;
      while (i < source.size() && (isWord(source[i]) || (isNumber && source[i] == '\'')))  // 1'000
      {
        i++;
      }
      tokens.push_back({Token::Word, source.substr(begin, i - begin)});
    }
    else
    {
      if (!std::isspace(static_cast<unsigned char>(source[i])))
      {
        tokens.push_back({Token::Sign, std::string(1, source[i])});
      }
      i++;
    }
  }
  return tokens;
}

using Tokens = std::vector<Token>;

bool Is(const Token& token, std::string_view sign)
{
  return token.kind == Token::Sign && token.text == sign;
}

// The parts between `separator`s outside of any brackets.
std::vector<Tokens> Split(const Tokens& tokens, std::string_view separator)
{
  std::vector<Tokens> parts(1);
  int depth = 0;
  for (const Token& token : tokens)
  {
    if (token.kind == Token::Sign && std::string_view("([{").find(token.text) != std::string_view::npos)
    {
      depth++;
    }
    if (token.kind == Token::Sign && std::string_view(")]}").find(token.text) != std::string_view::npos)
    {
      depth--;
    }
    if (depth == 0 && Is(token, separator))
    {
      parts.emplace_back();
    }
    else
    {
      parts.back().push_back(token);
    }
  }
  return parts;
}

// What stands in the brackets that open at `open`.
Tokens Inside(const Tokens& tokens, size_t open)
{
  int depth = 0;
  for (size_t i = open; i < tokens.size(); i++)
  {
    if (tokens[i].kind == Token::Sign &&
        std::string_view("([{").find(tokens[i].text) != std::string_view::npos)
    {
      depth++;
    }
    else if (tokens[i].kind == Token::Sign &&
             std::string_view(")]}").find(tokens[i].text) != std::string_view::npos && --depth == 0)
    {
      return {tokens.begin() + static_cast<long>(open) + 1, tokens.begin() + static_cast<long>(i)};
    }
  }
  return {};
}

std::string WithPlainPlaces(const std::string& format)
{
  std::string result;
  for (size_t i = 0; i < format.size(); i++)
  {
    if ((format[i] == '{' || format[i] == '}') && i + 1 < format.size() && format[i + 1] == format[i])
    {
      result += format[i++];
    }
    else if (format[i] == '{')
    {
      i = format.find('}', i);
      result += "{}";
    }
    else
    {
      result += format[i];
    }
  }
  return result;
}

// What an expression may say, with "{}" for what only a running program knows.
std::set<std::string> Sentences(const Tokens& tokens)
{
  if (const auto choice = Split(tokens, "?"); choice.size() > 1)
  {
    // "a ? b : c ? d : e": the words are what stands before each colon, and at the end. "::" is no colon.
    std::set<std::string> result;
    for (size_t i = 1; i < choice.size(); i++)
    {
      Tokens part;
      bool isSplit = false;
      for (size_t j = 0; j < choice[i].size(); j++)
      {
        const bool isColon = Is(choice[i][j], ":");
        if (isColon && j + 1 < choice[i].size() && Is(choice[i][j + 1], ":"))
        {
          part.push_back(choice[i][j]);
          part.push_back(choice[i][++j]);
        }
        else if (isColon && !isSplit)
        {
          result.merge(Sentences(part));
          part.clear();
          isSplit = true;
        }
        else
        {
          part.push_back(choice[i][j]);
        }
      }
      if (i + 1 == choice.size())
      {
        result.merge(Sentences(part));
      }
    }
    return result;
  }
  if (const auto parts = Split(tokens, "+"); parts.size() > 1)
  {
    std::set<std::string> result = {""};
    for (const Tokens& part : parts)
    {
      std::set<std::string> longer;
      for (const std::string& before : result)
      {
        for (const std::string& after : Sentences(part))
        {
          longer.insert(before + after);
        }
      }
      result = std::move(longer);
    }
    return result;
  }
  if (tokens.size() == 1 && tokens[0].kind == Token::Text)
  {
    return {tokens[0].text};
  }
  if (!tokens.empty() && Is(tokens[0], "("))
  {
    return Sentences(Inside(tokens, 0));
  }
  // request . Translate ( … )
  if (tokens.size() > 4 && tokens[2].text == "Translate")
  {
    return Sentences(Inside(tokens, 3));
  }
  // fmt :: format ( … ), std :: string ( … )
  if (tokens.size() > 5 && Is(tokens[4], "(") && (tokens[3].text == "format" || tokens[3].text == "string"))
  {
    const Tokens first = Split(Inside(tokens, 4), ",").front();
    std::set<std::string> result;
    for (const std::string& sentence : Sentences(first))
    {
      result.insert(tokens[3].text == "format" ? WithPlainPlaces(sentence) : sentence);
    }
    return result;
  }
  return {"{}"};
}

// The messages of `{field, message}` pairs.
void FindFields(const Tokens& tokens, std::set<std::string>& found)
{
  for (size_t i = 0; i < tokens.size(); i++)
  {
    if (Is(tokens[i], "{"))
    {
      const Tokens inside = Inside(tokens, i);
      const auto parts = Split(inside, ",");
      if (parts.size() == 2 && !parts[0].empty() && !Is(parts[0][0], "{"))
      {
        found.merge(Sentences(parts[1]));
      }
    }
  }
}

Tokens Until(const Tokens& tokens, size_t begin, std::string_view sign)
{
  size_t end = begin;
  while (end < tokens.size() && !Is(tokens[end], sign))
  {
    end++;
  }
  return {tokens.begin() + static_cast<long>(begin), tokens.begin() + static_cast<long>(end)};
}

// Of what may be one, what looks like one: no name of a field, no "a JPEG" for a message yet to be made.
std::set<std::string> Whole(std::set<std::string> sentences)
{
  std::erase_if(
      sentences, [](const std::string& text)
      { return text.empty() || (!std::isupper(static_cast<unsigned char>(text[0])) && text[0] != '{'); });
  return sentences;
}

// What is thrown, or written into a list of what is wrong, or into the "message" or "error" of an answer.
std::set<std::string> SentencesIn(const std::string& source)
{
  static const std::map<std::string, size_t> WHICH_ARGUMENT = {
      {"BadInput", 0},    {"Conflict", 0}, {"NotFound", 0},        {"Forbidden", 0},
      {"Unavailable", 0}, {"TooLarge", 0}, {"TooManyRequests", 0}, {"Problem", 1},
      {"Stop", 1},        {"problem", 1},  {"Refuse", 1}};
  static const std::set<std::string> LISTS = {"errors", "fields", "problems", "warnings"};
  std::set<std::string> found;
  const Tokens tokens = Tokenize(source);
  for (size_t i = 0; i + 2 < tokens.size(); i++)
  {
    const std::string& word = tokens[i].text;
    const bool isText = tokens[i].kind == Token::Text;
    const bool isSaid = (word == "error" || word == "message") &&
                        (isText ? Is(tokens[i + 1], "]") && Is(tokens[i + 2], "=")
                                : Is(tokens[i + 1], "=") && !Is(tokens[i + 2], "="));
    if (isSaid)
    {
      found.merge(Whole(Sentences(Until(tokens, i + (isText ? 3 : 2), ";"))));
    }
    if (word == "return" && tokens[i + 1].kind == Token::Text && tokens[i + 1].text.starts_with("expected "))
    {
      found.insert(tokens[i + 1].text);
    }
    const bool opens = Is(tokens[i + 1], "(") || Is(tokens[i + 1], "{");
    if (tokens[i].kind != Token::Word || !opens)
    {
      continue;
    }
    const Tokens inside = Inside(tokens, i + 1);
    const auto which = WHICH_ARGUMENT.find(word);
    if (which != WHICH_ARGUMENT.end())
    {
      // The scanner's own Problem takes the sentence alone.
      const auto arguments = Split(inside, ",");
      found.merge(Sentences(arguments[std::min(which->second, arguments.size() - 1)]));
      FindFields(inside, found);
    }
    else if (word == "Check" && Split(inside, ",").size() == 2)
    {
      found.merge(Whole(Sentences(Split(inside, ",")[1])));
    }
    else if ((word == "push_back" || word == "emplace_back") && i > 1 && LISTS.contains(tokens[i - 2].text))
    {
      Is(inside.front(), "{") ? FindFields(inside, found) : found.merge(Whole(Sentences(inside)));
    }
  }
  return found;
}

const std::string SOME_VALUE = "\xEE\x80\x80";  // U+E000

bool HasLetters(std::string_view text)
{
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return std::isalpha(static_cast<unsigned char>(c)); });
}

// Whether everything that the sentence says by itself is in the catalogue.
bool IsTranslated(std::string_view sentence)
{
  const auto match = Translations::Get().Find(sentence);
  const auto isValue = [](std::string_view value)
  { return !HasLetters(value) || value.find(SOME_VALUE) == std::string_view::npos; };
  return match && std::all_of(match->values.begin(), match->values.end(), isValue) &&
         std::all_of(match->words.begin(), match->words.end(),
                     [](std::string_view words) { return !HasLetters(words) || IsTranslated(words); });
}

std::string WithValues(std::string sentence)
{
  for (size_t at = 0; (at = sentence.find("{}", at)) != std::string::npos;)
  {
    sentence.replace(at, 2, SOME_VALUE);
  }
  return sentence;
}

TEST(Translations, HaveEverySentenceThatReachesACaller)
{
  const fs::path root = fs::path(ORTHANC_CLINIC_SOURCE_DIR) / "Plugins";
  std::map<std::string, std::string> missing;  // sentence → file
  size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root))
  {
    const std::string file = fs::relative(entry.path(), root).string();
    if (entry.path().extension() != ".cpp" || IsForAdministrators(file))
    {
      continue;
    }
    for (const std::string& sentence : SentencesIn(Testing::ReadFile(entry.path())))
    {
      // What names an option is for administrators, too.
      const bool isOption = sentence.find("Clinic.") != std::string::npos;
      if (HasLetters(sentence) && !isOption)
      {
        count++;
        if (!IsTranslated(WithValues(sentence)))
        {
          missing.emplace(sentence, file);
        }
      }
    }
  }
  EXPECT_LT(100u, count) << "the sentences are not found any more";
  if (!missing.empty())
  {
    std::string list;
    for (const auto& [sentence, file] : missing)
    {
      list +=
          "  " + WriteJson(sentence) + ": {\"fr\": \"\", \"es\": \"\", \"zh\": \"\"},   // " + file + "\n";
    }
    FAIL() << missing.size() << " sentences are missing in Plugins/Core/Rest/Translations.json:\n" << list;
  }
}

TEST(Translations, HaveWhatASchemaSays)
{
  const JsonSchema schema(JsonLiteral(R"({"type": "object", "additionalProperties": false,
    "required": ["required"], "minProperties": 40, "maxProperties": 1, "properties": {
      "required": {}, "anything": {"not": {}}, "never": false,
      "integer": {"type": "integer"}, "from": {"type": "integer", "minimum": 1, "maximum": 3},
      "least": {"type": "number", "minimum": 1}, "most": {"type": "number", "maximum": 3},
      "above": {"type": "number", "exclusiveMinimum": 0}, "below": {"type": "integer", "exclusiveMaximum": 9},
      "boolean": {"type": "boolean"}, "object": {"type": "object"}, "null": {"type": "null"},
      "one": {"enum": ["one", "two"]}, "const": {"const": 5},
      "string": {"type": "string"}, "short": {"type": "string", "minLength": 1, "maxLength": 2},
      "word": {"type": "string", "minLength": 3}, "atMost": {"type": "string", "maxLength": 4},
      "exactly": {"type": "string", "minLength": 2, "maxLength": 2},
      "nullable": {"type": ["string", "null"], "maxLength": 4},
      "mixed": {"type": ["integer", "string", "null"]},
      "array": {"type": "array"}, "some": {"type": "array", "minItems": 2, "maxItems": 3},
      "few": {"type": "array", "minItems": 2}, "many": {"type": "array", "maxItems": 1},
      "date": {"type": "string", "format": "date"}, "time": {"type": "string", "format": "date-time"},
      "partial": {"type": "string", "format": "partial-date"}, "uid": {"type": "string", "format": "dicom-uid"},
      "day": {"type": "string", "format": "dicom-date"}, "ae": {"type": "string", "format": "ae-title"},
      "pattern": {"type": "string", "pattern": "^a$"}, "unique": {"type": "array", "uniqueItems": true},
      "keys": {"type": "object", "propertyNames": {"maxLength": 1}},
      "either": {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 2}]},
      "both": {"oneOf": [{"type": "string"}, {"maxLength": 3}]}}})"));
  std::set<std::string> said;
  const std::vector<std::string> values = {
      "{}", "[]",   "[1, 1]", "[1, 1, 1, 1]", "\"\"",         "\"word\"", "\"wordy\"",
      "-1", "99.5", "null",   "true",         "{\"key\": 1}", "\"xx\"",   "12"};
  for (const std::string& value : values)
  {
    Json::Value document;
    document["unknown"] = 1;
    for (const std::string& name : schema.Document()["properties"].getMemberNames())
    {
      if (name != "required")
      {
        document[name] = ParseJson(value);
      }
    }
    for (const FieldError& error : schema.Validate(document))
    {
      said.insert(error.message);
    }
    for (const FieldError& error : schema.Validate(ParseJson("{}")))
    {
      said.insert(error.message);
    }
  }
  EXPECT_LT(30u, said.size());
  for (const std::string& sentence : said)
  {
    EXPECT_TRUE(IsTranslated(sentence)) << sentence << "\n" << Translations::Get().Translate(sentence, "fr");
  }
}

TEST(Translations, HaveWhatIsSaidOfBadJson)
{
  for (const std::string text : {"", "{", "[1e999]", "\xEF\xBB\xBF{}", "[[[[1]]]]", "{\"a\": \"\\u0000\"}"})
  {
    try
    {
      ParseJson(text, 3);
      ADD_FAILURE() << text;
    }
    catch (const BadInput& e)
    {
      EXPECT_TRUE(IsTranslated(std::string("The body is not JSON: ") + e.what())) << e.what();
    }
  }
}

TEST(Translations, LeaveNoValueOut)
{
  const Json::Value catalogue = ParseJson(
      Testing::ReadFile(fs::path(ORTHANC_CLINIC_SOURCE_DIR) / "Plugins/Core/Rest/Translations.json"));
  for (const std::string& key : catalogue.getMemberNames())
  {
    size_t places = 0;
    for (size_t at = 0; at < key.size(); at++)
    {
      const std::string_view rest = std::string_view(key).substr(at);
      places += rest.starts_with("{}") || rest.starts_with("{words}") ? 1 : 0;
    }
    for (const char* language : {"fr", "es", "zh"})
    {
      for (size_t place = 0; place < places; place++)
      {
        EXPECT_NE(std::string::npos,
                  catalogue[key][language].asString().find("{" + std::to_string(place) + "}"))
            << key << " in " << language;
      }
    }
    EXPECT_EQ(3u, catalogue[key].size()) << key;
  }
}

TEST(Translations, KeepValuesAndTranslateWords)
{
  const Translations translations(JsonLiteral(R"({
    "There is no {words} \"{}\"": {"fr": "Il n’y a pas de {0} « {1} »", "es": "No hay {0} «{1}»", "zh": "没有{0}“{1}”"},
    "practice": {"fr": "clinique", "es": "clínica", "zh": "诊所"},
    "{} of {}": {"fr": "{1}, dont {0}", "es": "{0} de {1}", "zh": "{1} 中的 {0}"}})"));
  EXPECT_EQ("Il n’y a pas de clinique « practice »",
            translations.Translate("There is no practice \"practice\"", "fr"));
  EXPECT_EQ("3, dont 2", translations.Translate("2 of 3", "fr"));
  EXPECT_EQ("没有诊所“”", translations.Translate("There is no practice \"\"", "zh"));
  EXPECT_EQ("There is no practice", translations.Translate("There is no practice", "fr"));
  EXPECT_EQ("2 of 3", translations.Translate("2 of 3", "en"));
  EXPECT_EQ("2 of 3", translations.Translate("2 of 3", "tlh"));
}

TEST(Translations, TakeAnEntryWithTheLongestFixedParts)
{
  const Translations translations(JsonLiteral(R"({
    "expected {words}": {"fr": "attendu : {0}", "es": "se espera {0}", "zh": "应为 {0}"},
    "expected at least {} keys": {"fr": "au moins {0} clés", "es": "al menos {0} claves", "zh": "至少 {0} 个键"}})"));
  EXPECT_EQ("au moins 3 clés", translations.Translate("expected at least 3 keys", "fr"));
  EXPECT_EQ("attendu : at least 3", translations.Translate("expected at least 3", "fr"));
}

TEST(Translations, RefuseACatalogueThatCannotBeUsed)
{
  EXPECT_THROW(Translations(JsonLiteral(R"({"a {}": {"fr": "{1}", "es": "{0}", "zh": "{0}"}})")),
               std::logic_error);
  EXPECT_THROW(Translations(JsonLiteral(R"({"a": {"fr": "b", "es": "c"}})")), std::logic_error);
  EXPECT_THROW(Translations(JsonLiteral(R"({"{}": {"fr": "{0}", "es": "{0}", "zh": "{0}"}})")),
               std::logic_error);
}

TEST(Translations, AreChosenByAcceptLanguage)
{
  const std::vector<std::pair<std::string, std::string>> cases = {{"", "en"},
                                                                  {"fr-CA,fr;q=0.9,en;q=0.8", "fr"},
                                                                  {"en;q=0.1, zh-CN", "zh"},
                                                                  {"zh-TW", "zh"},
                                                                  {"zh-Hant-HK,en;q=0.5", "zh"},
                                                                  {"es-MX;q=0.8, en;q=0.7", "es"},
                                                                  {"fr;q=0", "en"},
                                                                  {"fr;q=0.5, en;q=0, *;q=0.1", "fr"},
                                                                  {"de,pt;q=0.9,fr;q=0.8", "fr"},
                                                                  {"de", "en"},
                                                                  {"ca", "es"},
                                                                  {"*", "en"},
                                                                  {"FR", "fr"},
                                                                  {"fr;q=1.5", "en"},
                                                                  {";;;,,q=", "en"},
                                                                  {std::string(100000, 'f'), "en"}};
  for (const auto& [header, language] : cases)
  {
    EXPECT_EQ(language, ChooseLanguage(header)) << header.substr(0, 100);
  }
}
}  // namespace
