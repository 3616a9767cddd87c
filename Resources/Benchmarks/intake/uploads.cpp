// SPDX-License-Identifier: GPL-3.0-or-later
//
// What an upload through the bundle costs beside Orthanc's own: see README.md.

#include <curl/curl.h>
#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>

#include "Support/DicomFile.h"
#include "Support/Files.h"
#include "Support/OrthancServer.h"

namespace
{
using namespace OrthancClinic::Testing;
using Clock = std::chrono::steady_clock;
namespace fs = std::filesystem;

using Easy = std::unique_ptr<CURL, void (*)(CURL*)>;

double Median(std::vector<double> values)
{
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

// Sends it by libcurl, which streams forms from the disk as curl and browsers do, and expects 200.
void Send(CURL* easy, const std::string& url)
{
  std::string body;
  curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(
      easy, CURLOPT_WRITEFUNCTION,
      +[](char* data, size_t one, size_t size, std::string* to)
      {
        to->append(data, one * size);
        return one * size;
      });
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
  const CURLcode code = curl_easy_perform(easy);
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK || status != 200)
  {
    throw std::runtime_error(
        fmt::format("{}: {} {} {}", url, curl_easy_strerror(code), status, body.substr(0, 500)));
  }
}

void PostForm(const std::string& url, const std::vector<fs::path>& files, const char* field)
{
  const Easy easy(curl_easy_init(), curl_easy_cleanup);
  const std::unique_ptr<curl_mime, void (*)(curl_mime*)> form(curl_mime_init(easy.get()), curl_mime_free);
  for (const fs::path& file : files)
  {
    curl_mimepart* const part = curl_mime_addpart(form.get());
    curl_mime_name(part, field);
    curl_mime_filedata(part, file.c_str());
  }
  curl_easy_setopt(easy.get(), CURLOPT_MIMEPOST, form.get());
  curl_slist* const headers = curl_slist_append(nullptr, "Expect:");
  curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers);
  Send(easy.get(), url);
  curl_slist_free_all(headers);
}

void PostBody(CURL* easy, const std::string& url, const std::string& body)
{
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.data());
  curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  curl_slist* const headers = curl_slist_append(curl_slist_append(nullptr, "Expect:"), "Content-Type:");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
  Send(easy, url);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, nullptr);
  curl_slist_free_all(headers);
}

std::vector<fs::path> MakeSeries(const fs::path& folder, int instances)
{
  std::vector<fs::path> files;
  DicomFile file("CT", 512);  // 512 KiB
  file.Set("PatientID", "BENCH").Set("PatientName", "Bench^Mark");
  for (int i = 0; i < instances; i++)
  {
    files.push_back(file.NextInstance().SaveIn(folder));
  }
  return files;
}

void MakeArchive(const fs::path& path, const std::vector<fs::path>& files, bool compress)
{
  zip_t* const zip = zip_open(path.c_str(), ZIP_CREATE, nullptr);
  for (const fs::path& file : files)
  {
    const auto index =
        zip_file_add(zip, file.filename().c_str(), zip_source_file(zip, file.c_str(), 0, -1), 0);
    if (!compress)
    {
      zip_set_file_compression(zip, static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0);
    }
  }
  if (zip_close(zip) != 0)
  {
    throw std::runtime_error("The archive cannot be made");
  }
}

OrthancServer::Options OptionsOf(bool clinic)
{
  OrthancServer::Options options;
  options.clinic = clinic;
  if (clinic)
  {
    options.configuration["Clinic"]["Intake"]["MostFiles"] = 100'000;
    options.configuration["Clinic"]["Intake"]["LargestUploadMegabytes"] = 100'000;
  }
  return options;
}

void ExpectInstances(const OrthancServer& server, size_t count)
{
  const int stored = server.Http().Get("/statistics").Json()["CountInstances"].asInt();
  if (stored != static_cast<int>(count))
  {
    throw std::runtime_error(fmt::format("{} instances of {} are stored", stored, count));
  }
}

void CompareThroughput(int instances, int rounds)
{
  const TemporaryDirectory folder;
  const std::vector<fs::path> files = MakeSeries(folder.Path(), instances);
  const fs::path archive = folder.Path() / "a.zip";
  MakeArchive(archive, files, true);
  double megabytes = 0;
  for (const fs::path& file : files)
  {
    megabytes += static_cast<double>(fs::file_size(file)) / (1 << 20);
  }
  const std::string zipped = ReadFile(archive);
  std::vector<std::string> bodies;
  for (const fs::path& file : files)
  {
    bodies.push_back(ReadFile(file));
  }

  using Way = std::function<void(const std::string& url)>;
  const std::vector<std::tuple<std::string, bool, Way>> ways = {
      {"files, Orthanc", false,
       [&](const std::string& url)
       {
         const Easy easy(curl_easy_init(), curl_easy_cleanup);  // one connection
         for (const std::string& body : bodies)
         {
           PostBody(easy.get(), url + "/instances", body);
         }
       }},
      {"files, bundle", true,
       [&](const std::string& url) { PostForm(url + "/api/v1/dicom/upload-multiple", files, "files"); }},
      {"ZIP, Orthanc", false,
       [&](const std::string& url)
       {
         const Easy easy(curl_easy_init(), curl_easy_cleanup);
         PostBody(easy.get(), url + "/instances", zipped);
       }},
      {"ZIP, bundle", true,
       [&](const std::string& url) { PostForm(url + "/api/v1/dicom/upload-zip", {archive}, "file"); }}};
  std::map<std::string, std::vector<double>> rates;
  for (int round = 0; round < rounds; round++)
  {
    for (size_t turn = 0; turn < ways.size(); turn++)
    {
      // Each round begins with another one: what the machine does meanwhile must not hit always the same.
      const auto& [name, clinic, way] = ways[(turn + static_cast<size_t>(round)) % ways.size()];
      const OrthancServer server(OptionsOf(clinic));
      const auto begin = Clock::now();
      way(fmt::format("http://127.0.0.1:{}", server.HttpPort()));
      const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
      ExpectInstances(server, files.size());
      rates[name].push_back(megabytes / seconds);
      std::cout << fmt::format("  {:<16} {:8.1f} MiB/s\n", name, megabytes / seconds) << std::flush;
    }
  }
  for (const char* what : {"files", "ZIP"})
  {
    const double bundle = Median(rates[std::string(what) + ", bundle"]);
    const double orthanc = Median(rates[std::string(what) + ", Orthanc"]);
    std::cout << fmt::format("{}: bundle {:.1f} MiB/s, Orthanc {:.1f} MiB/s: {:.2f}\n", what, bundle, orthanc,
                             bundle / orthanc);
  }
}

// "VmHWM" or "VmRSS" of the process, in MiB.
double Memory(const OrthancServer& server, const std::string& which)
{
  std::istringstream status(ReadFile(fmt::format("/proc/{}/status", server.ProcessId())));
  for (std::string line; std::getline(status, line);)
  {
    if (line.starts_with(which + ":"))
    {
      return std::stod(line.substr(which.size() + 1)) / 1024;
    }
  }
  throw std::runtime_error("The memory of Orthanc is not known");
}

void MeasureMemory(double gibibytes)
{
  const TemporaryDirectory folder;
  const auto count = static_cast<int>(gibibytes * 2048);
  const std::vector<fs::path> files = MakeSeries(folder.Path(), count);
  const fs::path archive = folder.Path() / "large.zip";
  MakeArchive(archive, files, false);
  // Orthanc itself keeps up to 128 MiB of what it has just written (MaximumStorageCacheSize): with and
  // without that.
  for (const bool cache : {true, false})
  {
    OrthancServer::Options options = OptionsOf(true);
    if (!cache)
    {
      options.configuration["MaximumStorageCacheSize"] = 0;
    }
    const OrthancServer server(options);
    const double idle = Memory(server, "VmRSS");
    PostForm(fmt::format("http://127.0.0.1:{}/api/v1/dicom/upload-zip", server.HttpPort()), {archive},
             "file");
    ExpectInstances(server, files.size());
    std::cout << fmt::format(
                     "ZIP of {:.2f} GiB, {} Orthanc's cache: {:.0f} MiB at most above idle ({:.0f})\n",
                     static_cast<double>(fs::file_size(archive)) / (1 << 30), cache ? "with" : "without",
                     Memory(server, "VmHWM") - idle, idle)
              << std::flush;
  }
}
}  // namespace

int main(int argc, char** argv)
{
  int instances = 500;
  int rounds = 3;
  double gibibytes = 2;
  boost::program_options::options_description options("Options");
  options.add_options()("help", "this")("instances", boost::program_options::value(&instances),
                                        "files of 512 KiB (500)")(
      "rounds", boost::program_options::value(&rounds), "(3)")(
      "gibibytes", boost::program_options::value(&gibibytes), "of the large archive (2); 0: none");
  boost::program_options::variables_map given;
  try
  {
    boost::program_options::store(boost::program_options::parse_command_line(argc, argv, options), given);
    boost::program_options::notify(given);
    if (given.count("help") != 0)
    {
      std::cout << options;
      return 0;
    }
    curl_global_init(CURL_GLOBAL_ALL);
    if (rounds > 0)
    {
      CompareThroughput(instances, rounds);
    }
    if (gibibytes > 0)
    {
      MeasureMemory(gibibytes);
    }
    return 0;
  }
  catch (const std::exception& error)
  {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
