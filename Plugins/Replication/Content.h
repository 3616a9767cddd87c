// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is sent to a target, read piece by piece: a CBCT of a gigabyte never is in memory as a whole.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "Core/Orthanc.h"

namespace OrthancClinic::Replication
{
class IContent
{
public:
  virtual ~IContent() = default;

  virtual size_t Size() const = 0;

  // Hexadecimal, as Orthanc or its maker knows it; empty if they do not.
  virtual const std::string& Md5() const = 0;

  // The `length` bytes from `offset`, valid until the next call. Throws Unavailable if they cannot be read.
  virtual std::string_view Read(size_t offset, size_t length) = 0;
};

std::unique_ptr<IContent> MakeContent(std::string text);

// Throws Unavailable if Orthanc says another MD5 than that of what was read.
void CompareWithOrthanc(const IContent& content, const std::string& md5);

// The DICOM file of an instance: from Orthanc's storage area if that is its plain folder (`storage`), else
// (other storage plugins, compressed files) by the REST API, which gives it only as a whole. Throws NotFound.
std::unique_ptr<IContent> OpenInstance(IOrthanc& orthanc, const std::string& storage,
                                       const std::string& instanceId);
}  // namespace OrthancClinic::Replication
