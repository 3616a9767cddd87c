// SPDX-License-Identifier: GPL-3.0-or-later

#include "PreviewWindow.h"

namespace OrthancClinic::Intake
{
namespace
{
// What the viewer offers under the same name is the same here.
constexpr const char* OHIF =
    "OHIF Viewers 3, extensions/cornerstone/src/components/WindowLevelActionMenu/"
    "defaultWindowLevelPresets.ts";
constexpr const char* RADIOPAEDIA = "Radiopaedia, Windowing (CT), https://radiopaedia.org/articles/52108";
// Grey values of cone-beam CT are no Hounsfield units, and differ from device to device: from air to enamel.
constexpr const char* CBCT =
    "R. Pauwels et al., CBCT-based bone quality assessment: are Hounsfield units applicable?, "
    "Dentomaxillofacial Radiology 44 (2015) 20140238: no window narrower than the range of teeth and bone "
    "holds for every device";
}  // namespace

const std::vector<WindowPreset>& WindowPresets()
{
  static const std::vector<WindowPreset> PRESETS = {
      {"brain", {40, 80}, OHIF},
      {"stroke", {40, 40}, RADIOPAEDIA},
      {"subdural", {75, 215}, RADIOPAEDIA},
      {"temporal-bone", {600, 2800}, RADIOPAEDIA},
      {"soft-tissue", {40, 400}, OHIF},
      {"lung", {-600, 1500}, OHIF},
      {"mediastinum", {50, 350}, RADIOPAEDIA},
      {"abdomen", {50, 400}, RADIOPAEDIA},
      {"liver", {90, 150}, OHIF},
      {"bone", {480, 2500}, OHIF},
      {"spine-soft-tissue", {50, 250}, RADIOPAEDIA},
      {"spine-bone", {400, 1800}, RADIOPAEDIA},
      {"dental", {1000, 4000}, CBCT},
  };
  return PRESETS;
}

const WindowPreset* FindWindowPreset(const std::string& name)
{
  for (const WindowPreset& preset : WindowPresets())
  {
    if (name == preset.name)
    {
      return &preset;
    }
  }
  return nullptr;
}
}  // namespace OrthancClinic::Intake
