// SPDX-License-Identifier: GPL-3.0-or-later
//
// How fast a list of many studies is answered, by each filter and sort, on SQLite and on PostgreSQL: see
// README.md.

#include <fmt/format.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <ctime>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>

#include "Core/Database/Query.h"
#include "Core/Records/CoreMigrations.h"
#include "Core/Records/StudyStore.h"
#include "Core/Uuid.h"
#include "Support/Files.h"
#include "Support/PostgresServer.h"
#include "Support/Process.h"

namespace
{
using namespace OrthancClinic;
using namespace OrthancClinic::Testing;
using Clock = std::chrono::steady_clock;

constexpr int PER_TRANSACTION = 1000;
constexpr const char* FAMILIES[] = {"Tremblay", "Gagnon",   "Roy",    "Côté",   "Bouchard", "Gauthier",
                                    "Morin",    "Nguyen",   "Singh",  "Lavoie", "Fortin",   "Gagné",
                                    "Ouellet",  "Bergeron", "Haddad", "Wang"};
constexpr const char* GIVEN[] = {"Jean-François", "Marie", "Luc", "Amina", "Sofía", "Wei", "Olivier", "Zoé"};
constexpr const char* MODALITIES[] = {"IO", "IO", "IO", "PX", "PX", "DX", "CT", "MR", "US", "XC"};
constexpr const char* DESCRIPTIONS[] = {"Périapicale dent 36", "Panoramique", "Bitewing droite",
                                        "CT tête sans contraste", "IRM genou gauche"};

// A clinic's years: four practices of different size, one study of a hundred under review.
Study MakeStudy(int i)
{
  const uint32_t random = static_cast<uint32_t>(i) * 2654435761U;
  const auto pick = [&](const auto& from, unsigned shift)
  { return from[(random >> shift) % std::size(from)]; };
  Study study;
  study.orthancStudyId = fmt::format("{:08x}-{:08x}-{:08x}-{:08x}-{:08x}", random, ~random, i, 7, 9);
  study.studyInstanceUid = fmt::format("1.2.826.0.1.3680043.10.1.{}", i);
  study.practiceId = i % 8 == 0 ? "north" : i % 8 == 1 ? "south" : i % 8 == 2 ? "west" : "default";
  study.modalities = {pick(MODALITIES, 3)};
  study.studyDate = fmt::format("20{:02}{:02}{:02}", 16 + i / 10'000 % 10, 1 + i / 800 % 12, 1 + i / 28 % 28);
  study.studyTime = fmt::format("{:02}{:02}00", 8 + i % 10, i % 60);
  study.studyDescription = pick(DESCRIPTIONS, 7);
  study.accessionNumber = fmt::format("ACC-2026-{:06}", i);
  study.institutionName = "Clinique du Parc";
  study.referringPhysician = "DUPUIS^ANNE";
  study.demographics.patientId = fmt::format("MRN-{:05}", i / 3);
  study.demographics.patientName = fmt::format("{}{}^{}", pick(FAMILIES, 11), i / 3 % 997, pick(GIVEN, 17));
  study.demographics.birthDate = "19850101";
  study.numberOfSeries = 2;
  study.numberOfInstances = 40;
  study.totalSizeBytes = 21'000'000;
  study.source = {"modality", "PANO1", "CLINIC", "10.0.0.7"};
  study.receivedAt = study.lastInstanceAt =
      study.settledAt.emplace(Now() - std::chrono::minutes(5 * (1'000'000 - i)));
  study.match.status = i % 100 == 0  ? MatchStatus::Review
                       : i % 10 == 0 ? MatchStatus::Unmatched
                                     : MatchStatus::Matched;
  study.match.decidedBy = StudyMatch::MACHINE;
  study.match.decidedAt = study.receivedAt;
  if (study.match.status == MatchStatus::Matched)
  {
    study.match.patientId = fmt::format("patient-{}", i / 3);
    study.match.probability = 0.9999;
    for (const char* const field : {"identifier", "family_name", "given_name", "birth_date", "sex"})
    {
      Json::Value evidence;
      evidence["field"] = field;
      evidence["level"] = "exact";
      evidence["weight"] = 7.5;
      study.match.evidence.append(evidence);
    }
  }
  return study;
}

// Seconds on a processor of this process and, where there is one, of its connection's server process: what
// would be waited for on a machine with nothing else to do.
double ProcessorSeconds(Transaction& transaction)
{
  double seconds = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  if (transaction.IsPostgreSql())
  {
    int pid = 0;
    Query(
        transaction, "SELECT pg_backend_pid()", {}, [] {}, pid);
    std::ifstream statistics(fmt::format("/proc/{}/schedstat", pid));
    double nanoseconds = 0;
    statistics >> nanoseconds;
    seconds += nanoseconds / 1e9;
  }
  return seconds;
}

struct Question
{
  const char* name;
  StudyFilter filter;
};

std::vector<Question> Questions(int size)
{
  return {
      {"the last received", {}},
      {"the last page", {.offset = size - 50}},
      {"one patient", {.patientId = "patient-777"}},
      {"one accession number", {.accessionNumber = "ACC-2026-004711"}},
      {"a modality (10 %)", {.modality = "CT"}},
      {"a modality (30 %), page 200", {.modality = "IO", .offset = 10'000}},
      {"a modality that is not there", {.modality = "NM"}},
      {"a practice (12 %)", {.practices = "north"}},
      {"three practices",
       {.practices = PracticeScope(std::vector<std::string>{"north", "south", "default"})}},
      {"matched (90 %)", {.status = "matched"}},
      {"under review (1 %)", {.status = "review"}},
      {"a month", {.studyDateFrom = "20200301", .studyDateTo = "20200331"}},
      {"a year, sorted by date",
       {.studyDateFrom = "20200101", .studyDateTo = "20201231", .sort = "-study_date"}},
      {"text: a name", {.text = "tremblay"}},
      {"text: a beginning and a given name", {.text = "trem zoe"}},
      {"text: an id", {.text = "MRN-04711"}},
      {"text: a common word (20 %)", {.text = "panoramique"}},
      {"text: in every study", {.text = "dupuis"}},
      {"text: nothing", {.text = "zzz"}},
      {"sorted by name", {.sort = "patient_name"}},
      {"sorted by name, the last page", {.sort = "patient_name", .offset = size - 50}},
      {"sorted by date, the last page", {.sort = "-study_date", .offset = size - 50}},
      {"practice, modality, year, by name",
       {.practices = "default",
        .modality = "PX",
        .studyDateFrom = "20200101",
        .studyDateTo = "20201231",
        .sort = "patient_name"}},
      {"matched, text, modality", {.status = "matched", .modality = "PX", .text = "gagn"}},
  };
}

void Measure(const std::string& name, Database& database, int size, int rounds,
             const std::function<void()>& settle)
{
  const auto filling = Clock::now();
  for (int first = 0; first < size; first += PER_TRANSACTION)
  {
    Transaction transaction(database);
    for (int i = first; i < std::min(first + PER_TRANSACTION, size); i++)
    {
      StudyStore(transaction).Insert(MakeStudy(i));
    }
    transaction.Commit();
  }
  const double filled = std::chrono::duration<double>(Clock::now() - filling).count();
  settle();
  fmt::print("\n{}: {} studies, {:.0f} µs to store one\n", name, size, 1e6 * filled / size);
  fmt::print("{:36} {:>8} {:>9} {:>9} {:>9} {:>9}\n", "", "found", "least", "median", "p95", "processor");
  for (const Question& question : Questions(size))
  {
    std::vector<double> times;
    std::vector<double> processor;
    int64_t found = 0;
    for (int round = 0; round < rounds; round++)
    {
      Transaction transaction(database, Transaction::Mode::ReadOnly);
      const double used = ProcessorSeconds(transaction);
      const auto begin = Clock::now();
      found = StudyStore(transaction).Search(question.filter).second;
      times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
      processor.push_back(1000 * (ProcessorSeconds(transaction) - used));
      transaction.Commit();
    }
    std::sort(times.begin(), times.end());
    std::sort(processor.begin(), processor.end());
    fmt::print("{:36} {:>8} {:>6.1f} ms {:>6.1f} ms {:>6.1f} ms {:>6.1f} ms\n", question.name, found,
               times.front(), times[times.size() / 2], times[times.size() * 95 / 100],
               processor[processor.size() / 2]);
    std::fflush(stdout);
  }
}
}  // namespace

int main(int argc, char** argv)
{
  namespace options = boost::program_options;
  options::options_description description("Options");
  description.add_options()("help", "this text")("studies", options::value<int>()->default_value(100'000),
                                                 "how many there are")(
      "rounds", options::value<int>()->default_value(20), "how often each list is asked for");
  options::variables_map values;
  options::store(options::parse_command_line(argc, argv, description), values);
  if (values.contains("help"))
  {
    std::cout << description;
    return 0;
  }
  const int size = values["studies"].as<int>();
  const int rounds = values["rounds"].as<int>();

  const TemporaryDirectory directory;
  Database sqlite((directory.Path() / "studies.db").string());
  sqlite.Migrate("core", CoreMigrations());
  Measure("SQLite", sqlite, size, rounds, [] {});
  if (PostgresServer::IsInstalled())
  {
    PostgresServer& server = PostgresServer::Shared();
    const std::string url = server.Url(server.NewDatabase());
    Database postgres(url);
    postgres.Migrate("core", CoreMigrations());
    // As its autovacuum would within minutes.
    Measure("PostgreSQL", postgres, size, rounds,
            [&]
            {
              if (RunProgram({"psql", url, "-c", "VACUUM ANALYZE"}).exitCode != 0)
              {
                throw std::runtime_error("PostgreSQL cannot be vacuumed");
              }
            });
  }
  return 0;
}
