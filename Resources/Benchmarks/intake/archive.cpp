// SPDX-License-Identifier: GPL-3.0-or-later
//
// How fast pictures and lists come out of an Orthanc that has very many studies, beside Orthanc's own: see
// README.md.

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <iostream>
#include <random>
#include <thread>

#include "Support/DicomFile.h"
#include "Support/Files.h"
#include "Support/OrthancServer.h"
#include "Support/Wait.h"

namespace
{
using namespace OrthancClinic::Testing;
using Clock = std::chrono::steady_clock;

constexpr unsigned EDGE = 1448;  // 2 megapixels of 16 bits: an intra-oral sensor, or a small panoramic

std::string Bytes(const DicomFile& image, const TemporaryDirectory& folder)
{
  const std::filesystem::path path = image.SaveIn(folder.Path());
  std::string bytes = ReadFile(path);
  std::filesystem::remove(path);
  return bytes;
}

// A study of one image. The grey levels of a real sensor are neither even nor all different: noise upon a
// slope.
std::string MakeStudy(int number, unsigned edge, const TemporaryDirectory& folder)
{
  DicomFile image("IO", edge);
  image.Set("PatientID", fmt::format("MRN-{:05}", number / 3))
      .Set("PatientName", fmt::format("Family{}^Given{}", number / 3 % 997, number / 3 % 89))
      .Set("PatientBirthDate", "19850101")
      .Set("AccessionNumber", fmt::format("ACC-{:06}", number));
  std::string bytes = Bytes(image, folder);
  std::minstd_rand random(static_cast<unsigned>(number) + 1);
  for (size_t i = bytes.size() - static_cast<size_t>(edge) * edge * 2; i < bytes.size(); i += 2)
  {
    bytes[i] = static_cast<char>(random() >> 8);  // the low byte
  }
  return bytes;
}

void Fill(const OrthancServer& server, int first, int count, unsigned edge)
{
  constexpr int CLIENTS = 2;
  std::vector<std::thread> threads;
  for (int turn = 0; turn < CLIENTS; turn++)
  {
    threads.emplace_back(
        [&, turn]
        {
          const TemporaryDirectory folder;
          const HttpClient http = server.Http();
          for (int i = first + turn; i < first + count; i += CLIENTS)
          {
            const HttpAnswer answer = http.Call("POST", "/instances", MakeStudy(i, edge, folder));
            if (answer.status != 200)
            {
              std::cerr << answer.body << "\n";
              std::exit(1);
            }
          }
        });
  }
  for (std::thread& thread : threads)
  {
    thread.join();
  }
}

struct Measured
{
  double median = 0;
  double p95 = 0;
};

// The time of each call of `paths`, in the order given; prints it.
Measured Measure(const OrthancServer& server, const std::string& name, const std::vector<std::string>& paths)
{
  const HttpClient http = server.Http();
  std::vector<double> times;
  size_t bytes = 0;
  for (const std::string& path : paths)
  {
    const auto begin = Clock::now();
    const HttpAnswer answer = http.Get(path);
    times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
    if (answer.status != 200)
    {
      throw std::runtime_error(fmt::format("{}: {} {}", path, answer.status, answer.body.substr(0, 500)));
    }
    bytes += answer.body.size();
  }
  std::sort(times.begin(), times.end());
  const Measured measured{times[times.size() / 2], times[times.size() * 95 / 100]};
  std::cout << fmt::format("{:<44} {:>7.1f} ms {:>7.1f} ms {:>8.0f} KiB\n", name, measured.median,
                           measured.p95,
                           static_cast<double>(bytes) / 1024 / static_cast<double>(paths.size()))
            << std::flush;
  return measured;
}

std::vector<std::string> Paths(const std::vector<std::string>& ids, const std::string& before,
                               const std::string& after)
{
  std::vector<std::string> paths;
  for (const std::string& id : ids)
  {
    paths.push_back(before + id + after);
  }
  return paths;
}

void Run(int studies, int images)
{
  OrthancServer::Options options;
  options.configuration["MaximumStorageCacheSize"] = 0;  // pictures of images that nobody has just stored
  const OrthancServer server(options);
  const auto begin = Clock::now();
  Fill(server, 0, studies - images, 8);
  Fill(server, studies - images, images, EDGE);
  std::cout << fmt::format("{} studies stored in {:.0f} s\n", studies,
                           std::chrono::duration<double>(Clock::now() - begin).count());
  const HttpClient http = server.Http();
  const auto isAtRest = [&]
  {
    const HttpAnswer studiesKnown = http.Get("/api/v1/dicom/studies?limit=1");
    if (studiesKnown.status != 200 || studiesKnown.headers.at("x-total-count") != std::to_string(studies))
    {
      return false;
    }
    for (const char* kind : {"settle.study", "match.study", "record.xrays"})
    {
      if (http.Get(fmt::format("/api/v1/tasks?limit=1&kind={}", kind)).Json()["total"].asInt() != 0)
      {
        return false;
      }
    }
    return true;
  };
  if (!WaitUntil(isAtRest, std::chrono::hours(1)))
  {
    throw std::runtime_error("The plugins do not come to rest");
  }
  std::cout << fmt::format("known and at rest after {:.0f} s\n\n",
                           std::chrono::duration<double>(Clock::now() - begin).count());

  std::vector<std::string> uids;
  std::vector<std::string> instances;
  for (int i = studies - images; i < studies; i++)
  {
    const Json::Value study = http.Get(fmt::format("/api/v1/dicom/studies/accession/ACC-{:06}", i)).Json();
    uids.push_back(study["study_instance_uid"].asString());
    instances.push_back(http.Get("/studies/" + study["orthanc_study_id"].asString() + "/instances")
                            .Json()[0]["ID"]
                            .asString());
  }

  std::cout << fmt::format("{:<44} {:>10} {:>10} {:>12}\n", "", "median", "p95", "each");
  const std::vector<std::pair<std::string, std::string>> lists = {
      {"the last received", "limit=50"},
      {"the last page", fmt::format("limit=50&skip={}", studies - 50)},
      {"one accession number", "accession_number=ACC-004711&limit=50"},
      {"text: a beginning and a given name", "q=family1%20given7&limit=50"},
      {"sorted by name", "sort=patient_name&limit=50"},
  };
  for (const auto& [name, query] : lists)
  {
    Measure(server, "list: " + name, std::vector<std::string>(20, "/api/v1/dicom/studies?" + query));
  }
  const Measured orthanc = Measure(server, "Orthanc: rendered, 200 pixels",
                                   Paths(instances, "/instances/", "/rendered?width=200"));
  const Measured first =
      Measure(server, "thumbnail, for the first time", Paths(uids, "/api/v1/dicom/studies/", "/thumbnail"));
  Measure(server, "thumbnail, once more", Paths(uids, "/api/v1/dicom/studies/", "/thumbnail"));
  const Measured preview =
      Measure(server, "Orthanc: preview, all pixels", Paths(instances, "/instances/", "/preview"));
  const Measured large = Measure(server, "preview of 1,024 pixels, for the first time",
                                 Paths(instances, "/api/v1/instances/", "/preview?size=1024"));
  Measure(server, "preview of 1,024 pixels, once more",
          Paths(instances, "/api/v1/instances/", "/preview?size=1024"));
  std::cout << fmt::format("\nthumbnail / Orthanc's rendered: {:.2f}; preview / Orthanc's preview: {:.2f}\n",
                           first.median / orthanc.median, large.median / preview.median);
}
}  // namespace

int main(int argc, char** argv)
{
  int studies = 100'000;
  int images = 200;
  boost::program_options::options_description options("Options");
  options.add_options()("help", "this")("studies", boost::program_options::value(&studies),
                                        "in Orthanc (100000)")(
      "images", boost::program_options::value(&images), "of them with an image of 2 megapixels (200)");
  boost::program_options::variables_map given;
  try
  {
    boost::program_options::store(boost::program_options::parse_command_line(argc, argv, options), given);
    boost::program_options::notify(given);
    if (given.contains("help"))
    {
      std::cout << options;
      return 0;
    }
    Run(studies, images);
    return 0;
  }
  catch (const std::exception& error)
  {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
