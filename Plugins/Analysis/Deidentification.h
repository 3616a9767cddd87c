// SPDX-License-Identifier: GPL-3.0-or-later
//
// What may leave of a DICOM file. Orthanc's anonymisation goes by a list of attributes, and looks for most of
// them at the first level alone (1.10): names in nested items, curves, overlays, free text of other
// attributes, encapsulated documents and bytes beside the pixels stay in the file. Here the rule is the other
// way round: what is not needed to understand the picture goes.

#pragma once

#include <functional>
#include <string>

namespace OrthancClinic::Analysis
{
// Of a file whose pixels are not compressed, what may leave, in explicit little endian. At every level:
//
// - numbers and code strings stay; so do codes, with their value in the place of their meaning;
// - text, names, dates and times are emptied, and binary data go, but for the pixels with their tables and
//   types, the manufacturer and the model;
// - of the patient, the PatientName and PatientID of the file itself stay: the caller has given them;
// - private attributes, curves, overlays, and what was asked for and reported go;
// - an identifier that is not the standard's own becomes `pseudonymOf` it; those of the study, the series and
//   the instance, and the frame of reference, stay: the caller has given them;
// - of the pixels, what lies behind the last one, and the bits that no pixel uses, are cleared.
//
// Throws Unavailable if the file cannot be read.
std::string RemoveIdentity(const std::string& dicom,
                           const std::function<std::string(const std::string&)>& pseudonymOf);
}  // namespace OrthancClinic::Analysis
