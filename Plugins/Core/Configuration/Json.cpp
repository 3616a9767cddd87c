// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Configuration/Json.h"

#include <fmt/format.h>
#include <unicode/utf8.h>

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

#include "Core/Errors.h"

namespace OrthancClinic
{
namespace
{
// The code point at `position`, which is moved behind it; negative if the bytes are ill-formed.
UChar32 NextCodePoint(std::string_view text, size_t& position)
{
  // A code point has at most four bytes: a window keeps ICU's 32-bit index clear of long texts.
  const std::string_view window = text.substr(position, 4);
  int32_t index = 0;
  UChar32 codePoint = -1;
  U8_NEXT(window.data(), index, static_cast<int32_t>(window.size()), codePoint);
  position += static_cast<size_t>(index);
  return codePoint;
}

// Builds a Json::Value from nlohmann's events: its reader is strict where JsonCpp's is not, and its events
// let us refuse what is JSON and yet dangerous.
class Builder
{
public:
  Builder(std::string_view text, unsigned maxDepth) : text_(text), maxDepth_(maxDepth) {}

  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  bool null() { return Put(Json::nullValue); }
  bool boolean(bool value) { return Put(value); }
  bool number_integer(number_integer_t value) { return Put(static_cast<Json::Int64>(value)); }
  bool number_unsigned(number_unsigned_t value)
  {
    return value <= static_cast<number_unsigned_t>(INT64_MAX) ? Put(static_cast<Json::Int64>(value))
                                                              : Put(static_cast<double>(value));
  }
  bool number_float(number_float_t value, const string_t&) { return Put(value); }
  bool string(string_t& value) { return CheckNul(value) && Put(value); }
  bool binary(binary_t&) { return false; }

  bool key(string_t& name)
  {
    if (!CheckNul(name))
    {
      return false;
    }
    if (open_.back()->isMember(name))
    {
      problem_ = "an object has a key twice";
      return false;
    }
    key_ = name;
    return true;
  }

  bool start_object(size_t) { return Open(Json::objectValue); }
  bool start_array(size_t) { return Open(Json::arrayValue); }
  bool end_object() { return Close(); }
  bool end_array() { return Close(); }

  // `position` is the number of bytes read so far, the offending one included.
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& error)
  {
    size_t line = 1;
    size_t column = 1;
    for (const char c : text_.substr(0, position == 0 ? 0 : position - 1))
    {
      line += c == '\n' ? 1 : 0;
      // The middle of a character is no column of its own.
      column = c == '\n' ? 1 : column + ((static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0);
    }
    // nlohmann's own message repeats what it read. 406 is its number for a number out of range.
    problem_ = fmt::format("line {}, column {}: {}", line, column,
                           error.id == 406 ? "a number out of range" : "this is not JSON (RFC 8259)");
    return false;
  }

  Json::Value Finish(bool complete)
  {
    if (!complete)
    {
      throw BadInput(problem_);
    }
    return std::move(root_);
  }

private:
  bool Put(Json::Value value)
  {
    Place(std::move(value));
    return true;
  }

  Json::Value& Place(Json::Value value)
  {
    if (open_.empty())
    {
      return root_ = std::move(value);
    }
    Json::Value& parent = *open_.back();
    return parent.isArray() ? parent.append(std::move(value)) : (parent[key_] = std::move(value));
  }

  bool Open(Json::ValueType type)
  {
    if (open_.size() >= maxDepth_)
    {
      problem_ = fmt::format("nested too deeply (at most {} levels)", maxDepth_);
      return false;
    }
    open_.push_back(&Place(Json::Value(type)));
    return true;
  }

  bool Close()
  {
    open_.pop_back();
    return true;
  }

  bool CheckNul(const std::string& text)
  {
    if (text.find('\0') != std::string::npos)
    {
      problem_ = "a string contains U+0000, which is not allowed";
      return false;
    }
    return true;
  }

  const std::string_view text_;
  const unsigned maxDepth_;
  Json::Value root_;
  std::vector<Json::Value*> open_;  // the objects and arrays around the present value
  std::string key_;
  std::string problem_;
};

void WriteString(std::string& out, std::string_view text)
{
  out.push_back('"');
  for (const char c : text)
  {
    switch (c)
    {
      case '"':
        out.append("\\\"");
        break;
      case '\\':
        out.append("\\\\");
        break;
      case '\n':
        out.append("\\n");
        break;
      case '\r':
        out.append("\\r");
        break;
      case '\t':
        out.append("\\t");
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20)
        {
          fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
        }
        else
        {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

void Write(std::string& out, const Json::Value& value)
{
  switch (value.type())
  {
    case Json::nullValue:
      out.append("null");
      break;
    case Json::booleanValue:
      out.append(value.asBool() ? "true" : "false");
      break;
    case Json::intValue:
      fmt::format_to(std::back_inserter(out), "{}", value.asInt64());
      break;
    case Json::uintValue:
      fmt::format_to(std::back_inserter(out), "{}", value.asUInt64());
      break;
    case Json::realValue:
      if (value.isInt64())
      {
        fmt::format_to(std::back_inserter(out), "{}", value.asInt64());
      }
      else if (std::isfinite(value.asDouble()))
      {
        fmt::format_to(std::back_inserter(out), "{}", value.asDouble());
      }
      else
      {
        out.append("null");
      }
      break;
    case Json::stringValue:
    {
      const char* first = nullptr;
      const char* last = nullptr;
      value.getString(&first, &last);
      WriteString(out, std::string_view(first, static_cast<size_t>(last - first)));
      break;
    }
    case Json::arrayValue:
    {
      char separator = '[';
      for (const Json::Value& item : value)
      {
        out.push_back(separator);
        Write(out, item);
        separator = ',';
      }
      out.append(value.empty() ? "[]" : "]");
      break;
    }
    case Json::objectValue:
    {
      char separator = '{';
      for (auto member = value.begin(); member != value.end(); ++member)
      {
        out.push_back(separator);
        WriteString(out, member.name());
        out.push_back(':');
        Write(out, *member);
        separator = ',';
      }
      out.append(value.empty() ? "{}" : "}");
      break;
    }
  }
}
}  // namespace

Json::Value ParseJson(std::string_view text, unsigned maxDepth)
{
  if (text.starts_with("\xEF\xBB\xBF"))
  {
    throw BadInput("line 1, column 1: this is not JSON (RFC 8259), which has no byte order mark");
  }
  if (text.find('\0') != std::string_view::npos)
  {
    throw BadInput("a NUL byte is no part of JSON (RFC 8259)");  // nlohmann's reader would stop there
  }
  Builder builder(text, maxDepth);
  const bool complete = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return builder.Finish(complete);
}

Json::Value JsonLiteral(std::string_view text)
{
  try
  {
    return ParseJson(text);
  }
  catch (const BadInput& e)
  {
    throw std::logic_error(std::string("JSON literal: ") + e.what());
  }
}

std::string WriteJson(const Json::Value& value)
{
  std::string out;
  Write(out, value);
  return out;
}

std::optional<size_t> CountCodePoints(std::string_view text)
{
  size_t count = 0;
  for (size_t position = 0; position < text.size(); count++)
  {
    if (NextCodePoint(text, position) < 0)
    {
      return std::nullopt;
    }
  }
  return count;
}

std::string Abbreviate(std::string_view text, size_t most)
{
  size_t count = 0;
  for (size_t position = 0; position < text.size(); count++)
  {
    if (count == most)
    {
      return std::string(text.substr(0, position)) + "…";
    }
    const UChar32 codePoint = NextCodePoint(text, position);
    if (codePoint < 0x20 || codePoint == 0x7F)
    {
      return "?";
    }
  }
  return std::string(text);
}

std::string TextOf(const Json::Value& object, std::string_view name)
{
  const Json::Value* const value =
      object.isObject() ? object.find(name.data(), name.data() + name.size()) : nullptr;
  return value != nullptr && value->isString() ? value->asString() : "";
}

Json::Value OrNull(const std::string& text)
{
  return text.empty() ? Json::Value() : Json::Value(text);
}

std::vector<std::string> Texts(const Json::Value& array)
{
  std::vector<std::string> texts;
  for (const Json::Value& text : array)
  {
    texts.push_back(text.asString());
  }
  return texts;
}
}  // namespace OrthancClinic
