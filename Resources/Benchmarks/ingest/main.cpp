// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the bundle costs while images arrive: see README.md.

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>

#include "Support/DicomFile.h"
#include "Support/OrthancServer.h"
#include "Support/Wait.h"

namespace
{
using namespace OrthancClinic::Testing;
using Clock = std::chrono::steady_clock;

double Seconds(Clock::duration duration)
{
  return std::chrono::duration<double>(duration).count();
}

double Percentile(std::vector<double> values, double share)
{
  std::sort(values.begin(), values.end());
  return values.at(
      std::min(values.size() - 1, static_cast<size_t>(share * static_cast<double>(values.size()))));
}

struct Contender
{
  std::string name;
  bool clinic;
  std::string noDelay;
};

OrthancServer::Options OptionsOf(const Contender& contender)
{
  OrthancServer::Options options;
  options.clinic = contender.clinic;
  if (!contender.clinic)
  {
    options.environment["TCP_NODELAY"] = contender.noDelay;
  }
  return options;
}

std::vector<std::filesystem::path> MakeSeries(const std::filesystem::path& folder, int instances)
{
  std::vector<std::filesystem::path> files;
  DicomFile file("CT", 512);
  file.Set("PatientID", "BENCH").Set("PatientName", "Bench^Mark");
  for (int i = 0; i < instances; i++)
  {
    files.push_back(file.NextInstance().SaveIn(folder));
  }
  return files;
}

double SendByDicom(const OrthancServer& server, const std::vector<std::filesystem::path>& files,
                   bool clientNoDelay)
{
  const auto begin = Clock::now();
  const StoreResult result = Storescu({.port = server.DicomPort(), .noDelay = clientNoDelay}, files).Wait();
  const double seconds = Seconds(Clock::now() - begin);
  if (result.acknowledged.size() != files.size())
  {
    throw std::runtime_error("Not every instance was acknowledged:\n" + result.output);
  }
  return static_cast<double>(files.size()) / seconds;
}

double SendByRest(const OrthancServer& server, const std::vector<std::filesystem::path>& files)
{
  const HttpClient http = server.Http();
  std::vector<std::string> bodies;
  for (const auto& file : files)
  {
    bodies.push_back(ReadFile(file));
  }
  const auto begin = Clock::now();
  for (const std::string& body : bodies)
  {
    if (http.Call("POST", "/instances", body).status != 200)
    {
      throw std::runtime_error("POST /instances failed");
    }
  }
  return static_cast<double>(files.size()) / Seconds(Clock::now() - begin);
}

void CompareThroughput(int instances, int rounds)
{
  const std::vector<Contender> contenders = {
      {"stock", false, "0"}, {"bare", false, "1"}, {"bundle", true, ""}};
  const std::vector<std::string> ways = {"DIMSE, plain client", "DIMSE, client with TCP_NODELAY", "REST"};
  std::map<std::string, std::map<std::string, std::vector<double>>> rates;
  std::string callback;
  for (int round = 0; round < rounds; round++)
  {
    for (size_t turn = 0; turn < contenders.size(); turn++)
    {
      // Each round begins with another one: what the machine does meanwhile must not hit always the same.
      const Contender& contender = contenders[(turn + static_cast<size_t>(round)) % contenders.size()];
      OrthancServer server(OptionsOf(contender));
      for (const std::string& way : ways)
      {
        const TemporaryDirectory folder;
        const auto files = MakeSeries(folder.Path(), instances);
        const double rate = (way == "REST")    ? SendByRest(server, files)
                            : (way == ways[0]) ? SendByDicom(server, files, false)
                                               : SendByDicom(server, files, true);
        rates[way][contender.name].push_back(rate);
        std::cerr << fmt::format("round {}, {}, {}: {:.1f} instances/s\n", round + 1, contender.name, way,
                                 rate);
      }
      if (contender.clinic)
      {
        callback = server.Http().Get("/api/v1/metrics").body;
      }
    }
  }

  std::cout << fmt::format("\n{} instances of 512 KiB, median of {} rounds, instances/s\n", instances,
                           rounds);
  std::cout << fmt::format("{:32} {:>8} {:>8} {:>8} {:>14} {:>14}\n", "", "stock", "bare", "bundle",
                           "bundle/bare", "bundle/stock");
  for (const std::string& way : ways)
  {
    const double stock = Percentile(rates[way]["stock"], 0.5);
    const double bare = Percentile(rates[way]["bare"], 0.5);
    const double bundle = Percentile(rates[way]["bundle"], 0.5);
    std::cout << fmt::format("{:32} {:8.1f} {:8.1f} {:8.1f} {:14.3f} {:14.3f}\n", way, stock, bare, bundle,
                             bundle / bare, bundle / stock);
  }

  std::cout << "\nTime in the store callback (cumulative counts of the last round)\n";
  std::istringstream lines(callback);
  for (std::string line; std::getline(lines, line);)
  {
    if (line.starts_with("orthanc_clinic_store_callback_seconds"))
    {
      std::cout << "  " << line << "\n";
    }
  }
}

// RFC 3339 of today as milliseconds of the day is enough: a study takes no hours.
int64_t MillisecondsOfDay(const std::string& time)
{
  return ((std::stoll(time.substr(11, 2)) * 60 + std::stoll(time.substr(14, 2))) * 60 +
          std::stoll(time.substr(17, 2))) *
             1000 +
         std::stoll(time.substr(20, 3));
}

int64_t NowInMillisecondsOfDay()
{
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
             .count() %
         86'400'000;
}

void MeasureMatching(int studies)
{
  OrthancServer server(OptionsOf({"bundle", true, ""}));
  const HttpClient http = server.Http();
  std::vector<double> delays;
  for (int i = 0; i < studies; i++)
  {
    const std::string id = fmt::format("P{:05}", i);
    Json::Value patient;
    patient["identifiers"][0]["value"] = id;
    patient["names"][0]["family"] = fmt::format("Family{}", static_cast<char>('A' + i % 26));
    patient["names"][0]["given"] = fmt::format("Given{}", i);
    patient["birth_date"] = fmt::format("19{:02}-{:02}-{:02}", 30 + i % 60, 1 + i % 12, 1 + i % 28);
    if (http.Put("/api/v1/patients/" + id, patient).status != 201)
    {
      throw std::runtime_error("The patient was refused");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(300));

    const TemporaryDirectory folder;
    DicomFile file("PX", 64);
    std::string birthDate = patient["birth_date"].asString();
    std::erase(birthDate, '-');
    file.Set("PatientID", id)
        .Set("PatientName",
             patient["names"][0]["family"].asString() + "^" + patient["names"][0]["given"].asString())
        .Set("PatientBirthDate", birthDate);
    const StoreResult sent = Storescu({.port = server.DicomPort()}, {file.SaveIn(folder.Path())}).Wait();
    const int64_t end = NowInMillisecondsOfDay();
    if (sent.acknowledged.size() != 1)
    {
      throw std::runtime_error("The study was not acknowledged");
    }
    Json::Value match;
    if (!WaitUntil(
            [&]
            {
              const HttpAnswer answer = http.Get("/api/v1/studies/" + file.StudyUid());
              match = answer.status == 200 ? answer.Json()["match"] : Json::Value();
              return match["status"] == "matched";
            }))
    {
      throw std::runtime_error("The study was not matched: " + JsonText(match));
    }
    delays.push_back(
        static_cast<double>(std::max<int64_t>(0, MillisecondsOfDay(match["decided_at"].asString()) - end)));
  }
  std::cout << fmt::format(
      "\nFrom the end of C-STORE to study.matched, {} studies: median {:.0f} ms, p95 {:.0f} ms, worst {:.0f} "
      "ms\n",
      studies, Percentile(delays, 0.5), Percentile(delays, 0.95), Percentile(delays, 1.0));
}
}  // namespace

int main(int argc, char** argv)
{
  namespace po = boost::program_options;
  po::options_description options("Options");
  options.add_options()("help", "shows this")("instances", po::value<int>()->default_value(300),
                                              "in each series")("rounds", po::value<int>()->default_value(3),
                                                                "in which each server has a turn")(
      "studies", po::value<int>()->default_value(40), "for the time until study.matched");
  po::variables_map values;
  try
  {
    po::store(po::parse_command_line(argc, argv, options), values);
    po::notify(values);
    if (values.count("help") != 0)
    {
      std::cout << options;
      return 0;
    }
    CompareThroughput(values["instances"].as<int>(), values["rounds"].as<int>());
    MeasureMatching(values["studies"].as<int>());
    return 0;
  }
  catch (const std::exception& error)
  {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
