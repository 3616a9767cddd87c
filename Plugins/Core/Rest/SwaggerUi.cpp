// SPDX-License-Identifier: GPL-3.0-or-later

#include "Core/Rest/SwaggerUi.h"

namespace OrthancClinic
{
namespace
{
constexpr const char* kPage = R"(<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Orthanc Clinic: the API</title>
  <link rel="stylesheet" href="swagger-ui.css">
  <link rel="icon" type="image/png" href="favicon-32x32.png">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="swagger-ui-bundle.js"></script>
  <script src="start.js"></script>
</body>
</html>
)";

// In a file of its own, since the policy below forbids scripts in the page. With every operation open at
// once, Swagger UI shows only the first of some hundred. Without `validatorUrl`, the page would send the
// address of the description to a server on the Internet.
constexpr const char* kScript = R"(window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "none",
  validatorUrl: null
});
)";

// Nothing is loaded from, or sent to, anywhere but this server. Swagger UI sets styles on its elements and
// has its icons as data.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// The only names that are ever asked for: a request cannot name another file.
constexpr std::pair<const char*, const char*> kFiles[] = {
    {"swagger-ui.css", "text/css; charset=utf-8"},
    {"swagger-ui-bundle.js", "text/javascript; charset=utf-8"},
    {"favicon-32x32.png", "image/png"}};

Route FixedAnswer(const std::string& path, Handler handler)
{
  return {.method = HttpMethod::Get,
          .path = path,
          .permission = Permission::SignedIn,
          .summary = "Swagger UI",
          .handler = std::move(handler)};
}
}  // namespace

std::vector<Route> SwaggerUiRoutes(std::function<std::optional<std::string>(const std::string& file)> read)
{
  std::vector<Route> routes;
  // To a file and not to "/api/": Orthanc drops the final slash before a plugin sees the path, and a
  // redirection from the one to the other would never end.
  for (const char* const path : {"/api", "/api/"})
  {
    routes.push_back(
        FixedAnswer(path, [](const Request&)
                    { return Response::Text("", "text/plain", 308).Header("Location", "/api/index.html"); }));
  }
  routes.push_back(FixedAnswer(
      "/api/index.html",
      [](const Request&) {
        return Response::Text(kPage, "text/html; charset=utf-8").Header("Content-Security-Policy", kPolicy);
      }));
  routes.push_back(FixedAnswer("/api/start.js", [](const Request&)
                               { return Response::Text(kScript, "text/javascript; charset=utf-8"); }));
  for (const auto& [file, type] : kFiles)
  {
    routes.push_back(FixedAnswer(
        std::string("/api/") + file,
        [read, name = std::string(file), contentType = std::string(type)](const Request&)
        {
          auto content = read(name);
          if (!content)
          {
            throw NotFound("Swagger UI is not installed here; the description is at /api/openapi.json");
          }
          return Response::Text(std::move(*content), contentType);
        }));
  }
  return routes;
}
}  // namespace OrthancClinic
