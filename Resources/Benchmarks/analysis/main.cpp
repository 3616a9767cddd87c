// SPDX-License-Identifier: GPL-3.0-or-later
//
// What an analysis costs besides the analysis: see README.md.

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <iostream>
#include <mutex>
#include <thread>

#include "Core/Dicom/Rendering.h"
#include "Core/Timestamp.h"
#include "Support/DicomFile.h"
#include "Support/HttpServer.h"
#include "Support/OrthancServer.h"
#include "Support/Wait.h"

namespace
{
using namespace OrthancClinic;
using namespace OrthancClinic::Testing;

constexpr unsigned SIDE = 1448;  // 2 megapixels

double Percentile(std::vector<double> values, double share)
{
  std::sort(values.begin(), values.end());
  return values.at(static_cast<size_t>(share * static_cast<double>(values.size() - 1)));
}

double Milliseconds(Timestamp from, Timestamp to)
{
  return static_cast<double>((to - from).count());
}

void MeasureOverhead(int studies)
{
  std::mutex mutex;
  std::vector<Timestamp> asked;
  std::vector<Timestamp> answered;
  const HttpServer provider(
      [&](const ServedRequest&) -> ServedReply
      {
        const std::lock_guard lock(mutex);
        asked.push_back(Now());
        answered.push_back(Now());
        return {
            .body =
                R"({"model": "none", "result": {"summary": null, "findings": [{"kind": "caries", "severity": "low",
          "text": "Caries.", "recommendation": null, "confidence": 0.5, "image": 1, "tooth": "36", "box": [0.1, 0.1, 0.2, 0.2]}]}})"};
      });
  OrthancServer::Options options;
  Json::Value one;
  one["Name"] = "provider";
  one["Type"] = "http";
  one["Endpoint"] = provider.Url("/");
  one["Secret"] = "secret";
  Json::Value& analysis = options.configuration["Clinic"]["Analysis"];
  analysis["Providers"].append(one);
  analysis["Rules"][0]["Provider"] = "provider";
  options.configuration["Clinic"]["Studies"]["QuietSeconds"] = 1;
  options.configuration["Clinic"]["Studies"]["QuietSecondsByModality"] = Json::objectValue;
  const OrthancServer orthanc(options);
  const TemporaryDirectory folder;
  const auto count = [&](const char* type)
  { return orthanc.Http().Get(std::string("/api/v1/events?limit=1000&type=") + type).Json()["items"]; };
  for (int i = 0; i < studies; i++)
  {
    DicomFile image("IO", SIDE);
    image.Set("PatientID", std::to_string(i));
    if (orthanc.Store({image.SaveIn(folder.Path())}).acknowledged.size() != 1)
    {
      throw std::runtime_error("Orthanc did not take an image");
    }
    // One by one: what is measured is the way of a study, not how many fit.
    if (!WaitUntil([&] { return static_cast<int>(count("analysis.completed").size()) == i + 1; }))
    {
      throw std::runtime_error("A study was not analysed");
    }
  }
  // The first settling of each study; its report makes it settle again.
  std::map<std::string, Timestamp> settled;
  for (const Json::Value& event : count("study.settled"))
  {
    settled.emplace(event["data"]["orthanc_study_id"].asString(),
                    ParseTimestamp(event["created_at"].asString()).value());
  }
  std::vector<double> before;
  std::vector<double> after;
  const Json::Value completed = count("analysis.completed");
  for (Json::ArrayIndex i = 0; i < completed.size(); i++)
  {
    before.push_back(Milliseconds(settled.at(completed[i]["data"]["orthanc_study_id"].asString()), asked[i]));
    after.push_back(Milliseconds(answered[i], ParseTimestamp(completed[i]["created_at"].asString()).value()));
  }
  std::cout << fmt::format("complete study to request: median {:.0f} ms, p95 {:.0f} ms\n",
                           Percentile(before, 0.5), Percentile(before, 0.95))
            << fmt::format("answer to stored report:   median {:.0f} ms, p95 {:.0f} ms",
                           Percentile(after, 0.5), Percentile(after, 0.95))
            << std::endl;
}

void MeasureRendering()
{
  Image image;
  image.width = 4096;
  image.height = 4096;
  image.format = Image::Format::Gray16;
  image.pixels.resize(size_t{2} * image.width * image.height);
  auto* const pixels = reinterpret_cast<uint16_t*>(image.pixels.data());
  for (size_t i = 0; i < size_t{image.width} * image.height; i++)
  {
    pixels[i] = static_cast<uint16_t>(i * 2654435761U >> 16);
  }
  Presentation presentation;
  presentation.slope = 1.5;
  presentation.intercept = -1024;
  presentation.center = 20000;
  presentation.width = 40000;
  std::vector<double> speeds;
  for (int round = 0; round < 9; round++)
  {
    const auto begin = std::chrono::steady_clock::now();
    const Image rendered = Render(image, presentation);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    speeds.push_back(static_cast<double>(rendered.pixels.size()) / 1e6 / seconds);
  }
  std::cout << fmt::format("rendering: {:.0f} megapixels/s", Percentile(speeds, 0.5)) << std::endl;
}
}  // namespace

int main(int argc, char** argv)
{
  namespace po = boost::program_options;
  int studies = 0;
  po::options_description description("Options");
  description.add_options()("help", "print this")("studies", po::value(&studies)->default_value(40), "");
  try
  {
    po::variables_map values;
    po::store(po::parse_command_line(argc, argv, description), values);
    po::notify(values);
    if (values.count("help") != 0)
    {
      std::cout << description << std::endl;
      return 0;
    }
    MeasureOverhead(studies);
    MeasureRendering();
  }
  catch (const std::exception& error)
  {
    std::cerr << error.what() << std::endl;
    return 1;
  }
  return 0;
}
