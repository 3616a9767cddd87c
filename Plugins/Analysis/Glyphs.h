// SPDX-License-Identifier: GPL-3.0-or-later
//
// The few letters that are drawn into images, as bitmaps.

#pragma once

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

constexpr unsigned GLYPH_HEIGHT = 16;  // pixels, at scale 1

// How wide the text (UTF-8) is at scale 1.
unsigned TextWidth(const std::string& text);

// Draws the text on black, its upper left corner at x, y of an RGB image; what lies outside is left out. A
// character that there is no bitmap of is a space.
void DrawText(Image& image, int x, int y, const std::string& text, unsigned scale, Colour colour);

// Colours one pixel, if it is inside.
void DrawPixel(Image& image, int x, int y, Colour colour);
}  // namespace OrthancClinic::Analysis
