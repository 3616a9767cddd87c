// SPDX-License-Identifier: GPL-3.0-or-later
//
// Draws text and points into images, with the letters of a font file.

#pragma once

#include <memory>
#include <string>

#include "Core/Dicom/Image.h"

namespace OrthancClinic::Analysis
{
struct Colour
{
  unsigned char red = 0;
  unsigned char green = 0;
  unsigned char blue = 0;
};

// Colours one pixel of an RGB image, if it is inside.
void DrawPixel(Image& image, int x, int y, Colour colour);

// Thread-safe. A letter that the font lacks is drawn as a question mark. Each method throws Unavailable when
// FreeType cannot draw (for want of memory).
class Lettering
{
public:
  // Throws BadInput unless the file is a scalable font that has at least the letters of ASCII.
  explicit Lettering(const std::string& fontFile);
  ~Lettering();

  // Whether the font has every letter of the text (UTF-8).
  bool Has(const std::string& text) const;

  // How wide the text is in a line of that height; both in pixels.
  int Width(const std::string& text, int height) const;

  // Draws the text on black, its upper left corner at x, y of an RGB image; what lies outside is left out.
  void Draw(Image& image, int x, int y, const std::string& text, int height, Colour colour) const;

private:
  struct Pimpl;
  std::unique_ptr<Pimpl> pimpl_;
};
}  // namespace OrthancClinic::Analysis
