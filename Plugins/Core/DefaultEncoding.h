// SPDX-License-Identifier: GPL-3.0-or-later
//
// Orthanc's DefaultEncoding, of which there is one in the process: Orthanc writes worklist answers and its
// own queries to other servers in it, and reads in it what does not say its character set. Who must write a
// name that the configured one cannot, claims Utf8 (ISO_IR 192) for that long.

#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "Core/Api.h"
#include "Core/Orthanc.h"

namespace OrthancClinic
{
class ORTHANC_CLINIC_API DefaultEncoding
{
public:
  explicit DefaultEncoding(IOrthanc& orthanc) : orthanc_(orthanc) {}

  // It is Utf8 as long as somebody holds what is returned, and as configured afterwards. Throws as IOrthanc
  // does. Thread-safe. Give it back before Orthanc has stopped.
  [[nodiscard]] std::shared_ptr<void> ClaimUtf8();

private:
  void Release() noexcept;

  IOrthanc& orthanc_;
  std::mutex mutex_;
  unsigned claims_ = 0;  // guarded by mutex_, as the next
  std::string configured_;
};
}  // namespace OrthancClinic
