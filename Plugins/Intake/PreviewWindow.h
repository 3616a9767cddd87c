// SPDX-License-Identifier: GPL-3.0-or-later
//
// The windows by which people ask for an image: "brain", "lung", … Each is a range of Hounsfield units (PS3.3
// C.11.2.1.2), and therefore one for CT.

#pragma once

#include <string>
#include <vector>

namespace OrthancClinic::Intake
{
struct Window
{
  double center = 0;
  double width = 1;
};

struct WindowPreset
{
  const char* name;
  Window window;
  const char* source;  // where the numbers are from
};

const std::vector<WindowPreset>& WindowPresets();

// Nothing if there is no preset of this name.
const WindowPreset* FindWindowPreset(const std::string& name);
}  // namespace OrthancClinic::Intake
