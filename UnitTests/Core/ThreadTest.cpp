// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Thread.h"

#include <gmock/gmock.h>

#include <atomic>
#include <stdexcept>
#include <vector>

#include "Core/Log.h"
#include "Support/Wait.h"

namespace OrthancClinic
{
namespace
{
using ::testing::ElementsAre;

std::vector<std::string>& Logged()
{
  static std::vector<std::string> lines;
  return lines;
}

TEST(PeriodicThread, GoesOnWhenItFailsAndSaysWhyOnce)
{
  SetLogSink([](LogLevel, const std::string& message) { Logged().push_back(message); });
  std::atomic<int> runs{0};
  {
    PeriodicThread thread;
    thread.Start("test", std::chrono::milliseconds(1), "It does not work",
                 [&]
                 {
                   const int run = ++runs;
                   if (run <= 3 || run == 5)
                   {
                     throw std::runtime_error("there is no power");
                   }
                   if (run == 6)
                   {
                     throw std::runtime_error("there is no water");
                   }
                 });
    EXPECT_TRUE(Testing::WaitUntil([&] { return runs > 7; }));
  }
  SetLogSink(nullptr);
  EXPECT_THAT(Logged(),
              ElementsAre("It does not work: there is no power", "It does not work: there is no power",
                          "It does not work: there is no water"));
}
}  // namespace
}  // namespace OrthancClinic
