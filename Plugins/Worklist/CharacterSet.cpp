// SPDX-License-Identifier: GPL-3.0-or-later

#include "CharacterSet.h"

namespace OrthancClinic::Worklist
{
namespace
{
constexpr std::chrono::seconds PERIOD(1);
}  // namespace

void CharacterSet::Start()
{
  thread_.Start("worklist", PERIOD, "The worklist is not brought up to date",
                [this]
                {
                  const bool needed = schedule_.NeedsUtf8();
                  if (switches_ && needed != (claim_ != nullptr))
                  {
                    claim_ = needed ? encoding_.ClaimUtf8() : nullptr;
                  }
                });
}

void CharacterSet::Stop()
{
  thread_.Stop();
  claim_.reset();
}
}  // namespace OrthancClinic::Worklist
