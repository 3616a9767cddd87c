// SPDX-License-Identifier: GPL-3.0-or-later
//
// How fast the worklist answers: see README.md.

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <iostream>
#include <map>
#include <optional>

#include "Core/Database/Database.h"
#include "Core/Dicom/LocalTime.h"
#include "Core/Records/CoreMigrations.h"
#include "Core/Records/OrderStore.h"
#include "Core/Records/PatientStore.h"
#include "Support/DicomFile.h"
#include "Support/OrthancServer.h"
#include "Support/Process.h"
#include "Support/Wait.h"

namespace
{
using namespace OrthancClinic;
using namespace OrthancClinic::Testing;
using Clock = std::chrono::steady_clock;

constexpr const char* ZONE = "America/Toronto";
constexpr int DAYS = 30;  // over which the items are spread
constexpr int PER_TRANSACTION = 1000;
constexpr double LEAST = 0.1;  // milliseconds that can be told at all

std::string FamilyOf(int i)
{
  return fmt::format("Family{:05}", i / 3);
}

std::string DayOf(int i)
{
  return AddDays(ToLocalTime(Now(), ZONE).date, i % DAYS);
}

void FillDatabase(const std::filesystem::path& file, int size)
{
  Database database(file.string());
  database.Migrate("core", CoreMigrations());
  for (int first = 0; first < size; first += PER_TRANSACTION)
  {
    Transaction transaction(database);
    for (int i = first; i < std::min(first + PER_TRANSACTION, size); i++)
    {
      Patient patient;
      patient.id = fmt::format("P{}", i);
      patient.practiceId = "default";
      patient.names.push_back({.family = FamilyOf(i), .given = fmt::format("Given{}", i % 100)});
      patient.birthDate = "1985-01-01";
      patient.sex = "F";
      patient.updatedAt = Now();
      PatientStore(transaction).Put(patient);
      Order order;
      order.practiceId = "default";
      order.patientId = patient.id;
      order.modality = "PX";
      order.state = OrderState::Scheduled;
      order.scheduledAt =
          StartOfDay(DayOf(i), ZONE) + std::chrono::hours(8) + std::chrono::seconds(i % 30'000);
      OrderStore(transaction).Insert(order, "A{number}");
    }
    transaction.Commit();
  }
}

void FillFolder(const std::filesystem::path& folder, int size)
{
  for (int i = 0; i < size; i++)
  {
    DicomFile file("OT", 1);
    file.Remove("PixelData")
        .Set("PatientID", fmt::format("P{}", i))
        .Set("PatientName", FamilyOf(i) + fmt::format("^Given{}", i % 100))
        .Set("PatientBirthDate", "19850101")
        .Set("AccessionNumber", fmt::format("A{:05}", i))
        .AddItem("ScheduledProcedureStepSequence", {{"Modality", "PX"},
                                                    {"ScheduledStationAETitle", "PANO1"},
                                                    {"ScheduledProcedureStepStartDate", DayOf(i)},
                                                    {"ScheduledProcedureStepStartTime", "080000"},
                                                    {"ScheduledProcedureStepID", fmt::format("S{}", i)}});
    const auto path = file.SaveIn(folder);
    std::filesystem::rename(path, std::filesystem::path(path).replace_extension(".wl"));
  }
}

// Milliseconds, process and association included; throws unless so many answers came.
double Ask(const OrthancServer& server, const std::vector<std::string>& keys, std::optional<int> expected)
{
  std::vector<std::string> arguments = {
      "findscu", "-v", "-W", "-aet", "PANO1", "127.0.0.1", std::to_string(server.DicomPort())};
  for (const char* key : {"PatientName", "AccessionNumber", "StudyInstanceUID",
                          "ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartTime"})
  {
    arguments.insert(arguments.end(), {"-k", key});
  }
  for (const std::string& key : keys)
  {
    arguments.insert(arguments.end(), {"-k", key});
  }
  const auto begin = Clock::now();
  const Finished finished = RunProgram(arguments, {{"TCP_NODELAY", "1"}});
  const double milliseconds = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  int answers = 0;
  for (size_t at = 0; (at = finished.output.find("(Pending)", at)) != std::string::npos; at++)
  {
    answers++;
  }
  if (finished.exitCode != 0 || finished.output.find("(Success)") == std::string::npos ||
      (expected && answers != *expected))
  {
    throw std::runtime_error(
        fmt::format("{} answers instead of {}:\n{}", answers, expected.value_or(-1), finished.output));
  }
  return milliseconds;
}

double Median(std::vector<double> values)
{
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

struct Result
{
  double peer = -1;
  double bundle = 0;
};

void Measure(int size, bool withPeer, int queries)
{
  std::cout << fmt::format("{} items: filling", size) << std::endl;
  const TemporaryDirectory folder;
  FillDatabase(folder.Path() / "clinic.db", size);
  OrthancServer::Options options;
  options.databaseUrl = (folder.Path() / "clinic.db").string();
  options.environment["TCP_NODELAY"] = "1";
  const OrthancServer bundle(options);

  std::optional<OrthancServer> peer;
  if (withPeer)
  {
    const auto database = folder.Path() / "worklists";
    std::filesystem::create_directory(database);
    FillFolder(database, size);
    OrthancServer::Options other;
    other.clinic = false;
    other.environment["TCP_NODELAY"] = "1";
    other.configuration["Plugins"].append("/usr/share/orthanc/plugins/libModalityWorklists.so");
    other.configuration["Worklists"]["Enable"] = true;
    other.configuration["Worklists"]["Database"] = database.string();
    peer.emplace(other);
  }
  if (!WaitUntil(
          [&]
          {
            const Json::Value health = bundle.Http().Get("/api/v1/health").Json();
            return health["parts"]["worklist"]["items"].asInt() == size;
          },
          std::chrono::minutes(10)))
  {
    throw std::runtime_error("The worklist was not read");
  }

  const int someone = size / 2;
  const std::map<std::string, std::pair<std::vector<std::string>, std::optional<int>>> kinds = {
      {"PatientID", {{fmt::format("PatientID=P{}", someone)}, 1}},
      {"name and day",
       {{fmt::format("PatientName={}*", FamilyOf(someone)),
         "ScheduledProcedureStepSequence[0].ScheduledProcedureStepStartDate=" + DayOf(someone)},
        std::nullopt}}};
  std::map<std::string, std::vector<double>> ofBundle;
  std::map<std::string, std::vector<double>> ofPeer;
  std::vector<double> empty;
  for (int i = 0; i < queries; i++)
  {
    empty.push_back(Ask(bundle, {"PatientID=nobody"}, 0));
    for (const auto& [name, query] : kinds)
    {
      ofBundle[name].push_back(Ask(bundle, query.first, query.second));
      // A second or more each: a few are enough.
      if (peer && (size <= 1000 || i < 5))
      {
        ofPeer[name].push_back(Ask(*peer, query.first, query.second));
      }
    }
  }

  const double overhead = Median(empty);
  for (const auto& [name, query] : kinds)
  {
    const double own = Median(ofBundle[name]) - overhead;
    std::string line = fmt::format("{:>9}  {:<14} bundle {:8.2f} ms", size, name, own);
    if (peer)
    {
      const double theirs = Median(ofPeer[name]) - overhead;
      line += fmt::format("   peer {:9.2f} ms   peer/bundle {:8.1f}", theirs, theirs / std::max(own, LEAST));
    }
    std::cout << line << std::endl;
  }
  std::cout << fmt::format("           (process and association: {:.2f} ms, subtracted)", overhead)
            << std::endl;
}
}  // namespace

int main(int argc, char** argv)
{
  namespace po = boost::program_options;
  std::vector<int> sizes;
  std::vector<int> peerSizes;
  int queries = 0;
  po::options_description description("Options");
  description.add_options()("help", "print this")(
      "sizes", po::value(&sizes)->multitoken()->default_value({1000, 10'000, 100'000}, "1000 10000 100000"),
      "items")(
      "peer-sizes",
      po::value(&peerSizes)->multitoken()->zero_tokens()->default_value({1000, 10'000}, "1000 10000"),
      "of these, where the peer takes part")("queries", po::value(&queries)->default_value(30),
                                             "of each kind");
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
    for (const int size : sizes)
    {
      Measure(size, std::find(peerSizes.begin(), peerSizes.end(), size) != peerSizes.end(), queries);
    }
  }
  catch (const std::exception& error)
  {
    std::cerr << error.what() << std::endl;
    return 1;
  }
  return 0;
}
