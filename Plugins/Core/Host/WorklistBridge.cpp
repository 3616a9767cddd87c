// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Host/WorklistBridge.h"

#include "Core/Configuration/Json.h"
#include "Core/Errors.h"
#include "Core/Host/OrthancSdk.h"

namespace OrthancClinic
{
namespace
{
constexpr uint32_t ANY_LENGTH = 0;

Json::Value ReadQuery(OrthancPluginContext* context, const OrthancPluginWorklistQuery* query)
{
  OrthancBuffer dicom(context);
  if (OrthancPluginWorklistGetDicomQuery(context, dicom.Out(), query) != OrthancPluginErrorCode_Success)
  {
    throw BadInput("The query cannot be read");
  }
  const std::string text = TakeString(
      context, OrthancPluginDicomBufferToJson(
                   context, dicom.View().data(), static_cast<uint32_t>(dicom.View().size()),
                   OrthancPluginDicomToJsonFormat_Short, OrthancPluginDicomToJsonFlags_None, ANY_LENGTH));
  auto json = ParseOrthancJson(text);
  if (!json)
  {
    throw BadInput("The query is no data set");
  }
  return *std::move(json);
}
}  // namespace

void AnswerWorklist(OrthancPluginContext* context, OrthancPluginWorklistAnswers* answers,
                    const OrthancPluginWorklistQuery* query,
                    const std::function<WorklistAnswer(const Json::Value&)>& answer)
{
  const WorklistAnswer found = answer(ReadQuery(context, query));
  for (const Json::Value& item : found.items)
  {
    OrthancBuffer dicom(context);
    if (OrthancPluginCreateDicom(context, dicom.Out(), WriteJson(item).c_str(), nullptr,
                                 OrthancPluginCreateDicomFlags_None) != OrthancPluginErrorCode_Success ||
        OrthancPluginWorklistAddAnswer(context, answers, query, dicom.View().data(),
                                       static_cast<uint32_t>(dicom.View().size())) !=
            OrthancPluginErrorCode_Success)
    {
      throw Unavailable("Orthanc cannot write an item of the worklist");
    }
  }
  if (!found.complete)
  {
    OrthancPluginWorklistMarkIncomplete(context, answers);
  }
}
}  // namespace OrthancClinic
