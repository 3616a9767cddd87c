// SPDX-License-Identifier: GPL-3.0-or-later
//
// The EHR's routes of uploads and of their log, below /api/v1/dicom.

#pragma once

#include <functional>

#include "Core/Database/Database.h"
#include "Core/Rest/Router.h"
#include "Uploader.h"

namespace OrthancClinic::Intake
{
// `matches`: whether somebody in this process decides to whom studies belong, so that it is worth a moment's
// wait.
void AddUploadRoutes(Router& router, Database& database, Uploader& uploader, std::function<bool()> matches);

// Adds the files to a form's schema: one `file`, or as many `files` as come.
void AddFiles(Json::Value& schema, bool many);

// The changes of tags that a form asks for; clients spell the field `tag_modifications` or `tags`.
TagChanges ReadTagChanges(const Upload& upload, const Options& options);
}  // namespace OrthancClinic::Intake
