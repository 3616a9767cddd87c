// SPDX-License-Identifier: GPL-3.0-or-later

#include "Webhooks/WebhookOptions.h"

#include <gtest/gtest.h>

#include "Support/Documentation.h"

namespace OrthancClinic::Webhooks
{
TEST(WebhookOptions, AreInTheReadme)
{
  EXPECT_EQ(Testing::DocumentedOptions("Plugins/Webhooks/README.md"),
            OptionTable("Webhooks", OptionsSchema()));
}
}  // namespace OrthancClinic::Webhooks
