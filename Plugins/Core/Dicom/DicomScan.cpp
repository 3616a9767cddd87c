// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Dicom/DicomScan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <set>

namespace OrthancClinic
{
namespace
{
constexpr size_t PREAMBLE = 128;
constexpr size_t DEEPEST =
    64;  // sequences within sequences; DCMTK 3.6.7 overflows its stack at some thousands
constexpr size_t LONGEST_TEXT = 1024;
constexpr uint32_t UNDEFINED = 0xFFFFFFFF;
constexpr uint32_t ITEM = 0xFFFEE000;
constexpr uint32_t ITEM_END = 0xFFFEE00D;
constexpr uint32_t SEQUENCE_END = 0xFFFEE0DD;
constexpr uint32_t PIXEL_DATA = 0x7FE00010;
constexpr uint32_t TRANSFER_SYNTAX = 0x00020010;
constexpr const char* IMPLICIT = "1.2.840.10008.1.2";
constexpr const char* EXPLICIT = "1.2.840.10008.1.2.1";
constexpr const char* EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2";
constexpr const char* DEFLATED = "1.2.840.10008.1.2.1.99";

// PS3.5 Table 7.1-1: those with a length of 32 bits.
bool HasLongLength(std::string_view vr)
{
  static const std::set<std::string_view> VRS = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ",
                                                 "SV", "UC", "UN", "UR", "UT", "UV"};
  return VRS.contains(vr);
}

bool IsVr(std::string_view vr)
{
  static const std::set<std::string_view> SHORT = {"AE", "AS", "AT", "CS", "DA", "DS", "DT",
                                                   "FL", "FD", "IS", "LO", "LT", "PN", "SH",
                                                   "SL", "SS", "ST", "TM", "UI", "UL", "US"};
  return SHORT.contains(vr) || HasLongLength(vr);
}

bool IsText(std::string_view vr)
{
  static const std::set<std::string_view> TEXTS = {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT",
                                                   "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"};
  return vr.empty() || TEXTS.contains(vr);
}

struct Header
{
  uint32_t tag = 0;
  std::string_view vr;  // empty where it is implicit
  uint32_t length = 0;
  size_t size = 0;  // of the header itself
};

class Scanner
{
public:
  Scanner(std::string_view file, DicomScan& scan) : file_(file), scan_(scan) {}

  void Run()
  {
    FindBeginning();
    if (!scan_.isDicom)
    {
      scan_.problems.emplace_back("This is no DICOM file");
      return;
    }
    ReadMeta();
    if (scan_.transferSyntax.empty())
    {
      GuessSyntax();
    }
    implicit_ = scan_.transferSyntax == IMPLICIT;
    bigEndian_ = scan_.transferSyntax == EXPLICIT_BIG_ENDIAN;
    if (scan_.transferSyntax != DEFLATED)
    {
      ReadDataset();
    }
  }

private:
  // A level of nesting: a data set (of the file or an item), or a sequence of items.
  struct Level
  {
    bool isSequence;
    bool isFragments;  // encapsulated pixel data: its items are bytes
    bool implicit;
    std::optional<size_t> end;
  };

  void FindBeginning()
  {
    if (file_.size() >= PREAMBLE + 4 && file_.substr(PREAMBLE, 4) == "DICM")
    {
      scan_.hasPreamble = scan_.isDicom = true;
      at_ = PREAMBLE + 4;
      return;
    }
    // Without preamble: the first element is of group 2 or 8, with a length that fits.
    const auto header = Read(0, !LooksExplicit());
    if (header)
    {
      const uint32_t group = header->tag >> 16;
      scan_.isDicom = (group == 2 || group == 8) && header->length != UNDEFINED &&
                      header->size + header->length <= file_.size() && file_.size() > 64;
    }
  }

  // Whether a VR stands where explicit encoding has it.
  bool LooksExplicit() const { return at_ + 8 <= file_.size() && IsVr(file_.substr(at_ + 4, 2)); }

  uint32_t Number(size_t at, size_t size) const
  {
    uint32_t value = 0;
    for (size_t i = 0; i < size; i++)
    {
      const size_t place = bigEndian_ ? i : size - 1 - i;
      value = (value << 8) | static_cast<unsigned char>(file_[at + place]);
    }
    return value;
  }

  std::optional<Header> Read(size_t at, bool implicit) const
  {
    if (at + 8 > file_.size())
    {
      return std::nullopt;
    }
    Header header;
    header.tag = Number(at, 2) << 16 | Number(at + 2, 2);
    header.size = 8;
    if (implicit || header.tag >> 16 == 0xFFFE)
    {
      header.length = Number(at + 4, 4);
      return header;
    }
    header.vr = file_.substr(at + 4, 2);
    if (!HasLongLength(header.vr))
    {
      header.length = Number(at + 6, 2);
      return header;
    }
    if (at + 12 > file_.size())
    {
      return std::nullopt;
    }
    header.size = 12;
    header.length = Number(at + 8, 4);
    return header;
  }

  static std::string Name(uint32_t tag) { return fmt::format("({:04X},{:04X})", tag >> 16, tag & 0xFFFF); }

  void Problem(std::string text) { scan_.problems.push_back(std::move(text)); }

  // PS3.10 7.1: explicit little endian, whatever follows.
  void ReadMeta()
  {
    while (true)
    {
      const auto header = Read(at_, false);
      if (!header || header->tag >> 16 != 2)
      {
        return;
      }
      if (!IsVr(header->vr) || header->length > file_.size() - at_ - header->size)
      {
        Problem("The meta header cannot be read at " + Name(header->tag));
        at_ = file_.size();
        return;
      }
      Remember(*header);
      at_ += header->size + header->length;
      scan_.transferSyntax = scan_.Text(TRANSFER_SYNTAX);
    }
  }

  void GuessSyntax()
  {
    scan_.transferSyntax = LooksExplicit() ? EXPLICIT : IMPLICIT;
    if (scan_.hasPreamble)
    {
      scan_.warnings.emplace_back("The meta header names no transfer syntax (0002,0010)");
    }
  }

  void Remember(const Header& header)
  {
    if (header.length <= LONGEST_TEXT && IsText(header.vr))
    {
      scan_.elements.emplace(header.tag, std::string(file_.substr(at_ + header.size, header.length)));
    }
  }

  void ReadDataset()
  {
    std::vector<Level> levels = {{false, false, implicit_, file_.size()}};
    uint32_t last = 0;
    while (at_ < file_.size() || levels.size() > 1)
    {
      const Level level = levels.back();
      if (level.end && at_ >= *level.end)
      {
        if (at_ > *level.end)
        {
          Problem("An item or a sequence is longer than what holds it");
          return;
        }
        levels.pop_back();
        continue;
      }
      const auto header = Read(at_, level.implicit);
      if (!header)
      {
        Problem("The file is cut off");
        return;
      }
      if (header->tag == ITEM_END || header->tag == SEQUENCE_END)
      {
        const bool fits =
            levels.size() > 1 && !level.end && level.isSequence == (header->tag == SEQUENCE_END);
        if (!fits)
        {
          Problem("A delimiter stands where nothing ends: " + Name(header->tag));
          return;
        }
        at_ += 8;
        levels.pop_back();
        continue;
      }
      if (level.isSequence)
      {
        if (header->tag != ITEM)
        {
          Problem("An item was expected, and this found: " + Name(header->tag));
          return;
        }
        at_ += 8;
        if (level.isFragments)
        {
          if (header->length > file_.size() - at_)
          {
            Problem("The pixel data are cut off");
            return;
          }
          at_ += header->length;
          continue;
        }
        if (!Descend(levels, {false, false, level.implicit, EndOf(header->length)}))
        {
          return;
        }
        continue;
      }
      if (!level.implicit && !IsVr(header->vr))
      {
        Problem("An element has no known value representation: " + Name(header->tag));
        return;
      }
      if (levels.size() == 1)
      {
        if (header->tag <= last)
        {
          scan_.warnings.push_back("The elements are not in order at " + Name(header->tag));
        }
        last = header->tag;
        // PS3.3 C.7.6.3, C.7.6.24: PixelData, FloatPixelData, DoubleFloatPixelData.
        scan_.hasPixelData = scan_.hasPixelData || header->tag == PIXEL_DATA || header->tag == 0x7FE00008 ||
                             header->tag == 0x7FE00009;
        if (header->tag == PIXEL_DATA && header->length != UNDEFINED)
        {
          scan_.nativePixelBytes = header->length;
        }
        Remember(*header);
      }
      if (header->vr == "SQ" || header->length == UNDEFINED || HoldsItems(*header, level.implicit))
      {
        at_ += header->size;
        const bool isFragments = header->length == UNDEFINED && (header->vr == "OB" || header->vr == "OW");
        // PS3.5 6.2.2: what is unknown and of undefined length is a sequence with implicit encoding.
        if (!Descend(levels,
                     {true, isFragments, level.implicit || header->vr == "UN", EndOf(header->length)}))
        {
          return;
        }
        continue;
      }
      if (header->length > file_.size() - at_ - header->size)
      {
        Problem(header->tag == PIXEL_DATA ? "The pixel data are cut off"
                                          : "The file is cut off at " + Name(header->tag));
        return;
      }
      at_ += header->size + header->length;
    }
  }

  // An implicit element says nothing of its kind; a reader with a dictionary descends into a sequence.
  bool HoldsItems(const Header& header, bool implicit) const
  {
    const size_t value = at_ + header.size;
    return implicit && header.tag != PIXEL_DATA && header.length >= 8 &&
           header.length <= file_.size() - value && (Number(value, 2) << 16 | Number(value + 2, 2)) == ITEM &&
           (Number(value + 4, 4) == UNDEFINED || Number(value + 4, 4) <= header.length - 8);
  }

  std::optional<size_t> EndOf(uint32_t length) const
  {
    return length == UNDEFINED ? std::nullopt : std::optional(at_ + length);
  }

  bool Descend(std::vector<Level>& levels, const Level& level)
  {
    if (level.end && *level.end > file_.size())
    {
      Problem("The file is cut off within a sequence");
      return false;
    }
    levels.push_back(level);
    if (levels.size() > 2 * DEEPEST)
    {
      Problem(fmt::format("Sequences are nested more than {} times", DEEPEST));
      return false;
    }
    return true;
  }

  const std::string_view file_;
  DicomScan& scan_;
  size_t at_ = 0;
  bool implicit_ = false;
  bool bigEndian_ = false;
};
}  // namespace

std::string DicomScan::Text(uint32_t tag) const
{
  const auto element = elements.find(tag);
  if (element == elements.end())
  {
    return "";
  }
  std::string_view text = element->second;
  text = text.substr(0, text.find('\0'));
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return std::string(text.substr(0, text.find_last_not_of(' ') + 1));
}

DicomScan ScanDicom(std::string_view file)
{
  DicomScan scan;
  Scanner(file, scan).Run();
  return scan;
}
}  // namespace OrthancClinic
