// SPDX-License-Identifier: GPL-3.0-or-later

#include "DicomBytes.h"

#include <dcmtk/dcmdata/dcostrmb.h>
#include <dcmtk/dcmdata/dctk.h>

namespace OrthancClinic::Intake
{
namespace
{
constexpr size_t SPARE = 64 << 10;  // for what DCMTK's estimate of a file's length leaves out
}  // namespace

OFCondition WriteDicom(DcmFileFormat& file, E_TransferSyntax syntax, E_EncodingType lengths,
                       std::string& bytes)
{
  bytes.assign(file.calcElementLength(syntax, lengths) + SPARE, '\0');
  DcmOutputBufferStream stream(bytes.data(), static_cast<offile_off_t>(bytes.size()));
  file.transferInit();
  const OFCondition written = file.write(stream, syntax, lengths, nullptr);
  file.transferEnd();
  void* buffer = nullptr;
  offile_off_t size = 0;
  stream.flushBuffer(buffer, size);
  bytes.resize(static_cast<size_t>(size));
  return written;
}
}  // namespace OrthancClinic::Intake
