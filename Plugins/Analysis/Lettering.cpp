// SPDX-License-Identifier: GPL-3.0-or-later

#include "Lettering.h"

#include <fmt/format.h>
#include <ft2build.h>
#include FT_FREETYPE_H
#include <unicode/unistr.h>

#include <functional>
#include <mutex>

#include "Core/Errors.h"

namespace OrthancClinic::Analysis
{
namespace
{
constexpr int FRACTION = 64;  // FreeType counts in 26.6 fixed point
constexpr FT_ULong REPLACEMENT = '?';

void Check(FT_Error error)
{
  if (error != 0)
  {
    throw Unavailable(fmt::format("Text cannot be drawn: FreeType's error {}", error));
  }
}
}  // namespace

void DrawPixel(Image& image, int x, int y, Colour colour)
{
  if (x < 0 || y < 0 || x >= static_cast<int>(image.width) || y >= static_cast<int>(image.height))
  {
    return;
  }
  const size_t at = 3 * (static_cast<size_t>(y) * image.width + static_cast<size_t>(x));
  image.pixels[at] = static_cast<char>(colour.red);
  image.pixels[at + 1] = static_cast<char>(colour.green);
  image.pixels[at + 2] = static_cast<char>(colour.blue);
}

struct Lettering::Pimpl
{
  FT_Library library = nullptr;
  FT_Face face = nullptr;
  std::mutex mutex;

  ~Pimpl()
  {
    if (face != nullptr)
    {
      FT_Done_Face(face);
    }
    if (library != nullptr)
    {
      FT_Done_FreeType(library);
    }
  }

  bool Has(FT_ULong letter) const { return FT_Get_Char_Index(face, letter) != 0; }

  bool HasAscii() const
  {
    for (FT_ULong letter = ' '; letter <= '~'; letter++)
    {
      if (!Has(letter))
      {
        return false;
      }
    }
    return true;
  }

  // Renders letter by letter; `letter` is told where each begins. Gives the width.
  int Walk(const std::string& text, int height, const std::function<void(int x, const FT_GlyphSlot&)>& letter)
  {
    const std::scoped_lock lock(mutex);
    Check(FT_Set_Pixel_Sizes(face, 0, static_cast<FT_UInt>(height)));
    const icu::UnicodeString letters = icu::UnicodeString::fromUTF8(text);
    int x = 0;
    for (int32_t i = 0; i < letters.length(); i = letters.moveIndex32(i, 1))
    {
      const auto wanted = static_cast<FT_ULong>(letters.char32At(i));
      Check(FT_Load_Char(face, Has(wanted) ? wanted : REPLACEMENT, FT_LOAD_RENDER | FT_LOAD_TARGET_MONO));
      letter(x, face->glyph);
      x += static_cast<int>(face->glyph->advance.x / FRACTION);
    }
    return x;
  }
};

Lettering::Lettering(const std::string& fontFile) : pimpl_(std::make_unique<Pimpl>())
{
  Check(FT_Init_FreeType(&pimpl_->library));
  FT_Face& face = pimpl_->face;
  if (const FT_Error error = FT_New_Face(pimpl_->library, fontFile.c_str(), 0, &face); error != 0)
  {
    throw BadInput(
        fmt::format("expected the file of a font (Debian: fonts-unifont), which can be read: {} "
                    "(FreeType's error {})",
                    fontFile, error));
  }
  if (!FT_IS_SCALABLE(face) || FT_Select_Charmap(face, FT_ENCODING_UNICODE) != 0 || !pimpl_->HasAscii() ||
      face->ascender <= face->descender)
  {
    throw BadInput("expected a scalable font with the letters of ASCII in Unicode (Debian: fonts-unifont): " +
                   fontFile);
  }
}

Lettering::~Lettering() = default;

bool Lettering::Has(const std::string& text) const
{
  const std::scoped_lock lock(pimpl_->mutex);
  const icu::UnicodeString letters = icu::UnicodeString::fromUTF8(text);
  for (int32_t i = 0; i < letters.length(); i = letters.moveIndex32(i, 1))
  {
    if (!pimpl_->Has(static_cast<FT_ULong>(letters.char32At(i))))
    {
      return false;
    }
  }
  return true;
}

int Lettering::Width(const std::string& text, int height) const
{
  return pimpl_->Walk(text, height, [](int, const FT_GlyphSlot&) {});
}

void Lettering::Draw(Image& image, int x, int y, const std::string& text, int height, Colour colour) const
{
  const int width = Width(text, height);
  for (int row = 0; row < height; row++)
  {
    for (int column = 0; column < width; column++)
    {
      DrawPixel(image, x + column, y + row, {});
    }
  }
  pimpl_->Walk(
      text, height,
      [&](int at, const FT_GlyphSlot& glyph)
      {
        const auto& face = *pimpl_->face;
        // The base line: where the letters that reach highest still fit.
        const int base = static_cast<int>(face.size->metrics.ascender) * height /
                         static_cast<int>(face.size->metrics.ascender - face.size->metrics.descender);
        const FT_Bitmap& bitmap = glyph->bitmap;
        for (unsigned row = 0; row < bitmap.rows; row++)
        {
          for (unsigned column = 0; column < bitmap.width; column++)
          {
            const unsigned byte = bitmap.buffer[row * static_cast<unsigned>(bitmap.pitch) + column / 8];
            if (((byte >> (7 - column % 8)) & 1U) != 0)
            {
              DrawPixel(image, x + at + glyph->bitmap_left + static_cast<int>(column),
                        y + base - glyph->bitmap_top + static_cast<int>(row), colour);
            }
          }
        }
      });
}
}  // namespace OrthancClinic::Analysis
