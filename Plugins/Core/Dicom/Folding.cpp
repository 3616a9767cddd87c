// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/Folding.h"

#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

#include <algorithm>
#include <stdexcept>

namespace OrthancClinic
{
namespace
{
const icu::Normalizer2& CaseFolding()
{
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = icu::Normalizer2::getNFKCCasefoldInstance(status);
  if (U_FAILURE(status))
  {
    throw std::logic_error("ICU's data are missing");
  }
  return *normalizer;
}

const icu::Normalizer2& Decomposition()
{
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = icu::Normalizer2::getNFKDInstance(status);
  if (U_FAILURE(status))
  {
    throw std::logic_error("ICU's data are missing");
  }
  return *normalizer;
}

// Letters that Unicode does not decompose, though people write them both ways.
const char16_t* Expansion(UChar32 c)
{
  switch (c)
  {
    case 0x0153:  // œ
      return u"oe";
    case 0x00e6:  // æ
      return u"ae";
    case 0x00f8:  // ø
      return u"o";
    case 0x0142:  // ł
      return u"l";
    case 0x0111:  // đ
      return u"d";
    default:
      return nullptr;
  }
}

// The same for the frequent case, without ICU.
std::vector<std::string> FoldedAsciiWords(std::string_view text)
{
  std::vector<std::string> words;
  bool inWord = false;
  for (const char c : text)
  {
    const bool isUpper = c >= 'A' && c <= 'Z';
    const bool isPart = isUpper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (isPart)
    {
      if (!inWord)
      {
        words.emplace_back();
      }
      words.back() += isUpper ? static_cast<char>(c - 'A' + 'a') : c;
    }
    inWord = isPart;
  }
  return words;
}
}  // namespace

std::vector<std::string> FoldedWords(std::string_view text)
{
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
  {
    return FoldedAsciiWords(text);
  }
  UErrorCode status = U_ZERO_ERROR;
  const icu::UnicodeString folded = Decomposition().normalize(
      CaseFolding().normalize(icu::UnicodeString::fromUTF8({text.data(), static_cast<int32_t>(text.size())}),
                              status),
      status);
  if (U_FAILURE(status))
  {
    return {};
  }

  std::vector<std::string> words;
  icu::UnicodeString word;
  const auto flush = [&]
  {
    if (!word.isEmpty())
    {
      word.toUTF8String(words.emplace_back());
      word.remove();
    }
  };
  for (int32_t i = 0; i < folded.length(); i = folded.moveIndex32(i, 1))
  {
    const UChar32 c = folded.char32At(i);
    if (u_charType(c) == U_NON_SPACING_MARK)
    {
      continue;  // a diacritic
    }
    if (const char16_t* expansion = Expansion(c))
    {
      word.append(expansion, -1);
    }
    else if (u_isalnum(c) && c != 0xfffd)
    {
      word.append(c);
    }
    else
    {
      flush();
    }
  }
  flush();
  return words;
}

std::string Folded(std::string_view text)
{
  std::string joined;
  for (const std::string& word : FoldedWords(text))
  {
    joined += word;
  }
  return joined;
}
}  // namespace OrthancClinic
