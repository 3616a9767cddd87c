// SPDX-License-Identifier: GPL-3.0-or-later
//
// Keeps the worklist current in the background, and Orthanc able to write it: Orthanc writes every answer of
// the worklist in its DefaultEncoding, whatever the plugin gives it. While the list has a name that the
// configured one cannot write, that is set to Utf8 (ISO_IR 192), and back afterwards: consoles that know
// nothing but ISO_IR 100 see it as long as it suffices.

#pragma once

#include <memory>

#include "Core/DefaultEncoding.h"
#include "Core/Thread.h"
#include "Schedule.h"

namespace OrthancClinic::Worklist
{
class CharacterSet
{
public:
  // Without `switches` the encoding stays as it is.
  CharacterSet(Schedule& schedule, DefaultEncoding& encoding, bool switches)
      : schedule_(schedule), encoding_(encoding), switches_(switches)
  {
  }

  void Start();
  void Stop();

private:
  Schedule& schedule_;
  DefaultEncoding& encoding_;
  const bool switches_;
  std::shared_ptr<void> claim_;
  PeriodicThread thread_;  // last: it uses the others
};
}  // namespace OrthancClinic::Worklist
