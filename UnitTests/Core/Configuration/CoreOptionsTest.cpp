// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Configuration/CoreOptions.h"

#include <gtest/gtest.h>

#include "Core/Configuration/Configuration.h"
#include "Support/Documentation.h"

namespace OrthancClinic::Testing
{
namespace
{
TEST(CoreOptions, StandInThePageOfCore)
{
  EXPECT_EQ(DocumentedOptions("Plugins/Core/README.md"), OptionTable("", CoreOptions()));
}
}  // namespace
}  // namespace OrthancClinic::Testing
