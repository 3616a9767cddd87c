// SPDX-License-Identifier: GPL-3.0-or-later

#include "DentalHealth.h"

#include "Core/Errors.h"

namespace OrthancClinic::Intake
{
namespace
{
Response Describe(IOrthanc& orthanc, Database& database, const Request& request)
{
  Json::Value body;
  Json::Value& details = body["details"];
  // As the caller reached it; a proxy in front says what it was asked for.
  const HttpRequest& http = request.Http();
  const std::string scheme = FindHeader(http, "x-forwarded-proto") == "https" ? "https" : "http";
  const std::string host = FindHeader(http, "host");
  details["url"] = scheme + "://" + (host.empty() ? "localhost" : host);
  details["timestamp"] = ToString(Now());
  try
  {
    const Json::Value system = orthanc.Get("/system");
    details["version"] = system["Version"];
    details["dicomPort"] = system["DicomPort"];
    details["httpPort"] = system["HttpPort"];
    Transaction transaction(database, Transaction::Mode::ReadOnly);
    transaction.Sql(
        [](soci::session& sql)
        {
          int one = 0;
          sql << "SELECT 1", soci::into(one);
        });
    transaction.Commit();
    body["status"] = "healthy";
    body["message"] = request.Translate("The DICOM server is running");
    return Response::Json(body);
  }
  catch (const Error& error)
  {
    body["status"] = "unhealthy";
    body["message"] = request.Translate(std::string("The DICOM server does not work: ") + error.what());
    return Response::Json(body, 503);
  }
}
}  // namespace

void AddDentalHealthRoute(Clinic& clinic)
{
  clinic.Routes().Add(
      {.method = HttpMethod::Get,
       .path = "/api/dental/dicom/health",
       .permission = Permission::SignedIn,
       .summary = "Whether the DICOM server works",
       .handler = [&orthanc = clinic.Orthanc(), &database = clinic.Database()](const Request& request)
       { return Describe(orthanc, database, request); }});
}
}  // namespace OrthancClinic::Intake
