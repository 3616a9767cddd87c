// SPDX-License-Identifier: GPL-3.0-or-later

#include "Probe.h"

#include "Core/Errors.h"
#include "Core/Uuid.h"
#include "Target.h"

namespace OrthancClinic::Replication
{
namespace
{
constexpr std::chrono::seconds PATIENCE(5);  // for one call
constexpr std::chrono::seconds AT_ALL(20);

void WriteAndRead(ITarget& target, Timestamp until)
{
  const std::string key = ".probe-" + NewUuid();  // no study has such a name
  const std::string text = "clinic " + NewUuid();
  const UploadMemory none{.recall = [] { return std::nullopt; }, .remember = [](const std::string&) {}};
  target.Put(key, *MakeContent(text), "text/plain", none, [&] { return Now() > until; });
  const auto back = target.Get(key);
  target.Delete(key);
  if (back != text)
  {
    throw Unavailable("What was read back is not what was written");
  }
}
}  // namespace

Json::Value Probe(const TargetOptions& options, const ResidencyPolicy& policy, IOrthanc& orthanc)
{
  const Timestamp begin = Now();
  Json::Value result;
  result["success"] = false;
  try
  {
    TargetOptions impatient = options;
    impatient.timeout = PATIENCE;
    const auto target = MakeTarget(impatient, policy, orthanc);
    target->Check();
    result["message"] = "The DICOM node answers";
    if (target->KeepsFiles())
    {
      WriteAndRead(*target, begin + AT_ALL);
      result["message"] = "An object was written, read back and deleted";
    }
    result["success"] = true;
  }
  catch (const Error& error)
  {
    result["message"] = error.what();
  }
  result["latencyMs"] = static_cast<Json::Int64>((Now() - begin).count());
  result["testedAt"] = ToString(Now());
  return result;
}
}  // namespace OrthancClinic::Replication
