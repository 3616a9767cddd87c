// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/DefaultEncoding.h"

#include "Core/Errors.h"
#include "Core/Log.h"

namespace OrthancClinic
{
namespace
{
constexpr const char* ENCODING = "/tools/default-encoding";
}  // namespace

std::shared_ptr<void> DefaultEncoding::ClaimUtf8()
{
  const std::lock_guard lock(mutex_);
  if (claims_ == 0)
  {
    configured_ = orthanc_.GetBytes(ENCODING);
    orthanc_.Put(ENCODING, "Utf8");
  }
  claims_++;
  return {this, [](DefaultEncoding* encoding) { encoding->Release(); }};
}

void DefaultEncoding::Release() noexcept
{
  const std::lock_guard lock(mutex_);
  claims_--;
  if (claims_ != 0)
  {
    return;
  }
  try
  {
    orthanc_.Put(ENCODING, configured_);
  }
  catch (const Error& error)
  {
    LogWarning(std::string("Orthanc's DefaultEncoding stays Utf8: ") + error.what());
  }
}
}  // namespace OrthancClinic
