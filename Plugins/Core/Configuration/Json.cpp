// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Configuration/Json.h"

#include <fmt/format.h>
#include <unicode/utf8.h>

#include <charconv>
#include <cmath>
#include <stdexcept>

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

void AppendCodePoint(std::string& target, uint32_t codePoint)
{
  char bytes[4];
  int32_t length = 0;
  U8_APPEND_UNSAFE(bytes, length, static_cast<UChar32>(codePoint));
  target.append(bytes, static_cast<size_t>(length));
}

// A recursive descent over RFC 8259's grammar.
class Parser
{
 public:
  Parser(std::string_view text, unsigned maxDepth) : text_(text), maxDepth_(maxDepth) {}

  Json::Value ParseDocument()
  {
    Json::Value value = ParseValue(0);
    SkipBlanks();
    if (position_ != text_.size())
    {
      Fail("expected the end of the document");
    }
    return value;
  }

 private:
  [[noreturn]] void Fail(const std::string& message) const { Fail(message, position_); }

  [[noreturn]] void Fail(const std::string& message, size_t at) const
  {
    size_t line = 1;
    size_t column = 1;
    for (const char c : text_.substr(0, at))
    {
      if (c == '\n')
      {
        line++;
        column = 1;
      }
      else if ((static_cast<unsigned char>(c) & 0xC0) != 0x80)  // not the middle of a character
      {
        column++;
      }
    }
    throw BadInput(fmt::format("line {}, column {}: {}", line, column, message));
  }

  void SkipBlanks()
  {
    while (position_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[position_]) != std::string_view::npos)
    {
      position_++;
    }
  }

  char Peek() const { return position_ < text_.size() ? text_[position_] : '\0'; }

  bool Take(char c)
  {
    if (position_ < text_.size() && text_[position_] == c)
    {
      position_++;
      return true;
    }
    return false;
  }

  bool TakeWord(std::string_view word)
  {
    if (text_.substr(position_, word.size()) == word)
    {
      position_ += word.size();
      return true;
    }
    return false;
  }

  Json::Value ParseValue(unsigned depth)
  {
    SkipBlanks();
    switch (Peek())
    {
      case '{':
        return ParseObject(depth);
      case '[':
        return ParseArray(depth);
      case '"':
        return ParseString();
      default:
        break;
    }
    if (TakeWord("null"))
    {
      return Json::nullValue;
    }
    if (TakeWord("true"))
    {
      return true;
    }
    if (TakeWord("false"))
    {
      return false;
    }
    return ParseNumber();
  }

  void Enter(unsigned depth)
  {
    if (depth >= maxDepth_)
    {
      Fail(fmt::format("nested too deeply (at most {} levels)", maxDepth_));
    }
    position_++;
    SkipBlanks();
  }

  Json::Value ParseObject(unsigned depth)
  {
    Enter(depth);
    Json::Value object = Json::objectValue;
    if (Take('}'))
    {
      return object;
    }
    while (true)
    {
      SkipBlanks();
      const size_t start = position_;
      if (Peek() != '"')
      {
        Fail("expected a key in double quotes");
      }
      const std::string key = ParseString();
      if (object.isMember(key))
      {
        Fail("a key that this object has already", start);
      }
      SkipBlanks();
      if (!Take(':'))
      {
        Fail("expected a colon");
      }
      object[key] = ParseValue(depth + 1);
      SkipBlanks();
      if (Take('}'))
      {
        return object;
      }
      if (!Take(','))
      {
        Fail("expected a comma or }");
      }
    }
  }

  Json::Value ParseArray(unsigned depth)
  {
    Enter(depth);
    Json::Value array = Json::arrayValue;
    if (Take(']'))
    {
      return array;
    }
    while (true)
    {
      array.append(ParseValue(depth + 1));
      SkipBlanks();
      if (Take(']'))
      {
        return array;
      }
      if (!Take(','))
      {
        Fail("expected a comma or ]");
      }
    }
  }

  std::string ParseString()
  {
    std::string result;
    position_++;  // the opening quote
    while (position_ < text_.size())
    {
      const auto c = static_cast<unsigned char>(text_[position_]);
      if (c == '"')
      {
        position_++;
        return result;
      }
      if (c == '\\')
      {
        ParseEscape(result);
      }
      else if (c < 0x20)
      {
        Fail("a control character in a string must be escaped");
      }
      else if (c < 0x80)
      {
        result.push_back(text_[position_++]);
      }
      else
      {
        const size_t start = position_;
        if (NextCodePoint(text_, position_) < 0)
        {
          Fail("not valid UTF-8", start);
        }
        result.append(text_.substr(start, position_ - start));
      }
    }
    Fail("a string without its closing quote");
  }

  void ParseEscape(std::string& result)
  {
    const size_t start = position_++;
    const char c = Peek();
    static constexpr std::string_view kNames = "\"\\/bfnrt";
    static constexpr std::string_view kCharacters = "\"\\/\b\f\n\r\t";
    if (const size_t i = kNames.find(c); c != '\0' && i != std::string_view::npos)
    {
      position_++;
      result.push_back(kCharacters[i]);
      return;
    }
    if (c != 'u')
    {
      Fail("an unknown escape in a string", start);
    }
    uint32_t codePoint = ParseHex(start);
    if (codePoint >= 0xD800 && codePoint <= 0xDBFF && Peek() == '\\')
    {
      position_++;
      const uint32_t low = Peek() == 'u' ? ParseHex(start) : 0;
      if (low < 0xDC00 || low > 0xDFFF)
      {
        Fail("a surrogate without its other half", start);
      }
      codePoint = 0x10000 + ((codePoint - 0xD800) << 10) + (low - 0xDC00);
    }
    else if (codePoint >= 0xD800 && codePoint <= 0xDFFF)
    {
      Fail("a surrogate without its other half", start);
    }
    if (codePoint == 0)
    {
      Fail("U+0000 is not allowed", start);
    }
    AppendCodePoint(result, codePoint);
  }

  // Four hexadecimal digits after the "u" at the present position.
  uint32_t ParseHex(size_t start)
  {
    const std::string_view digits = text_.substr(++position_, 4);
    uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 4 || error != std::errc() || end != digits.data() + 4)
    {
      Fail("an unknown escape in a string", start);
    }
    position_ += 4;
    return value;
  }

  bool TakeDigits()
  {
    const size_t start = position_;
    while (Peek() >= '0' && Peek() <= '9')
    {
      position_++;
    }
    return position_ > start;
  }

  Json::Value ParseNumber()
  {
    const size_t start = position_;
    bool whole = true;
    Take('-');
    if (!Take('0') && !TakeDigits())
    {
      Fail("expected a value", start);
    }
    if (Peek() >= '0' && Peek() <= '9')
    {
      Fail("a number with a leading zero", start);
    }
    if (Take('.'))
    {
      whole = false;
      if (!TakeDigits())
      {
        Fail("expected a digit");
      }
    }
    if (Take('e') || Take('E'))
    {
      whole = false;
      if (!Take('+'))
      {
        Take('-');
      }
      if (!TakeDigits())
      {
        Fail("expected a digit");
      }
    }
    const char* const first = text_.data() + start;
    const char* const last = text_.data() + position_;
    int64_t integer = 0;
    if (whole && std::from_chars(first, last, integer).ec == std::errc())
    {
      return static_cast<Json::Int64>(integer);
    }
    double number = 0;
    if (std::from_chars(first, last, number).ec != std::errc() || !std::isfinite(number))
    {
      Fail("a number out of range", start);
    }
    return number;
  }

  std::string_view text_;
  unsigned maxDepth_;
  size_t position_ = 0;
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
  return Parser(text, maxDepth).ParseDocument();
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
}  // namespace OrthancClinic
