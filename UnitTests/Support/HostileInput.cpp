// SPDX-License-Identifier: GPL-3.0-or-later

#include "Support/HostileInput.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <random>

#include "Core/Configuration/JsonSchema.h"

namespace OrthancClinic::Testing
{
namespace
{
// A step from the root of a document to one of its places.
struct Step
{
  std::string key;
  Json::ArrayIndex index = 0;
  bool isIndex = false;
};
using Path = std::vector<Step>;

std::string ToString(const Path& path)
{
  std::string text;
  for (const Step& step : path)
  {
    text += step.isIndex ? fmt::format("[{}]", step.index) : (text.empty() ? "" : ".") + step.key;
  }
  return text.empty() ? "the document" : text;
}

Json::Value& At(Json::Value& document, const Path& path)
{
  Json::Value* place = &document;
  for (const Step& step : path)
  {
    place = step.isIndex ? &(*place)[step.index] : &(*place)[step.key];
  }
  return *place;
}

void ListPlaces(const Json::Value& value, const Path& path, std::vector<Path>& places)
{
  places.push_back(path);
  Path inner = path;
  inner.emplace_back();
  if (value.isObject())
  {
    for (const std::string& key : value.getMemberNames())
    {
      inner.back() = {key};
      ListPlaces(value[key], inner, places);
    }
  }
  else if (value.isArray())
  {
    for (Json::ArrayIndex i = 0; i < value.size(); i++)
    {
      inner.back() = {"", i, true};
      ListPlaces(value[i], inner, places);
    }
  }
}

// Unpleasant, but valid UTF-8 without U+0000: what may stand in a JSON string.
std::vector<std::string> UnpleasantTexts()
{
  return {"",
          " ",
          "' OR '1'='1",
          "'; DROP TABLE patients; --",
          "\" OR \"\"=\"",
          "%' UNION SELECT * FROM users --",
          "%_%",
          "<script>alert(1)</script>",
          "\"><img src=x onerror=alert(1)>",
          "{{7*7}}${7*7}#{7*7}",
          "${HOME}",
          "$(id)`id`|id;id",
          "../../../../etc/passwd",
          "..\\..\\windows",
          "\r\nX-Injected: 1\r\n\r\n",
          "\x01\x02\x1b[31m\x7f",
          "\\",
          "null",
          "true",
          "-1",
          "1e999",
          "99999999999999999999999999",
          "%00%0a%2e%2e%2f",
          "%s%n%x",
          "TREMBLAY^JEAN=王^小东",
          "\xC3\xA9"
          "e\xCC\x81",
          "\xE2\x80\xAE"
          "evil\xE2\x80\xAC",
          "\xEF\xBB\xBF",
          "\xEF\xBF\xBF",
          "\xF0\x9F\x98\x80",
          std::string(129, 'a'),
          std::string(10000, 'a'),
          std::string(200000, 'a') + "!"};
}

std::vector<Json::Value> UnpleasantValues()
{
  std::vector<Json::Value> values = {
      Json::nullValue,
      true,
      0,
      -1,
      1,
      0.5,
      Json::Value(Json::Int64(-2147483649)),
      Json::Value(std::numeric_limits<Json::Int64>::max()),
      Json::Value(std::numeric_limits<Json::Int64>::min()),
      1e300,
      -1e300,
      5e-324,
      9223372036854775808.0,
      Json::Value(Json::arrayValue),
      Json::Value(Json::objectValue),
      JsonLiteral(R"([[[[[[[[[[]]]]]]]]]])"),
      JsonLiteral(R"({"$ne": null})"),
      JsonLiteral(R"({"__proto__": {"admin": true}, "": "", "constructor": 1})")};
  Json::Value many = Json::arrayValue;
  many.resize(5000);
  values.push_back(many);
  for (const std::string& text : UnpleasantTexts())
  {
    values.push_back(text);
  }
  return values;
}

class Generator
{
public:
  Generator(const Json::Value& schema, uint32_t seed)
      : schema_(schema), sample_(ConformingDocument(schema)), random_(seed)
  {
    ListPlaces(sample_, {}, places_);
  }

  std::vector<HostileDocument> Generate(size_t random)
  {
    for (const Path& path : places_)
    {
      ReplaceValue(path);
      const Json::Value& value = At(sample_, path);
      if (value.isObject())
      {
        ChangeKeys(path);
      }
      else if (value.isArray() && !value.empty())
      {
        RepeatItems(path);
      }
      BreakText(path);
    }
    BreakWhole();
    MutateBytes(random);
    return std::move(documents_);
  }

private:
  void Add(const std::string& what, const Json::Value& document)
  {
    documents_.push_back({what, WriteJson(document), !schema_.Validate(document).empty()});
  }

  void ReplaceValue(const Path& path)
  {
    for (const Json::Value& value : UnpleasantValues())
    {
      Json::Value document = sample_;
      At(document, path) = value;
      Add(ToString(path) + ": replaced by " + WriteJson(value).substr(0, 60), document);
    }
  }

  void ChangeKeys(const Path& path)
  {
    const std::string where = ToString(path);
    Json::Value document = sample_;
    for (const std::string& key : At(sample_, path).getMemberNames())
    {
      document = sample_;
      At(document, path).removeMember(key);
      Add(where + ": without " + key, document);
    }
    for (const std::string& key : UnpleasantTexts())
    {
      document = sample_;
      At(document, path)[key] = 1;
      Add(where + ": with an unknown key", document);
    }
    document = sample_;
    for (int i = 0; i < 2000; i++)
    {
      At(document, path)[fmt::format("key{}", i)] = i;
    }
    Add(where + ": with 2,000 unknown keys", document);
  }

  void RepeatItems(const Path& path)
  {
    Json::Value document = sample_;
    Json::Value& array = At(document, path);
    const Json::Value item = array[0];
    while (array.size() < 2000)
    {
      array.append(item);
    }
    Add(ToString(path) + ": with 2,000 equal items", document);
  }

  // Puts bytes that are no JSON in the place of a value.
  void BreakText(const Path& path)
  {
    using namespace std::string_literals;
    const std::string where = ToString(path);
    const std::vector<std::pair<std::string, std::string>> fragments = {
        {"an overlong slash", "\"\xC0\xAF\""},
        {"a byte that is no UTF-8", "\"a\xFF\""},
        {"a cut character", "\"\xE7\x8E\""},
        {"an encoded surrogate", "\"\xED\xA0\x80\""},
        {"a raw U+0000", "\"a\0b\""s},
        {"an escaped U+0000", "\"a\\u0000b\""},
        {"half of a surrogate pair", "\"\\ud83d\""},
        {"a raw line break", "\"a\nb\""},
        {"NaN", "NaN"},
        {"infinity", "-Infinity"},
        {"a number beyond double", "1e999"},
        {"a number with a leading zero", "007"},
        {"a hexadecimal number", "0x10"},
        {"nothing", ""},
        {"a comment", "1 /* one */"},
        {"a comma too many", "[1,]"},
        {"a key twice", "{\"a\":1,\"a\":2}"},
        {"nesting without end", std::string(100000, '[')},
        {"deep nesting", std::string(5000, '[') + std::string(5000, ']')}};
    static const std::string kMark = "\"@here@\"";
    Json::Value document = sample_;
    At(document, path) = "@here@";
    const std::string text = WriteJson(document);
    const size_t mark = text.find(kMark);
    for (const auto& [what, fragment] : fragments)
    {
      // Without its only item, an array is well-formed again; and a body may be optional.
      documents_.push_back(
          {where + ": " + what, std::string(text).replace(mark, kMark.size(), fragment), !fragment.empty()});
    }
  }

  void BreakWhole()
  {
    const std::string text = WriteJson(sample_);
    if (sample_.isObject() || sample_.isArray())
    {
      for (size_t i = 1; i < text.size(); i += 1 + text.size() / 40)
      {
        documents_.push_back({fmt::format("cut after {} bytes", i), text.substr(0, i)});
      }
    }
    documents_.push_back({"twice", text + text});
    documents_.push_back({"with a byte order mark", "\xEF\xBB\xBF" + text});
    documents_.push_back({"with a byte behind it", text + '\0'});
    documents_.push_back({"a form", "a=1&b=2"});
    documents_.push_back({"XML", "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>"});
    documents_.push_back({"blanks", std::string(1000, ' ')});
  }

  void MutateBytes(size_t random)
  {
    const std::string text = WriteJson(sample_);
    for (size_t i = 0; i < random; i++)
    {
      std::string mutated = text;
      for (unsigned changes = 1 + random_() % 4; changes > 0; changes--)
      {
        const size_t position = random_() % (mutated.size() + 1);
        const auto byte = static_cast<char>(random_() % 256);
        switch (random_() % 3)
        {
          case 0:
            mutated.insert(position, 1, byte);
            break;
          case 1:
            mutated.erase(position, 1 + random_() % 4);
            break;
          default:
            mutated.replace(position, 1, 1, byte);
        }
      }
      documents_.push_back({fmt::format("mutation {}", i), mutated, false});
    }
  }

  JsonSchema schema_;
  Json::Value sample_;
  std::vector<Path> places_;
  std::mt19937 random_;
  std::vector<HostileDocument> documents_;
};

std::string ConformingText(const Json::Value& schema)
{
  const std::string format = schema["format"].asString();
  if (format == "date-time")
  {
    return "2026-02-08T10:30:00Z";
  }
  if (format == "date" || format == "partial-date")
  {
    return "2026-02-08";
  }
  if (format == "dicom-date")
  {
    return "20260208";
  }
  if (format == "ae-title")
  {
    return "PANO 1";
  }
  if (format == "dicom-uid")
  {
    return "1.2.840.10008.1.1";
  }
  std::string text = "text";
  text.resize(std::max<size_t>(text.size(), schema["minLength"].asUInt64()), 'x');
  return schema.isMember("maxLength") ? text.substr(0, schema["maxLength"].asUInt64()) : text;
}

Json::Value ConformingNumber(const Json::Value& schema, bool whole)
{
  const double step = whole ? 1 : 1e-3;
  if (schema.isMember("minimum"))
  {
    return schema["minimum"];
  }
  if (schema.isMember("exclusiveMinimum"))
  {
    const double value = schema["exclusiveMinimum"].asDouble() + step;
    return whole ? Json::Value(static_cast<Json::Int64>(value)) : Json::Value(value);
  }
  if (schema.isMember("exclusiveMaximum"))
  {
    const double value = schema["exclusiveMaximum"].asDouble() - step;
    return whole ? Json::Value(static_cast<Json::Int64>(value)) : Json::Value(value);
  }
  return schema.isMember("maximum") ? schema["maximum"] : Json::Value(1);
}
}  // namespace

Json::Value ConformingDocument(const Json::Value& schema)
{
  for (const char* const keyword : {"const", "default"})
  {
    // The default of an object or array is often the empty one, which shows little of the schema.
    if (schema.isObject() && schema.isMember(keyword) && !schema[keyword].isObject() &&
        !schema[keyword].isArray())
    {
      return schema[keyword];
    }
  }
  if (!schema.isObject())
  {
    return "anything";
  }
  for (const char* const keyword : {"examples", "enum"})
  {
    if (schema.isMember(keyword))
    {
      return schema[keyword][0];
    }
  }
  for (const char* const keyword : {"anyOf", "oneOf"})
  {
    if (schema.isMember(keyword))
    {
      return ConformingDocument(schema[keyword][0]);
    }
  }
  const Json::Value& type = schema["type"];
  const std::string kind = type.isArray() ? type[0].asString() : type.asString();
  if (kind == "object" || schema.isMember("properties"))
  {
    Json::Value object = Json::objectValue;
    const Json::Value& properties = schema["properties"];
    for (const std::string& key : properties.getMemberNames())
    {
      if (properties[key] != false)
      {
        object[key] = ConformingDocument(properties[key]);
      }
    }
    return object;
  }
  if (kind == "array")
  {
    Json::Value array = Json::arrayValue;
    const size_t size = std::min<size_t>(std::max<size_t>(1, schema["minItems"].asUInt64()),
                                         schema.get("maxItems", 1000).asUInt64());
    while (array.size() < size)
    {
      array.append(ConformingDocument(schema["items"]));
    }
    return array;
  }
  if (kind == "integer" || kind == "number")
  {
    return ConformingNumber(schema, kind == "integer");
  }
  if (kind == "boolean")
  {
    return true;
  }
  return kind == "null" ? Json::Value() : Json::Value(ConformingText(schema));
}

std::vector<HostileDocument> HostileDocuments(const Json::Value& schema, uint32_t seed, size_t random)
{
  return Generator(schema, seed).Generate(random);
}

std::vector<std::string> HostileTexts()
{
  using namespace std::string_literals;
  std::vector<std::string> texts = UnpleasantTexts();
  const std::vector<std::string> broken = {"\xC0\xAF", "a\xFF", "\xE7\x8E", "\xED\xA0\x80", "a\0b"s, "\0"s};
  texts.insert(texts.end(), broken.begin(), broken.end());
  return texts;
}

std::string NestedDicom(const std::string& studyUid)
{
  const auto uid = [](const char* tag, std::string value)
  {
    value.resize(value.size() + value.size() % 2);
    return std::string(tag, 4) + "UI" + static_cast<char>(value.size()) + '\0' + value;
  };
  std::string file = std::string(128, '\0') + "DICM" + uid("\x02\x00\x10\x00", "1.2.840.10008.1.2.1") +
                     uid("\x08\x00\x16\x00", "1.2.840.10008.5.1.4.1.1.88.34") +
                     uid("\x08\x00\x18\x00", "1.2.3.5") + uid("\x20\x00\x0d\x00", studyUid);
  // A sequence and its item, both of undefined length.
  constexpr std::string_view LEVEL(
      "\x40\x00\x30\xa7SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff", 20);
  for (int depth = 0; depth < 300'000; depth++)
  {
    file += LEVEL;
  }
  return file;
}

std::string PercentEncode(const std::string& text)
{
  std::string encoded;
  for (const char c : text)
  {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    encoded += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}
}  // namespace OrthancClinic::Testing
