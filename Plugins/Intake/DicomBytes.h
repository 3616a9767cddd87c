// SPDX-License-Identifier: GPL-3.0-or-later
//
// How this plugin has DCMTK write a DICOM file into memory.

#pragma once

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcxfer.h>
#include <dcmtk/ofstd/ofcond.h>

#include <string>

class DcmFileFormat;

namespace OrthancClinic::Intake
{
// Part 10, its meta header as it stands. `bytes` has it if that succeeds.
OFCondition WriteDicom(DcmFileFormat& file, E_TransferSyntax syntax, E_EncodingType lengths,
                       std::string& bytes);
}  // namespace OrthancClinic::Intake
