// SPDX-License-Identifier: GPL-3.0-or-later

#include "DicomTarget.h"

#include "Core/Configuration/Json.h"
#include "Core/Digest.h"
#include "Core/Errors.h"
#include "Core/Tasks/TaskWorkers.h"

namespace OrthancClinic::Replication
{
namespace
{
constexpr int TIMEOUT = 30;             // seconds, of the association
constexpr int64_t SIZE_NOT_KNOWN = -1;  // C-FIND does not tell it

std::string NameOf(const std::string& target)
{
  return "vna-" + target;
}

bool IsTls(const TargetOptions& options)
{
  return NodeUrl(options).starts_with("https:");
}

// "<StudyInstanceUID>/<SeriesInstanceUID>/".
std::pair<std::string, std::string> UidsOf(const std::string& folder)
{
  const size_t slash = folder.find('/');
  const size_t end = folder.find('/', slash + 1);
  if (slash == std::string::npos || end == std::string::npos)
  {
    throw PermanentFailure("A DICOM node can only be asked for a series");
  }
  return {folder.substr(0, slash), folder.substr(slash + 1, end - slash - 1)};
}

[[noreturn]] void Refuse()
{
  throw PermanentFailure("A DICOM node keeps images only");
}
}  // namespace

std::string NodeUrl(const TargetOptions& options)
{
  const std::string host =
      options.host.find(':') == std::string::npos ? options.host : "[" + options.host + "]";
  const std::string address = "://" + host + ":" + std::to_string(options.port);
  return (IsLoopback("http" + address) ? "http" : "https") + address;
}

void ForgetNode(IOrthanc& orthanc, const std::string& target)
{
  try
  {
    orthanc.Delete("/modalities/" + NameOf(target));
  }
  catch (const Error&)
  {
    // It was never known.
  }
}

DicomTarget::DicomTarget(const TargetOptions& options, const ResidencyPolicy& policy, IOrthanc& orthanc)
    : options_(options), guard_(policy), orthanc_(orthanc)
{
}

std::string DicomTarget::Node()
{
  guard_.CheckStorage({NodeUrl(options_), "", options_.jurisdiction, options_.assessment});
  const std::lock_guard lock(mutex_);
  if (!node_.empty())
  {
    return node_;
  }
  // Orthanc tells who calls by the AE title: another node must not lose its rights by this one.
  const Json::Value nodes = orthanc_.Get("/modalities?expand");
  const std::string own = NameOf(options_.name);
  for (const std::string& name : nodes.getMemberNames())
  {
    if (name == own || nodes[name]["AET"].asString() != options_.aeTitle)
    {
      continue;
    }
    if (nodes[name]["Host"].asString() != options_.host || nodes[name]["Port"].asInt() != options_.port)
    {
      throw Forbidden("Orthanc knows another node by the AE title " + options_.aeTitle);
    }
    node_ = "/modalities/" + name;
    return node_;
  }
  Json::Value node;
  node["AET"] = options_.aeTitle;
  node["Host"] = options_.host;
  node["Port"] = options_.port;
  node["UseDicomTls"] = IsTls(options_);
  node["Timeout"] = TIMEOUT;
  // Images go there; what it may ask for here is the administrator's affair.
  for (const char* right : {"AllowEcho", "AllowFind", "AllowFindWorklist", "AllowMove", "AllowGet",
                            "AllowStore", "AllowStorageCommitment"})
  {
    node[right] = false;
  }
  orthanc_.Put("/modalities/" + own, WriteJson(node));
  node_ = "/modalities/" + own;
  return node_;
}

void DicomTarget::Check()
{
  const std::string node = Node();
  try
  {
    orthanc_.Post(node + "/echo", R"({"Timeout": 5})");
  }
  catch (const Error&)
  {
    throw Unavailable(
        std::string("The DICOM node does not answer C-ECHO: is the AE title right, and is it listening") +
        (IsTls(options_) ? " by TLS, for which Orthanc has certificates?" : "?"));
  }
}

std::string DicomTarget::Put(const std::string& key, IContent& content, const std::string&,
                             const UploadMemory&, const std::function<bool()>&)
{
  const std::string node = Node();
  const std::string bytes(content.Read(0, content.Size()));
  if (!content.Md5().empty() && Md5Of(bytes) != content.Md5())
  {
    throw Unavailable("What was read of Orthanc is not what its checksum says: is Orthanc's file damaged?");
  }
  Json::Value answer;
  try
  {
    answer = orthanc_.Post(node + "/store-straight", bytes);
  }
  catch (const Error&)
  {
    throw Unavailable("The DICOM node did not take the image by C-STORE");
  }
  const std::string uid = TextOf(answer, "SOPInstanceUID");
  if (!key.ends_with("/" + uid + ".dcm"))
  {
    throw Unavailable("The DICOM node took another image than was sent");
  }
  return Sha256Of(bytes);
}

void DicomTarget::List(const std::string& folder,
                       const std::function<void(const std::string&, int64_t)>& each)
{
  const std::string node = Node();
  const auto [study, series] = UidsOf(folder);
  Json::Value query;
  query["Level"] = "Instance";
  query["Query"]["StudyInstanceUID"] = study;
  query["Query"]["SeriesInstanceUID"] = series;
  query["Query"]["SOPInstanceUID"] = "";
  Json::Value answers;
  try
  {
    const std::string path = orthanc_.Post(node + "/query", WriteJson(query))["Path"].asString();
    answers = orthanc_.Get(path + "/answers?expand&simplify");
    orthanc_.Delete(path);
  }
  catch (const Error&)
  {
    throw Unavailable("The DICOM node does not answer C-FIND, so that its copies cannot be seen");
  }
  for (const Json::Value& answer : answers)
  {
    each(answer["SOPInstanceUID"].asString() + ".dcm", SIZE_NOT_KNOWN);
  }
}

bool DicomTarget::PutNew(const std::string&, IContent&, const std::string&, const std::function<bool()>&)
{
  Refuse();
}

std::optional<std::string> DicomTarget::Get(const std::string&)
{
  Refuse();
}

void DicomTarget::Delete(const std::string&)
{
  Refuse();
}
}  // namespace OrthancClinic::Replication
