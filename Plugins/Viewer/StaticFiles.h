// SPDX-License-Identifier: GPL-3.0-or-later
//
// A folder of files that a browser may have: only what lies there when Orthanc starts, by names that were
// read from the folder, so that no request can name another file.

#pragma once

#include <map>
#include <string>

#include "Core/Rest/Router.h"

namespace OrthancClinic::Viewer
{
class StaticFiles
{
public:
  // A folder that is not there has no files. `policy` is the Content-Security-Policy of its pages.
  StaticFiles(const std::string& folder, const std::string& policy);

  bool Has(const std::string& name) const { return files_.contains(name); }

  // The file, compressed if a "name.gz" lies beside it and the browser takes that; throws NotFound. A file
  // whose name carries a hash of its content may be kept for ever, others are asked for again.
  Response Answer(const HttpRequest& request, const std::string& name) const;

private:
  struct File
  {
    std::string path;
    std::string type;
    std::string tag;
    bool hashed = false;
    bool compressed = false;  // whether a ".gz" lies beside it
  };

  const std::string policy_;
  std::map<std::string, File> files_;
};
}  // namespace OrthancClinic::Viewer
