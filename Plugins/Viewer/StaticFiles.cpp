// SPDX-License-Identifier: GPL-3.0-or-later

#include "StaticFiles.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <regex>

#include "Core/Errors.h"

namespace OrthancClinic::Viewer
{
namespace
{
namespace fs = std::filesystem;

std::string TypeOf(const std::string& name)
{
  static const std::map<std::string, std::string> TYPES = {{".html", "text/html; charset=utf-8"},
                                                           {".js", "text/javascript; charset=utf-8"},
                                                           {".mjs", "text/javascript; charset=utf-8"},
                                                           {".css", "text/css; charset=utf-8"},
                                                           {".json", "application/json"},
                                                           {".wasm", "application/wasm"},
                                                           {".svg", "image/svg+xml"},
                                                           {".png", "image/png"},
                                                           {".ico", "image/x-icon"},
                                                           {".woff2", "font/woff2"},
                                                           {".xml", "application/xml"},
                                                           {".txt", "text/plain; charset=utf-8"},
                                                           {".jpg", "image/jpeg"},
                                                           {".map", "application/json"}};
  const auto found = TYPES.find(fs::path(name).extension().string());
  return found == TYPES.end() ? "application/octet-stream" : found->second;
}

std::string Read(const std::string& path)
{
  std::ifstream file(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(file), {}};
  if (!file)
  {
    throw Unavailable("A file of the page cannot be read");
  }
  return content;
}
}  // namespace

StaticFiles::StaticFiles(const std::string& folder, const std::string& policy) : policy_(policy)
{
  static const std::regex HASHED("(^|.*[./])[0-9a-f]{16,}\\.[a-z0-9]+$");
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
  {
    if (!entry->is_regular_file() || entry->path().extension() == ".gz")
    {
      continue;
    }
    File file;
    const std::string name = fs::relative(entry->path(), folder).generic_string();
    file.path = entry->path().string();
    file.type = TypeOf(name);
    file.hashed = std::regex_match(name, HASHED);
    file.compressed = fs::exists(file.path + ".gz");
    file.tag =
        fmt::format("{:x}-{:x}", entry->file_size(), entry->last_write_time().time_since_epoch().count());
    files_.emplace(name, std::move(file));
  }
}

Response StaticFiles::Answer(const HttpRequest& request, const std::string& name) const
{
  const auto found = files_.find(name);
  if (found == files_.end())
  {
    throw NotFound("There is no such file");
  }
  const File& file = found->second;
  const bool compressed =
      file.compressed && FindHeader(request, "accept-encoding").find("gzip") != std::string::npos;
  Response response = Response::Text(Read(compressed ? file.path + ".gz" : file.path), file.type);
  response.ETag(file.tag + (compressed ? "-gz" : ""))
      .Header("Vary", "Accept-Encoding")
      .Header("Referrer-Policy", "no-referrer")
      .Header("Cache-Control", file.hashed ? "public, max-age=31536000, immutable" : "no-cache");
  if (compressed)
  {
    response.Header("Content-Encoding", "gzip");
  }
  if (file.type.starts_with("text/html"))
  {
    response.Header("Content-Security-Policy", policy_);
  }
  return response;
}
}  // namespace OrthancClinic::Viewer
