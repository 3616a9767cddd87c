// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Configuration/JsonSchema.h"

#include <gtest/gtest.h>

#include <valijson/adapters/jsoncpp_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "Support/HostileInput.h"

using namespace OrthancClinic;
using namespace OrthancClinic::Testing;

namespace
{
// "path: message; path: message"
std::string Errors(const std::string& schema, const Json::Value& value)
{
  std::string text;
  for (const FieldError& error : JsonSchema(JsonLiteral(schema)).Validate(value))
  {
    text += (text.empty() ? "" : "; ") + error.field + ": " + error.message;
  }
  return text;
}

const char* const kPatient = R"({
  "type": "object", "required": ["practice_id", "names"], "additionalProperties": false,
  "properties": {
    "practice_id": {"type": "string", "minLength": 1, "maxLength": 128},
    "kind": {"enum": ["patient", "lead"]},
    "names": {"type": "array", "minItems": 1, "maxItems": 10, "items": {
      "type": "object", "additionalProperties": false, "required": ["family"],
      "properties": {"family": {"type": "string", "maxLength": 64}, "given": {"type": ["string", "null"]}}}},
    "birth_date": {"anyOf": [{"type": "null"}, {"const": ""}, {"type": "string", "format": "partial-date"}]},
    "score": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
    "visits": {"type": "integer", "minimum": 0, "maximum": 100000},
    "tags": {"type": "array", "uniqueItems": true, "items": {"type": "string"}},
    "attributes": {"type": "object", "propertyNames": {"maxLength": 8}, "maxProperties": 3,
                   "additionalProperties": {"type": ["integer", "boolean"]}},
    "code": {"type": "string", "pattern": "^[A-Z]{1,3}-\\d+$", "examples": ["A-1"]},
    "size": {"oneOf": [{"type": "integer", "minimum": 10}, {"type": "integer", "maximum": 5}]},
    "free": {"not": {"type": "object"}},
    "both": {"allOf": [{"type": "string", "minLength": 2}, {"maxLength": 4}]}
  }})";
}  // namespace

TEST(JsonSchema, SaysWhereAndWhatWasExpected)
{
  struct Case
  {
    const char* schema;
    const char* value;
    const char* errors;
  };
  const Case cases[] = {
      {R"({"type": "integer", "minimum": 1, "maximum": 65535})", "70000",
       ": expected an integer from 1 to 65535"},
      {R"({"type": "integer", "minimum": 1, "maximum": 65535})", "1.5",
       ": expected an integer from 1 to 65535"},
      {R"({"type": "integer", "minimum": 1})", "\"1\"", ": expected an integer of at least 1"},
      {R"({"type": "integer", "minimum": -1})", "-2", ": expected an integer of at least -1"},
      {R"({"type": "integer"})", "9223372036854775808", ": expected an integer"},
      {R"({"type": "integer"})", "1e300", ": expected an integer"},
      {R"({"type": "integer"})", "1.0", ""},
      {R"({"type": "integer", "maximum": 9007199254740992})", "9007199254740993",
       ": expected an integer of at most 9007199254740992"},
      {R"({"type": "number", "maximum": 0.5})", "0.75", ": expected a number of at most 0.5"},
      {R"({"type": "number", "exclusiveMinimum": 0})", "0", ": expected a number greater than 0"},
      {R"({"type": "number", "exclusiveMaximum": 1})", "1", ": expected a number less than 1"},
      {R"({"type": "number"})", "true", ": expected a number"},
      {R"({"type": "boolean"})", "1", ": expected true or false"},
      {R"({"type": ["string", "null"]})", "1", ": expected a string or null"},
      {R"({"type": ["string", "null"]})", "null", ""},
      {R"({"type": "string", "maxLength": 3})", "\"éééé\"", ": expected at most 3 characters"},
      {R"({"type": "string", "maxLength": 3})", "\"王小东\"", ""},
      {R"({"type": "string", "maxLength": 1})", "\"😀\"", ""},
      {R"({"type": "string", "minLength": 1})", "\"\"", ": expected at least 1 character"},
      {R"({"type": "string", "minLength": 1, "maxLength": 8})", "1",
       ": expected a string of 1 to 8 characters"},
      {R"({"enum": ["patient", "lead"]})", "\"Patient\"", ": expected one of: patient, lead"},
      {R"({"enum": ["a", null, 1]})", "1.0", ""},
      {R"({"enum": ["a", null, 1]})", "true", ": expected one of: a, null, 1"},
      {R"({"const": "x"})", "\"y\"", ": expected x"},
      {R"({"pattern": "^a+$"})", R"("b")", ": expected a string that matches ^a+$"},
      {R"({"pattern": "^a+$"})", R"("a\n")", ": expected a string that matches ^a+$"},
      {R"({"pattern": "^\\d$"})", R"("٣")", ": expected a string that matches ^\\d$"},
      {R"({"pattern": "b"})", R"("abc")", ""},
      {R"({"items": {"type": "string"}})", "[\"a\", 1, null]",
       "[1]: expected a string; [2]: expected a string"},
      {R"({"type": "array", "maxItems": 1})", "[1, 2]", ": expected at most 1 item"},
      {R"({"uniqueItems": true})", "[1, 2, 1.0]", "[2]: an item that the array has already"},
      {R"({"properties": {"Host": {}, "Port": {}}, "additionalProperties": false})", R"({"Prot": 1})",
       "Prot: unknown key; known are Host, Port"},
      {R"({"additionalProperties": false})", R"({"a": 1})", "a: unknown key"},
      {R"({"required": ["a", "b"]})", R"({"b": 1})", "a: missing"},
      {R"({"maxProperties": 1})", R"({"a": 1, "b": 1})", ": expected at most 1 key"},
      {R"({"propertyNames": {"pattern": "^[a-z]+$"}})", R"({"A": 1})",
       "A: as a key: expected a string that matches ^[a-z]+$"},
      {R"({"not": {"type": "null"}})", "null", ": not allowed"},
      {R"({"anyOf": [{"type": "null"}, {"type": "string", "maxLength": 2}]})", "\"abc\"",
       ": expected at most 2 characters"},
      {R"({"anyOf": [{"type": "null"}, {"type": "string", "maxLength": 2}]})", "1",
       ": expected null or a string of at most 2 characters"},
      {R"({"oneOf": [{"type": "integer"}, {"type": "number"}]})", "1",
       ": conforms to more than one of the alternatives"},
      {R"({"oneOf": [{"properties": {"kind": {"const": "a"}, "x": {"type": "string"}}, "required": ["x"]},
                     {"properties": {"kind": {"const": "b"}, "y": {"type": "string"}}, "required": ["y"]}]})",
       R"({"kind": "a", "x": 1})", "x: expected a string"},
      {R"({"properties": {"names": {"items": {"properties": {"family": {"type": "string"}}}}}})",
       R"({"names": [{"family": 1}]})", "names[0].family: expected a string"},
      {"false", "1", ": not allowed"},
      {"true", "1", ""}};

  for (const Case& c : cases)
  {
    EXPECT_EQ(Errors(c.schema, JsonLiteral(c.value)), c.errors) << c.schema << " " << c.value;
  }
}

TEST(JsonSchema, ChecksFormats)
{
  const std::pair<const char*, std::vector<const char*>> good[] = {
      {"date-time", {"2026-02-08T10:30:00Z", "2024-02-29t23:59:59.123456-05:00", "9999-12-31T23:59:59Z"}},
      {"date", {"2024-02-29", "0001-01-01"}},
      {"partial-date", {"1985", "1985-12", "1985-12-31"}},
      {"dicom-uid", {"1", "1.2.840.10008.1.1", "0.0"}},
      {"dicom-date", {"20240229", "00010101"}},
      {"ae-title", {"A", "PANO 1", "1234567890123456", "a[]~"}}};
  const std::pair<const char*, std::vector<const char*>> bad[] = {
      {"date-time",
       {"", "2026-02-08", "2026-02-08T10:30:00", "2026-02-30T10:30:00Z", "2026-02-08T24:00:00Z",
        "2026-02-08T10:30:00Z ", "0000-01-01T00:00:00+12:00", "9999-12-31T23:59:59-12:00",
        "2026-02-08 10:30:00Z"}},
      {"date",
       {"", "2025-02-29", "2026-13-01", "2026-00-01", "20260208", "2026-2-8", "2026-02", "2026-02-08Z"}},
      {"partial-date", {"", "85", "1985-", "1985-13", "1985-02-30", "1985/01", "-985", "1985-1", "19850101"}},
      {"dicom-uid",
       {"", ".", "1.", ".1", "1..2", "1.02", "1.2a", "1.2 ",
        "1.2345678901234567890123456789012345678901234567890123456789012345"}},
      {"dicom-date", {"", "2026", "2026-02-08", "20260230", "2026020a", "202602081"}},
      {"ae-title", {"", " A", "A ", "12345678901234567", "A\\\\B", "PANÓ"}}};

  for (const auto& [format, texts] : good)
  {
    for (const char* const text : texts)
    {
      EXPECT_EQ(Errors(std::string(R"({"format": ")") + format + "\"}", text), "") << format << " " << text;
    }
  }
  for (const auto& [format, texts] : bad)
  {
    for (const char* const text : texts)
    {
      EXPECT_NE(Errors(std::string(R"({"format": ")") + format + "\"}", text), "") << format << " " << text;
    }
  }
  EXPECT_EQ(Errors(R"({"type": ["string", "null"], "format": "date"})", "x"),
            ": expected a date such as 2026-02-08");
  EXPECT_EQ(Errors(R"({"type": ["string", "null"], "format": "date"})", Json::nullValue), "");
}

TEST(JsonSchema, NeverRepeatsTheOffendingValue)
{
  const JsonSchema schema(JsonLiteral(kPatient));
  Json::Value document = ConformingDocument(schema.Document());
  for (const std::string& key : document.getMemberNames())
  {
    document[key] = "TREMBLAY4711";
  }
  const auto errors = schema.Validate(document);

  EXPECT_GT(errors.size(), 5u);
  for (const FieldError& error : errors)
  {
    EXPECT_EQ(error.message.find("TREMBLAY4711"), std::string::npos) << error.field;
  }
}

TEST(JsonSchema, RefusesSchemasItWouldNotCheck)
{
  for (const char* const schema :
       {R"({"minLenght": 1})", R"({"format": "email"})", R"({"type": "text"})", R"({"type": []})",
        R"({"if": {}})", R"({"items": [{}]})", R"({"required": "a"})", R"({"minLength": -1})",
        R"({"minimum": "1"})", R"({"pattern": "["})", R"({"pattern": "[[a]&&[b]]"})",
        R"({"pattern": "\\p{L}"})", R"({"enum": []})", R"({"properties": []})", R"({"properties": {"a": 1}})",
        R"({"anyOf": []})", "1", "null"})
  {
    EXPECT_THROW(JsonSchema(JsonLiteral(schema)), std::logic_error) << schema;
  }
}

TEST(JsonSchema, BoundsItsWorkOnHostileValues)
{
  // Both would overflow the stack or run for ever in a backtracking engine that is not limited.
  EXPECT_NE(Errors(R"({"pattern": "^(a|b)*$"})", std::string(1000000, 'a') + "!"), "");
  EXPECT_NE(Errors(R"({"pattern": "^(a+)+$"})", std::string(100, 'a') + "!"), "");

  Json::Value wrong = Json::arrayValue;
  wrong.resize(100000);
  EXPECT_EQ(JsonSchema(JsonLiteral(R"({"items": {"type": "string"}})")).Validate(wrong).size(), 100u);

  Json::Value unknown;
  unknown[std::string(100000, 'k')] = 1;
  EXPECT_LT(Errors(R"({"additionalProperties": false})", unknown).size(), 200u);
  EXPECT_EQ(Errors(R"({"type": "string"})", "\xFF"), ": not valid UTF-8");
}

TEST(JsonSchema, DescribesInWords)
{
  EXPECT_EQ(DescribeSchema(JsonLiteral(R"({"type": "array", "minItems": 1, "maxItems": 1})")),
            "an array of 1 item");
  EXPECT_EQ(DescribeSchema(JsonLiteral(R"({"type": ["string", "null"], "format": "dicom-uid"})")),
            "a DICOM UID such as 1.2.840.10008.1.1 or null");
  EXPECT_EQ(DescribeSchema(JsonLiteral("{}")), "anything");
}

// valijson is the oracle: whatever the document, both must agree on whether it conforms. Left out is what
// valijson cannot judge: integers beyond int, long texts for patterns, and our own formats.
TEST(JsonSchema, AgreesWithValijson)
{
  Json::Value document = JsonLiteral(kPatient);
  document["properties"]["birth_date"]["anyOf"][2].removeMember("format");
  const JsonSchema ours(document);
  valijson::Schema theirs;
  valijson::SchemaParser parser;
  parser.populateSchema(valijson::adapters::JsonCppAdapter(document), theirs);
  valijson::Validator validator(valijson::Validator::kStrongTypes);

  EXPECT_TRUE(ours.Validate(ConformingDocument(document)).empty());
  size_t conforming = 0;
  size_t compared = 0;
  for (const HostileDocument& hostile : HostileDocuments(document, 4711, 2000))
  {
    Json::Value value;
    try
    {
      value = ParseJson(hostile.text);
    }
    catch (const BadInput&)
    {
      continue;
    }
    // The one deliberate difference: an integer must be readable as an int64.
    if (hostile.text.size() > 150000 || hostile.what.find("e+") != std::string::npos)
    {
      continue;
    }
    bool expected = false;
    try
    {
      expected = validator.validate(theirs, valijson::adapters::JsonCppAdapter(value), nullptr);
    }
    catch (const std::exception&)
    {
      continue;
    }
    const auto errors = ours.Validate(value);
    EXPECT_EQ(errors.empty(), expected) << hostile.what << "\n"
                                        << hostile.text.substr(0, 1000) << "\n"
                                        << (errors.empty() ? "" : errors[0].field + ": " + errors[0].message);
    compared++;
    conforming += expected ? 1 : 0;
  }
  EXPECT_GT(compared, 500u);
  EXPECT_GT(conforming, 50u);
}
