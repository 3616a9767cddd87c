// SPDX-License-Identifier: GPL-3.0-or-later

#include "PreviewJpeg.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <memory>

// Needs size_t and FILE to be known.
#include <jpeglib.h>

#include "Core/Errors.h"

namespace OrthancClinic::Intake
{
namespace
{
struct ErrorManager
{
  jpeg_error_mgr base;
  std::jmp_buf escape;
};

// The library's own would end the process.
[[noreturn]] void Escape(j_common_ptr encoder)
{
  std::longjmp(reinterpret_cast<ErrorManager*>(encoder->err)->escape, 1);
}

// False if it failed. No object of this frame has a destructor: the library leaves it by longjmp.
bool Encode(const Image& image, int quality, unsigned char** bytes, unsigned long* size)
{
  jpeg_compress_struct encoder;
  ErrorManager errors;
  encoder.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = Escape;
  if (setjmp(errors.escape) != 0)
  {
    jpeg_destroy_compress(&encoder);
    return false;
  }
  jpeg_create_compress(&encoder);
  jpeg_mem_dest(&encoder, bytes, size);
  encoder.image_width = image.width;
  encoder.image_height = image.height;
  encoder.input_components = static_cast<int>(image.Samples());
  encoder.in_color_space = image.format == Image::Format::Rgb24 ? JCS_RGB : JCS_GRAYSCALE;
  jpeg_set_defaults(&encoder);
  jpeg_set_quality(&encoder, quality, TRUE);
  jpeg_simple_progression(&encoder);
  jpeg_start_compress(&encoder, TRUE);
  const size_t stride = image.width * image.Samples();
  while (encoder.next_scanline < encoder.image_height)
  {
    // The library does not write to it.
    JSAMPROW row =
        reinterpret_cast<JSAMPROW>(const_cast<char*>(image.pixels.data()) + encoder.next_scanline * stride);
    jpeg_write_scanlines(&encoder, &row, 1);
  }
  jpeg_finish_compress(&encoder);
  jpeg_destroy_compress(&encoder);
  return true;
}
}  // namespace

std::string EncodeProgressiveJpeg(const Image& image, int quality)
{
  if (image.format != Image::Format::Gray8 && image.format != Image::Format::Rgb24)
  {
    throw BadInput("Only images of 8 bits can be encoded");
  }
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  const bool encoded = Encode(image, quality, &bytes, &size);
  const std::unique_ptr<unsigned char, void (*)(void*)> owner(bytes, std::free);
  if (!encoded)
  {
    throw BadInput("The image cannot be encoded as JPEG");
  }
  return {reinterpret_cast<const char*>(bytes), size};
}
}  // namespace OrthancClinic::Intake
