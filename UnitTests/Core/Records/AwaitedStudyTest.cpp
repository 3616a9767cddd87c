// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Records/AwaitedStudy.h"

#include <gtest/gtest.h>

#include "Core/DatabaseFixture.h"

namespace OrthancClinic
{
namespace
{
class AwaitedStudiesOn : public Testing::DatabaseTest
{
};
ON_BOTH_DATABASES(AwaitedStudiesOn);

TEST_P(AwaitedStudiesOn, AreToldFromAllOthersByTheirUid)
{
  // Whoever sends them again after an error says it again.
  for (int i = 0; i < 2; i++)
  {
    WithStore<AwaitedStudyStore>([](AwaitedStudyStore& store) { store.Await("2.25.1", "analysis-result"); });
  }

  WithStore<AwaitedStudyStore>(
      [](AwaitedStudyStore& store)
      {
        EXPECT_EQ("analysis-result", store.TaskOf("2.25.1"));
        EXPECT_EQ(std::nullopt, store.TaskOf("2.25.2"));
        EXPECT_EQ(std::nullopt, store.TaskOf(""));
      });
}
}  // namespace
}  // namespace OrthancClinic
