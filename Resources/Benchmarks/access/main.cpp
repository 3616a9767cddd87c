// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the filter adds to a request, and the viewer to the first image: see README.md.

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <filesystem>
#include <iostream>

#include "Access/AccessStore.h"
#include "Access/AccessToken.h"
#include "Core/Digest.h"
#include "Core/Uuid.h"
#include "Support/DicomFile.h"
#include "Support/OrthancServer.h"
#include "Support/Process.h"
#include "Support/Wait.h"

namespace
{
using namespace OrthancClinic;
using namespace OrthancClinic::Testing;
using Clock = std::chrono::steady_clock;

constexpr int USERS = 1000;
constexpr int SESSIONS = 10'000;

OrthancServer::Options Bare()
{
  OrthancServer::Options options;
  options.clinic = false;
  options.dicomWeb = true;
  options.configuration["Plugins"] = Json::arrayValue;
  options.configuration["Plugins"].append("/usr/share/orthanc/plugins/libOrthancDicomWeb.so");
  options.configuration["Plugins"].append("/usr/share/orthanc/plugins/libServeFolders.so");
  options.configuration["ServeFolders"]["Folders"]["/ohif"] = CLINIC_SHARE "/ohif";
  options.configuration["ServeFolders"]["AllowCache"] = true;
  options.configuration["ServeFolders"]["GenerateETag"] = true;
  return options;
}

OrthancServer::Options Bundle()
{
  OrthancServer::Options options;
  options.dicomWeb = true;
  options.user = "root";
  options.password = "of-the-machine";
  options.configuration["AuthenticationEnabled"] = false;
  options.configuration["Clinic"]["Access"]["Enabled"] = true;
  options.configuration["Clinic"]["Viewer"]["Ohif"] = CLINIC_SHARE "/ohif";
  options.configuration["Clinic"]["Viewer"]["App"] = CLINIC_SHARE "/app";
  return options;
}

// Users with a role, and sessions that are open; gives their tokens.
std::vector<std::string> Fill(OrthancServer& orthanc)
{
  std::vector<std::string> tokens;
  orthanc.Stop();
  {
    Database database((orthanc.Directory() / "storage" / "orthanc-clinic.db").string());
    Transaction transaction(database);
    Access::AccessStore store(transaction);
    const std::string key = store.SigningKey();
    const Timestamp end = Now() + std::chrono::hours(8);
    for (int i = 0; i < USERS; i++)
    {
      Access::User user;
      user.name = fmt::format("user{}", i);
      user.roles = {{"radiologist", i % 2 ? "*" : "default"}};
      user.createdAt = user.updatedAt = Now();
      store.Insert(user);
    }
    for (int i = 0; i < SESSIONS; i++)
    {
      const Access::Session session{NewUuid(), fmt::format("user{}", i % USERS), Now(), end, RandomSecret()};
      store.Insert(session);
      tokens.push_back("Authorization: Bearer " +
                       Access::Sign({session.userName, session.id, Access::AccessToken::API, end}, key));
    }
    transaction.Commit();
  }
  orthanc.Start();
  return tokens;
}

std::string SendSeries(const OrthancServer& orthanc, const std::filesystem::path& folder)
{
  orthanc.Store({folder}, "CT");
  return orthanc.Http().Get("/studies").Json()[0].asString();
}

std::string MakeSeries(const std::filesystem::path& folder, int slices)
{
  DicomFile slice("CT", 512);
  slice.Set("PatientName", "ROY^ANNE").Set("PatientID", "4711").Set("FrameOfReferenceUID", NewUid());
  slice.Set("ImageOrientationPatient", "1\\0\\0\\0\\1\\0")
      .Set("PixelSpacing", "0.5\\0.5")
      .Set("SliceThickness", "1");
  slice.Set("RescaleSlope", "1")
      .Set("RescaleIntercept", "-1024")
      .Set("WindowCenter", "1000")
      .Set("WindowWidth", "3000");
  for (int i = 0; i < slices; i++)
  {
    slice.Set("ImagePositionPatient", "0\\0\\" + std::to_string(i));
    slice.SaveIn(folder);
    slice.NextInstance();
  }
  return slice.StudyUid();
}

double Quantile(std::vector<double> values, double which)
{
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(which * static_cast<double>(values.size() - 1))];
}

double Took(const Testing::HttpClient& http, const std::string& path, const std::vector<std::string>& headers)
{
  const auto begin = Clock::now();
  const HttpAnswer answer = http.Call("GET", path, "", headers);
  const double spent = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  if (answer.status != 200)
  {
    throw std::runtime_error(path + ": " + std::to_string(answer.status) + " " + answer.body);
  }
  return spent;
}

void MeasureFilter(const OrthancServer& bundle, const OrthancServer& bare,
                   const std::vector<std::string>& tokens, const std::pair<std::string, std::string>& studies,
                   int requests)
{
  const Testing::HttpClient guarded(fmt::format("http://127.0.0.1:{}", bundle.HttpPort()));
  const Testing::HttpClient open(fmt::format("http://127.0.0.1:{}", bare.HttpPort()));
  for (const auto& [name, path, barePath] :
       {std::tuple("GET /system", std::string("/system"), std::string("/system")),
        std::tuple("GET /studies/{id}", "/studies/" + studies.first, "/studies/" + studies.second)})
  {
    std::vector<double> with;
    std::vector<double> without;
    for (int i = 0; i < requests; i++)
    {
      const std::vector<std::string> token = {tokens[static_cast<size_t>(i) % tokens.size()]};
      const double first = Took(guarded, path, token);
      const double second = Took(open, barePath, {});
      if (i >= requests / 10)  // the first ones warm up
      {
        with.push_back(first);
        without.push_back(second);
      }
    }
    for (const auto& [label, which] : {std::pair("median", 0.5), std::pair("p99", 0.99)})
    {
      const double a = Quantile(with, which);
      const double b = Quantile(without, which);
      fmt::print("{:<20} {:<7} bundle {:.3f} ms, bare {:.3f} ms: added {:.3f} ms (ratio {:.2f})\n", name,
                 label, a, b, a - b, a / b);
    }
  }
}

double FirstImage(const std::string& url, const std::string& index)
{
  const Finished finished = RunProgram({"timeout", "200", "node", FIRST_IMAGE, url, index},
                                       {{"CLINIC_BROWSER_MODULES", CLINIC_BROWSER_MODULES}});
  if (finished.exitCode != 0)
  {
    throw std::runtime_error(finished.output);
  }
  return std::stod(finished.output);
}

// The same page and the same configuration, but for the root of DICOMweb.
std::filesystem::path BarePages(const TemporaryDirectory& folder)
{
  const std::filesystem::path pages = folder.Path() / "ohif";
  std::filesystem::copy(CLINIC_SHARE "/ohif", pages, std::filesystem::copy_options::recursive);
  std::string configuration = ReadFile(pages / "app-config.js");
  for (size_t at = configuration.find("/viewer/dicom-web"); at != std::string::npos;
       at = configuration.find("/viewer/dicom-web"))
  {
    configuration.replace(at, 17, "/dicom-web");
  }
  WriteFile(pages / "app-config.js", configuration);
  return pages;
}
}  // namespace

int main(int argc, char** argv)
{
  namespace po = boost::program_options;
  int requests = 0;
  int slices = 0;
  int rounds = 0;
  po::options_description description("benchmark-access");
  description.add_options()("help", "this")("requests", po::value(&requests)->default_value(20'000),
                                            "per path")("slices", po::value(&slices)->default_value(500),
                                                        "of the CT")(
      "rounds", po::value(&rounds)->default_value(5), "of the first image; 0: none");
  po::variables_map options;
  po::store(po::parse_command_line(argc, argv, description), options);
  if (options.count("help") != 0)
  {
    std::cout << description;
    return 0;
  }
  po::notify(options);

  const TemporaryDirectory folder;
  const std::filesystem::path images = folder.Path() / "images";
  std::filesystem::create_directories(images);
  const std::string uid = MakeSeries(images, slices);
  const std::filesystem::path pages = BarePages(folder);

  OrthancServer bundle(Bundle());
  OrthancServer::Options bareOptions = Bare();
  bareOptions.configuration["ServeFolders"]["Folders"]["/ohif"] = pages.string();
  const OrthancServer bare(bareOptions);
  const std::pair studies(SendSeries(bundle, images), SendSeries(bare, images));
  WaitUntil([&] { return bundle.Http().Get("/api/v1/studies/" + uid).status == 200; });
  const std::vector<std::string> tokens = Fill(bundle);

  MeasureFilter(bundle, bare, tokens, studies, requests);

  std::vector<double> with;
  std::vector<double> without;
  for (int round = 0; round < rounds; round++)
  {
    const std::string link = bundle.Http().Get("/api/v1/dicom/viewer-url/" + uid).Json()["url"].asString();
    with.push_back(FirstImage(link, ""));
    without.push_back(
        FirstImage(fmt::format("http://127.0.0.1:{}/ohif/viewer?StudyInstanceUIDs={}", bare.HttpPort(), uid),
                   (pages / "index.html").string()));
    fmt::print("first image, round {}: bundle {:.0f} ms, bare {:.0f} ms\n", round + 1, with.back(),
               without.back());
  }
  if (rounds > 0)
  {
    const double a = Quantile(with, 0.5);
    const double b = Quantile(without, 0.5);
    fmt::print("first image of {} slices: bundle {:.0f} ms, bare {:.0f} ms: ratio {:.2f}\n", slices, a, b,
               a / b);
  }
  return 0;
}
