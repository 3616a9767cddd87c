// SPDX-License-Identifier: GPL-3.0-or-later

#include "XrayPicture.h"

#include <png.h>

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

// Need size_t and FILE to be known.
#include <jerror.h>
#include <jpeglib.h>

#include "Core/Errors.h"

namespace OrthancClinic::Intake
{
namespace
{
constexpr uint64_t MOST_PIXELS = 100'000'000;
constexpr unsigned LONGEST_EDGE = 65'535;  // Rows and Columns are US

void CheckSize(uint64_t width, uint64_t height)
{
  if (width == 0 || height == 0 || width > LONGEST_EDGE || height > LONGEST_EDGE ||
      width * height > MOST_PIXELS)
  {
    throw BadInput("The picture is too large");
  }
}

struct JpegErrors
{
  jpeg_error_mgr base;
  std::jmp_buf escape;
  bool isCutOff;
};

// The library's own would end the process.
[[noreturn]] void EscapeJpeg(j_common_ptr decoder)
{
  std::longjmp(reinterpret_cast<JpegErrors*>(decoder->err)->escape, 1);
}

void NoteWarning(j_common_ptr decoder, int level)
{
  auto* const errors = reinterpret_cast<JpegErrors*>(decoder->err);
  if (level < 0 && (errors->base.msg_code == JWRN_JPEG_EOF || errors->base.msg_code == JWRN_HIT_MARKER))
  {
    errors->isCutOff = true;  // the library would go on in grey
  }
}

struct JpegHead
{
  unsigned width;
  unsigned height;
  int components;
  bool isProgressive;
  bool isArithmetic;
  int precision;
  bool isRgb;
};

// False if it is broken or cut off. With `pixels`, decodes all of it into that (8 bits, grey or RGB, to be
// freed); else only checks it, at an eighth of the size. No object of this frame has a destructor: the
// library leaves it by longjmp.
bool DecodeJpeg(const unsigned char* bytes, unsigned long size, bool headOnly, JpegHead* head,
                unsigned char** pixels)
{
  jpeg_decompress_struct decoder;
  JpegErrors errors;
  decoder.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = EscapeJpeg;
  errors.base.emit_message = NoteWarning;
  errors.isCutOff = false;
  unsigned char* volatile row = nullptr;
  if (setjmp(errors.escape) != 0)
  {
    jpeg_destroy_decompress(&decoder);
    std::free(row);
    return false;
  }
  jpeg_create_decompress(&decoder);
  jpeg_mem_src(&decoder, bytes, size);
  jpeg_read_header(&decoder, TRUE);
  head->width = decoder.image_width;
  head->height = decoder.image_height;
  head->components = decoder.num_components;
  head->isProgressive = decoder.progressive_mode != FALSE;
  head->isArithmetic = decoder.arith_code != FALSE;
  head->precision = decoder.data_precision;
  head->isRgb = decoder.jpeg_color_space == JCS_RGB;
  if (!headOnly)
  {
    decoder.out_color_space = decoder.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    decoder.scale_num = 1;
    decoder.scale_denom = pixels == nullptr ? 8 : 1;
    jpeg_start_decompress(&decoder);
    const size_t stride =
        static_cast<size_t>(decoder.output_width) * static_cast<size_t>(decoder.output_components);
    row =
        static_cast<unsigned char*>(std::malloc(pixels == nullptr ? stride : stride * decoder.output_height));
    if (row == nullptr)
    {
      jpeg_destroy_decompress(&decoder);
      return false;
    }
    while (decoder.output_scanline < decoder.output_height)
    {
      JSAMPROW to = row + (pixels == nullptr ? 0 : decoder.output_scanline * stride);
      jpeg_read_scanlines(&decoder, &to, 1);
    }
    jpeg_finish_decompress(&decoder);
    if (pixels == nullptr)
    {
      std::free(row);
    }
    else
    {
      *pixels = row;
    }
    row = nullptr;
  }
  jpeg_destroy_decompress(&decoder);
  return !errors.isCutOff;
}

// Whether the frame is baseline (SOF0). The library does not say: the markers do (ITU-T T.81 B.1.1.3).
bool IsBaseline(const std::string& file)
{
  for (size_t at = 2; at + 4 <= file.size();)
  {
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(file[i]); };
    if (byte(at) != 0xff)
    {
      return false;
    }
    const unsigned marker = byte(at + 1);
    if (marker == 0xff)
    {
      at++;  // a fill byte
      continue;
    }
    const bool isFrame =
        marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (isFrame || marker == 0xda)
    {
      return marker == 0xc0;
    }
    at += 2 + (static_cast<size_t>(byte(at + 2)) << 8 | byte(at + 3));
  }
  return false;
}

XrayPicture ReadJpeg(const std::string& file)
{
  const auto* const bytes = reinterpret_cast<const unsigned char*>(file.data());
  JpegHead head{};
  if (!DecodeJpeg(bytes, file.size(), true, &head, nullptr))
  {
    throw BadInput("The JPEG is broken");
  }
  CheckSize(head.width, head.height);
  if ((head.components != 1 && head.components != 3) || head.precision != 8)
  {
    throw BadInput("The JPEG is neither grey nor RGB of 8 bits");
  }
  XrayPicture picture;
  picture.width = head.width;
  picture.height = head.height;
  picture.samples = static_cast<unsigned>(head.components);
  picture.isJpeg = !head.isProgressive && !head.isArithmetic;
  picture.isExtended = picture.isJpeg && !IsBaseline(file);
  picture.isRgb = head.isRgb;
  picture.wasLossy = true;
  picture.compressionRatio =
      static_cast<double>(head.width) * head.height * head.components / static_cast<double>(file.size());
  unsigned char* pixels = nullptr;
  const bool whole = DecodeJpeg(bytes, file.size(), false, &head, picture.isJpeg ? nullptr : &pixels);
  const std::unique_ptr<unsigned char, void (*)(void*)> owner(pixels, std::free);
  if (!whole)
  {
    throw BadInput("The JPEG is broken or cut off");
  }
  picture.bytes = picture.isJpeg ? file
                                 : std::string(reinterpret_cast<const char*>(pixels),
                                               size_t{picture.width} * picture.height * picture.samples);
  return picture;
}

struct PngSource
{
  const char* bytes;
  size_t left;
};

void ReadPngBytes(png_structp png, png_bytep to, png_size_t size)
{
  auto* const source = static_cast<PngSource*>(png_get_io_ptr(png));
  if (size > source->left)
  {
    png_error(png, "cut off");
  }
  std::memcpy(to, source->bytes, size);
  source->bytes += size;
  source->left -= size;
}

void IgnoreWarning(png_structp, png_const_charp) {}

[[noreturn]] void EscapePng(png_structp png, png_const_charp)
{
  png_longjmp(png, 1);
}

struct PngPixels
{
  unsigned width;
  unsigned height;
  unsigned samples;
  unsigned bits;
  unsigned char* bytes;  // to be freed
};

// False if it is broken or cut off. As DecodeJpeg, it may be left by longjmp.
bool DecodePng(PngSource* source, PngPixels* pixels)
{
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, EscapePng, IgnoreWarning);
  png_infop info = png == nullptr ? nullptr : png_create_info_struct(png);
  unsigned char* volatile bytes = nullptr;
  png_bytep* volatile rows = nullptr;
  if (info == nullptr || setjmp(png_jmpbuf(png)) != 0)
  {
    png_destroy_read_struct(&png, &info, nullptr);
    std::free(bytes);
    std::free(rows);
    return false;
  }
  png_set_user_limits(png, LONGEST_EDGE, LONGEST_EDGE);
  png_set_read_fn(png, source, ReadPngBytes);
  png_read_info(png, info);
  pixels->width = png_get_image_width(png, info);
  pixels->height = png_get_image_height(png, info);
  if (uint64_t{pixels->width} * pixels->height > MOST_PIXELS)
  {
    png_destroy_read_struct(&png, &info, nullptr);
    return false;
  }
  // Grey of 8 or 16 bits, or RGB of 8; what was transparent shows its colour.
  const bool isGrey = (png_get_color_type(png, info) & PNG_COLOR_MASK_COLOR) == 0;
  png_set_expand(png);
  png_set_strip_alpha(png);
  if (isGrey)
  {
    const uint16_t one = 1;
    unsigned char first = 0;
    std::memcpy(&first, &one, 1);
    if (first == 1)
    {
      png_set_swap(png);
    }
  }
  else
  {
    png_set_scale_16(png);
  }
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
  pixels->samples = png_get_channels(png, info);
  pixels->bits = png_get_bit_depth(png, info);
  const size_t stride = png_get_rowbytes(png, info);
  bytes = static_cast<unsigned char*>(std::malloc(stride * pixels->height));
  rows = static_cast<png_bytep*>(std::malloc(sizeof(png_bytep) * pixels->height));
  if (bytes == nullptr || rows == nullptr)
  {
    png_error(png, "out of memory");
  }
  for (size_t i = 0; i < pixels->height; i++)
  {
    rows[i] = bytes + i * stride;
  }
  png_read_image(png, rows);
  png_read_end(png, nullptr);
  png_destroy_read_struct(&png, &info, nullptr);
  std::free(rows);
  pixels->bytes = bytes;
  return true;
}

XrayPicture ReadPng(const std::string& file)
{
  PngSource source{file.data(), file.size()};
  PngPixels pixels{};
  const bool whole = DecodePng(&source, &pixels);
  const std::unique_ptr<unsigned char, void (*)(void*)> owner(pixels.bytes, std::free);
  if (!whole)
  {
    throw BadInput("The PNG is broken, cut off or too large");
  }
  CheckSize(pixels.width, pixels.height);
  XrayPicture picture;
  picture.width = pixels.width;
  picture.height = pixels.height;
  picture.samples = pixels.samples;
  picture.bits = pixels.bits;
  picture.bytes.assign(reinterpret_cast<const char*>(pixels.bytes),
                       size_t{pixels.width} * pixels.height * pixels.samples * (pixels.bits / 8));
  return picture;
}
}  // namespace

std::optional<XrayPicture> ReadXrayPicture(const std::string& file)
{
  if (file.starts_with("\xff\xd8\xff"))
  {
    return ReadJpeg(file);
  }
  if (file.starts_with("\x89PNG\r\n\x1a\n"))
  {
    return ReadPng(file);
  }
  return std::nullopt;
}
}  // namespace OrthancClinic::Intake
