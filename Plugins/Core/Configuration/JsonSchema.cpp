// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Configuration/JsonSchema.h"

#include <fmt/format.h>
#include <unicode/regex.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string_view>

#include "Core/Timestamp.h"

namespace OrthancClinic
{
namespace
{
constexpr size_t kMostErrors = 100;
constexpr size_t kUnlimited = std::numeric_limits<size_t>::max();

// Kinds of values; a whole number is both Integer and Number.
enum Kind : unsigned
{
  Null = 1,
  Boolean = 2,
  Integer = 4,
  Number = 8,
  String = 16,
  Array = 32,
  Object = 64
};

const std::map<std::string, Kind>& Kinds()
{
  static const std::map<std::string, Kind> kinds = {
      {"null", Null},     {"boolean", Boolean}, {"integer", Integer}, {"number", Number},
      {"string", String}, {"array", Array},     {"object", Object}};
  return kinds;
}

unsigned KindsOf(const Json::Value& value)
{
  switch (value.type())
  {
    case Json::nullValue:
      return Null;
    case Json::booleanValue:
      return Boolean;
    case Json::intValue:
    case Json::uintValue:
    case Json::realValue:
      return value.isInt64() ? Integer | Number : Number;
    case Json::stringValue:
      return String;
    case Json::arrayValue:
      return Array;
    case Json::objectValue:
      return Object;
  }
  return 0;
}

std::string_view TextOf(const Json::Value& value)
{
  const char* first = nullptr;
  const char* last = nullptr;
  value.getString(&first, &last);
  return {first, static_cast<size_t>(last - first)};
}

// ----------------------------------------------------------------------------------------------------
// formats

std::optional<int> ReadNumber(std::string_view text)
{
  int value = 0;
  for (const char c : text)
  {
    if (c < '0' || c > '9')
    {
      return std::nullopt;
    }
    value = value * 10 + (c - '0');
  }
  return value;
}

bool IsPartialDate(std::string_view text)
{
  if ((text.size() != 4 && text.size() != 7 && text.size() != 10) || (text.size() > 4 && text[4] != '-') ||
      (text.size() > 7 && text[7] != '-'))
  {
    return false;
  }
  const auto year = ReadNumber(text.substr(0, 4));
  const auto month = text.size() > 4 ? ReadNumber(text.substr(5, 2)) : 1;
  const auto day = text.size() > 7 ? ReadNumber(text.substr(8, 2)) : 1;
  return year && month && day &&
         std::chrono::year_month_day(std::chrono::year(*year),
                                     std::chrono::month(static_cast<unsigned>(*month)),
                                     std::chrono::day(static_cast<unsigned>(*day)))
             .ok();
}

bool IsDate(std::string_view text)
{
  return text.size() == 10 && IsPartialDate(text);
}

bool IsDateTime(std::string_view text)
{
  // An offset can carry the first or last day out of the years 0000 to 9999, which have no spelling then.
  const auto time = text.size() <= 64 ? ParseTimestamp(text) : std::nullopt;
  return time && *time >= *ParseTimestamp("0000-01-01T00:00:00Z") &&
         *time <= *ParseTimestamp("9999-12-31T23:59:59.999Z");
}

// PS3.5 6.2, DA.
bool IsDicomDate(std::string_view text)
{
  return text.size() == 8 &&
         IsDate(fmt::format("{}-{}-{}", text.substr(0, 4), text.substr(4, 2), text.substr(6)));
}

// PS3.5 6.2, AE: 1 to 16 characters of ASCII without backslash; spaces at the ends mean nothing.
bool IsAeTitle(std::string_view text)
{
  return !text.empty() && text.size() <= 16 && text.front() != ' ' && text.back() != ' ' &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~' && c != '\\'; });
}

// PS3.5, 9.1: at most 64 characters; components of digits, without leading zeros, joined by dots.
bool IsDicomUid(std::string_view text)
{
  if (text.empty() || text.size() > 64)
  {
    return false;
  }
  while (true)
  {
    const size_t dot = text.find('.');
    const std::string_view component = text.substr(0, dot);
    if (component.empty() || component.find_first_not_of("0123456789") != std::string_view::npos ||
        (component.size() > 1 && component.front() == '0'))
    {
      return false;
    }
    if (dot == std::string_view::npos)
    {
      return true;
    }
    text.remove_prefix(dot + 1);
  }
}

struct Format
{
  bool (*accepts)(std::string_view);
  std::string_view words;
};

const Format* FindFormat(const std::string& name)
{
  static const std::map<std::string, Format> formats = {
      {"date-time", {IsDateTime, "a date-time such as 2026-02-08T10:30:00Z"}},
      {"date", {IsDate, "a date such as 2026-02-08"}},
      {"partial-date", {IsPartialDate, "a date such as 1985-01-31, 1985-01 or 1985"}},
      {"dicom-uid", {IsDicomUid, "a DICOM UID such as 1.2.840.10008.1.1"}},
      {"dicom-date", {IsDicomDate, "a date as YYYYMMDD"}},
      {"ae-title", {IsAeTitle, "an AE title (1 to 16 characters of ASCII, no backslash)"}}};
  const auto found = formats.find(name);
  return found == formats.end() ? nullptr : &found->second;
}

// ----------------------------------------------------------------------------------------------------
// patterns

// ECMA-262's spelling of a regular expression (as JSON Schema has it) in ICU's: there, "$" also matches
// before a final line break and \d, \w match far more than ASCII. What else the two read differently is
// refused.
std::string ToIcu(const std::string& pattern)
{
  std::string result;
  bool inClass = false;
  for (size_t i = 0; i < pattern.size(); i++)
  {
    const char c = pattern[i];
    if (c == '\\' && i + 1 < pattern.size())
    {
      const char escaped = pattern[++i];
      if (escaped == 'd' || escaped == 'w')
      {
        const std::string members = escaped == 'd' ? "0-9" : "A-Za-z0-9_";
        result.append(inClass ? members : "[" + members + "]");
      }
      else if (std::string_view("DWbBSpPuckxX").find(escaped) != std::string_view::npos)
      {
        throw std::logic_error(fmt::format("\\{} in a pattern is not supported", escaped));
      }
      else
      {
        result.append({c, escaped});
      }
    }
    else if (inClass)
    {
      if (c == '[' || ((c == '&' || c == '-') && i + 1 < pattern.size() && pattern[i + 1] == c))
      {
        throw std::logic_error("escape [, && and -- in a pattern's class");
      }
      inClass = c != ']';
      result.push_back(c);
    }
    else
    {
      inClass = c == '[';
      result.append(c == '$' ? "\\z" : std::string(1, c));
    }
  }
  return result;
}

// ICU's engine keeps its state on the heap and can be limited, whereas std::regex recurses and lets a long
// string overflow the stack.
class Pattern
{
public:
  explicit Pattern(const std::string& text)
  {
    UErrorCode status = U_ZERO_ERROR;
    UParseError where;
    compiled_.reset(icu::RegexPattern::compile(icu::UnicodeString::fromUTF8(ToIcu(text)), 0, where, status));
    if (U_FAILURE(status))
    {
      throw std::logic_error("not a regular expression");
    }
  }

  bool Finds(std::string_view text) const
  {
    static constexpr int32_t kSteps = 500;  // roughly milliseconds: the end of catastrophic backtracking
    UErrorCode status = U_ZERO_ERROR;
    const auto subject =
        icu::UnicodeString::fromUTF8(icu::StringPiece(text.data(), static_cast<int32_t>(text.size())));
    const std::unique_ptr<icu::RegexMatcher> matcher(compiled_->matcher(subject, status));
    if (U_FAILURE(status))
    {
      return false;
    }
    matcher->setTimeLimit(kSteps, status);
    return matcher->find(status) && U_SUCCESS(status);
  }

private:
  std::unique_ptr<icu::RegexPattern> compiled_;
};

// ---------------------------------------------------------------------------------------------------- words

std::string Count(size_t count, std::string_view noun)
{
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string Join(const std::vector<std::string>& words, std::string_view separator)
{
  return fmt::format("{}", fmt::join(words, separator));
}

std::string Plain(const Json::Value& value)
{
  return value.isString() ? value.asString() : WriteJson(value);
}

// " from 1 to 10", " of at least 1" …; `noun` is "" for the number itself.
std::string RangeInWords(const Json::Value& schema, const char* minimum, const char* maximum,
                         std::string_view noun)
{
  const bool hasMinimum = schema.isMember(minimum);
  const bool hasMaximum = schema.isMember(maximum);
  const std::string low = hasMinimum ? WriteJson(schema[minimum]) : "";
  const std::string high = hasMaximum ? WriteJson(schema[maximum]) : "";
  const std::string suffix =
      noun.empty() ? "" : fmt::format(" {}{}", noun, (hasMaximum ? high : low) == "1" ? "" : "s");
  if (hasMinimum && hasMaximum)
  {
    return low == high && !noun.empty()
               ? fmt::format(" of {}{}", low, suffix)
               : fmt::format(" {} {} to {}{}", noun.empty() ? "from" : "of", low, high, suffix);
  }
  return hasMinimum   ? fmt::format(" of at least {}{}", low, suffix)
         : hasMaximum ? fmt::format(" of at most {}{}", high, suffix)
                      : "";
}

std::string NumberInWords(const Json::Value& schema, const std::string& noun)
{
  std::string words = noun + RangeInWords(schema, "minimum", "maximum", "");
  if (schema.isMember("exclusiveMinimum"))
  {
    words += " greater than " + WriteJson(schema["exclusiveMinimum"]);
  }
  if (schema.isMember("exclusiveMaximum"))
  {
    words += " less than " + WriteJson(schema["exclusiveMaximum"]);
  }
  return words;
}

std::string TypeInWords(const Json::Value& schema, const std::string& type)
{
  if (type == "integer")
  {
    return NumberInWords(schema, "an integer");
  }
  if (type == "number")
  {
    return NumberInWords(schema, "a number");
  }
  if (type == "string")
  {
    const Format* const format = FindFormat(schema.get("format", "").asString());
    return format ? std::string(format->words)
                  : "a string" + RangeInWords(schema, "minLength", "maxLength", "character");
  }
  if (type == "array")
  {
    return "an array" + RangeInWords(schema, "minItems", "maxItems", "item");
  }
  return type == "object" ? "an object" : type == "boolean" ? "true or false" : type;
}

// ----------------------------------------------------------------------------------------------------
// compilation

// One schema, ready to be checked against.
struct Node
{
  bool nothing = false;  // the schema `false`
  unsigned kinds = 0;    // 0: any
  std::string words;
  bool restricted = false;
  std::set<std::string> allowed;  // enum or const, as WriteJson spells them
  Json::Value minimum, maximum, exclusiveMinimum, exclusiveMaximum;  // null: none
  size_t minLength = 0, maxLength = kUnlimited;
  size_t minItems = 0, maxItems = kUnlimited;
  size_t minProperties = 0, maxProperties = kUnlimited;
  bool uniqueItems = false;
  const Format* format = nullptr;
  std::string patternText;
  std::unique_ptr<Pattern> pattern;
  std::map<std::string, std::unique_ptr<Node>, std::less<>> properties;
  std::vector<std::string> required;
  std::unique_ptr<Node> additional, items, propertyNames, negated;
  std::vector<std::unique_ptr<Node>> anyOf, oneOf, allOf;
};

[[noreturn]] void Refuse(const std::string& where, const std::string& message)
{
  throw std::logic_error(fmt::format("JSON Schema at {}: {}", where, message));
}

std::unique_ptr<Node> Compile(const Json::Value& schema, const std::string& where);

std::vector<std::unique_ptr<Node>> CompileAll(const Json::Value& schemas, const std::string& where)
{
  if (!schemas.isArray() || schemas.empty())
  {
    Refuse(where, "expected an array of schemas");
  }
  std::vector<std::unique_ptr<Node>> nodes;
  for (const Json::Value& schema : schemas)
  {
    nodes.push_back(Compile(schema, fmt::format("{}/{}", where, nodes.size())));
  }
  return nodes;
}

size_t ReadSize(const Json::Value& value, const std::string& where)
{
  if (!value.isUInt64())
  {
    Refuse(where, "expected a size");
  }
  return value.asUInt64();
}

const Json::Value& ReadBound(const Json::Value& value, const std::string& where)
{
  if (!value.isNumeric())
  {
    Refuse(where, "expected a number");
  }
  return value;
}

void CompileType(Node& node, const Json::Value& type, const std::string& where)
{
  const auto add = [&](const Json::Value& name)
  {
    const auto kind = name.isString() ? Kinds().find(name.asString()) : Kinds().end();
    if (kind == Kinds().end())
    {
      Refuse(where, "unknown type");
    }
    node.kinds |= kind->second;
  };
  if (!type.isArray())
  {
    add(type);
    return;
  }
  for (const Json::Value& name : type)
  {
    add(name);
  }
  if (type.empty())
  {
    Refuse(where, "unknown type");
  }
}

void CompileProperties(Node& node, const Json::Value& properties, const std::string& where)
{
  if (!properties.isObject())
  {
    Refuse(where, "expected an object of schemas");
  }
  for (auto property = properties.begin(); property != properties.end(); ++property)
  {
    node.properties.emplace(property.name(), Compile(*property, where + "/" + property.name()));
  }
}

void CompileValues(Node& node, const Json::Value& values, const std::string& where)
{
  if (node.restricted || !values.isArray() || values.empty())
  {
    Refuse(where, "expected one array of values");
  }
  node.restricted = true;
  for (const Json::Value& value : values)
  {
    node.allowed.insert(WriteJson(value));
  }
}

void CompilePattern(Node& node, const Json::Value& pattern, const std::string& where)
{
  if (!pattern.isString())
  {
    Refuse(where, "expected a string");
  }
  node.patternText = pattern.asString();
  try
  {
    node.pattern = std::make_unique<Pattern>(node.patternText);
  }
  catch (const std::logic_error& e)
  {
    Refuse(where, e.what());
  }
}

void CompileRequired(Node& node, const Json::Value& required, const std::string& where)
{
  if (!required.isArray())
  {
    Refuse(where, "expected an array of keys");
  }
  for (const Json::Value& key : required)
  {
    if (!key.isString())
    {
      Refuse(where, "expected an array of keys");
    }
    node.required.push_back(key.asString());
  }
}

void CompileFormat(Node& node, const Json::Value& format, const std::string& where)
{
  node.format = format.isString() ? FindFormat(format.asString()) : nullptr;
  if (!node.format)
  {
    Refuse(where, "unknown format");
  }
}

using Keyword = void (*)(Node&, const Json::Value&, const std::string& where);

const std::map<std::string, Keyword>& Keywords()
{
  using V = const Json::Value&;
  using S = const std::string&;
  static const Keyword kAnnotation = [](Node&, V, S) {};
  static const std::map<std::string, Keyword> keywords = {
      {"type", CompileType},
      {"enum", CompileValues},
      {"const",
       [](Node& n, V v, S where)
       {
         Json::Value one = Json::arrayValue;
         one.append(v);
         CompileValues(n, one, where);
       }},
      {"minimum", [](Node& n, V v, S where) { n.minimum = ReadBound(v, where); }},
      {"maximum", [](Node& n, V v, S where) { n.maximum = ReadBound(v, where); }},
      {"exclusiveMinimum", [](Node& n, V v, S where) { n.exclusiveMinimum = ReadBound(v, where); }},
      {"exclusiveMaximum", [](Node& n, V v, S where) { n.exclusiveMaximum = ReadBound(v, where); }},
      {"minLength", [](Node& n, V v, S where) { n.minLength = ReadSize(v, where); }},
      {"maxLength", [](Node& n, V v, S where) { n.maxLength = ReadSize(v, where); }},
      {"pattern", CompilePattern},
      {"format", CompileFormat},
      {"items", [](Node& n, V v, S where) { n.items = Compile(v, where); }},
      {"minItems", [](Node& n, V v, S where) { n.minItems = ReadSize(v, where); }},
      {"maxItems", [](Node& n, V v, S where) { n.maxItems = ReadSize(v, where); }},
      {"uniqueItems",
       [](Node& n, V v, S where)
       {
         if (!v.isBool())
         {
           Refuse(where, "expected true or false");
         }
         n.uniqueItems = v.asBool();
       }},
      {"properties", CompileProperties},
      {"required", CompileRequired},
      {"additionalProperties", [](Node& n, V v, S where) { n.additional = Compile(v, where); }},
      {"propertyNames", [](Node& n, V v, S where) { n.propertyNames = Compile(v, where); }},
      {"minProperties", [](Node& n, V v, S where) { n.minProperties = ReadSize(v, where); }},
      {"maxProperties", [](Node& n, V v, S where) { n.maxProperties = ReadSize(v, where); }},
      {"allOf", [](Node& n, V v, S where) { n.allOf = CompileAll(v, where); }},
      {"anyOf", [](Node& n, V v, S where) { n.anyOf = CompileAll(v, where); }},
      {"oneOf", [](Node& n, V v, S where) { n.oneOf = CompileAll(v, where); }},
      {"not", [](Node& n, V v, S where) { n.negated = Compile(v, where); }},
      {"title", kAnnotation},
      {"description", kAnnotation},
      {"default", kAnnotation},
      {"examples", kAnnotation},
      {"readOnly", kAnnotation},
      {"writeOnly", kAnnotation},
      {"deprecated", kAnnotation},
      {"$schema", kAnnotation},
      {"$comment", kAnnotation}};
  return keywords;
}

std::unique_ptr<Node> Compile(const Json::Value& schema, const std::string& where)
{
  auto node = std::make_unique<Node>();
  if (schema.isBool())
  {
    node->nothing = !schema.asBool();
    return node;
  }
  if (!schema.isObject())
  {
    Refuse(where, "expected a schema");
  }
  for (auto keyword = schema.begin(); keyword != schema.end(); ++keyword)
  {
    const std::string name = keyword.name();
    const auto found = Keywords().find(name);
    if (found != Keywords().end())
    {
      found->second(*node, *keyword, where + "/" + name);
    }
    else if (!name.starts_with("x-"))
    {
      Refuse(where, "unknown keyword " + name);
    }
  }
  node->words = DescribeSchema(schema);
  return node;
}

// ----------------------------------------------------------------------------------------------------
// validation

// Where we are in the document, linked to where we came from; turned into text only for an error.
struct Place
{
  const Place* parent = nullptr;
  std::string_view key = {};
  std::optional<Json::ArrayIndex> index = std::nullopt;

  std::string ToString() const
  {
    const std::string before = parent ? parent->ToString() : "";
    if (index)
    {
      return fmt::format("{}[{}]", before, *index);
    }
    const std::string name = Abbreviate(key);
    return before.empty() ? name : before + "." + name;
  }
};

int Compare(const Json::Value& a, const Json::Value& b)
{
  if (a.isInt64() && b.isInt64())
  {
    const int64_t x = a.asInt64();
    const int64_t y = b.asInt64();
    return x < y ? -1 : x > y ? 1 : 0;
  }
  const double x = a.asDouble();
  const double y = b.asDouble();
  return x < y ? -1 : x > y ? 1 : 0;
}

class Validation
{
public:
  explicit Validation(std::vector<FieldError>& errors) : errors_(errors) {}

  void Check(const Node& node, const Json::Value& value, const Place& place)
  {
    const unsigned kinds = KindsOf(value);
    if (node.nothing)
    {
      Add(place, "not allowed");
      return;
    }
    if ((node.kinds != 0 && (node.kinds & kinds) == 0) ||
        (node.restricted && !node.allowed.contains(WriteJson(value))))
    {
      Add(place, "expected " + node.words);
      return;
    }
    if (kinds & Number)
    {
      CheckNumber(node, value, place);
    }
    else if (kinds & String)
    {
      CheckString(node, TextOf(value), place);
    }
    else if (kinds & Array)
    {
      CheckArray(node, value, place);
    }
    else if (kinds & Object)
    {
      CheckObject(node, value, place);
    }
    CheckCombinations(node, value, place);
  }

private:
  void Add(const Place& place, const std::string& message)
  {
    if (errors_.size() < kMostErrors)
    {
      errors_.push_back({place.ToString(), message});
    }
  }

  void CheckNumber(const Node& node, const Json::Value& value, const Place& place)
  {
    if ((!node.minimum.isNull() && Compare(value, node.minimum) < 0) ||
        (!node.maximum.isNull() && Compare(value, node.maximum) > 0) ||
        (!node.exclusiveMinimum.isNull() && Compare(value, node.exclusiveMinimum) <= 0) ||
        (!node.exclusiveMaximum.isNull() && Compare(value, node.exclusiveMaximum) >= 0))
    {
      Add(place, "expected " + node.words);
    }
  }

  void CheckSize(size_t size, size_t least, size_t most, std::string_view noun, const Place& place)
  {
    if (size < least)
    {
      Add(place, "expected at least " + Count(least, noun));
    }
    else if (size > most)
    {
      Add(place, "expected at most " + Count(most, noun));
    }
  }

  void CheckString(const Node& node, std::string_view text, const Place& place)
  {
    const auto length = CountCodePoints(text);
    if (!length)
    {
      Add(place, "not valid UTF-8");
      return;
    }
    if (*length < node.minLength || *length > node.maxLength)
    {
      // One message is enough: a text of the wrong length has no need to be matched as well.
      CheckSize(*length, node.minLength, node.maxLength, "character", place);
    }
    else if (node.format && !node.format->accepts(text))
    {
      Add(place, fmt::format("expected {}", node.format->words));
    }
    else if (node.pattern && !node.pattern->Finds(text))
    {
      Add(place, "expected a string that matches " + node.patternText);
    }
  }

  void CheckArray(const Node& node, const Json::Value& value, const Place& place)
  {
    CheckSize(value.size(), node.minItems, node.maxItems, "item", place);
    std::set<std::string> seen;
    for (Json::ArrayIndex i = 0; i < value.size(); i++)
    {
      const Place here{&place, {}, i};
      if (node.items)
      {
        Check(*node.items, value[i], here);
      }
      if (node.uniqueItems && !seen.insert(WriteJson(value[i])).second)
      {
        Add(here, "an item that the array has already");
      }
    }
  }

  void CheckObject(const Node& node, const Json::Value& value, const Place& place)
  {
    CheckSize(value.size(), node.minProperties, node.maxProperties, "key", place);
    for (const std::string& key : node.required)
    {
      if (!value.isMember(key))
      {
        Add({&place, key}, "missing");
      }
    }
    for (auto member = value.begin(); member != value.end(); ++member)
    {
      const std::string key = member.name();
      const Place here{&place, key};
      const auto property = node.properties.find(key);
      if (node.propertyNames)
      {
        CheckKey(*node.propertyNames, key, here);
      }
      if (property != node.properties.end())
      {
        Check(*property->second, *member, here);
      }
      else if (node.additional && node.additional->nothing)
      {
        Add(here, UnknownKey(node));
      }
      else if (node.additional)
      {
        Check(*node.additional, *member, here);
      }
    }
  }

  void CheckKey(const Node& node, const std::string& key, const Place& place)
  {
    std::vector<FieldError> errors;
    Validation(errors).Check(node, Json::Value(key), Place());
    for (const FieldError& error : errors)
    {
      Add(place, "as a key: " + error.message);
    }
  }

  static std::string UnknownKey(const Node& node)
  {
    std::vector<std::string> known;
    for (const auto& [name, property] : node.properties)
    {
      known.push_back(name);
    }
    return known.empty() ? "unknown key" : "unknown key; known are " + Join(known, ", ");
  }

  void CheckCombinations(const Node& node, const Json::Value& value, const Place& place)
  {
    for (const auto& each : node.allOf)
    {
      Check(*each, value, place);
    }
    if (node.negated && TrialErrors(*node.negated, value, place).empty())
    {
      Add(place, "not allowed");
    }
    if (!node.anyOf.empty())
    {
      CheckAlternatives(node.anyOf, value, place);
    }
    if (!node.oneOf.empty() && CheckAlternatives(node.oneOf, value, place) > 1)
    {
      Add(place, "conforms to more than one of the alternatives");
    }
  }

  static std::vector<FieldError> TrialErrors(const Node& node, const Json::Value& value, const Place& place)
  {
    std::vector<FieldError> errors;
    Validation(errors).Check(node, value, place);
    return errors;
  }

  // How many of the alternatives `value` conforms to. If none, the errors are those of the one alternative
  // that was meant, where that can be told (the only one of the value's type with the fewest errors).
  size_t CheckAlternatives(const std::vector<std::unique_ptr<Node>>& nodes, const Json::Value& value,
                           const Place& place)
  {
    size_t conforms = 0;
    bool meantIsClear = false;
    std::vector<FieldError> meant;
    std::vector<std::string> words;
    for (const auto& node : nodes)
    {
      std::vector<FieldError> errors = TrialErrors(*node, value, place);
      conforms += errors.empty() ? 1 : 0;
      words.push_back(node->words);
      if (node->nothing || (node->kinds != 0 && (node->kinds & KindsOf(value)) == 0))
      {
        continue;
      }
      if (meant.empty() || errors.size() < meant.size())
      {
        meant = std::move(errors);
        meantIsClear = true;
      }
      else if (errors.size() == meant.size())
      {
        meantIsClear = false;
      }
    }
    if (conforms == 0)
    {
      if (!meantIsClear)
      {
        meant = {{place.ToString(), "expected " + Join(words, " or ")}};
      }
      for (FieldError& error : meant)
      {
        if (errors_.size() < kMostErrors)
        {
          errors_.push_back(std::move(error));
        }
      }
    }
    return conforms;
  }

  std::vector<FieldError>& errors_;
};
}  // namespace

struct JsonSchema::Pimpl
{
  Json::Value document;
  std::unique_ptr<Node> root;
};

JsonSchema::JsonSchema(Json::Value schema) : pimpl_(std::make_unique<Pimpl>())
{
  pimpl_->document = std::move(schema);
  pimpl_->root = Compile(pimpl_->document, "#");
}

JsonSchema::~JsonSchema() = default;
JsonSchema::JsonSchema(JsonSchema&&) noexcept = default;
JsonSchema& JsonSchema::operator=(JsonSchema&&) noexcept = default;

const Json::Value& JsonSchema::Document() const
{
  return pimpl_->document;
}

std::vector<FieldError> JsonSchema::Validate(const Json::Value& value) const
{
  std::vector<FieldError> errors;
  Validation(errors).Check(*pimpl_->root, value, Place());
  return errors;
}

std::string DescribeSchema(const Json::Value& schema)
{
  if (!schema.isObject())
  {
    return "anything";
  }
  std::vector<std::string> words;
  if (schema.isMember("const"))
  {
    return Plain(schema["const"]);
  }
  if (schema.isMember("enum"))
  {
    for (const Json::Value& value : schema["enum"])
    {
      words.push_back(Plain(value));
    }
    return "one of: " + Join(words, ", ");
  }
  if (schema["type"].isArray())
  {
    for (const Json::Value& type : schema["type"])
    {
      words.push_back(TypeInWords(schema, type.asString()));
    }
    return Join(words, " or ");
  }
  if (schema.isMember("type"))
  {
    return TypeInWords(schema, schema["type"].asString());
  }
  for (const Json::Value& alternative : schema.isMember("anyOf") ? schema["anyOf"] : schema["oneOf"])
  {
    words.push_back(DescribeSchema(alternative));
  }
  return words.empty() ? "anything" : Join(words, " or ");
}
}  // namespace OrthancClinic
