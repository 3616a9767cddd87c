// SPDX-License-Identifier: GPL-3.0-or-later
//
// Orthanc's worklist callback in terms of JSON.

#pragma once

#include <orthanc/OrthancCPlugin.h>

#include <functional>

#include "Core/Host/Clinic.h"

namespace OrthancClinic
{
// Reads the query, and answers it with what `answer` makes of it.
//
// Orthanc sends of an item what the query asks for, and leaves out an item of a sequence that does not match
// the query's item by its own rules; it writes every answer in its DefaultEncoding.
void AnswerWorklist(OrthancPluginContext* context, OrthancPluginWorklistAnswers* answers,
                    const OrthancPluginWorklistQuery* query,
                    const std::function<WorklistAnswer(const Json::Value&)>& answer);
}  // namespace OrthancClinic
