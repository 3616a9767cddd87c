// SPDX-License-Identifier: GPL-3.0-or-later
//
// Makes small DICOM instances for the tests: valid where nothing else is asked for, and as broken as a test
// wants.

#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

class DcmFileFormat;

namespace OrthancClinic::Testing
{
// A new unique identifier (of DCMTK's root).
std::string NewUid();

class DicomFile
{
public:
  // A monochrome image of the modality's own storage class ("CT", "DX", "IO", "PX", "MR", "US", "OT"; else
  // Secondary Capture), `size` × `size` pixels of 16 bits, with new UIDs, SpecificCharacterSet ISO_IR 192
  // (UTF-8), today's date, and empty patient attributes.
  explicit DicomFile(const std::string& modality = "CT", unsigned size = 16);
  ~DicomFile();
  DicomFile(DicomFile&&) noexcept;
  DicomFile& operator=(DicomFile&&) noexcept;

  // Sets an element by keyword ("PatientName") or tag ("0010,0010"). The bytes are written as they are:
  // nothing is converted into SpecificCharacterSet, checked or cut.
  DicomFile& Set(const std::string& element, const std::string& bytes);

  // Adds an item to a sequence.
  DicomFile& AddItem(const std::string& sequence, const std::map<std::string, std::string>& elements);

  // Takes an element out.
  DicomFile& Remove(const std::string& element);

  std::string Get(const std::string& element) const;  // empty if absent
  std::string StudyUid() const { return Get("StudyInstanceUID"); }
  std::string InstanceUid() const { return Get("SOPInstanceUID"); }

  // A new SOPInstanceUID and InstanceNumber: the next image of the same series.
  DicomFile& NextInstance();

  // Writes Part 10, explicit little endian, and gives the path: "<folder>/<SOPInstanceUID>.dcm".
  std::filesystem::path SaveIn(const std::filesystem::path& folder) const;

private:
  std::unique_ptr<DcmFileFormat> file_;
  int instanceNumber_ = 1;
};
}  // namespace OrthancClinic::Testing
