// SPDX-License-Identifier: GPL-3.0-or-later
//
// Orthanc's C SDK behind C++: what must be given back is given back, what may throw does not cross the C
// boundary.

#pragma once

#include <orthanc/OrthancCPlugin.h>

#include <optional>
#include <string>
#include <string_view>

#include "Core/Dicom/Image.h"
#include "Core/Errors.h"
#include "Core/Log.h"
#include "Core/Orthanc.h"

namespace OrthancClinic
{
// A buffer that Orthanc filled.
class OrthancBuffer
{
public:
  explicit OrthancBuffer(OrthancPluginContext* context) : context_(context) {}
  ~OrthancBuffer() { OrthancPluginFreeMemoryBuffer(context_, &buffer_); }
  OrthancBuffer(const OrthancBuffer&) = delete;
  OrthancBuffer& operator=(const OrthancBuffer&) = delete;

  OrthancPluginMemoryBuffer* Out() { return &buffer_; }
  std::string_view View() const { return {static_cast<const char*>(buffer_.data), buffer_.size}; }

private:
  OrthancPluginContext* context_;
  OrthancPluginMemoryBuffer buffer_{nullptr, 0};
};

// Takes over a string that Orthanc allocated; empty for a null one.
inline std::string TakeString(OrthancPluginContext* context, char* text)
{
  const std::string copy = (text == nullptr) ? "" : text;
  if (text != nullptr)
  {
    OrthancPluginFreeString(context, text);
  }
  return copy;
}

// JSON that Orthanc wrote: tolerant of what our strict parser refuses (invalid UTF-8 of a DICOM text, say).
// Nothing if it is no JSON.
std::optional<Json::Value> ParseOrthancJson(std::string_view text);

// Orthanc's REST API within the process.
class InProcessOrthanc : public IOrthanc
{
public:
  explicit InProcessOrthanc(OrthancPluginContext* context) : context_(context) {}

  Json::Value Get(const std::string& path) override;
  std::string GetBytes(const std::string& path) override;
  Json::Value Post(const std::string& path, const std::string& body) override;
  std::string PostBytes(const std::string& path, const std::string& body) override;
  void Put(const std::string& path, const std::string& body) override;
  void Delete(const std::string& path) override;
  Answer Fetch(const std::string& path, const std::map<std::string, std::string>& headers) override;
  Json::Value ReadDicom(const std::string& dicom) override;

private:
  OrthancPluginContext* context_;
};

// Orthanc's decoders and encoders.
class OrthancImageCodec : public IImageCodec
{
public:
  explicit OrthancImageCodec(OrthancPluginContext* context) : context_(context) {}

  Image DecodeFrame(const std::string& dicom, unsigned frame) override;
  std::string Transcode(const std::string& dicom, const std::string& transferSyntax) override;
  std::string EncodePng(const Image& image) override;
  std::string EncodeJpeg(const Image& image, int quality) override;

private:
  OrthancPluginContext* context_;
};

// The barrier around every callback that Orthanc calls: an exception becomes a line of the log and an error
// code. In particular, one that left OnStoredInstance would leave the modality's association hanging.
template <typename Function>
OrthancPluginErrorCode Guarded(const char* callback, Function&& function) noexcept
{
  try
  {
    function();
    return OrthancPluginErrorCode_Success;
  }
  catch (const NotFound& error)
  {
    LogError(std::string(callback) + ": " + error.what());
    return OrthancPluginErrorCode_UnknownResource;
  }
  catch (const BadInput& error)
  {
    LogError(std::string(callback) + ": " + error.what());
    return OrthancPluginErrorCode_BadRequest;
  }
  catch (const Unavailable& error)
  {
    LogError(std::string(callback) + ": " + error.what());
    return OrthancPluginErrorCode_DatabaseUnavailable;
  }
  catch (const std::bad_alloc&)
  {
    LogError(std::string("Out of memory in ") + callback);
    return OrthancPluginErrorCode_NotEnoughMemory;
  }
  catch (const std::exception& error)
  {
    LogError(std::string(callback) + ": " + error.what());
    return OrthancPluginErrorCode_Plugin;
  }
  catch (...)
  {
    LogError(std::string("An error of unknown kind in ") + callback);
    return OrthancPluginErrorCode_Plugin;
  }
}
}  // namespace OrthancClinic
