// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/Rendering.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"

namespace OrthancClinic
{
namespace
{
constexpr size_t VALUES = 65536;  // of a pixel of 16 bits

// The numbers of a multi-valued text; those before the first that is none.
std::vector<double> Numbers(const std::string& text)
{
  std::vector<double> numbers;
  for (const char* at = text.c_str(); *at != '\0';)
  {
    char* end = nullptr;
    const double number = std::strtod(at, &end);
    if (end == at || !std::isfinite(number))
    {
      break;
    }
    numbers.push_back(number);
    at = end;
    at += std::strspn(at, " ");
    at += *at == '\\' ? 1 : 0;
  }
  return numbers;
}

std::optional<double> FirstNumber(const Json::Value& tags, const char* tag)
{
  const auto numbers = Numbers(TextOf(tags, tag));
  return numbers.empty() ? std::nullopt : std::optional(numbers.front());
}

// The first item of a sequence of LUTs (PS3.3 C.11.1.1, C.11.2.1.1).
std::optional<LookupTable> ReadLookupTable(const Json::Value& tags, const std::string& sequence,
                                           const std::function<std::string(const std::string&)>& raw)
{
  const Json::Value& items = tags[sequence];
  if (!items.isArray() || items.empty())
  {
    return std::nullopt;
  }
  const auto descriptor = Numbers(TextOf(items[0], "0028,3002"));
  if (descriptor.size() != 3)
  {
    return std::nullopt;
  }
  LookupTable table;
  const size_t count =
      descriptor[0] == 0 ? VALUES : static_cast<size_t>(std::clamp(descriptor[0], 1.0, 65535.0));
  table.first = static_cast<int>(std::clamp(descriptor[1], -32768.0, 65535.0));
  table.bits = static_cast<int>(std::clamp(descriptor[2], 8.0, 16.0));
  std::string path = sequence;
  path[4] = '-';
  const std::string bytes = raw(path + "/0/0028-3006");
  const size_t width = bytes.size() >= 2 * count ? 2 : 1;  // some write tables of 8 bits as bytes
  if (bytes.size() < width * count)
  {
    return std::nullopt;
  }
  for (size_t i = 0; i < count; i++)
  {
    const auto low = static_cast<unsigned char>(bytes[width * i]);
    const auto high = width == 2 ? static_cast<unsigned char>(bytes[2 * i + 1]) : 0;
    table.entries.push_back(static_cast<uint16_t>(low | (high << 8)));
  }
  return table;
}

// From what is measured to 0 … 255.
uint8_t Shown(double value, const Presentation& presentation, double center, double width)
{
  double y = 0;
  if (presentation.voiLut)
  {
    y = presentation.voiLut->Of(value) / static_cast<double>((1 << presentation.voiLut->bits) - 1);
  }
  else if (presentation.function == Presentation::Function::Sigmoid)
  {
    y = 1 / (1 + std::exp(-4 * (value - center) / width));
  }
  else if (presentation.function == Presentation::Function::LinearExact)
  {
    y = (value - center) / width + 0.5;
  }
  else
  {
    y = width > 1 ? (value - (center - 0.5)) / (width - 1) + 0.5 : (value <= center - 0.5 ? 0 : 1);
  }
  y = std::clamp(y, 0.0, 1.0);
  return static_cast<uint8_t>(std::lround(255 * (presentation.inverted ? 1 - y : y)));
}

// Each pixel of the smaller image is the average of those that it covers.
Image Reduced(const Image& image, unsigned longEdge)
{
  const unsigned longer = std::max(image.width, image.height);
  if (longEdge == 0 || longer <= longEdge)
  {
    return image;
  }
  Image reduced;
  reduced.format = image.format;
  reduced.width = std::max(1U, static_cast<unsigned>(uint64_t{image.width} * longEdge / longer));
  reduced.height = std::max(1U, static_cast<unsigned>(uint64_t{image.height} * longEdge / longer));
  const size_t samples = image.Samples();
  reduced.pixels.resize(samples * reduced.width * reduced.height);
  std::vector<uint64_t> sums(samples * reduced.width);
  for (unsigned y = 0; y < reduced.height; y++)
  {
    std::fill(sums.begin(), sums.end(), 0);
    const auto top = static_cast<size_t>(uint64_t{y} * image.height / reduced.height);
    const auto bottom = static_cast<size_t>(uint64_t{y + 1} * image.height / reduced.height);
    for (size_t row = top; row < bottom; row++)
    {
      const auto* line = reinterpret_cast<const uint8_t*>(image.pixels.data()) + row * image.width * samples;
      for (unsigned x = 0; x < reduced.width; x++)
      {
        const auto right = static_cast<size_t>(uint64_t{x + 1} * image.width / reduced.width);
        for (auto column = static_cast<size_t>(uint64_t{x} * image.width / reduced.width); column < right;
             column++)
        {
          for (size_t sample = 0; sample < samples; sample++)
          {
            sums[x * samples + sample] += line[column * samples + sample];
          }
        }
      }
    }
    for (unsigned x = 0; x < reduced.width; x++)
    {
      const auto left = static_cast<size_t>(uint64_t{x} * image.width / reduced.width);
      const auto right = static_cast<size_t>(uint64_t{x + 1} * image.width / reduced.width);
      for (size_t sample = 0; sample < samples; sample++)
      {
        const size_t at = x * samples + sample;
        reduced.pixels[y * reduced.width * samples + at] =
            static_cast<char>(sums[at] / ((right - left) * (bottom - top)));
      }
    }
  }
  return reduced;
}
}  // namespace

uint16_t LookupTable::Of(double value) const
{
  const double index = std::clamp(std::round(value) - first, 0.0, static_cast<double>(entries.size() - 1));
  return entries[static_cast<size_t>(index)];
}

double Presentation::Measured(int stored) const
{
  return modalityLut ? modalityLut->Of(stored) : slope * stored + intercept;
}

Presentation ReadPresentation(const Json::Value& tags,
                              const std::function<std::string(const std::string&)>& raw)
{
  Presentation presentation;
  presentation.bitsStored =
      static_cast<int>(std::clamp(FirstNumber(tags, "0028,0101").value_or(16), 1.0, 16.0));
  presentation.isSigned = TextOf(tags, "0028,0103") == "1";
  presentation.inverted = TextOf(tags, "0028,0004") == "MONOCHROME1";
  presentation.slope = FirstNumber(tags, "0028,1053").value_or(1);
  presentation.intercept = FirstNumber(tags, "0028,1052").value_or(0);
  presentation.modalityLut = ReadLookupTable(tags, "0028,3000", raw);
  presentation.voiLut = ReadLookupTable(tags, "0028,3010", raw);
  presentation.center = FirstNumber(tags, "0028,1050");
  presentation.width = FirstNumber(tags, "0028,1051");
  if (!presentation.width || *presentation.width <= 0)
  {
    presentation.center.reset();
    presentation.width.reset();
  }
  const std::string function = TextOf(tags, "0028,1056");
  presentation.function = function == "SIGMOID"        ? Presentation::Function::Sigmoid
                          : function == "LINEAR_EXACT" ? Presentation::Function::LinearExact
                                                       : Presentation::Function::Linear;
  if (const auto value = FirstNumber(tags, "0028,0120"))
  {
    const double limit = FirstNumber(tags, "0028,0121").value_or(*value);
    presentation.padding = {static_cast<int>(std::min(*value, limit)),
                            static_cast<int>(std::max(*value, limit))};
  }
  return presentation;
}

Presentation ReadPresentation(IOrthanc& orthanc, const std::string& orthancInstanceId,
                              const Json::Value& tags)
{
  return ReadPresentation(tags,
                          [&](const std::string& path)
                          {
                            try
                            {
                              return orthanc.GetBytes("/instances/" + orthancInstanceId + "/content/" + path);
                            }
                            catch (const NotFound&)
                            {
                              return std::string();  // a table without its entries
                            }
                          });
}

Image Render(const Image& stored, const Presentation& presentation, unsigned longEdge)
{
  if (stored.format == Image::Format::Rgb24)
  {
    return Reduced(stored, longEdge);
  }
  const size_t count = size_t{stored.width} * stored.height;
  const bool isByte = stored.format == Image::Format::Gray8;
  const bool isSigned = stored.format == Image::Format::SignedGray16;
  const size_t values = isByte ? 256 : VALUES;
  const auto storedValue = [&](size_t bits)
  { return isSigned ? static_cast<int16_t>(bits) : static_cast<int>(bits); };
  const auto* const bytes = reinterpret_cast<const uint8_t*>(stored.pixels.data());
  const auto* const words = reinterpret_cast<const uint16_t*>(stored.pixels.data());

  double center = presentation.center.value_or(0);
  double width = presentation.width.value_or(1);
  if (!presentation.voiLut && !presentation.center)
  {
    std::vector<char> seen(values);  // not on the stack, of which an HTTP thread has 100 KiB
    for (size_t i = 0; i < count; i++)
    {
      seen[isByte ? bytes[i] : words[i]] = true;
    }
    double least = std::numeric_limits<double>::max();
    double greatest = std::numeric_limits<double>::lowest();
    for (size_t bits = 0; bits < values; bits++)
    {
      if (seen[bits] && !presentation.IsPadding(storedValue(bits)))
      {
        const double value = presentation.Measured(storedValue(bits));
        least = std::min(least, value);
        greatest = std::max(greatest, value);
      }
    }
    // The linear function maps center - 0.5 ± (width - 1) / 2 to its ends.
    width = std::max(greatest - least, 1.0) + 1;
    center = (least + greatest) / 2 + 0.5;
  }

  std::vector<char> shown(values);
  for (size_t bits = 0; bits < values; bits++)
  {
    const int value = storedValue(bits);
    shown[bits] = presentation.IsPadding(value)
                      ? '\0'
                      : static_cast<char>(Shown(presentation.Measured(value), presentation, center, width));
  }
  Image image;
  image.width = stored.width;
  image.height = stored.height;
  image.format = Image::Format::Gray8;
  image.pixels.resize(count);
  char* const out = image.pixels.data();
  if (isByte)
  {
    std::transform(bytes, bytes + count, out, [&](uint8_t value) { return shown[value]; });
  }
  else
  {
    std::transform(words, words + count, out, [&](uint16_t value) { return shown[value]; });
  }
  return Reduced(image, longEdge);
}
}  // namespace OrthancClinic
